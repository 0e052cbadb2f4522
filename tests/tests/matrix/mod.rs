//! Who gets what from which method: every method of the contract by every kind of caller, about a thing at the own
//! site, at another, in another organization, and about nothing. The golden file is the whole of it; a method without a
//! sample fails the test, and one without a permission does not build.

mod routes;
mod stage;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fleet_proto::{pb, reflect};
use fleet_tests::paths;
use prost::Message as _;
use serde_json::{Value, json};
use tonic::Status;

use stage::{PASSWORD, Stage, TARGETS, text};

/// What a method is asked, with `{org}`, `{site}`, `{device}`, `{user}`, and `{id}` of what is made for the call.
fn samples() -> BTreeMap<&'static str, Value> {
    let metadata = json!({"org": "{org}", "name": "{device}", "labels": {"matrix": "yes"}});
    let device = json!({"metadata": metadata, "device": {}});
    let apply = json!({"options": {"dryRun": true}, "submissions": [{"resource": device, "paths": ["metadata.labels.matrix"]}]});
    let key = json!({"org": "{org}", "kind": "device", "name": "{device}"});
    BTreeMap::from([
        ("ResourceService.Get", key.clone()),
        (
            "ResourceService.List",
            json!({"filter": {"org": "{org}", "kind": "device", "nameGlob": "{device}"}}),
        ),
        (
            "ResourceService.Watch",
            json!({"filter": {"org": "{org}", "kind": "device", "nameGlob": "{device}"}}),
        ),
        ("ResourceService.Plan", apply.clone()),
        ("ResourceService.Apply", apply),
        (
            "ResourceService.Restore",
            json!({"org": "{org}", "revision": 1, "keys": [key.clone()], "dryRun": true}),
        ),
        (
            "ResourceService.History",
            json!({"org": "{org}", "kind": "device", "name": "{device}"}),
        ),
        ("ResourceService.Owners", key.clone()),
        ("ResourceService.Delete", json!({"keys": [key], "dryRun": true})),
        ("ResourceService.ListKinds", json!({})),
        (
            "DeviceService.CreateClaimToken",
            json!({"org": "{org}", "site": "{site}"}),
        ),
        ("DeviceService.ListClaimTokens", json!({"org": "{org}"})),
        ("DeviceService.RevokeClaimToken", json!({"org": "{org}", "id": "{id}"})),
        (
            "DeviceService.Enroll",
            json!({"org": "{org}", "site": "{site}", "hwId": "{device}", "name": "{device}"}),
        ),
        (
            "DeviceService.Decommission",
            json!({"org": "{org}", "device": "spare-{device}"}),
        ),
        (
            "DeviceService.ListCredentials",
            json!({"org": "{org}", "device": "spare-{device}"}),
        ),
        (
            "DeviceService.RevokeCredential",
            json!({"org": "{org}", "device": "other-{device}", "id": "{id}"}),
        ),
        (
            "DeviceService.RotateToken",
            json!({"org": "{org}", "device": "other-{device}"}),
        ),
        (
            "DeviceService.SendCommand",
            json!({"org": "{org}", "device": "{device}", "type": "reboot"}),
        ),
        (
            "DeviceService.ListCommands",
            json!({"org": "{org}", "device": "{device}"}),
        ),
        ("DeviceService.Logs", json!({"org": "{org}", "device": "{device}"})),
        ("TelemetryService.Latest", json!({"org": "{org}", "device": "{device}"})),
        (
            "TelemetryService.Query",
            json!({"org": "{org}", "device": "{device}", "sensor": "t", "toUs": "9000000000000000"}),
        ),
        (
            "TelemetryService.Summary",
            json!({"org": "{org}", "device": "{device}", "sensor": "t", "toUs": "9000000000000000"}),
        ),
        (
            "TelemetryService.Retention",
            json!({"org": "{org}", "device": "{device}"}),
        ),
        (
            "TelemetryService.Write",
            json!({"sequence": 1, "org": "{org}", "declared": [{"number": 1, "device": "other-{device}", "sensor": "t"}],
                "series": [1], "timestampsUs": [0], "values": [1.0]}),
        ),
        (
            "TelemetryService.Import",
            json!({"org": "{org}", "readings": [{"device": "{device}", "sensor": "t", "timestampUs": "1767225600000000", "value": 1}]}),
        ),
        ("TelemetryService.Series", json!({"org": "{org}", "device": "{device}"})),
        (
            "TelemetryService.Gaps",
            json!({"org": "{org}", "device": "{device}", "toUs": "9000000000000000"}),
        ),
        (
            "TelemetryService.Samples",
            json!({"org": "{org}", "variable": "of-{device}"}),
        ),
        ("TelemetryService.Tail", json!({"org": "{org}", "device": "{device}"})),
        // There is no slave: who may ask is told that, and who may not is not.
        (
            "ModbusService.Read",
            json!({"org": "{org}", "device": "{device}", "address": 0}),
        ),
        ("SystemService.Status", json!({})),
        ("AccessService.Login", json!({"user": "somebody", "password": PASSWORD})),
        ("AccessService.LoginWithCode", json!({"code": "flt_code_0_0_0"})),
        ("AccessService.CreateLoginCode", json!({"user": "{user}"})),
        ("AccessService.Refresh", json!({"refreshToken": "flt_refresh_0_0_0"})),
        (
            "AccessService.Setup",
            json!({"token": "flt_setup_0_0_0", "user": "x", "password": PASSWORD}),
        ),
        (
            "AccessService.ResetPassword",
            json!({"code": "flt_code_0_0_0", "password": PASSWORD}),
        ),
        (
            "AccessService.AcceptInvitation",
            json!({"code": "flt_code_0_0_0", "user": "x", "password": PASSWORD}),
        ),
        ("AccessService.Logout", json!({})),
        ("AccessService.ListSessions", json!({"user": "{user}"})),
        ("AccessService.RevokeSession", json!({"id": "{id}"})),
        (
            "AccessService.ChangePassword",
            json!({"old": PASSWORD, "new": PASSWORD}),
        ),
        (
            "AccessService.SetPassword",
            json!({"user": "{user}", "password": PASSWORD}),
        ),
        ("AccessService.CreateReset", json!({"user": "{user}"})),
        (
            "AccessService.Invite",
            json!({"org": "{org}", "email": "x@y.example", "role": "viewer", "sites": ["{site}"]}),
        ),
        ("AuditService.Search", json!({"org": "{org}", "limit": 1})),
        ("AuditService.Head", json!({"org": "{org}"})),
        (
            "LogService.Add",
            json!({"org": "{org}", "device": "{device}", "message": "the matrix was here"}),
        ),
        (
            "LogService.Search",
            json!({"org": "{org}", "device": "{device}", "limit": 1}),
        ),
        ("AccessService.WhoAmI", json!({})),
        (
            "AccessService.CanI",
            json!({"permission": "view:device", "org": "{org}", "name": "{device}", "user": "{user}"}),
        ),
        (
            "AccessService.CreateToken",
            json!({"org": "{org}", "scopes": ["view:device"], "sites": ["{site}"]}),
        ),
        ("AccessService.ListTokens", json!({"org": "{org}"})),
        ("AccessService.RevokeToken", json!({"org": "{org}", "id": "{id}"})),
    ])
}

fn filled(sample: &Value, target: &[&str; 4], id: &str) -> Value {
    let mut text = sample.to_string();
    for (name, value) in ["{org}", "{site}", "{device}", "{user}", "{id}"]
        .iter()
        .zip(target.iter().chain([&id]))
    {
        text = text.replace(name, value);
    }
    serde_json::from_str(&text).unwrap()
}

/// A word for the golden file.
fn outcome(said: &Result<Value, Status>) -> String {
    match said {
        // A list is empty where nothing in it may be seen.
        Ok(answer) if answer.as_object().is_some_and(serde_json::Map::is_empty) => "empty".to_owned(),
        // What a program writes of a device that is not there for it.
        Ok(answer) if answer["rejected"][0]["code"] == "unknown_device" => "none".to_owned(),
        // A call that is let in may be about things that are not: what it says of each.
        Ok(answer) if answer.get("rejected").is_some() => "refused".to_owned(),
        Ok(_) => "ok".to_owned(),
        Err(status) => match status.code() {
            tonic::Code::PermissionDenied => "denied".to_owned(),
            tonic::Code::NotFound => "none".to_owned(),
            tonic::Code::Unauthenticated => "who?".to_owned(),
            tonic::Code::InvalidArgument => "invalid".to_owned(),
            // What is to be enrolled is there already, and the device has no endpoint: who may not, is not told.
            tonic::Code::AlreadyExists | tonic::Code::Unavailable => "ok".to_owned(),
            other => format!("{other:?}"),
        },
    }
}

/// What is told of a refusal, without the names that the question held.
fn told(said: &Result<Value, Status>, target: &[&str; 4], id: &str) -> String {
    let Err(status) = said else { return format!("{said:?}") };
    let detail = pb::ErrorDetail::decode(status.details()).unwrap();
    compared(
        &format!("{:?} {} {detail:?}", status.code(), status.message()),
        target,
        id,
    )
}

/// A text without the names that the question held.
fn compared(text: &str, target: &[&str; 4], id: &str) -> String {
    let mut text = text.to_owned();
    for (name, value) in ["ID", "DEVICE", "USER", "ORG"]
        .iter()
        .zip([id, target[2], target[3], target[0]])
    {
        if !value.is_empty() {
            text = text.replace(&format!("`{value}`"), &format!("`{name}`"));
            text = text.replace(&format!("/{value}"), &format!("/{name}"));
            text = text.replace(&format!(" of {value}"), &format!(" of {name}"));
            text = text.replace(&format!("token {value}"), &format!("token {name}"));
            text = text.replace(&format!("session {value}"), &format!("session {name}"));
        }
    }
    text
}

/// Holds a table against its golden file; `UPDATE=1` writes that anew.
fn is_golden(file: &str, golden: &str) {
    let path = paths::repository().join("tests/fixtures").join(file);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, golden).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let wrong: Vec<_> = golden
        .lines()
        .filter(|line| !expected.lines().any(|known| known == *line))
        .collect();
    assert!(
        golden == expected,
        "{}\nUPDATE=1 writes tests/fixtures/{file} anew; look at the difference",
        wrong.join("\n")
    );
}

#[test]
fn every_method_gives_every_caller_what_the_golden_matrix_says() {
    let stage = Stage::set();
    // Somebody measures all the time, so that a tail that is allowed has something to tell.
    let over = Arc::new(AtomicBool::new(false));
    let (stop, devices) = (Arc::clone(&over), stage.devices.clone());
    let measuring = std::thread::spawn(move || {
        while !stop.load(Ordering::SeqCst) {
            for device in &devices {
                device.ingest(&json!([{"dataType": "t", "value": 1}]));
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    });
    let samples = samples();
    let mut golden = String::from(
        "# method | caller | about a thing at the own site | at another site | in another organization | about nothing\n",
    );
    let mut differing = Vec::new();
    let mut known = 0;
    for service in reflect::pool().services() {
        for method in service.methods() {
            let name = format!("{}.{}", service.name(), method.name());
            let sample = samples
                .get(name.as_str())
                .unwrap_or_else(|| panic!("the matrix has no sample of {name}"));
            known += 1;
            for (caller, token) in &stage.callers {
                let mut row = Vec::new();
                let mut texts = Vec::new();
                for (_, target) in TARGETS {
                    let id = stage.prepare(&name, target);
                    // Who logs out does so with a session of that moment.
                    let fresh = match (name.as_str(), caller.as_str()) {
                        (
                            "AccessService.Logout",
                            "nothing" | "viewer" | "operator" | "manager" | "developer" | "pair" | "admin"
                            | "platform-admin",
                        ) => Some(stage.login(caller)),
                        _ => token.clone(),
                    };
                    let said = stage.call(&stage.channel, &name, &filled(sample, target, &id), fresh.as_deref());
                    row.push(outcome(&said));
                    texts.push(told(&said, target, &id));
                }
                // Another organization's thing is like nothing at all, to the letter.
                if caller != "platform-admin" && name != "AccessService.Login" && texts[2] != texts[3] {
                    differing.push(format!("{name} for {caller}:\n  {}\n  {}", texts[2], texts[3]));
                }
                let _ = writeln!(golden, "{name} | {caller} | {}", row.join(" | "));
            }
        }
    }
    over.store(true, Ordering::SeqCst);
    measuring.join().unwrap();
    assert_eq!(known, samples.len(), "a sample's method is gone");
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    is_golden("matrix.golden", &golden);
    assert_eq!(stage.world.fleetd.errors(), [""; 0]);
}

#[test]
fn plans_and_what_they_delete_tell_nothing_of_others() {
    let stage = Stage::set();
    let admin = stage.login("admin");
    let ask = |options: Value| {
        stage.call(
            &stage.channel,
            "ResourceService.Apply",
            &json!({"options": options}),
            Some(&admin),
        )
    };
    let deletes = |org: &str, kind: &str, name: &str| {
        let key = json!({"org": org, "kind": kind, "name": name, "revision": 999});
        let said = ask(json!({"dryRun": true, "deletes": [key]})).unwrap_err();
        said.message().replace(name, "NAME").replace(org, "ORG")
    };
    assert_eq!(
        deletes("two", "device", "device-c"),
        deletes("nope", "device", "device-n")
    );
    assert!(
        deletes("one", "device", "device-a").contains("is at"),
        "one's own is told"
    );
    // An invented digest names no transaction of anybody, neither the first time nor the second.
    let digest = "a1".repeat(32);
    for _ in 0..2 {
        let said = ask(json!({"planDigest": digest})).unwrap();
        assert_eq!(said["summary"]["repeated"], Value::Null, "{said}");
        assert_eq!(said["applied"], Value::Null, "{said}");
    }
    assert_eq!(
        ask(json!({"planDigest": "a1".repeat(65)})).unwrap_err().code(),
        tonic::Code::InvalidArgument
    );
    // A token for users is none for their administrators, and writes nothing else.
    let made = stage.admin(
        "AccessService.CreateToken",
        &json!({"scopes": ["edit:user", "view:user"]}),
    );
    let token = text(&made["token"]);
    let with = |method: &str, request: Value| stage.call(&stage.channel, method, &request, Some(&token));
    let denied = |said: Result<Value, Status>| assert_eq!(said.unwrap_err().code(), tonic::Code::PermissionDenied);
    denied(with(
        "AccessService.SetPassword",
        json!({"user": "platform-admin", "password": PASSWORD}),
    ));
    denied(with("AccessService.CreateReset", json!({"user": "platform-admin"})));
    denied(with("AccessService.CreateReset", json!({"user": "admin"})));
    denied(with("AccessService.CreateLoginCode", json!({"user": "platform-admin"})));
    let submit = |metadata: Value, kind: &str, spec: Value| {
        let resource = json!({"metadata": metadata, kind: spec});
        with(
            "ResourceService.Apply",
            json!({"options": {}, "submissions": [{"resource": resource}]}),
        )
    };
    denied(submit(
        json!({"name": "mallory"}),
        "user",
        json!({"platformRoles": ["platform-admin"]}),
    ));
    denied(submit(
        json!({"name": "nothing"}),
        "user",
        json!({"platformRoles": ["viewer"]}),
    ));
    for (kind, spec) in [
        ("role", json!({"permissions": ["*:*"]})),
        ("project", json!({})),
        ("secret", json!({"value": "x"})),
    ] {
        let said = submit(json!({"org": "one", "name": "mine"}), kind, spec);
        assert!(said.is_err(), "{kind}: {said:?}");
    }
    submit(json!({"name": "newcomer"}), "user", json!({})).unwrap();
}
