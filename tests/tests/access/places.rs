//! What is bound to a site stays bound to that site, whatever its name, and to no other of that name.

use fleet_tests::{Device, Http};
use serde_json::json;

use super::*;

#[test]
fn tokens_invitations_and_claims_follow_their_site() {
    let world = tenants();
    let admin = person(&world, "umc-admin");
    let at_clinic = |words: &[&str]| {
        let all = [words, &["--org", "umc", "--site", "clinic-north", "-o", "json"]].concat();
        admin.run(&all, "").ok().json()
    };
    let token = at_clinic(&["token", "create", "--name", "reader", "--scope", "view:device"]);
    let claim = at_clinic(&["device", "claim-token", "create"]);
    let spare = at_clinic(&["device", "claim-token", "create"]);
    let code = at_clinic(&["user", "invite", "new@umc.example", "--role", "viewer"]);

    admin.run(&["mv", "site/clinic-north", "clinic-east"], "").ok();
    // Another site takes the name, and what was at the old one stays there.
    world
        .apply_text(
            "apiVersion: fleet/v1\nkind: Site\nmetadata: {org: umc, name: clinic-north}\nspec: {}\n---\n\
             apiVersion: fleet/v1\nkind: Device\nmetadata: {org: umc, name: stranger}\nspec: {site: clinic-north}\n",
        )
        .ok();
    let at = |device: &str| {
        let said = admin
            .run(&["get", "device", device, "--org", "umc", "-o", "json"], "")
            .ok();
        said.json()["spec"]["site"].clone()
    };
    let device = Device::provision(world.fleetd.http(), "246f28ae5299", claim["token"].as_str().unwrap());
    assert_eq!(at("246f28ae5299"), "clinic-east");
    let program = Http::new(world.fleetd.http()).token(token["token"].as_str().unwrap());
    let seen = |program: &Http| -> Vec<String> {
        let page = program.get("/api/v1/devices?org=umc").is(200).body;
        let name = |one: &Value| one["metadata"]["name"].as_str().unwrap().to_owned();
        page["items"].as_array().unwrap().iter().map(name).collect()
    };
    assert_eq!(seen(&program), ["246f28ae5299", "esp32-02"]);
    let listed = admin.run(&["token", "list", "--org", "umc", "-o", "json"], "").ok();
    assert_eq!(listed.json()[0]["sites"], json!(["clinic-east"]));
    let listed = admin.run(&["device", "claim-token", "list", "--org", "umc", "-o", "json"], "");
    assert_eq!(listed.ok().json()[0]["site"], "clinic-east");
    let guest = Person {
        world: &world,
        name: "guest",
    };
    let input = format!("{}\n{PASSWORD}", code["code"].as_str().unwrap());
    guest
        .run(&["user", "accept", "--user", "guest", "--password-stdin"], &input)
        .ok();
    assert_eq!(
        names(&guest.run(&["get", "sites", "-o", "json"], "").ok()),
        ["clinic-east"]
    );

    // When the site is gone, nothing of it comes back with its name.
    for gone in [
        "device/esp32-02",
        "device/246f28ae5299",
        "role-binding/night-clinic",
        "site/clinic-east",
    ] {
        let said = admin.run(&["delete", gone, "--org", "umc", "--yes"], "");
        assert!(said.code == 0, "{gone}: {said}");
    }
    drop(device);
    world
        .apply_text("apiVersion: fleet/v1\nkind: Site\nmetadata: {org: umc, name: clinic-east}\nspec: {}\n---\napiVersion: fleet/v1\nkind: Device\nmetadata: {org: umc, name: late}\nspec: {site: clinic-east}\n")
        .ok();
    assert_eq!(seen(&program), [""; 0]);
    let refused = Http::new(world.fleetd.http()).post(
        "/api/devices/provision",
        &json!({"hwId": "246f28ae52aa", "model": "test", "claimToken": spare["token"]}),
    );
    assert_eq!(refused.status, 401, "{}", refused.body);
}

#[test]
fn what_an_organization_uses_is_told_to_those_who_see_all_of_it() {
    let world = tenants();
    let budgets = |name: &'static str| {
        let said = person(&world, name).run(&["describe", "organization/umc", "-o", "json"], "");
        let over_grpc = said.ok().json()["resource"]["status"]["budgets"].clone();
        let http = Http::new(world.fleetd.http()).login(name, PASSWORD);
        let over_http = http.get("/api/v1/organizations/umc").is(200).body;
        assert_eq!(over_grpc, over_http["status"]["budgets"], "{name}");
        over_grpc
    };
    assert!(budgets("umc-admin").is_array());
    // It knows its organization by two sites.
    assert_eq!(budgets("umc-night"), Value::Null);
}
