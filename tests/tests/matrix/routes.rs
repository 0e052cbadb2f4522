//! The same over HTTP: every operation of the document, which is made from the table of routes, by everybody, about a
//! thing at the own site, at another, in another organization, and about nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fleet_proto::access::{self, Permission, Permissions};
use fleet_proto::kinds::{KINDS, Kind};
use fleet_tests::{Http, http::Answer, remote_write};
use reqwest::Method;
use serde_json::{Value, json};

use super::stage::{Stage, TARGETS};
use super::{compared, is_golden};

/// A thing of each target by its kind.
fn name<'a>(kind: Kind, target: &[&'a str; 4]) -> &'a str {
    let [org, site, device, user] = target;
    match kind {
        Kind::Organization => org,
        Kind::User => user,
        // There is a site of that name in every organization that exists.
        Kind::Site => site,
        _ => device,
    }
}

fn thing(kind: Kind, target: &[&str; 4]) -> Value {
    let [org, site, device, user] = target;
    let spec = match kind {
        Kind::Customer => json!({"company": "Tour"}),
        Kind::Role => json!({"permissions": ["view:device"]}),
        Kind::RoleBinding => json!({"user": user, "role": "viewer", "sites": [site]}),
        Kind::Asset => json!({"site": site}),
        Kind::Device => json!({"site": site, "serial": format!("{}{}", &device[7..], &device[7..])}),
        Kind::Secret => json!({"value": "for tests only"}),
        Kind::Template => json!({"templateType": "scenario", "schema": {}}),
        Kind::Configuration => json!({"key": device, "value": {}}),
        Kind::Translation => json!({"language": "en"}),
        Kind::TrackedVariable => json!({"device": device, "sensor": "t", "site": site}),
        Kind::Site if *org != "three" => json!({"settings": {"operatorControl": true}}),
        _ => json!({}),
    };
    let metadata = if kind.is_platform() {
        json!({"name": name(kind, target)})
    } else {
        json!({"org": org, "name": name(kind, target)})
    };
    json!({"apiVersion": "fleet/v1", "kind": kind.row().title, "metadata": metadata, "spec": spec})
}

/// Makes what of the things is not on the stage yet.
fn furnish(stage: &Stage) {
    let root = Http::new(stage.world.fleetd.http()).token(&stage.login("platform-admin"));
    for row in KINDS {
        for (_, target) in &TARGETS[..3] {
            if !matches!(row.kind, Kind::Organization | Kind::User | Kind::Site | Kind::Device) {
                root.post(&format!("/api/v1/{}", row.plural), &thing(row.kind, target))
                    .is(201);
            }
        }
    }
}

/// An operation of the document.
#[derive(Clone)]
struct Operation {
    method: Method,
    path: String,
    needs: String,
    /// Names of its query parameters.
    asks: Vec<String>,
    /// What its path is about, where that is a kind.
    kind: Option<Kind>,
}

impl Operation {
    fn all(document: &Value) -> Vec<Self> {
        let mut found = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let asks = operation["parameters"].as_array().into_iter().flatten();
                let asks = asks.filter(|one| one["in"] == "query").map(|one| &one["name"]);
                found.push(Self {
                    method: method.to_uppercase().parse().unwrap(),
                    path: path.clone(),
                    needs: operation["x-fleet-needs"].as_str().unwrap().to_owned(),
                    asks: asks.map(|name| name.as_str().unwrap().to_owned()).collect(),
                    kind: path.rsplit('/').find_map(Kind::find),
                });
            }
        }
        found
    }

    /// Answers everybody, about nothing of anybody's.
    fn is_open(&self) -> bool {
        self.needs == "stranger"
    }

    fn is_called_by_devices(&self) -> bool {
        self.needs == "device"
    }

    /// Calls it about a target; `id` is what devices call the target's device.
    fn call(&self, http: &Http, target: &[&str; 4], id: &str) -> Answer {
        let named = match self.kind {
            _ if self.is_called_by_devices() => id,
            Some(kind) => name(kind, target),
            None => "",
        };
        let path = self
            .path
            .replace("{id}", named)
            .replace("{name}", named)
            .replace("{device}", target[2])
            .replace("{command}", "none");
        let mut query = Vec::new();
        for (ask, value) in [("org", target[0]), ("device", target[2]), ("sensor_type", "t")] {
            if self.asks.iter().any(|own| own == ask) {
                query.push(format!("{ask}={value}"));
            }
        }
        let path = format!("{path}?{}", query.join("&"));
        if self.path.ends_with("/prom/write") {
            let labels = [("__name__", "t"), ("device", &format!("other-{}", target[2]))];
            return http.post_bytes(&path, remote_write(&labels, &[(1.0, 1_770_000_000_000)]));
        }
        if self.path.ends_with("write") {
            // Not of the device whose readings others ask for meanwhile.
            return http.post_bytes(&path, format!("m,device=other-{} t=1", target[2]));
        }
        if self.path.starts_with("/ws/") {
            return http.upgrade(&path);
        }
        let message =
            json!({"tenant": target[0], "device_id": format!("other-{}", target[2]), "sensor_id": "t", "value": 1});
        let body = match (&self.method, self.kind) {
            _ if self.path == "/ingest/" => message,
            (_, Some(kind)) if self.path.starts_with("/api/v1/") && self.method != Method::PATCH => thing(kind, target),
            _ if self.path.starts_with("/api/v1/") => json!({"metadata": {"annotations": {"matrix": "yes"}}}),
            _ if self.path.ends_with("/logs/") => json!({"org": target[0], "device": target[2], "message": "here"}),
            _ if self.path.ends_with("/ingest") => json!([{"deviceId": id, "dataType": "t", "value": 1}]),
            _ => json!({}),
        };
        match self.method.as_str() {
            "GET" => http.get(&path),
            // Of a revision that nothing has: who may delete is told so, and nothing is gone.
            "DELETE" => http.with("if-match", "\"999999999\"").delete(&path),
            "POST" => http.post(&path, &body),
            "PUT" => http.put(&path, &body),
            "PATCH" => http.patch(&path, &body),
            other => panic!("{other} is not called"),
        }
    }
}

/// A word for the golden file.
fn outcome(said: &Answer) -> String {
    let is_empty = |body: &Value| {
        let lists = [&body["items"], &body["data"]];
        lists.iter().any(|list| list.as_array().is_some_and(Vec::is_empty))
    };
    match said.status.as_u16() {
        200 if is_empty(&said.body) => "empty".to_owned(),
        200 if said.body["accepted"] == 0 => "none".to_owned(),
        // What a program writes of a device that is not there for it.
        400 if said.body["code"] == "partial_write" => "none".to_owned(),
        // What is to be made is there already, or has another revision: who may not, is not told.
        101 | 200..=299 | 409 | 412 => "ok".to_owned(),
        401 => "who?".to_owned(),
        403 => "denied".to_owned(),
        404 => "none".to_owned(),
        400 | 413 | 415 | 422 => "invalid".to_owned(),
        other => other.to_string(),
    }
}

/// Everything that somebody may do anywhere; none: it is no person and no program.
fn holds(caller: &str) -> Option<Permissions> {
    let built_in = |name: &str| access::union(&access::built_in(name).unwrap().permissions());
    Some(match caller {
        "nothing" => Permissions::default(),
        "viewer" => built_in("viewer"),
        "operator" => built_in("operator"),
        "manager" | "pair" => built_in("site-manager").with(&built_in("viewer")),
        "developer" => built_in("developer"),
        "admin" => built_in("org-admin"),
        "platform-admin" => Permissions::all(),
        "token view:device" => access::union(&["view:device"]),
        _ => return None,
    })
}

/// What must hold whatever the golden file says.
fn check(operation: &Operation, caller: &str, row: &[String]) {
    let told = format!("{} {} for {caller}: {row:?}", operation.method, operation.path);
    let refused = |word: &String| word == "who?" || word == "denied";
    match (operation.needs.as_str(), holds(caller)) {
        ("stranger", _) | ("caller", Some(_)) => {}
        ("device", None) if matches!(caller, "gateway" | "device") => {}
        ("device", _) | (_, None) => assert!(row.iter().all(refused), "{told}"),
        (needs, Some(held)) => {
            let permission = Permission::of_method(needs).unwrap();
            let permission = operation.kind.map_or(permission, |kind| permission.for_kind(kind));
            if !held.has(permission) {
                assert!(row.iter().all(|word| word == "denied"), "{told}");
            } else if caller == "admin" && operation.kind != Some(Kind::User) {
                assert!(!refused(&row[0]), "{told}");
            }
        }
    }
}

/// One caller's rows, by operation.
fn rows(stage: &Stage, operations: &[Operation], caller: &str, http: &Http) -> (Vec<Vec<String>>, Vec<String>) {
    let ids: Vec<String> = stage.devices.iter().map(|device| device.id.clone()).collect();
    let missing = "00000000-0000-7000-8000-000000000000".to_owned();
    let (mut all, mut differing) = (Vec::new(), Vec::new());
    for operation in operations {
        let (mut row, mut texts) = (Vec::new(), Vec::new());
        for (at, (_, target)) in TARGETS.iter().enumerate() {
            let id = ids.get(at).unwrap_or(&missing);
            // Who logs out does so with a session of that moment.
            let fresh = operation.path.ends_with("/logout") && holds(caller).is_some() && !caller.starts_with("token");
            let said = if fresh {
                let door = http.without("authorization");
                operation.call(&door.token(&stage.login(caller)), target, id)
            } else {
                operation.call(http, target, id)
            };
            row.push(outcome(&said));
            texts.push(compared(&format!("{} {}", said.status, said.body), target, id));
        }
        // Another organization's thing is like nothing at all, to the letter.
        if caller != "platform-admin" && !operation.is_open() && texts[2] != texts[3] {
            differing.push(format!(
                "{} {} for {caller}:\n  {}\n  {}",
                operation.method, operation.path, texts[2], texts[3]
            ));
        }
        check(operation, caller, &row);
        all.push(row);
    }
    (all, differing)
}

#[test]
fn every_route_gives_every_caller_what_the_golden_matrix_says() {
    let stage = Stage::set();
    furnish(&stage);
    let door = Http::new(stage.world.fleetd.http());
    let operations = Operation::all(&door.get("/api/openapi.json").is(200).body);
    let http = |token: &Option<String>| token.as_ref().map_or(door.clone(), |token| door.token(token));
    // Each has a rate of calls of its own, so they call beside each other; the administrator, who makes what is
    // missing, does so when the others have looked.
    let (last, others): (Vec<_>, Vec<_>) = stage.callers.iter().partition(|(name, _)| name == "platform-admin");
    let mut told = BTreeMap::new();
    std::thread::scope(|scope| {
        let asking: Vec<_> = others
            .into_iter()
            .map(|(name, token)| {
                let (stage, operations, http) = (&stage, &operations, http(token));
                (name, scope.spawn(move || rows(stage, operations, name, &http)))
            })
            .collect();
        for (name, asked) in asking {
            told.insert(name, asked.join().unwrap());
        }
    });
    for (name, token) in last {
        told.insert(name, rows(&stage, &operations, name, &http(token)));
    }
    let differing: Vec<_> = told.values().flat_map(|(_, differing)| differing.clone()).collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    let mut golden = String::from(
        "# operation | caller | about a thing at the own site | at another site | in another organization | about nothing\n",
    );
    for (at, operation) in operations.iter().enumerate() {
        for (caller, _) in &stage.callers {
            let row = told[caller].0[at].join(" | ");
            let _ = writeln!(golden, "{} {} | {caller} | {row}", operation.method, operation.path);
        }
    }
    assert!(operations.len() > 100, "{}", operations.len());
    is_golden("routes.golden", &golden);
    assert_eq!(stage.world.fleetd.errors(), [""; 0]);
}
