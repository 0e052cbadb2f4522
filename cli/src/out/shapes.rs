//! What each command prints for programs, as JSON Schema. A test holds every command's real output against it.

use fleet_proto::reflect::{self, DRAFT};
use serde_json::{Map, Value as Json, json};

/// How many records a command prints.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Count {
    /// One: `-o json` is the object.
    One,
    /// Any number: `-o json` is an array.
    Many,
    /// One where one was named, else any number.
    Named,
    /// No end: there is `-o jsonl`, and no `-o json`.
    Endless,
}

/// JSON Schema (2020-12) of a command's `-o json`; `$defs.record` is a line of `-o jsonl`. None: it prints no records.
pub fn of(command: &str) -> Option<Json> {
    let (count, record) = shape(command)?;
    let line = json!({"$ref": "#/$defs/record"});
    let list = json!({"type": "array", "items": line});
    let whole = match count {
        Count::One | Count::Endless => line,
        Count::Many => list,
        Count::Named => json!({"anyOf": [line, list]}),
    };
    let mut schema = json!({"$schema": DRAFT, "title": format!("Output of fleetctl {command}")});
    if count == Count::Endless {
        schema["description"] = "It has no end: there is -o jsonl, and no -o json.".into();
    }
    if let (Some(schema), Json::Object(whole)) = (schema.as_object_mut(), whole) {
        schema.extend(whole);
        schema.insert("$defs".to_owned(), json!({"record": record}));
    }
    Some(schema)
}

/// What a command prints, in a line: for the reference.
#[cfg(test)]
pub fn summary(command: &str) -> Option<String> {
    let (count, record) = shape(command)?;
    let one = if is_resource(&record) {
        "a resource".to_owned()
    } else {
        format!("`{}`", told(&record))
    };
    Some(match count {
        Count::One => one,
        Count::Many => format!("a list, each {one}"),
        Count::Named => format!("a list, each {one}; the one itself where one is named"),
        Count::Endless => format!("refused; a line of `-o jsonl` is {one}"),
    })
}

#[cfg(test)]
fn told(schema: &Json) -> String {
    if let Some(choices) = schema["anyOf"].as_array() {
        return choices.iter().map(told).collect::<Vec<_>>().join(" or ");
    }
    if is_resource(schema) {
        return "resource".to_owned();
    }
    match (
        &schema["properties"],
        &schema["items"],
        &schema["enum"],
        &schema["type"],
    ) {
        (Json::Object(fields), ..) => {
            let required = schema["required"].as_array();
            let field = |(name, inner): (&String, &Json)| {
                let always = required.is_some_and(|names| names.iter().any(|known| known == name));
                format!("{name}{}: {}", if always { "" } else { "?" }, told(inner))
            };
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        (_, items @ Json::Object(_), ..) => format!("[{}]", told(items)),
        (_, _, Json::Array(words), _) => words
            .iter()
            .map(|word| word.as_str().unwrap_or("null"))
            .collect::<Vec<_>>()
            .join("|"),
        (.., Json::Array(kinds)) => kinds.iter().filter_map(Json::as_str).collect::<Vec<_>>().join("|"),
        (.., Json::String(kind)) => kind.clone(),
        _ => "any".to_owned(),
    }
}

/// Is it a resource, with or without what `get --spark` adds?
#[cfg(test)]
fn is_resource(schema: &Json) -> bool {
    let mut plain = schema.clone();
    if let Some(properties) = plain.get_mut("properties").and_then(Json::as_object_mut) {
        properties.shift_remove("spark");
    }
    plain == reflect::resource_output()
}

fn get() -> Json {
    let mut record = reflect::resource_output();
    let mut spark = fields("sensor: text, source: text, unit: text, from: time, everySeconds: number, values: any");
    spark["properties"]["values"] = list_of(&kind_schema("number?"));
    record["properties"]["spark"] = spark;
    record
}

fn shape(command: &str) -> Option<(Count, Json)> {
    use Count::{Endless, Many, Named, One};
    Some(match command {
        "get" => (Named, get()),
        "export" | "apply" | "undo" | "rollback" | "label" | "annotate" | "mv" | "edit" | "delete" => {
            (Many, reflect::resource_output())
        }
        "describe" => (Named, describe()?),
        "watch" => (Endless, watch()),
        "wait" => (
            Many,
            fields("ref: text, for: text, value: any, unit: text, timestamp: time?"),
        ),
        "plan" | "diff" => (Many, plan()),
        "validate" => (One, fields("valid: bool, manifests: count")),
        "fmt" => (Many, fields("file: text")),
        "drift" => (
            Many,
            fields("ref: text, what: text, is: any, wanted: any, why: text, place: text?"),
        ),
        "pull" => (
            Many,
            fields("file: text, line: count, path: text, before: any, after: any, owner: text"),
        ),
        "history" => (Many, history()?),
        "blame" => (
            Many,
            fields(
                "path: text, value: any, manager: text?, source: text?, file: text?, line: count?, commit: text?, \
                 commitShort: text?, revision: count, createdAt: time?",
            ),
        ),
        "explain" => (
            Many,
            fields("path: text, type: text, required: bool, facts: texts, description: text"),
        ),
        "schema" | "schema output" => (One, json!({"type": "object", "required": ["$schema"]})),
        "device claim-token create" => (
            One,
            with(message("ClaimToken")?, "usesLeft: count, revoked: bool, token: text"),
        ),
        "device claim-token revoke" => (One, with(message("ClaimToken")?, "usesLeft: count, revoked: bool")),
        "device claim-token list" => (Many, with(message("ClaimToken")?, "usesLeft: count, revoked: bool")),
        "device enroll" => (
            One,
            with(
                message("ClaimToken")?,
                "usesLeft: count, revoked: bool, device: text, deviceUid: text, token: text",
            ),
        ),
        "device decommission" => (
            One,
            fields("device: text, org: text, tokens: count, certificates: count, commands: count"),
        ),
        "device credential list" => (Many, message("DeviceCredential")?),
        "device credential revoke" => (One, message("DeviceCredential")?),
        "device credential rotate" => (One, with(message("DeviceCredential")?, "token: text")),
        "device command send" => (One, command_record()?),
        "device command list" => (Many, command_record()?),
        "device logs" => (Many, fields("timestamp: time, level: text, message: text")),
        "telemetry latest" | "telemetry samples" => (Many, reading()),
        "telemetry tail" => (Endless, reading()),
        "telemetry query" => (Many, query()),
        "telemetry retention explain" => (
            Many,
            fields("device: text, sensors: text, days: count?, says: text, series: count, keptSince: time?"),
        ),
        "telemetry summary" => (
            One,
            fields(
                "device: text, sensor: text, unit: text, count: count, bad: count, min: number?, max: number?, \
                 mean: number?, stddev: number?, first: number?, last: number?, p50: number?, p95: number?, \
                 p99: number?, firstTime: time?, lastTime: time?",
            ),
        ),
        "telemetry export" => (One, fields("file: text, readings: count, bytes: count")),
        "telemetry import" => (One, imported()),
        "telemetry series" => (
            Many,
            fields(
                "device: text, sensor: text, source: text, unit: text, readings: count, bytes: count, first: time?, \
                 last: time?",
            ),
        ),
        "telemetry gaps" => (
            Many,
            fields(
                "sensor: text, source: text, from: time, to: time, length: text, seconds: number, why: text, bad: count, \
                 reason: text",
            ),
        ),
        "modbus read" => (
            Many,
            fields("address: count, label: text, value: number?, text: text, unit: text, raw: text"),
        ),
        "template render" => (One, json!({})),
        "server status" => (One, message("StatusResponse")?),
        "version" => (One, fields("name: text, version: text")),
        "help kinds" => (Many, fields("kind: text, plural: text, short: text, scope: text")),
        "help errors" => (Many, fields("code: text, title: text, help: text")),
        "login" | "setup" => (One, fields("user: text, server: text, keptIn: text")),
        "logout" => (One, fields("user: text, server: text")),
        "context" | "context list" => (Many, context()),
        "context use" | "context set" | "context rename" | "context delete" => (One, context()),
        "context show" => (
            One,
            fields(
                "context: text?, server: text, serverFrom: text, org: text?, orgFrom: text?, ca: text?, caFrom: text?, \
                 user: text?, keptIn: text?",
            ),
        ),
        "session list" => (Many, with(message("Session")?, "own: bool")),
        "session revoke" => (One, fields("id: text, revoked: bool")),
        "user set-password" | "user change-password" | "user choose-password" | "user accept" => {
            (One, fields("user: text"))
        }
        "user reset" | "user invite" | "user qr" => (One, message("LoginCode")?),
        "audit search" => (Many, message("AuditEvent")?),
        "audit tail" => (Endless, message("AuditEvent")?),
        "audit export" => (One, fields("file: text, events: count, hash: text, key: text")),
        "audit verify" => (One, fields("valid: bool, events: count, key: text, problem: text?")),
        "log list" | "log add" | "log tail" => {
            let count = match command {
                "log list" => Many,
                "log add" => One,
                _ => Endless,
            };
            (
                count,
                with(message("SystemLogEntry")?, "seq: count, details: any, count: count"),
            )
        }
        "token create" => (One, with(message("ApiToken")?, "revoked: bool, token: text")),
        "token revoke" => (One, with(message("ApiToken")?, "revoked: bool")),
        "token list" => (Many, with(message("ApiToken")?, "revoked: bool")),
        "whoami" => (One, message("WhoAmIResponse")?),
        "can-i" => (
            One,
            fields("allowed: bool, permission: text, org: text, because: texts"),
        ),
        "help roles" => (
            Many,
            fields("role: text, description: text, permissions: texts, whereOperatorsControl: texts"),
        ),
        "help permissions" => (Many, fields("noun: text, verbs: texts")),
        "help exit-codes" => (Many, fields("code: count, meaning: text")),
        _ => return None,
    })
}

fn context() -> Json {
    fields("name: text, server: text, org: text?, ca: text?, inUse: bool, user: text?")
}

fn message(name: &str) -> Option<Json> {
    reflect::message_output(name)
}

/// A record from `name: type` pairs. `?` behind a type: may be null; behind a name: may be missing.
fn fields(list: &str) -> Json {
    with(
        json!({"type": "object", "additionalProperties": false, "properties": {}}),
        list,
    )
}

fn with(mut record: Json, list: &str) -> Json {
    let mut required = Vec::new();
    for (name, kind) in list.split(',').filter_map(|field| field.trim().split_once(": ")) {
        if !name.ends_with('?') {
            required.push(name.to_owned());
        }
        record["properties"][name.trim_end_matches('?')] = kind_schema(kind);
    }
    record["required"] = required.into();
    record
}

fn kind_schema(kind: &str) -> Json {
    let (word, null) = kind.strip_suffix('?').map_or((kind, false), |word| (word, true));
    let mut schema = match word {
        "text" => json!({"type": "string"}),
        "time" => json!({"type": "string", "format": "date-time"}),
        "count" => json!({"type": "integer", "minimum": 0}),
        "number" => json!({"type": "number"}),
        "bool" => json!({"type": "boolean"}),
        "texts" => json!({"type": "array", "items": {"type": "string"}}),
        _ => json!({}),
    };
    if null {
        schema["type"] = json!([schema["type"], "null"]);
    }
    schema
}

fn list_of(item: &Json) -> Json {
    json!({"type": "array", "items": item})
}

fn plan() -> Json {
    let mut record = fields(
        "action: text, ref: text, org: text, base: count, place: text?, renamedFrom?: text, reason?: text, changes: any, conflicts?: any, yields?: any",
    );
    record["properties"]["action"] = json!({
        "enum": ["adopt", "none", "create", "rename", "update", "delete", "conflict", "keep", "release", "follow"]
    });
    record["properties"]["changes"] = list_of(&fields("path: text, before: any, after: any"));
    let conflict = fields("path: text, owner: text, since: time?, revision: count, theirs: any, wanted: any");
    record["properties"]["conflicts"] = list_of(&conflict);
    record["properties"]["yields"] = list_of(&conflict);
    record
}

fn history() -> Option<Json> {
    let mut record = message("HistoryResponse.Entry")?;
    if let Some(properties) = record["properties"].as_object_mut() {
        properties.shift_remove("at");
    }
    record["properties"]["changes"] = list_of(&fields("path: text, before: any, after: any"));
    Some(with(record, "ref: text, fields: text, createdAt: time"))
}

fn command_record() -> Option<Json> {
    Some(with(message("Command")?, "params?: any, readback?: any"))
}

fn reading() -> Json {
    fields(
        "device: text, sensor: text, source: text, value: number?, unit: text, quality: text, reason: text, \
         timestamp: time, text?: any, received?: time",
    )
}

fn imported() -> Json {
    let mut record =
        fields("readings: count, accepted: count, duplicates: count, rejected: count, bad: count, problems: any");
    record["properties"]["problems"] = list_of(&fields("place: text, code: text, message: text"));
    record
}

fn query() -> Json {
    let buckets = fields("group: text, bucket: time, value: number?, unit: text, count: count, bad: count");
    json!({"anyOf": [reading(), buckets]})
}

fn watch() -> Json {
    let mut record = fields("event: text, revision: count, resource: any");
    record["properties"]["event"] = json!({"enum": ["put", "deleted", "synced"]});
    record["properties"]["resource"] = json!({"anyOf": [reflect::resource_output(), {"type": "null"}]});
    record
}

fn describe() -> Option<Json> {
    let mut properties = Map::new();
    properties.insert("resource".to_owned(), reflect::resource_output());
    properties.insert("referredToBy".to_owned(), kind_schema("texts"));
    properties.insert("readings".to_owned(), list_of(&reading()));
    properties.insert("commands".to_owned(), list_of(&message("Command")?));
    Some(json!({
        "type": "object", "additionalProperties": false, "required": ["resource", "referredToBy"],
        "properties": properties,
    }))
}
