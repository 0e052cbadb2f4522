//! Certificates of devices, from the request to the end of their service.

mod site;

use std::path::{Path, PathBuf};

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::peers::Postgres;
use fleet_tests::{ORG, World, process};
use rcgen::KeyPair;
use serde_json::{Value, json};
use site::{Holder, Site, Wire, csr, key, reading, send, text};

#[test]
fn a_device_speaks_with_its_certificate_alone() {
    let site = Site::start();
    let (anybody, key) = (site.client(None), key());
    let claim = site
        .world
        .fleetctl(&["device", "claim-token", "create", "-o", "json"])
        .ok()
        .json();
    let claim = text(&claim["token"]);
    let (status, made) = site.provision(&anybody, "24:6F:28:AE:52:10", &claim, &csr(&key));
    assert_eq!(status, 200, "{made}");
    assert!(made.get("token").is_none(), "{made}");
    for field in ["certificate", "caChain"] {
        assert!(text(&made[field]).starts_with("-----BEGIN CERTIFICATE-----"), "{made}");
    }
    let not_after: jiff::Timestamp = text(&made["notAfter"]).parse().unwrap();
    assert!(not_after > jiff::Timestamp::now());

    // The answer was lost: the same again, and the claim token is used up for everybody else.
    let (status, again) = site.provision(&anybody, "246f28ae5210", &claim, &csr(&key));
    assert_eq!((status, &again["certificate"]), (200, &made["certificate"]), "{again}");
    assert_eq!(again["deviceId"], made["deviceId"]);
    let (status, refused) = site.provision(&anybody, "24:6F:28:AE:52:11", &claim, &csr(&self::key()));
    assert_eq!(status, 401, "{refused}");

    let holder = Holder {
        certificate: text(&made["certificate"]),
        id: text(&made["deviceId"]),
        key,
    };
    let client = site.client(Some(&holder));
    assert_eq!(site.ingest(&anybody), 401);
    assert_eq!(site.ingest(&client), 200);
    assert_eq!(site.heartbeat(&client, &holder.id).0, 200);
    // A token wins, and must be right.
    let wrong = client.post(site.url("/api/telemetry/ingest")).bearer_auth("flt_dev_x");
    assert_eq!(send(wrong.json(&reading())).0, 401);

    // Renewal: the same while it is young, another for another key; both count.
    let (status, young) = site.renew(&client, &holder.id, &csr(&holder.key));
    assert_eq!((status, &young["certificate"]), (200, &made["certificate"]), "{young}");
    let next = self::key();
    let (status, renewed) = site.renew(&client, "246f28ae5210", &csr(&next));
    assert_eq!(status, 200, "{renewed}");
    assert_eq!(renewed["caChain"], made["caChain"]);
    let next = Holder {
        certificate: text(&renewed["certificate"]),
        id: holder.id.clone(),
        key: next,
    };
    assert_eq!(site.ingest(&site.client(Some(&next))), 200);
    assert_eq!(site.ingest(&client), 200);

    // Provisioning again over it gives a token, with which the same is possible without a certificate.
    let wanted = json!({"hwId": "24:6F:28:AE:52:10", "model": "test"});
    let (status, made) = send(client.post(site.url("/api/devices/provision")).json(&wanted));
    assert_eq!(status, 200, "{made}");
    let path = format!("/api/devices/{}/certificate", holder.id);
    let request = anybody.post(site.url(&path)).bearer_auth(text(&made["token"]));
    let (status, by_token) = send(request.json(&json!({"csr": csr(&self::key())})));
    assert_eq!(status, 200, "{by_token}");

    let listed = site.credentials("device/246f28ae5210");
    let types: Vec<_> = listed.iter().map(|one| text(&one["type"])).collect();
    assert_eq!(types, ["certificate", "token", "certificate", "certificate"]);
    assert!(text(&listed[3]["createdBy"]).starts_with("claim:"), "{listed:?}");
    assert_eq!(listed[2]["createdBy"], "device/246f28ae5210");
}

#[test]
fn a_revoked_certificate_is_refused_on_its_open_connection() {
    let site = Site::start();
    let holder = site.device(ORG, "keep-alive");
    let mut wire = Wire::open(&site, &holder);
    assert_eq!(wire.ingest(), 200);
    assert_eq!(wire.ingest(), 200);
    let serial = text(&site.credentials("keepalive")[0]["id"]);
    let revoke = ["device", "credential", "revoke", "device/keepalive", &serial];
    let said = site
        .world
        .fleetctl(&[&revoke[..], &["-o", "json"]].concat())
        .ok()
        .json();
    assert_eq!(said["state"], "revoked", "{said}");
    assert_eq!(wire.ingest(), 401);
    assert_eq!(site.ingest(&site.client(Some(&holder))), 401, "on a new one, too");
    // Repeating it is harmless; what is not there, or belongs to another device, is not found.
    site.world.fleetctl(&revoke).ok();
    site.device(ORG, "other");
    for (device, id) in [("other", serial.as_str()), ("keepalive", "00"), ("nobody", &serial)] {
        let said = site.world.fleetctl(&["device", "credential", "revoke", device, id]);
        assert_eq!(said.code, 6, "{said}");
    }

    // The rotated token is live at once, and ends at once.
    let rotated = site
        .world
        .fleetctl(&["device", "credential", "rotate", "keepalive", "-o", "json"]);
    let rotated = rotated.ok().json();
    let by_token = |token: &Value| {
        let request = site.client(None).post(site.url("/api/telemetry/ingest"));
        send(request.bearer_auth(text(token)).json(&reading())).0
    };
    assert_eq!(by_token(&rotated["token"]), 200);
    let revoke = [
        "device",
        "credential",
        "revoke",
        "keepalive",
        rotated["id"].as_str().unwrap(),
    ];
    site.world.fleetctl(&revoke).ok();
    assert_eq!(by_token(&rotated["token"]), 401);
}

#[test]
fn a_device_is_enrolled_and_decommissioned() {
    let site = Site::start();
    site.world
        .apply_text(&format!(
            "apiVersion: fleet/v1\nkind: Site\nmetadata: {{org: {ORG}, name: plant}}\nspec: {{}}\n"
        ))
        .ok();
    let enroll = ["device", "enroll", "AA:BB:01", "--site", "plant", "--name", "boiler"];
    let made = site
        .world
        .fleetctl(&[&enroll[..], &["-o", "json"]].concat())
        .ok()
        .json();
    assert_eq!(
        (&made["device"], &made["serial"]),
        (&json!("boiler"), &json!("AA:BB:01"))
    );
    let again = site.world.fleetctl(&enroll);
    assert_eq!(again.code, 7, "{again}");
    let claim = text(&made["token"]);
    let (status, refused) = site.provision(&site.client(None), "AA:BB:02", &claim, &csr(&key()));
    assert_eq!(status, 401, "{refused}");
    let key = key();
    let (status, provisioned) = site.provision(&site.client(None), "aabb01", &claim, &csr(&key));
    assert_eq!(
        (status, &provisioned["deviceId"]),
        (200, &made["deviceUid"]),
        "{provisioned}"
    );
    let holder = Holder {
        certificate: text(&provisioned["certificate"]),
        id: text(&provisioned["deviceId"]),
        key,
    };
    let mut wire = Wire::open(&site, &holder);
    assert_eq!(wire.ingest(), 200);
    site.world
        .fleetctl(&["device", "command", "send", "boiler", "reboot"])
        .ok();

    let unsure = site.world.fleetctl(&["device", "decommission", "device/boiler"]);
    assert_eq!(unsure.code, 16, "{unsure}");
    assert_eq!(wire.ingest(), 200);
    let done = site
        .world
        .fleetctl(&["device", "decommission", "device/boiler", "--yes", "-o", "json"]);
    let done = done.ok().json();
    assert_eq!(
        done,
        json!({"device": "boiler", "org": ORG, "tokens": 0, "certificates": 1, "commands": 1})
    );
    assert_eq!(wire.ingest(), 401);
    assert_eq!(
        site.renew(&site.client(Some(&holder)), &holder.id, &csr(&self::key()))
            .0,
        401
    );
    let device = site.world.fleetctl(&["get", "device/boiler", "-o", "json"]).ok().json();
    assert_eq!(device["spec"]["state"], "inactive", "{device}");
    let history = site
        .world
        .fleetctl(&["history", "device/boiler", "-o", "json"])
        .ok()
        .json();
    assert!(history[0]["actor"].as_str().unwrap().starts_with("uid:"), "{history}");
    // A claim token that fits does not bring it back.
    let claim = site.world.claim_token(ORG);
    let (status, refused) = site.provision(&site.client(None), "AA:BB:01", &claim, &csr(&self::key()));
    assert_eq!(status, 409, "{refused}");
    assert!(text(&refused["detail"]).contains("is inactive"), "{refused}");
}

#[test]
fn a_certificate_speaks_for_one_device_of_one_organization() {
    one_device_of_one_organization(&Site::start());
}

#[test]
fn replicas_on_one_postgresql_are_one_authority() {
    let server = Postgres::start();
    let home = tempfile::tempdir().unwrap();
    let key = home.path().join("secret.key").to_str().unwrap().to_owned();
    let shared = ["--database-url", &server.url(), "--secret-key-file", &key];
    let (site, replica) = (Site::with(&shared), Site::with(&shared));
    let holder = site.device(ORG, "a");
    assert_eq!(replica.ingest(&replica.client(Some(&holder))), 200);
    let next = self::key();
    let (status, renewed) = replica.renew(&replica.client(Some(&holder)), "a", &csr(&next));
    assert_eq!(status, 200, "{renewed}");
    let next = Holder {
        certificate: text(&renewed["certificate"]),
        id: holder.id,
        key: next,
    };
    let client = site.client(Some(&next));
    assert_eq!(site.ingest(&client), 200);
    let done = site
        .world
        .fleetctl(&["device", "decommission", "a", "--yes", "-o", "json"])
        .ok()
        .json();
    assert_eq!(done["certificates"], 2, "{done}");
    assert_eq!(site.ingest(&client), 401);
    one_device_of_one_organization(&site);
}

fn one_device_of_one_organization(site: &Site) {
    site.world
        .apply_text("apiVersion: fleet/v1\nkind: Organization\nmetadata: {name: globex}\nspec: {}\n")
        .ok();
    let (own, sister) = (site.device(ORG, "own"), site.device(ORG, "sister"));
    let foreign = site.device("globex", "foreign");
    let client = site.client(Some(&own));
    let (status, nothing) = site.heartbeat(&client, "00000000-0000-7000-8000-000000000000");
    assert_eq!(status, 404);
    for other in [&sister.id, &foreign.id, "sister", "foreign"] {
        assert_eq!(site.heartbeat(&client, other), (404, nothing.clone()));
        assert_eq!(site.renew(&client, other, &csr(&key())), (404, nothing.clone()));
    }
    // Readings name a device, too: those of others are nobody's.
    let batch = json!({"deviceId": foreign.id, "readings": [{"dataType": "t", "value": 1}]});
    let (status, answer) = send(client.post(site.url("/api/telemetry/ingest")).json(&batch));
    assert_eq!((status, &answer["accepted"]), (200, &json!(0)), "{answer}");
    assert_eq!(answer["rejected"][0]["code"], "unknown_device", "{answer}");

    // Its key is nobody else's: here, there, and without a word of whose it is.
    let mut told = Vec::new();
    for org in [ORG, "globex"] {
        let claim = site.world.claim_token(org);
        told.push(site.provision(&site.client(None), "thief", &claim, &csr(&own.key)));
    }
    told.push(site.renew(&site.client(Some(&sister)), &sister.id, &csr(&own.key)));
    for (status, refused) in &told {
        assert_eq!((*status, refused), (400, &told[0].1));
        let detail = text(&refused["detail"]);
        assert_eq!(detail, "csr: its key belongs to another device; make a new key");
    }
    assert_eq!(
        site.world.fleetctl(&["get", "device/thief", "--org", ORG]).code,
        6,
        "nothing is left of it"
    );

    // Deleted, it is nobody, and its key is free.
    site.world
        .fleetctl(&["delete", "device/own", "--org", ORG, "--yes"])
        .ok();
    assert_eq!(site.ingest(&client), 401);
    let claim = site.world.claim_token("globex");
    assert_eq!(
        site.provision(&site.client(None), "thief", &claim, &csr(&own.key)).0,
        200
    );
    assert_eq!(site.ingest(&client), 401, "the certificate stays dead");
}

#[test]
fn a_certificate_of_somebody_else_is_no_certificate() {
    let site = Site::start();
    let other = Site::start();
    let holder = site.device(ORG, "a");
    let foreign = other.device(ORG, "a");
    let own_ca = |name: &str| std::fs::read_to_string(site.tls.path().join(name)).unwrap();
    let server = Holder {
        key: KeyPair::from_pem(&own_ca("server.key")).unwrap(),
        certificate: own_ca("server.crt"),
        id: holder.id.clone(),
    };
    for stranger in [&foreign, &server] {
        let client = site.client(Some(stranger));
        let refused = client.get(site.url("/healthz")).send();
        assert!(refused.is_err(), "{refused:?}");
    }
    assert_eq!(site.ingest(&site.client(Some(&holder))), 200);
    assert_eq!(
        site.client(None).get(site.url("/healthz")).send().unwrap().status(),
        200
    );
    let errors = site.world.fleetd.errors();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn what_is_no_request_is_told_what_would_be_one() {
    let world = World::start();
    let claim = world.claim_token(ORG);
    let sound = csr(&key());
    let lines: Vec<&str> = sound.lines().collect();
    let turned = format!(
        "{}\n{}\n",
        lines[0],
        lines[1..].iter().rev().copied().collect::<Vec<_>>().join("\n")
    );
    let cut = lines[..lines.len() - 2].join("\n");
    let garbage = [
        String::new(),
        "x".to_owned(),
        "\u{0}\u{7f}\u{1f600}".to_owned(),
        "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n".to_owned(),
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n".to_owned(),
        format!("{sound}{sound}"),
        key().serialize_pem(),
        turned,
        cut,
        "A".repeat(17_000),
    ];
    let client = world.fleetd.client();
    for (at, csr) in garbage.iter().enumerate() {
        let wanted = json!({"hwId": format!("bad-{at}"), "model": "test", "claimToken": claim, "csr": csr});
        let request = client.post(format!("{}/api/devices/provision", world.fleetd.http()));
        let (status, refused) = send(request.json(&wanted));
        assert_eq!(status, 400, "{csr:?}: {refused}");
        let detail = text(&refused["detail"]);
        assert!(detail.starts_with("csr: ") && detail.contains("P-256"), "{detail}");
    }
    for csr in [json!(7), json!([]), json!({"pem": "x"})] {
        let wanted = json!({"hwId": "bad", "model": "test", "claimToken": claim, "csr": csr});
        let request = client.post(format!("{}/api/devices/provision", world.fleetd.http()));
        assert_eq!(send(request.json(&wanted)).0, 400);
    }
    assert_eq!(
        world.fleetctl(&["get", "devices", "-o", "name"]).ok().stdout,
        "",
        "nobody came in"
    );
    // Without TLS there is a certificate all the same, for a door in front that has it.
    let wanted = json!({"hwId": "good", "model": "test", "claimToken": claim, "csr": sound});
    let request = client.post(format!("{}/api/devices/provision", world.fleetd.http()));
    assert_eq!(send(request.json(&wanted)).0, 200);
    let errors = world.fleetd.errors();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn the_authority_outlives_a_restart_and_a_lost_key_file() {
    let mut site = Site::start();
    let holder = site.device(ORG, "a");
    let (_, before) = site.renew(&site.client(Some(&holder)), "a", &csr(&holder.key));
    assert!(site.world.fleetd.terminate().success());
    site.world.fleetd.restart();
    let client = site.client(Some(&holder));
    assert_eq!(site.ingest(&client), 200);
    let (status, after) = site.renew(&client, "a", &csr(&holder.key));
    assert_eq!((status, &after), (200, &before));

    assert!(site.world.fleetd.terminate().success());
    let file = secret_key(site.world.fleetd.data_dir());
    let kept = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    site.world.fleetd.restart();
    let log = site.world.fleetd.log();
    assert!(
        log.contains("devices get no certificates") && log.contains("another key file"),
        "{log}"
    );
    let client = site.client(Some(&holder));
    assert_eq!(site.ingest(&client), 200, "what was issued counts");
    let (status, refused) = site.renew(&client, "a", &csr(&key()));
    assert_eq!(status, 503, "{refused}");
    assert!(text(&refused["detail"]).contains("put that file back"), "{refused}");

    assert!(site.world.fleetd.terminate().success());
    std::fs::write(&file, kept).unwrap();
    site.world.fleetd.restart();
    let (status, renewed) = site.renew(&site.client(Some(&holder)), "a", &csr(&key()));
    assert_eq!((status, &renewed["caChain"]), (200, &before["caChain"]), "{renewed}");
    // The key of the authority is nowhere to be read.
    let stored = std::fs::read(site.world.fleetd.data_dir().join("fleetd.db")).unwrap();
    assert!(!stored.windows(11).any(|window| window == b"PRIVATE KEY"));
}

fn secret_key(dir: &Path) -> PathBuf {
    let found = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut keys = found.filter(|path| path.extension().is_some_and(|extension| extension == "key"));
    keys.next().unwrap()
}

#[test]
fn who_may_look_may_not_revoke_and_who_enrolls_needs_both_rights() {
    let world = World::start();
    world
        .apply_text(&format!(
            "apiVersion: fleet/v1\nkind: Site\nmetadata: {{org: {ORG}, name: plant}}\nspec: {{}}\n"
        ))
        .ok();
    let device = world.device("a");
    let run = |scopes: &[&str], arguments: &[&str]| {
        let mut create = vec!["token", "create", "--org", ORG, "-o", "json"];
        scopes.iter().for_each(|scope| create.extend(["--scope", scope]));
        let token = text(&world.fleetctl(&create).ok().json()["token"]);
        let mut command = world.fleetctl_command();
        command
            .args(arguments)
            .args(["--org", ORG])
            .env("FLEETCTL_TOKEN", token);
        process::run(&mut command, b"", PATIENCE)
    };
    let id = text(
        &world
            .fleetctl(&["device", "credential", "list", "a", "-o", "json"])
            .ok()
            .json()[0]["id"],
    );
    let view = ["view:device", "view:organization"];
    run(&view, &["device", "credential", "list", "a"]).ok();
    for denied in [
        &["device", "credential", "revoke", "a", &id][..],
        &["device", "credential", "rotate", "a"],
        &["device", "decommission", "a", "--yes"],
        &["device", "enroll", "b", "--site", "plant"],
    ] {
        let said = run(&view, denied);
        assert_eq!(said.code, 5, "{said}");
    }
    let enroll = ["device", "enroll", "b", "--site", "plant"];
    let edit = ["view:device", "view:site", "view:organization", "edit:device"];
    let said = run(&edit, &enroll);
    assert_eq!(said.code, 5, "{said}");
    assert!(said.stderr.contains("edit:claim-token"), "{said}");
    assert_eq!(world.fleetctl(&["get", "device/b"]).code, 6, "neither of both was made");
    run(&[&edit[..], &["edit:claim-token"]].concat(), &enroll).ok();
    assert_eq!(
        device
            .post("/api/devices/{id}/heartbeat", &json!({"uptimeSeconds": 1}))
            .0,
        200
    );
    run(&edit, &["device", "decommission", "a", "--yes"]).ok();
    assert_eq!(
        device
            .post("/api/devices/{id}/heartbeat", &json!({"uptimeSeconds": 1}))
            .0,
        401
    );
}
