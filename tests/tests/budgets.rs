//! Rates, shares and what is booked: one who floods is told which budget is used up, and the others get through.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use fleet_proto::pb;
use fleet_proto::pb::access_service_client::AccessServiceClient;
use fleet_tests::world::ORG;
use fleet_tests::{Finished, Http, World};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use super::http_management::{login, tenants};

/// Calls after which a flood must have been stopped.
const MANY: usize = 10_000;

/// Somebody at the gRPC listener, with the token of an HTTP session: a user is one caller at both doors.
struct Caller {
    runtime: Runtime,
    channel: Channel,
    token: String,
}

impl Caller {
    fn new(world: &World, http: &Http) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let endpoint = Endpoint::from_shared(world.fleetd.grpc().to_owned()).unwrap();
        let channel = {
            let _context = runtime.enter();
            endpoint.connect_lazy()
        };
        let token = http.header("authorization").to_owned();
        Self {
            runtime,
            channel,
            token,
        }
    }

    fn call(&self) -> Result<(), Status> {
        let mut request = Request::new(pb::WhoAmIRequest {});
        let token: MetadataValue<_> = self.token.parse().unwrap();
        request.metadata_mut().insert("authorization", token);
        let mut client = AccessServiceClient::new(self.channel.clone());
        self.runtime.block_on(client.who_am_i(request)).map(|_| ())
    }

    /// Calls until it is refused; gives why.
    fn until_refused(&self) -> String {
        let status = (0..MANY).find_map(|_| self.call().err()).expect("a flood is stopped");
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        let detail: pb::ErrorDetail = prost::Message::decode(status.details()).unwrap();
        assert!(detail.retry_after_ms > 0, "{status}");
        status.message().to_owned()
    }
}

#[track_caller]
fn holds(text: &str, wanted: &str) {
    assert!(text.contains(wanted), "{wanted}: {text}");
}

#[test]
fn one_who_floods_is_stopped_at_both_doors_and_others_get_through() {
    let rates = ["--rate-caller", "1,100", "--rate-org", "1,150"];
    let world = tenants(
        &[&rates[..], &["--grpc-listen", "127.0.0.1:0"]].concat(),
        &["umc-admin", "umc-night", "acme-admin"],
    );
    let [admin, night, other] = ["umc-admin", "umc-night", "acme-admin"].map(|user| login(&world, user).hasty());
    let flood = || {
        let answers = (0..MANY).map(|_| admin.get("/api/v1/sites?org=umc"));
        answers.into_iter().find(|answer| answer.status != 200).unwrap()
    };
    let refused = flood().is(429);
    holds(
        refused.body["detail"].as_str().unwrap(),
        "the rate of user/umc-admin (1 calls per second) is used up",
    );
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    holds(
        &Caller::new(&world, &admin).until_refused(),
        "the rate of user/umc-admin",
    );
    // A colleague still has all of its own, and the organization not as much.
    holds(
        &Caller::new(&world, &night).until_refused(),
        "the rate of the organization, all of its callers together",
    );
    other.get("/api/v1/sites?org=acme").is(200);
    Caller::new(&world, &other).call().unwrap();
    world.fleetctl(&["get", "sites", "--org", "umc"]).ok();
    let figures = reqwest::blocking::get(format!("{}/metrics", world.fleetd.http())).unwrap();
    let figures = figures.text().unwrap();
    for budget in ["caller", "organization"] {
        holds(&figures, &format!("fleetd_refused_total{{budget=\"{budget}\"}}"));
    }
    assert!(!figures.contains("umc"), "{figures}");
}

#[test]
fn a_flood_of_wrong_credentials_hinders_nobody_who_shares_its_address() {
    let world = World::with(&[
        "--rate-stranger",
        "1,30",
        "--rate-device",
        "1,50",
        "--password-cost",
        "19456,2,1",
    ]);
    let (device, chatty) = (world.device("good"), world.device("chatty"));
    let readings = |at: u64| json!([{"dataType": "t", "value": 1, "timestamp": 1_770_000_000_000_u64 + at}]);
    device.ingest(&readings(0));
    let wrong = device.with_token("flt_dev_0_0_0");
    let body = json!({"deviceId": device.id, "readings": readings(1)});
    let answers = (0..MANY).map(|_| wrong.post("/api/telemetry/ingest", &body));
    let mut refused = answers.skip_while(|(status, _)| *status == StatusCode::UNAUTHORIZED);
    let (status, told) = refused.next().expect("a flood is stopped");
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{told}");
    holds(
        told["detail"].as_str().unwrap(),
        "the rate of wrong credentials at 127.0.0.1",
    );
    for at in 1..50 {
        assert!(matches!(
            wrong.post("/api/telemetry/ingest", &body).0.as_u16(),
            401 | 429
        ));
        device.ingest(&readings(at));
    }
    // Logins are counted by themselves.
    let nobody = json!({"user": "nobody", "password": "wrong wrong wrong"});
    Http::new(world.fleetd.http())
        .hasty()
        .post("/api/auth/login", &nobody)
        .is(401);
    // What a device says besides its readings is counted, its readings are not.
    let beat = json!({"uptimeSeconds": 1});
    let path = format!("/api/devices/{}/heartbeat", chatty.id);
    let told = (0..MANY)
        .map(|_| chatty.post(&path, &beat))
        .find(|(status, _)| *status != StatusCode::OK);
    let (status, told) = told.expect("a flood is stopped");
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{told}");
    holds(told["detail"].as_str().unwrap(), "the rate of the device");
    chatty.ingest(&readings(0));
}

#[test]
fn applies_of_one_organization_wait_for_one_of_another_and_not_for_its_queue() {
    const FLOOD: usize = 24;
    const OWN: usize = 15;
    let off = ["--rate-caller", "off", "--rate-org", "off"];
    let world = tenants(&off, &["umc-admin", "acme-admin"]);
    let (small, large) = (login(&world, "umc-admin"), login(&world, "acme-admin"));
    let site = |number| {
        let name = format!("flood-{number}");
        manifest(&json!({"kind": "Site", "metadata": {"org": "acme", "name": name}, "spec": {}}))
    };
    let sites: Vec<String> = (0..FLOOD).map(site).collect();
    world.apply_text(&sites.join("\n---\n")).ok();
    let (newest, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let patch = |http: &Http, path: &str, value: String| -> u64 {
        let answer = http.patch(path, &json!({"metadata": {"labels": {"n": value}}})).is(200);
        answer.header("etag").trim_matches('"').parse().unwrap()
    };
    let mut between: Vec<u64> = std::thread::scope(|threads| {
        for number in 0..FLOOD {
            let (newest, stop, large, patch) = (&newest, &stop, &large, &patch);
            threads.spawn(move || {
                let path = format!("/api/v1/sites/flood-{number}?org=acme");
                for round in 0.. {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    newest.fetch_max(patch(large, &path, round.to_string()), Ordering::SeqCst);
                }
            });
        }
        let own = (0..OWN).map(|round| {
            let before = newest.load(Ordering::SeqCst);
            let revision = patch(&small, "/api/v1/sites/clinic-north?org=umc", format!("own-{round}"));
            revision.saturating_sub(before + 1)
        });
        let between = own.collect();
        stop.store(true, Ordering::SeqCst);
        between
    });
    between.sort_unstable();
    // In the order in which they come, all who were there first would be: about as many as flood.
    assert!(between[OWN / 2] <= FLOOD as u64 / 3, "{between:?}");
}

fn manifest(document: &Value) -> String {
    let mut document = document.clone();
    document["apiVersion"] = "fleet/v1".into();
    document.to_string()
}

fn apply(world: &World, kind: &str, name: &str, spec: &Value) -> Finished {
    run(world, &["apply"], kind, name, spec)
}

fn run(world: &World, command: &[&str], kind: &str, name: &str, spec: &Value) -> Finished {
    let metadata = match kind {
        "Organization" | "User" => json!({"name": name}),
        _ => json!({"org": ORG, "name": name}),
    };
    let text = manifest(&json!({"kind": kind, "metadata": metadata, "spec": spec}));
    world.fleetctl_with(&[command, &["-f", "-", "--take"]].concat(), text.as_bytes())
}

fn book(world: &World, subscription: &Value) {
    apply(world, "Organization", ORG, &json!({"subscription": subscription})).ok();
}

#[track_caller]
fn refused(said: &Finished, budget: &str) {
    assert_eq!(said.code, 15, "{}{}", said.stdout, said.stderr);
    holds(&said.stderr, budget);
    holds(&said.stderr, "FLT-4012");
}

/// What `describe` tells of a budget: used and limit.
fn told(world: &World, budget: &str) -> (Value, Value) {
    let said = world
        .fleetctl(&["describe", &format!("organization/{ORG}"), "-o", "json"])
        .ok()
        .json();
    let budgets = said["resource"]["status"]["budgets"]
        .as_array()
        .unwrap_or_else(|| panic!("{said}"))
        .clone();
    let found = budgets
        .into_iter()
        .find(|one| one["name"] == budget)
        .unwrap_or_else(|| panic!("{said}"));
    (found["used"].clone(), found["limit"].clone())
}

#[test]
fn what_is_booked_holds_in_plan_apply_http_provisioning_and_undo() {
    let world = World::with(&["--password-cost", "19456,2,1"]);
    book(
        &world,
        &json!({"deviceLimit": 1, "userLimit": 1, "tokenLimit": 1, "weight": 5, "quotas": [{"kind": "site", "limit": 2}]}),
    );
    let quota = "the site quota of organization acme (2) is used up";
    let site = |command: &str, name: &str| run(&world, &[command], "Site", name, &json!({}));
    for name in ["one", "two"] {
        site("apply", name).ok();
    }
    refused(&site("plan", "three"), quota);
    refused(&site("apply", "three"), quota);

    // A deletion that is taken back is one more, too.
    world.fleetctl(&["delete", "site/two", "--org", ORG, "--yes"]).ok();
    let deleted = world.fleetctl(&["history", "--org", ORG, "-o", "json"]).ok().json()[0]["revision"].to_string();
    site("plan", "three").ok();
    site("apply", "three").ok();
    refused(&world.fleetctl(&["undo", &deleted, "--yes"]), quota);

    // The same over HTTP.
    let root = json!({"platformRoles": ["platform-admin"]});
    for (name, spec) in [("root", &root), ("ada", &json!({})), ("bob", &json!({}))] {
        apply(&world, "User", name, spec).ok();
    }
    let password = "correct battery staple horse";
    world
        .fleetctl_with(
            &["user", "set-password", "root", "--password-stdin"],
            password.as_bytes(),
        )
        .ok();
    let http = Http::new(world.fleetd.http()).login("root", password);
    let answer = http
        .post(
            "/api/v1/sites",
            &json!({"metadata": {"org": ORG, "name": "four"}, "spec": {}}),
        )
        .is(403);
    assert_eq!(answer.body["code"], "limit_reached");
    holds(answer.body["detail"].as_str().unwrap(), quota);
    let budgets = http.get(&format!("/api/v1/organizations/{ORG}")).is(200).body["status"]["budgets"].clone();
    assert_eq!(budgets[2], json!({"name": "sites", "used": 2, "limit": 2}), "{budgets}");

    // Devices make themselves known no further than that.
    let claim = world.claim_token(ORG);
    let provision = |hw_id: &str| {
        Http::new(world.fleetd.http()).post("/api/devices/provision", &json!({"hwId": hw_id, "claimToken": claim}))
    };
    provision("first").is(200);
    let limit = "the device limit of organization acme (1) is used up";
    holds(provision("second").is(403).body["detail"].as_str().unwrap(), limit);

    // Who has two roles is one user.
    let bind = |name: &str, user: &str| {
        apply(
            &world,
            "RoleBinding",
            name,
            &json!({"user": user, "role": "viewer", "allSites": true}),
        )
    };
    bind("a", "ada").ok();
    bind("b", "ada").ok();
    refused(&bind("c", "bob"), "the user limit of organization acme (1)");
    bind("a", "ada").ok();
    refused(&bind("b", "bob"), "the user limit of organization acme (1)");

    let token = || world.fleetctl(&["token", "create", "--org", ORG, "--scope", "view:site", "-o", "json"]);
    let first = token().ok().json();
    refused(&token(), "the token limit of organization acme (1)");
    world
        .fleetctl(&[
            "token",
            "revoke",
            first["id"].as_str().unwrap_or_default(),
            "--org",
            ORG,
        ])
        .ok();
    token().ok();

    // A limit below what there is refuses what is new, and nothing else.
    book(&world, &json!({"quotas": [{"kind": "site", "limit": 1}]}));
    apply(&world, "Site", "one", &json!({"displayName": "One"})).ok();
    refused(&site("apply", "four"), "the site quota of organization acme (1)");
    assert_eq!(told(&world, "sites"), (json!(2), json!(1)));
    assert_eq!(told(&world, "devices"), (json!(1), Value::Null));
    assert_eq!(
        (told(&world, "users").0, told(&world, "tokens").0),
        (json!(1), json!(1))
    );

    for (quotas, wanted) in [
        (
            json!([{"kind": "user", "limit": 1}]),
            "no kind that belongs to an organization",
        ),
        (json!([{"kind": "sites", "limit": 1}]), "write `site`"),
        (json!([{"kind": "site"}]), "limit"),
    ] {
        let said = apply(
            &world,
            "Organization",
            ORG,
            &json!({"subscription": {"quotas": quotas}}),
        );
        assert_ne!(said.code, 0);
        holds(&said.stderr, wanted);
    }
}

#[test]
fn new_series_are_refused_at_the_limit_and_known_ones_go_on() {
    let world = World::start();
    book(&world, &json!({"seriesLimit": 3}));
    let device = world.device("sender");
    let readings = |names: &[&str], at: u64| -> Value {
        let reading = |name: &&str| json!({"dataType": name, "value": 1, "timestamp": 1_770_000_000_000_u64 + at});
        names.iter().map(reading).collect()
    };
    assert_eq!(device.ingest(&readings(&["a", "b"], 0))["accepted"], 2);
    let said = device.ingest(&readings(&["a", "c", "d", "b"], 1));
    assert_eq!(said["accepted"], 3, "{said}");
    assert_eq!(said["rejected"][0]["code"], "series_limit");
    assert_eq!(said["rejected"][0]["index"], 2);
    holds(
        said["rejected"][0]["detail"].as_str().unwrap(),
        "the series limit of organization acme (3) is used up",
    );
    assert_eq!(device.ingest(&readings(&["d", "a"], 2))["accepted"], 1);
    assert_eq!(told(&world, "series"), (json!(3), json!(3)));
    book(&world, &json!({"seriesLimit": 1}));
    assert_eq!(device.ingest(&readings(&["a", "b", "c", "e"], 3))["accepted"], 3);
    book(&world, &json!({"seriesLimit": 4}));
    assert_eq!(device.ingest(&readings(&["d", "e"], 4))["accepted"], 1);
}
