//! The OpenAPI 3.1 document: the route table and the contract's schemas, put together when it is first asked for.

mod schemas;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use fleet_proto::kinds::{KINDS, Kind, Row};
use serde_json::{Map, Value, json};

use super::readings::LARGEST_PAGE;
use super::routes::{Needs, On, Queries, READINGS, Route, Shape};
use super::table;
use crate::domain::aggregate::{Aggregate, Fill};

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(built().to_string()));

pub(super) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.clone()).into_response()
}

fn built() -> Value {
    let mut paths = Map::new();
    for row in table::all() {
        for kind in kinds(&row) {
            let path = path(&row, kind);
            let item = paths.entry(path).or_insert_with(|| json!({}));
            item[row.on.text()] = operation(&row, kind);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "fleetd",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What devices, programs and browsers call. Organizations are told apart by `org`, or by the host name of the request.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An access token of a session, or an API token"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "fleet_access", "description": "Of a browser; changes need the header X-CSRF-Token, too"},
                "deviceToken": {"type": "http", "scheme": "bearer", "description": "The token that a device got when it was provisioned"},
            },
        },
    })
}

/// A route of every kind stands once for each, since their bodies differ.
fn kinds(row: &Route) -> Vec<Option<&'static Row>> {
    if row.path.contains("{kind}") {
        KINDS.iter().map(Some).collect()
    } else {
        vec![None]
    }
}

fn path(row: &Route, kind: Option<&Row>) -> String {
    match kind {
        Some(kind) => row.path.replace("{kind}", kind.plural),
        None => row.path.to_owned(),
    }
}

fn operation(row: &Route, kind: Option<&Row>) -> Value {
    let mut operation = json!({
        "operationId": id(row, kind),
        "summary": row.does,
        "tags": [tag(row, kind)],
        "security": security(row.needs),
        "x-fleet-needs": needs(row.needs, kind),
        "responses": responses(row, kind),
    });
    let parameters = [in_path(row), in_query(row.queries), in_headers(row)].concat();
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if row.takes != Shape::None {
        // What a refresh token stands in may be a cookie.
        let required = row.path != "/api/auth/refresh";
        operation["requestBody"] = json!({"required": required, "content": content(row.takes, kind, true)});
    }
    operation
}

fn id(row: &Route, kind: Option<&Row>) -> String {
    let mut id = row.on.text().to_owned();
    let path = row.path.replace("{kind}", kind.map_or("", |kind| kind.title));
    for part in path.split(['/', '-', '.']).filter(|part| !part.is_empty()) {
        match part.strip_prefix('{') {
            Some(parameter) => id.push_str(&format!("By{}", capital(parameter.trim_end_matches('}')))),
            None => id.push_str(&capital(part)),
        }
    }
    if row.path.ends_with('/') {
        id.push_str("There");
    }
    id
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn tag(row: &Route, kind: Option<&Row>) -> String {
    if let Some(kind) = kind {
        return kind.plural.to_owned();
    }
    let mut parts = row.path.split('/').filter(|part| !part.is_empty() && *part != "api");
    parts.next().unwrap_or("fleetd").to_owned()
}

fn security(needs: Needs) -> Value {
    match needs {
        Needs::Nothing | Needs::Stranger => json!([]),
        Needs::Device => json!([{"deviceToken": []}]),
        Needs::Caller | Needs::Permission(_) | Needs::Readings => json!([{"bearer": []}, {"cookie": []}]),
    }
}

/// As permissions are written; `caller` is whoever is known, `stranger` everybody.
fn needs(needs: Needs, kind: Option<&Row>) -> String {
    match (needs, kind) {
        (Needs::Nothing | Needs::Stranger, _) => "stranger".to_owned(),
        (Needs::Device, _) => "device".to_owned(),
        (Needs::Caller, _) => "caller".to_owned(),
        (Needs::Readings, _) => READINGS.to_string(),
        (Needs::Permission(permission), Some(row)) => permission.for_kind(row.kind).to_string(),
        (Needs::Permission(permission), None) => permission.to_string(),
    }
}

fn in_path(row: &Route) -> Vec<Value> {
    let names = row
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names
        .filter(|name| *name != "kind")
        .map(|name| {
            let what = if name == "command" { "Id of the command" } else { "Name or uid" };
            json!({"name": name, "in": "path", "required": true, "description": what, "schema": {"type": "string", "minLength": 1}})
        })
        .collect()
}

fn in_query(queries: Queries) -> Vec<Value> {
    let text = |name: &str, what: &str| json!({"name": name, "in": "query", "description": what, "schema": {"type": "string"}});
    let org = text(
        "org",
        "Name or uid of the organization; needed where the host name and the credential leave a choice",
    );
    match queries {
        Queries::None => Vec::new(),
        Queries::Org => vec![org],
        Queries::Delete => vec![
            org,
            json!({"name": "cascade", "in": "query", "description": "Take the contents of an organization along", "schema": {"type": "boolean"}}),
        ],
        Queries::Latest => vec![
            org,
            json!({"name": "device", "in": "query", "required": true, "description": "Name or uid of a device", "schema": {"type": "string", "minLength": 1}}),
            text("sensor", "Only this one"),
        ],
        Queries::Readings(names) => names.iter().map(|name| in_question(name, &org)).collect(),
        Queries::Write => vec![
            org,
            json!({"name": "precision", "in": "query", "description": "Unit of the timestamps; nanoseconds unless said", "schema": {"enum": ["n", "ns", "u", "us", "ms", "s", "m", "h"]}}),
            text("db", "Ignored, as are `rp`, `bucket`, `orgID` and `consistency`"),
            text("rp", "Ignored"),
            text("bucket", "Ignored"),
            text("orgID", "Ignored where `org` is given"),
            text("consistency", "Ignored"),
        ],
        Queries::Log => vec![
            org,
            json!({"name": "level", "in": "query", "description": "At least this", "schema": {"enum": ["info", "warning", "error", "help"]}}),
            text("user", "Part of who"),
            text("action", "Part of what"),
            text("device", "Name or uid of a device"),
            text("text", "Part of the message or the details"),
            text(
                "since",
                "From, inclusive: RFC 3339, milliseconds since 1970, or an age such as `-1h`",
            ),
            text("until", "To, exclusive"),
            json!({"name": "limit", "in": "query", "description": "Entries of the page; 100 unless said", "schema": {"type": "integer", "minimum": 1, "maximum": 1000}}),
            json!({"name": "after", "in": "query", "description": "`next` of the page before", "schema": {"type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991_u64}}),
        ],
        Queries::List => vec![
            org,
            text("selector", "Labels, such as `ring=canary,region in (eu,us)`"),
            text("name", "Names that match, such as `meter-*`"),
            text("ref", "Only what refers to this one, such as `site/main-building`"),
            json!({"name": "limit", "in": "query", "description": "Resources of the page; 100 unless said", "schema": {"type": "integer", "minimum": 1, "maximum": 1000}}),
            text("after", "`next` of the page before"),
        ],
    }
}

/// A parameter of a question about readings, by its name.
fn in_question(name: &str, org: &Value) -> Value {
    let (what, schema) = match name {
        "org" => return org.clone(),
        "device" => ("Name or uid of a device", json!({"type": "string"})),
        "selector" => (
            "Instead of a device: those whose labels match, such as `ring=canary`",
            json!({"type": "string"}),
        ),
        "site" => ("Instead of a device: those of a site", json!({"type": "string"})),
        "customer" => ("Instead of a device: those of a customer", json!({"type": "string"})),
        "sensor_type" => (
            "Only this sensor; with `interval` it is needed",
            json!({"type": "string"}),
        ),
        "source" => ("Only this source, such as `main:1`", json!({"type": "string"})),
        "from" => (
            "From, inclusive: RFC 3339, milliseconds since 1970, or an age such as `-1h`, which it is unless said",
            json!({"type": "string"}),
        ),
        "to" => ("To, exclusive; now unless said", json!({"type": "string"})),
        "interval" => (
            "Width of an interval, such as `5m`, `1h`, `hourly`, `daily`; an answer holds 10000 intervals",
            json!({"type": "string"}),
        ),
        "agg" => (
            "What becomes of an interval's readings; the mean unless said",
            json!({"enum": words(Aggregate::WORDS, &["avg"])}),
        ),
        "fill" => (
            "What becomes of intervals without a value; left out unless said",
            json!({"enum": words(Fill::WORDS, &[])}),
        ),
        "group_by" => (
            "Intervals of each of these apart: `device`, `site`, `customer`, `label:KEY`",
            json!({"type": "string"}),
        ),
        "limit" => (
            "Readings of the page; 1000 unless said",
            json!({"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE}),
        ),
        _ => ("`next` of the page before", json!({"type": "string"})),
    };
    json!({"name": name, "in": "query", "description": what, "schema": schema})
}

fn words<T>(known: &[(&'static str, T)], more: &[&'static str]) -> Vec<&'static str> {
    known
        .iter()
        .map(|(word, _)| *word)
        .chain(more.iter().copied())
        .collect()
}

fn is_change(row: &Route) -> bool {
    matches!(row.takes, Shape::Resource(_) | Shape::Patch) || row.queries == Queries::Delete
}

fn in_headers(row: &Route) -> Vec<Value> {
    let header = |name: &str, what: &str| json!({"name": name, "in": "header", "description": what, "schema": {"type": "string"}});
    let mut found = Vec::new();
    if is_change(row) && row.on != On::Post {
        found.push(header(
            "If-Match",
            "The `ETag` that was read: refused with 412 where it has changed since",
        ));
    }
    if row.is_gated() && row.on != On::Get {
        found.push(header("X-CSRF-Token", "Needed with a cookie: `csrfToken` of the login"));
    }
    found
}

fn schema(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// The schema of a body, sent or answered.
fn content(shape: Shape, kind: Option<&Row>, sent: bool) -> Value {
    let title = |own: Option<Kind>| own.map(Kind::row).or(kind).map_or("", |row| row.title);
    match shape {
        Shape::None => json!({}),
        Shape::Json(name) => json!({"application/json": {"schema": schema(name)}}),
        Shape::Resource(own) if sent => {
            json!({"application/json": {"schema": schema(&format!("{}Input", title(own)))}})
        }
        Shape::Resource(own) => json!({"application/json": {"schema": schema(title(own))}}),
        Shape::Page(own) => json!({"application/json": {"schema": schema(&format!("{}List", title(own)))}}),
        Shape::Patch => {
            let body = json!({"schema": schema(&format!("{}Patch", title(None)))});
            json!({"application/merge-patch+json": body, "application/json": body})
        }
        Shape::Text(media) => json!({media: {"schema": {"type": "string"}}}),
        Shape::Bytes(media) => json!({media: {}}),
        Shape::Image => {
            let media = ["image/png", "image/jpeg", "image/webp"];
            media
                .map(|media| (media.to_owned(), json!({})))
                .into_iter()
                .collect::<Map<_, _>>()
                .into()
        }
    }
}

fn responses(row: &Route, kind: Option<&Row>) -> Value {
    let mut all = Map::new();
    let mut good = json!({"description": "Done"});
    if row.gives != Shape::None {
        good["content"] = content(row.gives, kind, false);
    }
    all.insert(row.status.to_string(), good);
    if row.path.ends_with("/config") {
        all.insert("304".to_owned(), json!({"description": "Unchanged"}));
    }
    for status in refusals(row) {
        let body = if status == 400 && row.needs == Needs::Readings {
            json!({"anyOf": [schema("PartialWrite"), schema("Problem")]})
        } else {
            schema("Problem")
        };
        let problem = json!({"description": told(status), "content": {"application/json": {"schema": body}}});
        all.insert(status.to_string(), problem);
    }
    Value::Object(all)
}

/// Every status of a refusal that a route can answer with.
fn refusals(row: &Route) -> BTreeSet<u16> {
    let mut found = BTreeSet::from([400, 414, 431, 503]);
    if row.status == 101 {
        found.insert(426);
    }
    if row.takes != Shape::None {
        found.extend([413, 507]);
        if row.is_gated() {
            found.insert(415);
        }
    }
    match row.needs {
        Needs::Nothing | Needs::Stranger => {}
        Needs::Device | Needs::Caller | Needs::Permission(_) | Needs::Readings => found.extend([401, 403, 404]),
    }
    if row.is_gated() || row.needs == Needs::Device {
        found.insert(429);
    }
    if is_change(row) {
        found.extend([409, 412, 507]);
    }
    match (row.needs, row.path) {
        (Needs::Stranger, path) if path.starts_with("/api/auth/") => found.extend([401, 403, 507]),
        (_, "/api/devices/provision") => found.extend([401, 403, 404, 409, 429]),
        (_, "/api/auth/me") => found.extend([409, 507]),
        (_, path) if path.ends_with("/config") => {
            found.insert(409);
        }
        _ => {}
    }
    found
}

fn told(status: u16) -> &'static str {
    match status {
        400 => "The request is wrong: `issues` says where",
        401 => "Nobody is known by the credential, or there is none",
        403 => "The caller may not do this",
        404 => "It does not exist, or the caller may not know that it does",
        409 => "It conflicts with what there is",
        412 => "Somebody else changed it since it was read",
        413 => "The body is too large",
        414 => "The address is too long",
        415 => "The body is of another media type",
        426 => "The path speaks WebSocket, and nothing else",
        429 => "Too often: `Retry-After` says when again",
        431 => "The headers are too large",
        503 => "It cannot be done now",
        _ => "The disk is full",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_in_the_document() {
        let document = built();
        let mut ids = BTreeSet::new();
        for row in table::all() {
            for kind in kinds(&row) {
                let operation = &document["paths"][path(&row, kind)][row.on.text()];
                assert_eq!(operation["summary"], row.does, "{}", row.path);
                let id = operation["operationId"].as_str().unwrap();
                assert!(ids.insert(id.to_owned()), "{id} names two operations");
                let is_open = operation["security"].as_array().unwrap().is_empty();
                assert_eq!(is_open, matches!(row.needs, Needs::Nothing | Needs::Stranger), "{id}");
            }
        }
        let operations = document["paths"].as_object().unwrap().values();
        let count: usize = operations.map(|item| item.as_object().unwrap().len()).sum();
        assert_eq!(count, ids.len(), "and nothing else is");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk(value: &Value, visit: &mut dyn FnMut(&str)) {
            match value {
                Value::Object(fields) => fields.iter().for_each(|(key, value)| match value.as_str() {
                    Some(text) if key == "$ref" => visit(text),
                    _ => walk(value, visit),
                }),
                Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
                _ => {}
            }
        }
        let document = built();
        let mut seen = 0;
        walk(&document, &mut |reference| {
            seen += 1;
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference}");
        });
        assert!(seen > 100);
    }
}
