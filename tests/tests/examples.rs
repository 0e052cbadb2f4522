//! The examples as files: they are read without a problem, each kind has one, and the meter's map is whole.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fleet_proto::kinds::KINDS;
use fleet_proto::manifest::{self, Source};
use fleet_proto::pb::resource::Spec;
use fleet_proto::reflect;
use fleet_tests::{paths, sdm630};
use fleetd::domain::kinds;

/// The manifests of a folder under `examples/`.
pub fn manifests(folder: &str) -> Vec<PathBuf> {
    let folder = paths::repository().join("examples").join(folder);
    let mut found: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    found.sort();
    found
}

/// Folders of `examples/` that hold manifests: those that begin with a number.
pub fn sites() -> Vec<String> {
    let names = std::fs::read_dir(paths::repository().join("examples")).unwrap();
    let mut names: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    // A project is applied as one, by a story of its own.
    let project = |name: &str| {
        paths::repository()
            .join("examples")
            .join(name)
            .join("fleetctl.yaml")
            .exists()
    };
    names.retain(|name| name.starts_with(|first: char| first.is_ascii_digit()) && !project(name));
    names.sort();
    names
}

fn specs(paths: &[PathBuf]) -> Vec<Spec> {
    let read = |path: &PathBuf| Source {
        name: path.display().to_string(),
        text: std::fs::read(path).unwrap(),
    };
    let bundle = manifest::read(paths.iter().map(read).collect());
    let problems: Vec<String> = bundle.problems.iter().map(|problem| bundle.render(problem)).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let resources = bundle
        .submissions()
        .into_iter()
        .map(|submission| submission.resource.unwrap());
    resources.map(|resource| resource.spec.unwrap()).collect()
}

#[test]
fn every_example_is_valid_by_itself() {
    for site in sites() {
        for spec in specs(&manifests(&site)) {
            let issues: Vec<_> = reflect::check(&spec).into_iter().chain(kinds::check(&spec)).collect();
            assert!(issues.is_empty(), "{site}: {issues:?}\n{spec:?}");
        }
    }
}

#[test]
fn every_kind_has_an_example() {
    let all: Vec<PathBuf> = sites().iter().flat_map(|site| manifests(site)).collect();
    let text: String = all.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let shown: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("kind: "))
        .map(str::trim)
        .collect();
    assert_eq!(shown, KINDS.iter().map(|row| row.title).collect());
}

#[test]
fn every_example_has_a_readme_that_names_its_files() {
    for site in sites() {
        let readme = paths::repository().join("examples").join(&site).join("README.md");
        let text = std::fs::read_to_string(&readme).unwrap_or_else(|error| panic!("{}: {error}", readme.display()));
        for path in manifests(&site) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap();
            assert!(text.contains(name), "{} does not mention {name}", readme.display());
        }
    }
}

#[test]
fn the_meter_has_the_51_registers_of_its_maker() {
    let path = Path::new("01-first-site/meter.yaml");
    let specs = specs(&[paths::repository().join("examples").join(path)]);
    let Some(Spec::GatewayConfig(config)) = specs.iter().find(|spec| matches!(spec, Spec::GatewayConfig(_))) else {
        panic!("no GatewayConfig in {}", path.display());
    };
    let registers = &config.slaves[0].registers;
    let found: Vec<(&str, u16)> = registers
        .iter()
        .map(|r| (r.label(), u16::try_from(r.address()).unwrap()))
        .collect();
    assert_eq!(found, sdm630::SENSORS);
    assert!(registers.iter().all(|register| register.function_code() == 4));
}

#[test]
fn the_examples_satisfy_the_schema_and_mistakes_do_not() {
    let validator = jsonschema::validator_for(&reflect::schema(None)).unwrap();
    let mut read = 0;
    for path in sites().iter().flat_map(|site| manifests(site)) {
        let text = std::fs::read_to_string(&path).unwrap();
        for document in text.split("\n---\n") {
            let json: serde_json::Value = serde_yaml::from_str(document).unwrap();
            let found: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
            assert!(found.is_empty(), "{}: {found:?}", path.display());
            read += 1;
        }
    }
    assert!(read > 20);
    let device = |spec: serde_json::Value| serde_json::json!({"apiVersion": "fleet/v1", "kind": "Device", "metadata": {"name": "d"}, "spec": spec});
    assert!(validator.is_valid(&device(serde_json::json!({"serial": "1"}))));
    for wrong in [
        serde_json::json!({"serail": "1"}),
        serde_json::json!({"serial": 1}),
        serde_json::json!({"endpoint": {"port": 502}}),
        serde_json::json!({"endpoint": {"host": "h", "port": 65_536}}),
        serde_json::json!({"state": "sleeping"}),
        serde_json::json!({"projects": "pilot"}),
    ] {
        assert!(!validator.is_valid(&device(wrong.clone())), "{wrong}");
    }
    let unknown = serde_json::json!({"apiVersion": "fleet/v1", "kind": "Devise", "metadata": {"name": "d"}});
    assert!(!validator.is_valid(&unknown));
}
