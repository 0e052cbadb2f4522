//! The rules of the house that a compiler does not hold.

use std::fs;
use std::path::{Path, PathBuf};

use fleet_tests::paths;

/// Longest file outside tables.
const LINES: usize = 600;
/// Files that are tables: a row is a fact, and more facts make them longer.
const TABLES: &[&str] = &["proto/src/kinds.rs", "proto/src/codes.rs"];

/// Rust files below a folder of the repository, by their path in it, with their text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let root = paths::repository();
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(
        !found.is_empty(),
        "nothing in {folder}: the test looks at the wrong place"
    );
    found.sort();
    found
}

/// Code without comments and without the unit tests at a file's end.
fn code(text: &str) -> String {
    let body = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = body.split_inclusive('\n');
    lines.filter(|line| !line.trim_start().starts_with("//")).collect()
}

fn is_test(name: &str) -> bool {
    Path::new(name).file_stem().is_some_and(|stem| stem == "tests")
}

/// Files of the daemon outside `home` whose code holds one of the words.
fn outside(home: &[&str], words: &[&str]) -> Vec<String> {
    sources("daemon/src")
        .into_iter()
        .filter(|(name, _)| !is_test(name) && !home.iter().any(|home| name.starts_with(home)))
        .flat_map(|(name, text)| {
            let code = code(&text);
            let found: Vec<String> = words
                .iter()
                .filter(|word| code.contains(*word))
                .map(|word| format!("{name} holds `{}`", word.trim()))
                .collect();
            found
        })
        .collect()
}

#[test]
fn only_grpc_names_tonic() {
    let found = outside(&["daemon/src/grpc/", "daemon/src/app.rs"], &["tonic::", "use tonic"]);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn only_storage_holds_sql() {
    let words = [
        "sqlx::",
        "\"select ",
        "\"insert into ",
        "\"update resource",
        "\"delete from ",
        "query(\"",
    ];
    let found = outside(&["daemon/src/storage/"], &words);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn only_the_composition_root_spawns_tasks() {
    let found = outside(
        &["daemon/src/app"],
        &["tokio::spawn", "tokio::task::spawn(", "thread::spawn"],
    );
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_domain_reads_no_clock_and_imports_no_other_floor() {
    let words = [
        "SystemTime::now",
        "Instant::now",
        "Timestamp::now",
        "Zoned::now",
        "tokio::",
        "sqlx",
        "tonic",
        "axum",
        "rand::",
        "crate::storage",
        "crate::services",
        "crate::http",
        "crate::grpc",
        "crate::modbus",
        "async fn",
    ];
    for (name, text) in sources("daemon/src/domain")
        .iter()
        .filter(|(name, _)| name != "daemon/src/domain/clock.rs" && !is_test(name))
    {
        let code = code(text);
        let found: Vec<&&str> = words.iter().filter(|word| code.contains(**word)).collect();
        assert!(found.is_empty(), "{name} holds {found:?}");
    }
}

#[test]
fn a_file_imports_from_floors_below_only() {
    let above: &[(&str, &[&str])] = &[
        (
            "daemon/src/storage",
            &["services", "grpc", "http", "modbus", "workers", "app"],
        ),
        ("daemon/src/services", &["grpc", "http", "modbus", "workers", "app"]),
        ("daemon/src/grpc", &["http", "workers", "app"]),
        ("daemon/src/http", &["grpc", "workers", "app"]),
        (
            "daemon/src/listen",
            &["storage", "services", "grpc", "http", "modbus", "workers", "app"],
        ),
    ];
    for (floor, doors) in above {
        for (name, text) in sources(floor) {
            let code = code(&text);
            let found: Vec<&&str> = doors
                .iter()
                .filter(|door| code.contains(&format!("crate::{door}")))
                .collect();
            assert!(found.is_empty(), "{name} imports from {found:?}");
        }
    }
}

#[test]
fn no_file_is_long() {
    let folders = ["proto", "daemon", "cli", "tests"];
    let long: Vec<String> = folders
        .iter()
        .flat_map(|folder| sources(folder))
        .filter(|(name, _)| !TABLES.contains(&name.as_str()) && !name.contains("/target/"))
        .filter(|(_, text)| text.lines().count() > LINES)
        .map(|(name, text)| format!("{name}: {} lines", text.lines().count()))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn every_story_is_in_the_one_test_binary() {
    let main = fs::read_to_string(paths::repository().join("tests/tests/main.rs")).unwrap();
    for (name, _) in sources("tests/tests") {
        let module = name
            .trim_start_matches("tests/tests/")
            .trim_end_matches(".rs")
            .trim_end_matches("/mod");
        if module != "main" && !module.contains('/') {
            assert!(
                main.contains(&format!("mod {module};")),
                "tests/tests/main.rs does not name {module}"
            );
        }
    }
    for member in ["proto", "daemon", "cli"] {
        let folder = paths::repository().join(member).join("tests");
        assert!(
            !folder.exists(),
            "{}: each file there is one more binary to link; move it to tests/tests/",
            folder.display()
        );
    }
}
