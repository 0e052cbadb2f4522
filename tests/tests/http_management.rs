//! Management over HTTP: every kind, tenants by host name, and what keeps other sites' pages out.

use std::collections::BTreeSet;

use fleet_proto::kinds::{KINDS, Kind};
use fleet_tests::http::Answer;
use fleet_tests::{Http, World};
use reqwest::Method;
use serde_json::{Value, json};

use super::examples;

const PASSWORD: &str = "correct battery staple horse";
/// Organization of the test bench.
pub const BENCH: &str = "mask-lab";
const COST: [&str; 2] = ["--password-cost", "19456,2,1"];

/// fleetd with the two tenants of the example; these people have passwords.
pub fn tenants(arguments: &[&str], people: &[&str]) -> World {
    let world = World::empty(&[&COST[..], arguments].concat());
    world.apply("examples/04-tenants").ok();
    for name in people {
        let set = ["user", "set-password", name, "--password-stdin"];
        world.fleetctl_with(&set, PASSWORD.as_bytes()).ok();
    }
    world
}

pub fn login(world: &World, user: &str) -> Http {
    Http::new(world.fleetd.http()).login(user, PASSWORD)
}

/// Documents of the examples, with the text of the secret in its place.
pub fn documents(sites: &[&str]) -> Vec<Value> {
    let files = sites.iter().flat_map(|site| examples::manifests(site));
    let texts: Vec<String> = files.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let documents = texts.iter().flat_map(|text| text.split("\n---\n"));
    let mut found: Vec<Value> = documents.map(|text| serde_yaml::from_str(text).unwrap()).collect();
    for document in &mut found {
        if document["kind"] == "Secret" {
            document["spec"]["value"] = json!("for tests only");
        }
        // An example whose organization is named when it is applied.
        if !kind(document).is_platform() && document["metadata"].get("org").is_none() {
            document["metadata"]["org"] = json!(BENCH);
        }
    }
    found
}

pub fn kind(document: &Value) -> Kind {
    Kind::find(document["kind"].as_str().unwrap()).unwrap()
}

pub fn path(document: &Value) -> String {
    let (list, name) = (
        kind(document).row().plural,
        document["metadata"]["name"].as_str().unwrap(),
    );
    let org = document["metadata"]["org"].as_str();
    format!(
        "/api/v1/{list}/{name}{}",
        org.map(|org| format!("?org={org}")).unwrap_or_default()
    )
}

/// Makes all of them. Some refer to each other in a circle, which is closed at the end.
pub fn make_all(http: &Http, documents: &[Value]) {
    each_when_possible(documents, |document| {
        let mut open = document.clone();
        open["spec"].as_object_mut().map(|spec| spec.remove("gateway"));
        http.post(&format!("/api/v1/{}", kind(document).row().plural), &open)
    });
    for document in documents
        .iter()
        .filter(|document| document["spec"].get("gateway").is_some())
    {
        http.put(&path(document), document).is(200);
    }
}

/// Deletes all of them: what holds others falls last.
pub fn delete_all(http: &Http, documents: &[Value]) {
    for document in documents
        .iter()
        .filter(|document| document["spec"].get("gateway").is_some())
    {
        http.patch(&path(document), &json!({"spec": {"gateway": null}})).is(200);
    }
    let mut falling = documents.to_vec();
    falling.sort_by_key(|document| std::cmp::Reverse(kind(document)));
    each_when_possible(&falling, |document| http.delete(&path(document)));
}

/// Does something with each as long as that helps: what refers to others has to wait for them.
fn each_when_possible(documents: &[Value], mut done: impl FnMut(&Value) -> Answer) {
    let mut left: Vec<&Value> = documents.iter().collect();
    while !left.is_empty() {
        let before = left.len();
        let mut last = Value::Null;
        left.retain(|document| {
            let answer = done(document);
            last = answer.body;
            !answer.status.is_success()
        });
        assert!(left.len() < before, "{} are left: {last}", left.len());
    }
}

#[test]
fn every_kind_is_made_read_changed_and_deleted() {
    let world = World::empty(&COST);
    world.apply("examples/04-tenants/people.yaml").ok();
    let set = ["user", "set-password", "root-admin", "--password-stdin"];
    world.fleetctl_with(&set, PASSWORD.as_bytes()).ok();
    let root = login(&world, "root-admin");
    let mut documents = documents(&["01-first-site", "03-test-bench", "04-tenants"]);
    let kinds: BTreeSet<_> = documents.iter().map(kind).collect();
    assert_eq!(kinds.len(), KINDS.len(), "{kinds:?}");
    // Whoever does this is there already.
    documents.retain(|document| document["kind"] != "User" || root.get(&path(document)).status == 404);

    make_all(&root, &documents);
    for document in &documents {
        let path = path(document);
        let read = root.get(&path).is(200);
        assert_eq!(
            read.header("etag"),
            format!("\"{}\"", read.body["metadata"]["revision"])
        );
        let again = root
            .post(&format!("/api/v1/{}", kind(document).row().singular), document)
            .is(409);
        assert!(
            again.body["detail"].as_str().unwrap().contains("exists already"),
            "{}",
            again.body
        );
        server_fields_are_never_assigned(&root, &path, &read.body);
        let labelled = root
            .patch(&path, &json!({"metadata": {"labels": {"seen": "yes"}}}))
            .is(200);
        assert_eq!(labelled.body["metadata"]["labels"]["seen"], "yes");
        assert_eq!(labelled.body["spec"], read.body["spec"], "{path}");
        let stale = root.with("if-match", read.header("etag"));
        stale.put(&path, &read.body).is(412);
        stale.delete(&path).is(412);
    }
    let secret = root
        .get(&format!("/api/v1/secrets?org={BENCH}"))
        .is(200)
        .body
        .to_string();
    assert!(
        !secret.contains("for tests only") && !secret.contains("sealed:"),
        "{secret}"
    );

    delete_all(&root, &documents);
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

/// A resource that was read is sent back with every field changed that only fleetd writes: nothing changes.
#[track_caller]
fn server_fields_are_never_assigned(root: &Http, path: &str, read: &Value) {
    let mut sent = read.clone();
    let metadata = sent["metadata"].as_object_mut().unwrap();
    for (name, value) in [
        ("uid", json!("01930e0a-0000-7000-8000-000000000000")),
        ("generation", json!(99)),
        ("revision", json!(1)),
        ("createdAt", json!("1970-01-01T00:00:00Z")),
        ("createdBy", json!("user/somebody")),
        ("updatedAt", json!("1970-01-01T00:00:00Z")),
        ("updatedBy", json!("user/somebody")),
    ] {
        assert!(metadata.contains_key(name), "{path} has no {name}");
        metadata.insert(name.to_owned(), value);
    }
    sent["status"] = json!({"connection": "online", "firmwareVersion": "9.9.9"});
    sent["issues"] = json!([{"path": "", "message": "planted"}]);
    for answer in [root.put(path, &sent), root.patch(path, &sent)] {
        assert_eq!(answer.clone().is(200).body, *read, "{path}");
    }
    assert_eq!(root.get(path).is(200).body, *read, "{path}");
}

#[test]
fn what_is_wrong_is_told_by_field() {
    let world = tenants(&[], &["umc-admin", "umc-night"]);
    let admin = login(&world, "umc-admin");
    let paths = |answer: &Answer| -> Vec<String> {
        let issues = answer.body["issues"].as_array().unwrap();
        issues
            .iter()
            .map(|issue| issue["path"].as_str().unwrap().to_owned())
            .collect()
    };
    let wrong = json!({"metadata": {"name": "x", "nmae": "y"}, "spec": {"displayName": 7, "color": "red"}, "extra": 1});
    let answer = admin.post("/api/v1/sites", &wrong).is(400);
    assert_eq!(answer.body["code"], "invalid");
    let mut found = paths(&answer);
    found.sort_unstable();
    assert_eq!(found, ["extra", "metadata.nmae", "spec.color", "spec.displayName"]);
    let far = json!({"metadata": {"name": "x"}, "spec": {"location": {"latitude": 99, "longitude": 0}}});
    assert_eq!(
        paths(&admin.post("/api/v1/sites", &far).is(400)),
        ["spec.location.latitude"]
    );
    let nowhere = json!({"metadata": {"name": "x"}, "spec": {"site": "none", "assetType": "pump"}});
    assert_eq!(paths(&admin.post("/api/v1/assets", &nowhere).is(400)), ["spec.site"]);

    for body in ["", "{", "[]", "7", "null", "{\"metadata\": NaN}"] {
        let request = admin
            .request(Method::POST, "/api/v1/sites")
            .header("content-type", "application/json");
        Answer::from(request.body(body).send().unwrap()).is(400);
    }
    let deep = format!("{{\"spec\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    Answer::from(
        admin
            .request(Method::PATCH, "/api/v1/sites/main-building")
            .body(deep)
            .send()
            .unwrap(),
    )
    .is(400);
    let large = " ".repeat((4 << 20) + 1);
    Answer::from(admin.request(Method::POST, "/api/v1/sites").body(large).send().unwrap()).is(413);
    let text = admin
        .request(Method::POST, "/api/v1/sites")
        .header("content-type", "text/plain");
    Answer::from(text.body("{}").send().unwrap()).is(415);

    for query in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "selector=!!",
        "ref=nothing",
        "colour=red",
    ] {
        admin.get(&format!("/api/v1/devices?{query}")).is(400);
    }
    let first = admin.get("/api/v1/devices?limit=1").is(200);
    assert_eq!(first.body["next"], "esp32-01");
    let second = admin.get("/api/v1/devices?limit=1&after=esp32-01").is(200);
    assert_eq!(
        (&second.body["items"][0]["metadata"]["name"], second.body.get("next")),
        (&json!("esp32-02"), None)
    );
    assert_eq!(
        admin.get("/api/v1/dev?ref=site/clinic-north").is(200).body["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        admin.get("/api/v1/Device?name=*-02").is(200).body["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    admin.get("/api/v1/nothing").is(404);
    admin.get("/api/v1/devices/none").is(404);
    admin.get("/api/v1/devices/%2e%2e%2fsites").is(404);
    admin.get("/api/v1/devices/%ff").is(400);
    assert_eq!(
        admin
            .put("/api/v1/devices/none", &json!({"metadata": {"name": "none"}}))
            .status,
        404
    );
    let renamed = json!({"metadata": {"name": "other"}, "spec": {}});
    assert_eq!(
        paths(&admin.put("/api/v1/sites/clinic-north", &renamed).is(400)),
        ["metadata.name"]
    );
    assert_eq!(
        admin.delete("/api/v1/sites/main-building").is(409).body["code"],
        "conflict"
    );

    let night = login(&world, "umc-night");
    night
        .post("/api/v1/sites", &json!({"metadata": {"name": "own"}}))
        .is(403);
    night.get("/api/v1/secrets").is(403);
    night.delete("/api/v1/devices/esp32-01").is(403);
    Http::new(world.fleetd.http()).get("/api/v1/devices").is(401);
    night.with("x", "y").get("/api/v1/devices").is(200);
    Http::new(world.fleetd.http())
        .token("x.y.z")
        .get("/api/v1/devices")
        .is(401);
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

#[test]
fn a_host_name_selects_a_tenant_and_nothing_else() {
    let world = tenants(&[], &["root-admin", "umc-admin", "acme-admin"]);
    let (umc, acme) = (login(&world, "umc-admin"), login(&world, "acme-admin"));
    let names = |answer: Answer| -> Vec<String> {
        let items = answer.is(200).body["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| item["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    };
    for host in ["umc.localhost", "UMC.localhost:7080", "umc.localhost."] {
        let umc = umc.with("host", host);
        assert_eq!(names(umc.get("/api/v1/devices")), ["esp32-01", "esp32-02"], "{host}");
        umc.get("/api/v1/devices?org=umc").is(200);
        umc.get("/api/v1/devices?org=acme").is(404);
    }
    // Another tenant's host is told like one that there is not.
    let foreign = acme.with("host", "umc.localhost");
    for path in [
        "/api/v1/devices",
        "/api/v1/devices/esp32-01",
        "/api/auth/me",
        "/api/kpis/",
    ] {
        assert_eq!(foreign.get(path).is(404).body["code"], "not_found", "{path}");
    }
    let (known, unknown) = (
        acme.get("/api/v1/devices?org=umc").is(404).body.to_string(),
        acme.get("/api/v1/devices?org=xyz").is(404).body.to_string(),
    );
    assert_eq!(known.replace("umc", "xyz"), unknown);
    // A platform administrator is one of that organization there.
    let root = login(&world, "root-admin").with("host", "umc.localhost");
    assert_eq!(names(root.get("/api/v1/organizations")), ["umc"]);
    assert_eq!(names(root.get("/api/v1/devices")), ["esp32-01", "esp32-02"]);
    root.get("/api/v1/users/acme-admin").is(404);
    let body = json!({"metadata": {"name": "new"}, "spec": {}});
    root.post("/api/v1/organizations", &body).is(403);
    let elsewhere = json!({"metadata": {"org": "acme", "name": "new"}, "spec": {}});
    root.post("/api/v1/sites", &elsewhere).is(404);
    let made = root.post("/api/v1/sites", &body).is(201);
    assert_eq!(made.body["metadata"]["org"], "umc");
    // Without a tenant's host, several organizations need a name.
    let everywhere = login(&world, "root-admin");
    assert_eq!(
        everywhere.get("/api/v1/sites/new").is(400).body["issues"][0]["path"],
        "org"
    );
    assert_eq!(names(everywhere.get("/api/v1/devices")).len(), 3);
    let mut paged = Vec::new();
    let mut after = String::new();
    loop {
        let page = everywhere
            .get(&format!("/api/v1/devices?limit=1&after={after}"))
            .is(200);
        paged.extend(names(page.clone()));
        match page.body["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    assert_eq!(paged, names(everywhere.get("/api/v1/devices")));

    // A login at a tenant's host makes a session of that tenant only.
    let door = Http::new(world.fleetd.http());
    let at_umc = door.with("host", "umc.localhost");
    let session = at_umc.login("root-admin", PASSWORD);
    assert_eq!(names(session.get("/api/v1/organizations")), ["umc"]);
    let elsewhere = door.token("x").with("host", "evil.example");
    elsewhere.get("/api/v1/devices").is(401);
    let body = json!({"user": "acme-admin", "password": PASSWORD});
    let foreign = at_umc.post("/api/auth/login", &body).is(401);
    let wrong = at_umc
        .post("/api/auth/login", &json!({"user": "nobody-here", "password": PASSWORD}))
        .is(401);
    assert_eq!(foreign.body, wrong.body);
    // What a proxy says of itself is nobody's word.
    let proxied = umc
        .with("x-forwarded-host", "acme.localhost")
        .with("x-forwarded-for", "203.0.113.9")
        .with("forwarded", "for=203.0.113.9;host=acme.localhost;proto=https")
        .with("x-forwarded-proto", "https");
    assert_eq!(names(proxied.get("/api/v1/devices")), ["esp32-01", "esp32-02"]);
    let claimed = door
        .with("x-forwarded-for", "203.0.113.9")
        .with("forwarded", "for=203.0.113.9");
    let session = claimed.login("umc-admin", PASSWORD);
    session.get("/api/auth/me").is(200);
    let listed = world.fleetctl(&["session", "list", "--user", "umc-admin", "-o", "json"]);
    assert!(!listed.stdout.contains("203.0.113.9"), "{listed}");
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

#[test]
fn other_names_give_the_same() {
    let world = tenants(&[], &["umc-admin", "umc-night"]);
    let umc = login(&world, "umc-admin");
    for (other, own) in [
        ("/api/devices/", "/api/v1/devices"),
        ("/api/devices", "/api/v1/devices"),
        ("/assets/devices/esp32-01/", "/api/v1/devices/esp32-01"),
        ("/assets/sites/", "/api/v1/sites"),
        ("/assets/assets/chiller-001", "/api/v1/assets/chiller-001"),
        ("/api/users/", "/api/v1/users"),
        ("/api/customers/", "/api/v1/customers"),
    ] {
        assert_eq!(umc.get(other).is(200).body, umc.get(own).is(200).body, "{other}");
    }
    let figures = umc.get("/api/kpis/").is(200).body;
    assert_eq!(figures["devices"], json!({"total": 2, "online": 0, "offline": 2}));
    assert_eq!(figures["sites"]["total"], 2);
    umc.get("/api/health/").is(200);
    assert_eq!(
        umc.get("/api/telemetry/?device=esp32-01").is(200).body,
        json!({"items": []})
    );
    umc.get("/api/telemetry/?device=mask-tester").is(404);
    umc.get("/api/telemetry/").is(400);

    let night = login(&world, "umc-night");
    let told = night.get("/api/validate-token").is(200).body;
    assert_eq!(told["user"], "umc-night");
    assert_eq!(
        told["sites"],
        json!([{"org": "umc", "site": "clinic-north"}, {"org": "umc", "site": "main-building"}])
    );
    assert!(
        told["permissions"]
            .as_array()
            .unwrap()
            .contains(&json!("control:device"))
    );
    night.get("/api/users/").is(403);
    night.get("/api/customers/").is(200);
}
