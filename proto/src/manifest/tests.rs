//! Round trips of every kind, and mistakes at their places.

use serde_json::{Value as Json, json};

use super::*;
use crate::kinds::KINDS;
use crate::reflect;

/// Text that some reader of YAML takes for something else.
const HOSTILE: &[&str] = &[
    "no",
    "<<",
    "12:30",
    "# x",
    ": ",
    "- a",
    "1e3",
    "0x1F",
    "0o17",
    "~",
    "null",
    " lead",
    "trail ",
    "a\nb",
    "\"q\"",
    "it's",
    "é🙂",
    "\u{85}\u{2028}",
    "\u{1}",
    "2026-01-01",
    "",
    "[a]",
    "{a: b}",
    "a: b",
    "%x",
    "@x",
    "`x`",
    "!x",
    "&x",
    "*x",
    "|",
    ">",
    "?",
    "key",
    "y",
    "On",
    ".5",
    "-",
    "---",
    "\t",
];

struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
    fn text(&mut self) -> String {
        HOSTILE[self.below(HOSTILE.len() as u64) as usize].to_owned()
    }
}

/// A random message in manifest form; the rules of its fields are not kept, only its types.
fn random(message: &prost_reflect::MessageDescriptor, random: &mut Random) -> Json {
    let mut fields = serde_json::Map::new();
    for field in message.fields() {
        if random.below(3) == 0 {
            continue;
        }
        let value = if field.is_map() {
            json!({random.text() + "k": random.text(), "z": random.text()})
        } else if field.is_list() {
            let items: Vec<_> = (0..=random.below(2)).map(|_| scalar(&field, random)).collect();
            Json::Array(items)
        } else {
            scalar(&field, random)
        };
        fields.insert(field.json_name().to_owned(), value);
    }
    Json::Object(fields)
}

fn scalar(field: &prost_reflect::FieldDescriptor, random: &mut Random) -> Json {
    use prost_reflect::Kind as Type;
    if reflect::rules(field).is_some_and(|rules| rules.secret) {
        return json!(format!("{}{}", reflect::MARK, random.below(1 << 32)));
    }
    if reflect::rules(field).is_some_and(|rules| rules.json) {
        return json!({random.text(): [1, [random.text(), -0.5], {"k": null}], "n": 1e300, "big": u64::MAX});
    }
    match field.kind() {
        Type::Message(inner) => self::random(&inner, random),
        Type::Enum(words) => {
            let words = reflect::enum_words(&words);
            json!(words[random.below(words.len() as u64) as usize].0)
        }
        Type::Bool => json!(random.below(2) == 0),
        Type::Double => json!([0.1, -1e-7, 1e21, 230.5, 5.0][random.below(5) as usize]),
        Type::Uint32 => json!(random.below(1 << 32)),
        Type::Uint64 => json!(random.below(u64::MAX)),
        Type::Int64 => json!(-(random.below(1 << 62) as i64)),
        _ => json!(random.text()),
    }
}

#[test]
fn what_is_written_reads_back_the_same_in_every_kind() {
    for row in KINDS {
        for seed in 1..80 {
            let mut numbers = Random(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed));
            let json = random(&reflect::spec_descriptor(row.kind), &mut numbers);
            let spec =
                reflect::spec_from_json(row.kind, &json).unwrap_or_else(|issues| panic!("{}: {issues:?}", row.title));
            let metadata = pb::Metadata {
                name: "n".into(),
                labels: [("l".to_owned(), numbers.text())].into(),
                ..Default::default()
            };
            let resource = pb::Resource {
                metadata: Some(metadata),
                spec: Some(spec),
                ..Default::default()
            };
            let text = write(&resource);
            let bundle = read(vec![Source {
                name: "t".into(),
                text: text.clone().into_bytes(),
            }]);
            assert!(
                bundle.problems.is_empty(),
                "{} seed {seed}: {:?}\n{text}",
                row.title,
                bundle.problems
            );
            let back = bundle.documents[0].submission.resource.clone().unwrap();
            assert_eq!(back, resource, "{} seed {seed}\n{text}", row.title);
            assert_eq!(write(&back), text);
            let other: Json = serde_yaml::from_str(&text).unwrap();
            assert_eq!(
                other,
                reflect::to_manifest_json(&resource),
                "another reader takes it for something else\n{text}"
            );
        }
    }
}

fn problems(text: &str) -> Vec<(String, usize, usize)> {
    let bundle = read(vec![Source {
        name: "t".into(),
        text: text.as_bytes().to_vec(),
    }]);
    bundle
        .problems
        .iter()
        .map(|p| (p.code.clone(), p.place.unwrap().line, p.place.unwrap().column))
        .collect()
}

#[test]
fn a_broken_document_hides_no_other() {
    let text = "apiVersion: fleet/v1\nkind: Sight\nmetadata: {name: a}\n---\napiVersion: fleet/v1\nkind: Site\nmetadata: {name: b}\nspec:\n  address: \"open\n---\napiVersion: fleet/v1\nkind: Site\nmetadata: {name: c, uid: x}\nspec: {timezome: UTC}\n";
    let found = problems(text);
    let codes: Vec<_> = found.iter().map(|(code, line, _)| (code.as_str(), *line)).collect();
    assert_eq!(codes[0], (crate::codes::UNKNOWN_KIND, 2));
    assert_eq!(codes[1].0, crate::codes::SYNTAX);
    assert!(codes.contains(&(crate::codes::SERVER_FIELD, 13)), "{codes:?}");
    assert!(codes.contains(&(crate::codes::UNKNOWN_FIELD, 14)), "{codes:?}");
}

#[test]
fn numbers_too_large_are_refused_and_not_rounded() {
    let text = "apiVersion: fleet/v1\nkind: GatewayConfig\nmetadata: {name: a}\nspec:\n  slaves: [{slaveId: 99999999999999999999}]\n";
    assert_eq!(problems(text), [(crate::codes::OUT_OF_RANGE.to_owned(), 5, 22)]);
    let free = "apiVersion: fleet/v1\nkind: Configuration\nmetadata: {name: a}\nspec: {key: k, value: {n: [1, -99999999999999999999]}}\n";
    assert_eq!(problems(free), [(crate::codes::OUT_OF_RANGE.to_owned(), 4, 31)]);
    let narrow =
        "apiVersion: fleet/v1\nkind: GatewayConfig\nmetadata: {name: a}\nspec:\n  slaves: [{slaveId: 4294967296}]\n";
    assert_eq!(problems(narrow), [(crate::codes::OUT_OF_RANGE.to_owned(), 5, 22)]);
}

#[test]
fn what_other_readers_would_read_otherwise_is_refused() {
    let site = |head: &str, spec: &str| {
        format!("{head}apiVersion: fleet/v1\nkind: Site\nmetadata: {{name: a}}\nspec: {{{spec}}}\n")
    };
    let tags = crate::codes::NO_TAGS.to_owned();
    assert_eq!(problems(&site("", "address: !!str 5")), [(tags.clone(), 4, 17)]);
    assert_eq!(
        problems(&site("", "location: !point {latitude: 1, longitude: 2}")),
        [(tags.clone(), 4, 18)]
    );
    assert_eq!(problems(&site("# a note\n%YAML 1.1\n---\n", "")), [(tags, 2, 1)]);
    let kind = "apiVersion: fleet/v1\nkind: 5\nmetadata: {name: a}\n";
    assert_eq!(problems(kind), [(crate::codes::WRONG_TYPE.to_owned(), 2, 7)]);
}

#[test]
fn nobody_owns_what_is_null() {
    let text = "apiVersion: fleet/v1\nkind: Device\nmetadata: {name: a}\nspec: {serial: null, site:, projects: []}\n";
    let bundle = read(vec![Source {
        name: "t".into(),
        text: text.into(),
    }]);
    assert!(bundle.problems.is_empty(), "{:?}", bundle.problems);
    assert_eq!(
        bundle.documents[0].submission.paths,
        ["apiVersion", "kind", "metadata.name", "spec.projects"]
    );
}

#[test]
fn what_needs_no_fleetd_is_found_without_it() {
    let text =
        "apiVersion: fleet/v1\nkind: Site\nmetadata: {name: a}\nspec: {location: {latitude: 91, longitude: 2}}\n";
    let bundle = read(vec![Source {
        name: "t".into(),
        text: format!("{text}---\n{text}").into(),
    }]);
    let found: Vec<_> = bundle
        .check()
        .into_iter()
        .map(|problem| (problem.code, problem.place.unwrap().line))
        .collect();
    let (range, twice) = (crate::codes::OUT_OF_RANGE.to_owned(), crate::codes::TWICE.to_owned());
    assert_eq!(found, [(range.clone(), 4), (twice, 8), (range, 9)]);
}

#[test]
fn a_deep_file_with_long_keys_costs_little() {
    let mut text =
        String::from("apiVersion: fleet/v1\nkind: Configuration\nmetadata: {name: a}\nspec: {key: k, value: ");
    for _ in 0..30 {
        text.push_str(&format!("{{{}: ", "k".repeat(1_000)));
    }
    text.push_str(&format!("[{}]", "1,".repeat(20_000)));
    text.push_str(&"}".repeat(31));
    let bundle = read(vec![Source {
        name: "t".into(),
        text: text.into_bytes(),
    }]);
    assert!(bundle.documents.len() == 1, "{:?}", bundle.problems);
    let kept: usize = bundle.documents[0].places.keys().map(String::len).sum();
    let told: usize = bundle.documents[0].submission.paths.iter().map(String::len).sum();
    assert!(kept + told < 100_000, "{kept} and {told} bytes of paths");
}

fn laid(base: &str, overlay: &str) -> Bundle {
    let source = |name: &str, text: &str| Source {
        name: name.into(),
        text: text.as_bytes().to_vec(),
    };
    let reading = Reading {
        overlays: 1,
        whole: true,
        ..Reading::default()
    };
    read_with(vec![source("base", base), source("overlay", overlay)], reading)
}

const BASE: &str = "apiVersion: fleet/v1
kind: Device
metadata: {name: a, labels: {x: '1', y: '2'}}
spec:
  serial: S
  deviceNumber: N
  projects: [p, q]
  endpoint: {host: h, port: 502}
  sensors:
    - {name: u, unit: V, max: 3}
    - {name: i, unit: A}
  configuration: {wifi: {ssid: s, channel: 6, power: 9}, list: [1, 2]}
";

#[test]
fn an_overlay_changes_what_it_holds_and_nothing_else() {
    let overlay = "apiVersion: fleet/v1
kind: Device
metadata: {name: a, labels: {y: '3', z: '4'}}
spec:
  deviceNumber: null
  site: here
  projects: [q, r]
  endpoint: {port: 503}
  sensors: [{name: i, max: 7}, {name: w}]
  configuration: {wifi: {channel: 11, power: null, none: null}, list: [3]}
";
    let bundle = laid(BASE, overlay);
    assert!(bundle.problems.is_empty(), "{:?}", bundle.problems);
    let document = &bundle.documents[0];
    let json = reflect::to_manifest_json(document.submission.resource.as_ref().unwrap());
    assert_eq!(
        json["spec"],
        json!({
            "serial": "S", "site": "here", "projects": ["p", "q", "r"], "endpoint": {"host": "h", "port": 503},
            "sensors": [{"name": "u", "unit": "V", "max": 3.0}, {"name": "i", "unit": "A", "max": 7.0}, {"name": "w"}],
            "configuration": {"wifi": {"ssid": "s", "channel": 11}, "list": [3]},
        })
    );
    assert_eq!(json["metadata"]["labels"], json!({"x": "1", "y": "3", "z": "4"}));
    assert!(!document.submission.paths.contains(&"spec.deviceNumber".to_owned()));

    let submission = &bundle.submissions()[0];
    let spot = |path: &str| {
        let at = submission.paths.iter().position(|known| known == path).unwrap();
        (submission.file_of[at], submission.lines[at])
    };
    assert_eq!(
        (submission.file.as_str(), submission.other_files.as_slice()),
        ("base", &["overlay".to_owned()][..])
    );
    assert_eq!(
        (spot("spec.serial"), spot("spec.site"), spot("spec.sensors[1].max")),
        ((0, 5), (1, 6), (1, 9))
    );
}

#[test]
fn what_is_wrong_with_an_overlay_is_told_at_its_place() {
    let overlay = |metadata: &str, spec: &str| {
        format!("apiVersion: fleet/v1\nkind: Device\nmetadata: {{{metadata}}}\nspec: {{{spec}}}\n")
    };
    let two = format!(
        "{}---\n{}",
        BASE.replace("name: a,", "org: one, name: a,"),
        BASE.replace("name: a,", "org: two, name: a,")
    );
    let lies = crate::codes::OVERLAY;
    for (base, overlay, code, line) in [
        (BASE, overlay("name: a", "serail: x"), crate::codes::UNKNOWN_FIELD, 4),
        (BASE, overlay("name: a", "sensors: {}"), crate::codes::WRONG_TYPE, 4),
        (BASE, overlay("name: b", ""), lies, 1),
        (BASE, overlay("labels: {}", ""), lies, 1),
        (BASE, "- x\n".to_owned(), lies, 1),
        (
            BASE,
            overlay("name: a", "").replace("fleet/v1", "fleet/v2"),
            crate::codes::API_VERSION,
            1,
        ),
        (&two, overlay("name: a", ""), lies, 1),
        (&two, overlay("org: three, name: a", ""), lies, 1),
    ] {
        let bundle = laid(base, &overlay);
        let found: Vec<_> = bundle
            .problems
            .iter()
            .map(|problem| {
                (
                    problem.code.as_str(),
                    problem.place.map(|place| (place.source, place.line)),
                )
            })
            .collect();
        assert!(found.contains(&(code, Some((1, line)))), "{overlay}: {found:?}");
    }
    assert!(
        laid(&two, &overlay("org: two, name: a", "serial: T"))
            .problems
            .is_empty()
    );
}
