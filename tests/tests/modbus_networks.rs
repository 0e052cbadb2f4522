//! Where a tenant's devices may be: fleetd does not connect to its own machine because somebody writes so.

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::peers::ModbusServer;
use fleet_tests::{Finished, ORG, World, process};
use serde_json::Value;

/// An organization with these networks.
fn organization(world: &World, name: &str, networks: &str) -> Finished {
    let text = format!(
        "apiVersion: fleet/v1\nkind: Organization\nmetadata: {{name: {name}}}\nspec: {{modbusNetworks: [{networks}]}}\n"
    );
    world.apply_text(&text)
}

/// A site with these networks.
fn site(world: &World, org: &str, networks: &str) -> Finished {
    world.apply_text(&format!(
        "apiVersion: fleet/v1\nkind: Site\nmetadata: {{org: {org}, name: plant}}\nspec: {{settings: {{modbusNetworks: [{networks}]}}}}\n"
    ))
}

/// What a meter of one register is polled by.
fn config(world: &World, org: &str, bus: &str) -> Finished {
    world.apply_text(&format!(
        "apiVersion: fleet/v1\nkind: GatewayConfig\nmetadata: {{org: {org}, name: meter}}\nspec:\n  poller: fleetd\n  buses: [{{name: main, transport: tcp{bus}}}]\n  \
         slaves:\n    - {{slaveId: 1, pollingIntervalMs: 100, timeoutMs: 2000, registers: [{{label: u, address: 0, functionCode: 4, dataType: float32}}]}}\n"
    ))
}

/// A manifest of a device at the site.
fn device(org: &str, name: &str, host: &str, port: u16) -> String {
    format!(
        "apiVersion: fleet/v1\nkind: Device\nmetadata: {{org: {org}, name: {name}}}\nspec:\n  site: plant\n  gatewayConfig: meter\n  endpoint:\n    \
         host: \"{host}\"\n    port: {port}\n"
    )
}

#[track_caller]
fn says(said: &Finished, code: i32, words: &str) {
    assert_eq!(said.code, code, "{said}");
    let text = format!("{}{}", said.stdout, said.stderr);
    assert!(text.contains(words), "{words}: {said}");
}

/// Waits until the device's reading has this reason; empty: until it is good.
fn wait(world: &World, org: &str, name: &str, reason: &str) {
    let mut last = Value::Null;
    let reference = format!("device/{name}");
    let found = process::until(PATIENCE, || {
        last = world
            .fleetctl(&["telemetry", "latest", &reference, "--org", org, "-o", "json"])
            .ok()
            .json();
        let reading = &last[0];
        let is_it = reading["reason"] == reason && (reading["quality"] == "good") == reason.is_empty();
        assert!(
            reason.is_empty() || !is_it || reading["value"].is_null(),
            "no number is made up: {reading}"
        );
        is_it.then_some(())
    });
    found.unwrap_or_else(|| panic!("{org} {name}: no `{reason}` in {last:#}"));
}

/// Waits until a bus of the organization is in this state, with this in its last error.
fn bus(world: &World, org: &str, state: &str, error: &str) {
    let mut last = Value::Null;
    let found = process::until(PATIENCE, || {
        last = world.fleetctl(&["server", "status", "-o", "json"]).ok().json()["buses"].clone();
        let is_it = |bus: &Value| {
            bus["org"] == org && bus["state"] == state && bus["lastError"].as_str().unwrap_or_default().contains(error)
        };
        last.as_array().unwrap().iter().any(is_it).then_some(())
    });
    found.unwrap_or_else(|| panic!("{org}: no bus is {state} because of `{error}`: {last:#}"));
}

fn read(world: &World, org: &str, name: &str) -> Finished {
    let reference = format!("device/{name}");
    world.fleetctl(&["modbus", "read", &reference, "--label", "u", "--org", org])
}

#[test]
fn fleetds_own_machine_is_reached_only_where_the_platform_lists_it() {
    let mut server = ModbusServer::start(&[(0, 4)], &[(0, 230.5)]);
    let port = server.port();
    let world = World::start();
    site(&world, ORG, "").ok();
    config(&world, ORG, "").ok();
    // An address tells it at once, in a plan, too.
    for (host, told) in [
        ("127.0.0.1", "127.0.0.1 (fleetd's own machine)"),
        ("::ffff:127.0.0.1", "127.0.0.1 (fleetd's own machine)"),
        ("::1", "::1 (fleetd's own machine)"),
        ("0.0.0.0", "0.0.0.0 (fleetd's own machine)"),
        ("169.254.169.254", "169.254.169.254 (link-local)"),
        ("255.255.255.255", "255.255.255.255 (reserved, or broadcast)"),
    ] {
        let manifest = device(ORG, "meter", host, port);
        for verb in ["plan", "apply"] {
            let said = world.fleetctl_with(&[verb, "-f", "-"], manifest.as_bytes());
            says(&said, 3, told);
            says(&said, 3, "-:8:");
            says(&said, 3, "an administrator of the platform sets spec.modbusNetworks");
        }
    }
    says(
        &config(&world, ORG, ", host: 127.0.0.1"),
        3,
        "127.0.0.1 (fleetd's own machine)",
    );
    // A name tells it when it is looked up; whatever the system takes for an address is no way around.
    for (name, host) in [("by-name", "localhost"), ("short", "127.1"), ("number", "2130706433")] {
        world.apply_text(&device(ORG, name, host, port)).ok();
        wait(&world, ORG, name, "outside_networks");
        says(
            &read(&world, ORG, name),
            5,
            "is reached only where spec.modbusNetworks of organization acme lists it",
        );
        bus(&world, ORG, "refused", "(fleetd's own machine)");
        world.fleetctl(&["delete", &format!("device/{name}"), "--yes"]).ok();
    }
    assert_eq!(server.connections(), 0);
    // Where it is listed it is polled; the same name, the same way.
    organization(&world, ORG, "127.0.0.0/8").ok();
    world.apply_text(&device(ORG, "meter", "localhost", port)).ok();
    wait(&world, ORG, "meter", "");
    read(&world, ORG, "meter").ok();
    assert_eq!(server.connections(), 1, "manual reads go over the same connection");
    // A list of networks is the whole of it.
    says(
        &world.apply_text(&device(ORG, "other", "192.0.2.1", port)),
        3,
        "192.0.2.1 is outside of the networks of organization acme (127.0.0.0/8)",
    );
    assert_eq!(world.fleetd.errors(), [""; 0]);
}

#[test]
fn who_shares_an_endpoint_shares_no_permission() {
    let mut server = ModbusServer::start(&[(0, 4)], &[(0, 230.5)]);
    let port = server.port();
    let world = World::empty(&[]);
    organization(&world, "listed", "127.0.0.0/8").ok();
    organization(&world, "stranger", "").ok();
    for org in ["listed", "stranger"] {
        site(&world, org, "").ok();
        config(&world, org, "").ok();
        world.apply_text(&device(org, "meter", "localhost", port)).ok();
    }
    wait(&world, "listed", "meter", "");
    wait(&world, "stranger", "meter", "outside_networks");
    says(
        &read(&world, "stranger", "meter"),
        5,
        "of organization stranger lists it",
    );
    bus(&world, "listed", "connected", "");
    bus(&world, "stranger", "refused", "of organization stranger lists it");
    read(&world, "listed", "meter").ok();
    assert_eq!(server.connections(), 1, "the one that may keeps its connection");

    // A site narrows what its organization has, over an open connection, too, and never widens it.
    site(&world, "listed", "10.0.0.0/8, 127.0.0.2/32").ok();
    wait(&world, "listed", "meter", "outside_networks");
    let told = "127.0.0.1 is outside of the networks of site plant (10.0.0.0/8, 127.0.0.2/32)";
    says(&read(&world, "listed", "meter"), 5, told);
    bus(&world, "listed", "refused", told);
    says(&world.apply_text(&device("listed", "new", "127.0.0.1", port)), 3, told);
    site(&world, "stranger", "127.0.0.0/8").ok();
    says(
        &read(&world, "stranger", "meter"),
        5,
        "of organization stranger lists it",
    );
    // What is there stays as it is, and other fields of it change.
    site(&world, "listed", "").ok();
    world.apply_text(&device("listed", "fixed", "127.0.0.1", port)).ok();
    wait(&world, "listed", "fixed", "");
    site(&world, "listed", "10.0.0.0/8").ok();
    wait(&world, "listed", "fixed", "outside_networks");
    world
        .apply_text(&format!(
            "{}  displayName: Fixed\n",
            device("listed", "fixed", "127.0.0.1", port)
        ))
        .ok();
    world
        .fleetctl(&["label", "device/fixed", "a=b", "--org", "listed"])
        .ok();
    let moved = device("listed", "fixed", "127.0.0.3", port);
    says(
        &world.apply_text(&moved),
        3,
        "127.0.0.3 is outside of the networks of site plant",
    );
    site(&world, "listed", "127.0.0.0/8").ok();
    wait(&world, "listed", "fixed", "");
    assert_eq!(world.fleetd.errors(), [""; 0]);
}

#[test]
fn a_network_that_means_two_things_is_refused_with_what_to_write() {
    let world = World::start();
    for (network, says_so) in [
        ("10.1.2.3/16", "write 10.1.0.0/16, or 10.1.2.3/32 for that one address"),
        ("10.1.0.0/33", "the prefix of such an address has 0 to 32 bits"),
        ("10.1.2.3", "a network such as 10.1.0.0/16"),
        ("\"::ffff:10.0.0.0/104\"", "write 10.0.0.0/8"),
    ] {
        for said in [organization(&world, ORG, network), site(&world, ORG, network)] {
            says(&said, 3, says_so);
        }
    }
}

#[test]
fn what_a_profile_gives_and_what_undo_brings_back_lies_within_the_networks() {
    let world = World::empty(&[]);
    organization(&world, "listed", "10.0.0.0/8, 192.168.0.0/16").ok();
    site(&world, "listed", "10.0.0.0/8").ok();
    config(&world, "listed", ", host: 192.168.0.9").ok();
    let profile = |spec: &str| {
        world.apply_text(&format!(
            "apiVersion: fleet/v1\nkind: DeviceProfile\nmetadata: {{org: listed, name: make}}\nspec: {spec}\n"
        ))
    };
    profile("{deviceType: meter}").ok();
    world
        .apply_text("apiVersion: fleet/v1\nkind: Device\nmetadata: {org: listed, name: made}\nspec: {site: plant, profile: make}\n")
        .ok();
    let told = "192.168.0.9 is outside of the networks of site plant (10.0.0.0/8)";
    says(
        &profile("{gatewayConfig: meter}"),
        3,
        &format!("bus 0 of gateway-config/meter: {told}"),
    );
    config(&world, "listed", ", host: 10.0.0.9").ok();
    profile("{gatewayConfig: meter}").ok();
    says(&config(&world, "listed", ", host: 192.168.0.9"), 3, told);

    world.apply_text(&device("listed", "meter", "10.0.0.5", 502)).ok();
    world.apply_text(&device("listed", "meter", "10.0.0.6", 502)).ok();
    let moved = world
        .fleetctl(&["history", "device/meter", "--org", "listed", "-o", "json"])
        .ok()
        .json()[0]["revision"]
        .to_string();
    site(&world, "listed", "10.0.0.6/32, 10.0.0.9/32").ok();
    let undone = world.fleetctl(&["undo", &moved, "--yes"]);
    says(
        &undone,
        3,
        "device/meter of listed: 10.0.0.5 is outside of the networks of site plant (10.0.0.6/32, 10.0.0.9/32)",
    );
    site(&world, "listed", "10.0.0.0/8").ok();
    world.fleetctl(&["undo", &moved, "--yes"]).ok();
    assert_eq!(world.fleetd.errors(), [""; 0]);
}

#[test]
fn organizations_without_a_list_have_the_one_of_fleetd() {
    let mut server = ModbusServer::start(&[(0, 4)], &[(0, 230.5)]);
    let port = server.port();
    let world = World::empty(&["--modbus-networks", "10.0.0.0/8,127.0.0.0/8"]);
    organization(&world, "plain", "").ok();
    site(&world, "plain", "").ok();
    config(&world, "plain", "").ok();
    world.apply_text(&device("plain", "meter", "localhost", port)).ok();
    wait(&world, "plain", "meter", "");
    says(
        &world.apply_text(&device("plain", "other", "192.0.2.1", port)),
        3,
        "192.0.2.1 is outside of the networks of fleetd (--modbus-networks) (10.0.0.0/8, 127.0.0.0/8)",
    );
    // "Everything" is everything but what is guarded, fleetd's own address in its network included.
    organization(&world, "plain", "0.0.0.0/0").ok();
    wait(&world, "plain", "meter", "outside_networks");
    world.apply_text(&device("plain", "other", "192.0.2.1", port)).ok();
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    if socket.connect("192.0.2.1:1").is_ok() {
        let own = socket.local_addr().unwrap().ip().to_string();
        let told = format!("{own} (fleetd's own machine)");
        says(&world.apply_text(&device("plain", "own", &own, port)), 3, &told);
        organization(&world, "plain", &format!("0.0.0.0/0, {own}/32")).ok();
        world.apply_text(&device("plain", "own", &own, port)).ok();
    }
    assert_eq!(server.connections(), 1);
    assert_eq!(world.fleetd.errors(), [""; 0]);
}
