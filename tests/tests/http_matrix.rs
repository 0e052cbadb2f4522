//! Every route × everybody: the table says whom a route lets in, the document tells it, and that is who gets in.

use fleet_proto::access::{self, Permission, Permissions};
use fleet_tests::{Device, Http};
use reqwest::Method;
use serde_json::Value;

use super::http_management::{login, tenants};

/// Somebody, and whether they get past the gate of a route with these needs.
struct Caller {
    name: &'static str,
    http: Http,
    /// None: a device, or nobody.
    holds: Option<Permissions>,
}

impl Caller {
    /// Statuses of which one must be the answer; none: any but 401 and 403.
    fn expected(&self, needs: &str) -> Option<&'static [u16]> {
        match (needs, &self.holds, self.name) {
            ("stranger", ..) | ("device", _, "device") | ("caller", Some(_), _) => None,
            (_, None, "device") => Some(&[403]),
            (_, None, _) | ("device", Some(_), _) => Some(&[401]),
            (needs, Some(holds), _) => {
                let permission = Permission::of_method(needs).unwrap();
                if holds.has(permission) { None } else { Some(&[403]) }
            }
        }
    }
}

#[test]
fn every_route_lets_in_whom_its_row_lets_in() {
    let world = tenants(&[], &["root-admin", "umc-admin", "umc-night"]);
    let door = Http::new(world.fleetd.http());
    let device = Device::provision(world.fleetd.http(), "matrix-1", &world.claim_token("umc"));
    let create = [
        "token",
        "create",
        "--org",
        "umc",
        "--name",
        "reader",
        "--scope",
        "view:device",
        "-o",
        "json",
    ];
    let token = world.fleetctl(&create).ok().json();
    let role = |name| access::union(access::built_in(name).unwrap().permissions);
    let callers = [
        Caller {
            name: "nobody",
            http: door.clone(),
            holds: None,
        },
        Caller {
            name: "liar",
            http: door.token("flt_dev_x"),
            holds: None,
        },
        Caller {
            name: "device",
            http: door.token(&device.token),
            holds: None,
        },
        Caller {
            name: "viewer",
            http: login(&world, "umc-night"),
            holds: Some(role("viewer")),
        },
        Caller {
            name: "org-admin",
            http: login(&world, "umc-admin"),
            holds: Some(role("org-admin")),
        },
        Caller {
            name: "platform-admin",
            http: login(&world, "root-admin"),
            holds: Some(Permissions::all()),
        },
        Caller {
            name: "token",
            http: door.token(token["token"].as_str().unwrap()),
            holds: Some(access::union(&["view:device"])),
        },
    ];
    let document = door.get("/api/openapi.json").is(200).body;
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let needs = operation["x-fleet-needs"].as_str().unwrap();
            for caller in &callers {
                // Nobody is logged out by it, and one's own profile takes an empty change.
                if path.ends_with("/logout") && caller.holds.is_some() {
                    continue;
                }
                asked += 1;
                holds(caller, method, path, needs, &device);
            }
        }
    }
    assert!(asked > 800, "{asked}");
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

/// A device's answers about itself depend on more than its credential.
fn holds(caller: &Caller, method: &str, path: &str, needs: &str, device: &Device) {
    let own = path
        .replace("{id}", &device.id)
        .replace("{command}", "none")
        .replace("{name}", "none");
    let method: Method = method.to_uppercase().parse().unwrap();
    let request = caller
        .http
        .request(method.clone(), &own)
        .header("content-type", "application/json");
    let answer = loop {
        let answer = request.try_clone().unwrap().body("{}").send().unwrap();
        if answer.status() != 429 {
            break answer;
        }
        std::thread::sleep(std::time::Duration::from_secs(1));
    };
    let status = answer.status().as_u16();
    let who = caller.name;
    match caller.expected(needs) {
        Some(expected) => assert!(expected.contains(&status), "{who}: {method} {own} ({needs}): {status}"),
        // Logins and registrations refuse for reasons of their own; so does a token without a person.
        None => {
            let of_its_own = path.starts_with("/api/auth/") || path == "/api/devices/provision";
            assert!(
                of_its_own || !matches!(status, 401 | 403),
                "{who}: {method} {own} ({needs}): {status}"
            );
        }
    }
    if status >= 400 {
        let problem: Value = serde_json::from_str(&answer.text().unwrap()).unwrap();
        assert!(
            problem["code"].is_string() && problem["detail"].is_string(),
            "{problem}"
        );
    }
}
