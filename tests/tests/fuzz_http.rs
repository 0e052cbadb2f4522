//! The whole HTTP door under schemathesis, in the name of everybody who may come to it; and every operation once as it is
//! meant to be called, since chance alone does not find a valid manifest or password.

use std::collections::{BTreeMap, BTreeSet};

use fleet_tests::peers::{Fuzzer, Run, Said};
use fleet_tests::{Device, Http, World, remote_write};
use reqwest::Method;
use serde_json::{Value, json};

use super::http_management::{BENCH, delete_all, documents, kind, login, make_all, path, tenants};

/// Requests of all runs together.
const REQUESTS: u64 = 10_000;
/// Calls that would end the caller's own session.
const ENDING: [&str; 2] = ["--exclude-path", "/api/auth/logout"];
/// Values by chance, for every operation; a caller has 50 calls a second.
const BY_CHANCE: [&str; 6] = ["--phases", "fuzzing", "--max-examples", "10", "--rate-limit", "45/s"];
/// Values at and beyond the bounds of the schemas, for operations of each sort.
const AT_BOUNDS: [&str; 6] = [
    "--phases",
    "coverage",
    "--rate-limit",
    "45/s",
    "--include-path-regex",
    "^/(write|ingest|api/(v1/(devices|role-bindings|templates)|auth|devices|telemetry|kpis|logs|prom))",
];
const CHECKS: [&str; 2] = [
    "--checks",
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,ignored_auth",
];

#[test]
fn nothing_that_is_sent_makes_fleetd_fail_or_forget_who_asks() {
    let world = tenants(
        // The fuzzer shows wrong credentials more often than strangers may, and wants to be told that they are wrong.
        &["--allow-registration", "--rate-stranger", "off"],
        &["root-admin", "umc-admin", "umc-night", "acme-admin"],
    );
    let document = Http::new(world.fleetd.http()).get("/api/openapi.json").is(200).body;
    let (device, toured) = tour(&world, &document);
    let known = known(&world, &device);

    let token = |user: &str| {
        let http = Http::new(world.fleetd.http());
        let body = json!({"user": user, "password": "correct battery staple horse", "tokens": true});
        let answer = http.post("/api/auth/login", &body).is(200);
        answer.body["accessToken"].as_str().unwrap().to_owned()
    };
    let (root, admin, night) = (token("root-admin"), token("umc-admin"), token("umc-night"));
    let bounds = token("acme-admin");
    let runs: [(&str, Option<&str>, &[&str]); 6] = [
        ("anonymous", None, &BY_CHANCE),
        ("viewer", Some(&night), &BY_CHANCE),
        ("org-admin", Some(&admin), &BY_CHANCE),
        ("platform-admin", Some(&root), &BY_CHANCE),
        ("device", Some(&device.token), &BY_CHANCE),
        ("bounds", Some(&bounds), &AT_BOUNDS),
    ];
    let started: Vec<_> = runs
        .iter()
        .map(|(name, token, way)| {
            let run = Run {
                name,
                base: world.fleetd.http(),
                token: *token,
                known: &known,
                arguments: &[way, &ENDING[..], &CHECKS].concat(),
                folder: world.home(),
            };
            (*name, Fuzzer::start(&run))
        })
        .collect();
    let said: BTreeMap<&str, Said> = started
        .into_iter()
        .map(|(name, fuzzer)| (name, fuzzer.finish()))
        .collect();

    let asked: u64 = said
        .values()
        .flat_map(BTreeMap::values)
        .flat_map(BTreeMap::values)
        .sum();
    assert!(asked >= REQUESTS, "{asked} requests");
    everybody_gets_what_is_theirs(&document, &said);
    let reached = said
        .values()
        .flat_map(|said| said.iter().filter(|(_, told)| succeeded(told)));
    let mut reached: BTreeSet<String> = reached.map(|(operation, _)| operation.clone()).collect();
    reached.extend(toured);
    let missed: Vec<String> = operations(&document)
        .filter(|operation| !reached.contains(operation))
        .collect();
    assert!(missed.is_empty(), "never reached: {missed:#?}");
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

fn succeeded(told: &BTreeMap<String, u64>) -> bool {
    told.keys().any(|status| status.starts_with('2'))
}

/// `METHOD /path` of every operation.
fn operations(document: &Value) -> impl Iterator<Item = String> {
    let paths = document["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    })
}

/// The credential of an operation, by the document.
fn security<'a>(document: &'a Value, operation: &str) -> &'a Value {
    let (method, path) = operation.split_once(' ').unwrap();
    &document["paths"][path][method.to_lowercase()]["security"]
}

/// Nobody gets what needs a credential without one, or with one of another sort; a viewer changes nothing.
fn everybody_gets_what_is_theirs(document: &Value, said: &BTreeMap<&str, Said>) {
    for (who, said) in said {
        for (operation, told) in said.iter().filter(|(_, told)| succeeded(told)) {
            let security = security(document, operation);
            let is_open = security.as_array().unwrap().is_empty();
            let of_device = security[0].get("deviceToken").is_some();
            let is_own = match *who {
                "anonymous" => is_open,
                "device" => is_open || of_device,
                "viewer" => !of_device && (operation.starts_with("GET ") || !operation.contains("/api/v1/")),
                _ => !of_device,
            };
            assert!(is_own, "{who}: {operation}: {told:?}");
        }
    }
}

/// A resource of every kind, of organizations that hold nobody's access.
fn resources() -> Vec<Value> {
    let mut found = documents(&["01-first-site", "03-test-bench"]);
    let of = |kind: &str, spec: Value| json!({"kind": kind, "metadata": {"org": BENCH, "name": "tour"}, "spec": spec});
    found.push(json!({"kind": "User", "metadata": {"name": "tour"}, "spec": {}}));
    found.push(of("Role", json!({"permissions": ["view:device"]})));
    found.push(of(
        "RoleBinding",
        json!({"user": "tour", "role": "tour", "allSites": true}),
    ));
    found
}

/// What exists and may be changed without shutting anybody out.
fn known(world: &World, device: &Device) -> Value {
    let mut names: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for document in resources() {
        let (org, name) = (&document["metadata"]["org"], &document["metadata"]["name"]);
        let of_kind = names.entry(kind(&document).row().plural).or_default();
        of_kind.push(json!([org.as_str().unwrap_or_default(), name]));
    }
    // The administrator of one tenant administers these two, too.
    for org in ["acme-energy", BENCH] {
        let binding = format!(
            "apiVersion: fleet/v1\nkind: RoleBinding\nmetadata: {{org: {org}, name: borrowed}}\nspec: {{user: umc-admin, role: org-admin, allSites: true}}\n"
        );
        world.apply_text(&binding).ok();
        world
            .apply_text(&binding.replace("borrowed", "bounds").replace("umc-admin", "acme-admin"))
            .ok();
        let viewer = binding
            .replace("borrowed", "lent")
            .replace("umc-admin", "umc-night")
            .replace("org-admin", "viewer");
        world.apply_text(&viewer).ok();
    }
    json!({"names": names, "device": device.id, "org": "acme-energy"})
}

/// Calls every operation as it is meant to be called. Gives the device that took part, and what succeeded.
fn tour(world: &World, document: &Value) -> (Device, BTreeSet<String>) {
    let root = login(world, "root-admin").recording();
    let resources = resources();
    make_all(&root, &resources);
    for resource in &resources {
        let path = path(resource);
        let read = root.get(&path).is(200);
        root.put(&path, &read.body).is(200);
        root.patch(&path, &json!({"metadata": {"annotations": {"tour": "yes"}}}))
            .is(200);
        root.get(&format!("/api/v1/{}", kind(resource).row().plural)).is(200);
    }
    delete_all(&root, &resources);
    make_all(&root, &resources);

    let mut reached = successes(&root, document);
    reached.extend(tour_of_people(world, document));
    let device = Device::provision(world.fleetd.http(), "246f28ae5210", &world.claim_token("acme-energy"));
    reached.extend(tour_of_devices(world, &device, document));
    reached.extend(tour_of_programs(world, &device, document));
    (device, reached)
}

fn tour_of_people(world: &World, document: &Value) -> BTreeSet<String> {
    let door = Http::new(world.fleetd.http()).recording();
    let password = "correct battery staple horse";
    let body = json!({"user": "umc-admin", "password": password, "tokens": true});
    let session = door.post("/api/auth/login", &body).is(200);
    let fresh = door
        .post(
            "/api/auth/refresh",
            &json!({"refreshToken": session.body["refreshToken"]}),
        )
        .is(200);
    let me = door.token(fresh.body["accessToken"].as_str().unwrap());
    for path in [
        "/api/auth/me",
        "/api/auth/validate-token",
        "/api/validate-token",
        "/api/kpis/",
        "/api/health/",
    ] {
        me.get(path).is(200);
    }
    me.post("/api/auth/validate-token", &Value::Null).is(200);
    me.patch("/api/auth/me", &json!({"language": "pt"})).is(200);
    let picture = me
        .request(Method::PUT, "/api/auth/avatar")
        .body(&b"\x89PNG\r\n\x1a\n"[..]);
    me.sent(&Method::PUT, "/api/auth/avatar", picture.send().unwrap().status());
    let picture = me.request(Method::GET, "/api/auth/avatar").send().unwrap();
    me.sent(&Method::GET, "/api/auth/avatar", picture.status());
    me.delete("/api/auth/avatar").is(204);
    let words = json!({"oldPassword": password, "newPassword": "correct battery staple mule"});
    me.post("/api/auth/change-password", &words).is(204);
    let back = json!({"oldPassword": "correct battery staple mule", "newPassword": password});
    me.post("/api/auth/change-password", &back).is(204);
    for other in [
        "/api/devices/",
        "/assets/devices/",
        "/assets/sites/",
        "/assets/assets/",
        "/api/users/",
        "/api/customers/",
    ] {
        me.get(other).is(200);
    }
    for one in [
        "/api/devices/esp32-01/",
        "/assets/devices/esp32-01/",
        "/assets/sites/clinic-north/",
        "/assets/assets/chiller-001/",
        "/api/users/umc-night/",
    ] {
        me.get(one).is(200);
    }
    me.post(
        "/api/v1/customers",
        &json!({"metadata": {"name": "tour"}, "spec": {"company": "Tour"}}),
    )
    .is(201);
    me.get("/api/customers/tour/").is(200);
    me.get("/api/telemetry/?device=esp32-01").is(200);
    me.upgrade("/ws/live").is(101);
    for asked in [
        "latest/esp32-01/",
        "history/esp32-01/",
        "summary/esp32-01/",
        "telemetry/",
        "readings/",
    ] {
        me.get(&format!("/ingest/{asked}")).is(200);
    }
    me.get("/ingest/aggregates/?sensor_type=temperature&fill=null").is(200);
    me.get("/api/telemetry/historical?from=-1d").is(200);
    me.post(
        "/api/v1/tracked-variables",
        &json!({"metadata": {"name": "tour"}, "spec": {"device": "esp32-01", "sensor": "temperature"}}),
    )
    .is(201);
    me.get("/api/tracked-variables/tour/samples").is(200);
    me.post("/api/logs/", &json!({"message": "a tour", "level": "help"}))
        .is(201);
    me.get("/api/logs/?level=help").is(200);
    me.post("/api/auth/logout", &Value::Null).is(204);
    door.post(
        "/api/auth/register",
        &json!({"user": "tourist", "email": "tourist@umc.example"}),
    )
    .is(202);
    for path in ["/healthz", "/readyz", "/api/openapi.json"] {
        door.get(path).is(200);
    }
    let figures = door.request(Method::GET, "/metrics").send().unwrap();
    door.sent(&Method::GET, "/metrics", figures.status());
    successes(&door, document)
}

fn tour_of_devices(world: &World, device: &Device, document: &Value) -> BTreeSet<String> {
    let http = Http::new(world.fleetd.http()).recording().token(&device.token);
    let claim = json!({"hwId": "tour-1", "model": "test", "claimToken": world.claim_token("umc")});
    Http::post(&http.without("authorization"), "/api/devices/provision", &claim).is(200);
    let own = |call: &str| format!("/api/devices/{}/{call}", device.id);
    let command = world.rpc().command("acme-energy", &device.id, "reboot");
    http.post(&own("config"), &json!({})).is(200);
    http.post(&own("heartbeat"), &json!({"uptimeSeconds": 1})).is(200);
    let key = rcgen::KeyPair::generate().unwrap();
    let csr = rcgen::CertificateParams::default()
        .serialize_request(&key)
        .unwrap()
        .pem()
        .unwrap();
    http.post(&own("certificate"), &json!({"csr": csr})).is(200);
    http.post(
        &own(&format!("commands/{}/result", command.id)),
        &json!({"status": "confirmed"}),
    )
    .is(200);
    http.post(
        &own("logs"),
        &json!({"entries": [{"level": "info", "message": "here"}]}),
    )
    .is(200);
    http.post(
        "/api/telemetry/ingest",
        &json!({"deviceId": device.id, "dataType": "v", "value": 1}),
    )
    .is(200);
    http.upgrade("/ws/devices").is(101);
    successes(&http, document)
}

fn tour_of_programs(world: &World, device: &Device, document: &Value) -> BTreeSet<String> {
    let token = world.token("acme-energy", &["telemetry:write"], &[]);
    let http = Http::new(world.fleetd.http()).recording().token(&token);
    for path in ["/write?precision=ms", "/api/v2/write?org=acme-energy&bucket=any"] {
        http.post_bytes(path, format!("m,device={} v=1", device.id)).is(204);
    }
    let labels = [("__name__", "v"), ("device", device.id.as_str())];
    let written = remote_write(&labels, &[(1.0, 1_770_000_000_000)]);
    http.post_bytes("/api/prom/write", written).is(204);
    let topic = format!("tenants/acme-energy/devices/{}/sensors/v", device.id);
    http.post("/ingest/", &json!({"topic": topic, "value": 2})).is(201);
    successes(&http, document)
}

/// Operations of the document that calls have reached.
fn successes(http: &Http, document: &Value) -> BTreeSet<String> {
    let templates: Vec<String> = operations(document).collect();
    let parts = |path: &str| {
        path.trim_end_matches('/')
            .split('/')
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let fits = |template: &str, call: &str| {
        let ((method, template), (called, path)) = (template.split_once(' ').unwrap(), call.split_once(' ').unwrap());
        let (template, path) = (parts(template), parts(path.split('?').next().unwrap()));
        method == called
            && template.len() == path.len()
            && template
                .iter()
                .zip(&path)
                .all(|(part, own)| part == own || part.starts_with('{'))
    };
    let mut found = BTreeSet::new();
    for call in http.successes() {
        // `/api/devices/provision` is no device of that name.
        let exact = templates
            .iter()
            .filter(|template| !template.contains('{') && fits(template, &call));
        let loose = templates
            .iter()
            .filter(|template| template.contains('{') && fits(template, &call));
        found.extend(exact.chain(loose).next().cloned());
    }
    found
}
