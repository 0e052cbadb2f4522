//! Who may call: people who log in, programs with tokens, and what ends their sessions and streams.

mod audit;
mod keyring;
mod logins;
mod places;

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::{Finished, World, process};
use serde_json::Value;

const PASSWORD: &str = "correct battery staple horse";

/// fleetd with the two tenants of the example, reached over the network, too.
fn tenants() -> World {
    tenants_with(&[])
}

fn tenants_with(arguments: &[&str]) -> World {
    let common = ["--grpc-listen", "127.0.0.1:0", "--password-cost", "19456,2,1"];
    let world = World::empty(&[&common[..], arguments].concat());
    world.apply("examples/04-tenants").ok();
    world
}

/// Somebody with a home of their own, who reaches fleetd over the network.
struct Person<'a> {
    world: &'a World,
    name: &'static str,
}

impl Person<'_> {
    fn run(&self, arguments: &[&str], input: &str) -> Finished {
        let said = process::run(self.command().args(arguments), input.as_bytes(), PATIENCE);
        fleet_tests::contract::hold(&fleet_tests::contract::words(arguments), &said);
        said
    }

    fn command(&self) -> std::process::Command {
        let mut command = self.world.fleetctl_command();
        command
            .env("FLEETCTL_SERVER", self.world.fleetd.grpc())
            .env("XDG_CONFIG_HOME", self.world.home().join(self.name));
        command
    }

    fn login(&self) -> Finished {
        self.login_as(self.name, PASSWORD)
    }

    /// Logs in, as often as it is told to wait.
    fn login_as(&self, user: &str, password: &str) -> Finished {
        let arguments = ["login", "--user", user, "--password-stdin"];
        let tried = process::until(PATIENCE, || {
            let said = self.run(&arguments, password);
            (said.code != 8).then_some(said)
        });
        tried.expect("the delays are short")
    }
}

/// A person with a password, logged in.
fn person<'a>(world: &'a World, name: &'static str) -> Person<'a> {
    let set = ["user", "set-password", name, "--password-stdin"];
    world.fleetctl_with(&set, PASSWORD.as_bytes()).ok();
    let person = Person { world, name };
    person.login().ok();
    person
}

fn names(said: &Finished) -> Vec<String> {
    let rows = said.json();
    let name = |row: &Value| row["metadata"]["name"].as_str().unwrap().to_owned();
    rows.as_array().unwrap().iter().map(name).collect()
}

#[track_caller]
fn says(said: &Finished, code: i32, words: &str) {
    assert_eq!(said.code, code, "{said}");
    assert!(said.stderr.contains(words), "{words}: {said}");
}

#[test]
fn two_tenants_see_nothing_of_each_other_in_any_command() {
    let world = tenants();
    let umc = person(&world, "umc-admin");
    let both = umc.run(&["get", "organizations", "-o", "json"], "").ok();
    assert_eq!(names(&both), ["umc"]);
    assert_eq!(
        names(&umc.run(&["get", "devices", "-A", "-o", "json"], "").ok()),
        ["esp32-01", "esp32-02"]
    );
    assert_eq!(
        names(&umc.run(&["get", "users", "-o", "json"], "").ok()),
        ["umc-admin", "umc-night"]
    );
    // The only organization that it sees needs no name.
    umc.run(&["get", "devices"], "").ok();
    // Another tenant and none at all are told in the same words.
    let changes: &[&[&str]] = &[
        &["get", "devices"],
        &["get", "device/mask-tester"],
        &["describe", "device/mask-tester"],
        &["history"],
        &["history", "device/mask-tester"],
        &["blame", "device/mask-tester"],
        &["export"],
        &["delete", "device/mask-tester", "--yes"],
        &["label", "device/mask-tester", "a=b"],
        &["mv", "device/mask-tester", "mine"],
        &["rollback", "--to", "1", "--yes"],
        &["device", "claim-token", "create"],
        &["device", "claim-token", "list"],
        &["device", "command", "list", "mask-tester"],
        &["device", "command", "send", "mask-tester", "reboot"],
        &["device", "logs", "mask-tester"],
        &["telemetry", "latest", "device/mask-tester"],
        &["telemetry", "query", "device/mask-tester", "pressure"],
        &["telemetry", "summary", "device/mask-tester", "pressure"],
        &["telemetry", "tail", "device/mask-tester"],
        &["modbus", "read", "device/mask-tester", "--address", "0"],
        &["token", "create", "--scope", "device:view"],
        &["token", "list"],
        &["token", "revoke", "00000000000000000000000000000000"],
        &["user", "invite", "x@y.example", "--role", "viewer"],
        &["can-i", "view", "devices"],
    ];
    for line in changes {
        let asked = |org: &str| {
            let mut arguments = line.to_vec();
            arguments.extend(["--org", org]);
            let said = umc.run(&arguments, "");
            (said.code, said.stdout, said.stderr.replace(org, "ORG"))
        };
        let (theirs, missing) = (asked("acme"), asked("nope"));
        assert_eq!(theirs, missing, "{line:?}");
        assert_ne!(theirs.0, 0, "{line:?}");
    }
    // Nor is it seen what belongs to no organization.
    let of_platform = |name: &str| {
        let said = umc.run(&["get", &format!("user/{name}")], "");
        (said.code, said.stderr.replace(name, "NAME"))
    };
    assert_eq!(of_platform("acme-admin"), of_platform("nobody"));
    let submit = |org: &str| {
        let manifest = format!("apiVersion: fleet/v1\nkind: Site\nmetadata: {{org: {org}, name: new}}\nspec: {{}}\n");
        let said = umc.run(&["apply", "-f", "-"], &manifest);
        (said.code, said.stdout, said.stderr.replace(org, "ORG"))
    };
    assert_eq!(submit("acme").1, submit("nope").1);
    assert_eq!(submit("acme").0, 3);
    let organization = |name: &str| {
        let manifest = format!("apiVersion: fleet/v1\nkind: Organization\nmetadata: {{name: {name}}}\nspec: {{}}\n");
        let said = umc.run(&["apply", "-f", "-"], &manifest);
        (said.code, said.stderr.replace(name, "ORG"))
    };
    assert_eq!(organization("acme"), organization("nope"));
    assert_eq!(organization("acme").0, 5);
    assert_eq!(
        names(&world.fleetctl(&["get", "devices", "-A", "-o", "json"]).ok()).len(),
        3
    );
}

#[test]
fn a_role_at_one_site_is_none_at_another() {
    let world = tenants();
    let night = person(&world, "umc-night");
    let command = |device: &str| night.run(&["device", "command", "send", device, "reboot"], "");
    command("esp32-01").ok();
    says(
        &command("esp32-02"),
        5,
        "control:device is needed for device/esp32-02 of umc",
    );
    says(&command("nope"), 6, "device/nope does not exist");
    night.run(&["get", "device/esp32-02"], "").ok();
    let change = night.run(&["label", "device/esp32-01", "a=b"], "");
    says(&change, 5, "edit:resource is needed, and user/umc-night has it nowhere");
    let can = |arguments: &[&str]| night.run(&[&["can-i"], arguments].concat(), "");
    assert_eq!(can(&["control", "device/esp32-01"]).ok().stdout, "yes\n");
    assert_eq!(can(&["control", "device/esp32-02"]).code, 13);
    let why = can(&["control", "device/esp32-01", "--explain"]).ok().stdout;
    assert!(
        why.contains("role operator by role-binding/night-main of umc, at sites with operatorControl"),
        "{why}"
    );
    assert_eq!(can(&["view", "secrets"]).code, 13);
    // The site's settings take it away.
    let closed = "apiVersion: fleet/v1\nkind: Site\nmetadata: {org: umc, name: main-building}\nspec: {settings: {operatorControl: false}}\n";
    world
        .fleetctl_with(&["apply", "-f", "-", "--take"], closed.as_bytes())
        .ok();
    says(&command("esp32-01"), 5, "control:device is needed");
    // All six roles at once are their union.
    let maker = person(&world, "maker1");
    maker.run(&["label", "device/mask-tester", "a=b"], "").ok();
    assert_eq!(
        maker.run(&["whoami", "-o", "json"], "").ok().json()["grants"]
            .as_array()
            .unwrap()
            .len(),
        7
    );
}

#[test]
fn nobody_gives_what_they_do_not_have() {
    let world = tenants();
    let manager = "apiVersion: fleet/v1\nkind: RoleBinding\nmetadata: {org: umc, name: night-clinic}\nspec: {user: umc-night, role: site-manager, sites: [clinic-north]}\n";
    world
        .fleetctl_with(&["apply", "-f", "-", "--take"], manager.as_bytes())
        .ok();
    let night = person(&world, "umc-night");
    let bind = |name: &str, spec: &str| {
        let manifest =
            format!("apiVersion: fleet/v1\nkind: RoleBinding\nmetadata: {{org: umc, name: {name}}}\nspec: {spec}\n");
        night.run(&["apply", "-f", "-"], &manifest)
    };
    bind("mine", "{user: umc-night, role: viewer, sites: [clinic-north]}").ok();
    for (spec, says_so) in [
        (
            "{user: umc-night, role: org-admin, sites: [clinic-north]}",
            "which you do not have there",
        ),
        (
            "{user: umc-night, role: viewer, sites: [main-building]}",
            "edit:role-binding is needed",
        ),
        (
            "{user: umc-night, role: viewer, sites: [clinic-north, main-building]}",
            "edit:role-binding is needed",
        ),
        (
            "{user: umc-night, role: viewer, allSites: true}",
            "edit:role-binding is needed",
        ),
        ("{user: umc-night, role: viewer}", "edit:role-binding is needed"),
    ] {
        says(&bind("more", spec), 5, says_so);
    }
    // A user of other organizations is like none.
    let (theirs, missing) = (
        bind("x", "{user: acme-admin, role: viewer, sites: [clinic-north]}"),
        bind("x", "{user: nobody, role: viewer, sites: [clinic-north]}"),
    );
    assert_eq!(
        theirs.stderr.replace("acme-admin", "U"),
        missing.stderr.replace("nobody", "U"),
        "{theirs}{missing}"
    );
    // Nor is anything moved to where one may not edit, or made a part of nothing.
    let device = |site: &str| {
        let manifest = format!(
            "apiVersion: fleet/v1\nkind: Device\nmetadata: {{org: umc, name: esp32-02}}\nspec: {{serial: UMC-0002, {site}}}\n"
        );
        night.run(&["apply", "-f", "-", "--take"], &manifest)
    };
    says(
        &device("site: main-building"),
        5,
        "edit:device is needed for device/esp32-02",
    );
    device("site: clinic-north, deviceType: controller").ok();
    // A secret's text goes to whatever refers to it, and readings to whomever a configuration names.
    let shared = "apiVersion: fleet/v1\nkind: Secret\nmetadata: {org: umc, name: wifi}\nspec: {value: {fromEnv: LAB_WIFI_PASSWORD}}\n---\napiVersion: fleet/v1\nkind: GatewayConfig\nmetadata: {org: umc, name: shared}\nspec: {poller: gateway, slaves: [{slaveId: 1, device: esp32-01, registers: [{label: a, address: 0, functionCode: 3}]}]}\n";
    world.fleetctl_with(&["apply", "-f", "-"], shared.as_bytes()).ok();
    for (field, wanted) in [
        (
            "configuration: {wifi: {secretRef: wifi}}",
            "view:secret is needed for secret/wifi",
        ),
        ("gatewayConfig: shared", "edit:device is needed for every device"),
    ] {
        says(&device(&format!("site: clinic-north, {field}")), 5, wanted);
    }
    let role = "apiVersion: fleet/v1\nkind: Role\nmetadata: {org: umc, name: painter}\nspec: {permissions: [\"edit:site\", \"view:site\"]}\n---\napiVersion: fleet/v1\nkind: RoleBinding\nmetadata: {org: umc, name: painter}\nspec: {user: acme-admin, role: painter, sites: [clinic-north]}\n";
    world.fleetctl_with(&["apply", "-f", "-"], role.as_bytes()).ok();
    let painter = person(&world, "acme-admin");
    let site = |spec: &str| {
        let manifest =
            format!("apiVersion: fleet/v1\nkind: Site\nmetadata: {{org: umc, name: clinic-north}}\nspec: {spec}\n");
        painter.run(&["apply", "-f", "-", "--take"], &manifest)
    };
    site("{address: Rua 1}").ok();
    says(
        &site("{settings: {operatorControl: true}}"),
        5,
        "control:device is needed for spec.settings.operatorControl",
    );
    let admin = person(&world, "umc-admin");
    let booked = "apiVersion: fleet/v1\nkind: Organization\nmetadata: {name: umc}\nspec: {subscription: {tier: pro, deviceLimit: 100000}}\n";
    says(
        &admin.run(&["apply", "-f", "-", "--take"], booked),
        5,
        "spec.subscription of organization/umc is set by platform administrators",
    );
    let networks =
        "apiVersion: fleet/v1\nkind: Organization\nmetadata: {name: umc}\nspec: {modbusNetworks: [127.0.0.0/8]}\n";
    says(
        &admin.run(&["apply", "-f", "-", "--take"], networks),
        5,
        "spec.modbusNetworks of organization/umc is set by platform administrators",
    );
    let named = "apiVersion: fleet/v1\nkind: Organization\nmetadata: {name: umc}\nspec: {displayName: Ours}\n";
    admin.run(&["apply", "-f", "-", "--take"], named).ok();
    let platform =
        "apiVersion: fleet/v1\nkind: User\nmetadata: {name: umc-admin}\nspec: {platformRoles: [platform-admin]}\n";
    says(
        &admin.run(&["apply", "-f", "-", "--take"], platform),
        5,
        "edit:user is needed for user/umc-admin",
    );
    let scoped = |scope: &str| {
        night.run(
            &[
                "token",
                "create",
                "--scope",
                scope,
                "--site",
                "clinic-north",
                "-o",
                "json",
            ],
            "",
        )
    };
    says(&scoped("edit:device"), 5, "edit:token is needed");
    let token = |arguments: &[&str]| admin.run(&[&["token", "create", "-o", "json"], arguments].concat(), "");
    token(&[
        "--scope",
        "telemetry:write",
        "--scope",
        "device:view",
        "--expires",
        "1d",
    ])
    .ok();
    says(
        &token(&["--scope", "edit:user", "-A"]),
        5,
        "edit:token is needed for the platform",
    );
}

#[test]
fn a_booked_limit_is_named_where_it_is_reached() {
    let world = tenants();
    let booked = "apiVersion: fleet/v1\nkind: User\nmetadata: {name: umc-admin}\nspec: {subscription: {tier: pro, deviceLimit: 3}}\n";
    world.fleetctl_with(&["apply", "-f", "-"], booked.as_bytes()).ok();
    let device = |name: &str| {
        let manifest =
            format!("apiVersion: fleet/v1\nkind: Device\nmetadata: {{org: umc, name: {name}}}\nspec: {{}}\n");
        world.fleetctl_with(&["apply", "-f", "-"], manifest.as_bytes())
    };
    device("third").ok();
    says(
        &device("fourth"),
        15,
        "the device limit of user umc-admin (3), over all organizations that it owns is used up",
    );
    let booked = "apiVersion: fleet/v1\nkind: Organization\nmetadata: {name: umc}\nspec: {subscription: {tier: free, deviceLimit: 2}, owner: acme-admin}\n";
    world
        .fleetctl_with(&["apply", "-f", "-", "--take"], booked.as_bytes())
        .ok();
    says(&device("fourth"), 15, "the device limit of organization umc (2)");
}
