//! Who may call: people who log in, programs with tokens, and what ends their sessions and streams.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::{Finished, World, process};
use serde_json::Value;

const PASSWORD: &str = "correct battery staple horse";

/// fleetd with the two tenants of the example, reached over the network, too.
fn tenants() -> World {
    let world = World::empty(&["--grpc-listen", "127.0.0.1:0", "--password-cost", "19456,2,1"]);
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
    let admin = person(&world, "umc-admin");
    let booked = "apiVersion: fleet/v1\nkind: Organization\nmetadata: {name: umc}\nspec: {subscription: {tier: pro, deviceLimit: 100000}}\n";
    says(
        &admin.run(&["apply", "-f", "-", "--take"], booked),
        5,
        "spec.subscription of organization/umc is set by platform administrators",
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
fn sessions_begin_renew_and_end() {
    let world = tenants();
    let admin = person(&world, "umc-admin");
    assert_eq!(
        admin.run(&["whoami"], "").ok().stdout.lines().next(),
        Some("user/umc-admin")
    );
    let file = world.home().join("umc-admin/fleetctl/sessions.json");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    // By mail address, in any case; a wrong password and a wrong name are the same.
    let elsewhere = Person {
        world: &world,
        name: "elsewhere",
    };
    let login = |user: &str, password: &str| elsewhere.login_as(user, password);
    login(" ADMIN@UMC.example", PASSWORD).ok();
    let (wrong, unknown) = (
        login("umc-admin", "not the password"),
        login("umc-nobody", "not the password"),
    );
    assert_eq!((wrong.code, &wrong.stderr), (unknown.code, &unknown.stderr));
    says(&wrong, 4, "the name or the password is wrong");
    let sessions = |person: &Person| person.run(&["session", "list", "-o", "json"], "").ok().json();
    assert_eq!(sessions(&admin).as_array().unwrap().len(), 2);
    // An access token that is about to end is renewed unseen; the one before counts once more, and no more after that.
    let stored = || -> Value { serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap() };
    let set = |change: &dyn Fn(&mut Value)| {
        let mut all = stored();
        change(all.as_object_mut().unwrap().values_mut().next().unwrap());
        std::fs::write(&file, all.to_string()).unwrap();
    };
    let refresh = || stored().as_object().unwrap().values().next().unwrap()["refreshToken"].clone();
    let first = refresh();
    set(&|session| session["accessExpires"] = 0.into());
    admin.run(&["whoami"], "").ok();
    assert_ne!(refresh(), first);
    set(&|session| {
        session["accessExpires"] = 0.into();
        session["refreshToken"] = first.clone();
    });
    admin.run(&["whoami"], "").ok();
    set(&|session| session["accessExpires"] = 0.into());
    admin.run(&["whoami"], "").ok();
    set(&|session| {
        session["accessExpires"] = 0.into();
        session["refreshToken"] = first.clone();
    });
    says(&admin.run(&["whoami"], ""), 4, "the session of umc-admin");
    // Reuse ended the whole session, and none else.
    assert_eq!(sessions(&elsewhere).as_array().unwrap().len(), 1);
    admin.login().ok();
    // A new password ends every session.
    world
        .fleetctl_with(
            &["user", "set-password", "umc-admin", "--password-stdin"],
            b"another battery staple",
        )
        .ok();
    says(&admin.run(&["whoami"], ""), 4, "FLT-2006");
    says(&elsewhere.run(&["whoami"], ""), 4, "FLT-2006");
    admin.login_as("umc-admin", "another battery staple").ok();
    let changed = admin.run(
        &["user", "change-password", "--password-stdin"],
        &format!("another battery staple\n{PASSWORD}"),
    );
    changed.ok();
    admin.run(&["whoami"], "").ok();
    admin.run(&["logout"], "").ok();
    says(&admin.run(&["whoami"], ""), 4, "no credential");
    says(&admin.run(&["logout"], ""), 4, "nobody is logged in");
    let short = world.fleetctl_with(&["user", "set-password", "umc-admin", "--password-stdin"], b"short");
    says(&short, 3, "at least 12 characters");
    assert_eq!(world.fleetd.errors(), [""; 0]);
}

#[test]
fn open_streams_end_when_their_caller_may_no_longer_have_them() {
    let world = tenants();
    let night = person(&world, "umc-night");
    let made = world
        .fleetctl(&["token", "create", "--org", "umc", "--scope", "view:*", "-o", "json"])
        .ok()
        .json();
    let watch = |command: &mut std::process::Command| {
        let mut child = command
            .args(["watch", "devices", "--org", "umc", "-o", "jsonl"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // What there is, then the mark.
        while !lines.next().unwrap().unwrap().contains("\"synced\"") {}
        child
    };
    let ended = |mut child: std::process::Child| {
        let status = process::wait(&mut child, PATIENCE).expect("the stream ends");
        let mut said = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
        (status.code(), said)
    };
    let by_role = watch(&mut night.command());
    let mut command = world.fleetctl_command();
    let by_token = watch(
        command
            .env("FLEETCTL_SERVER", world.fleetd.grpc())
            .env("FLEETCTL_TOKEN", made["token"].as_str().unwrap()),
    );
    // What concerns others ends nothing.
    world
        .fleetctl(&["label", "rolebinding/admins", "a=b", "--org", "acme"])
        .ok();
    world
        .fleetctl(&["delete", "role-binding/night-main", "--org", "umc", "--yes"])
        .ok();
    let (code, said) = ended(by_role);
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("what you may do has changed"), "{said}");
    world
        .fleetctl(&["token", "revoke", made["id"].as_str().unwrap(), "--org", "umc"])
        .ok();
    let (code, said) = ended(by_token);
    assert_eq!(code, Some(4), "{said}");
    // A session that is ended, a user who is no longer active, an organization that is suspended.
    let stream = watch(&mut night.command());
    night.run(&["logout"], "").ok();
    assert_eq!(ended(stream).0, Some(4));
    night.login().ok();
    let stream = watch(&mut night.command());
    let inactive = "apiVersion: fleet/v1\nkind: User\nmetadata: {name: umc-night}\nspec: {active: false}\n";
    world.fleetctl_with(&["apply", "-f", "-"], inactive.as_bytes()).ok();
    assert_eq!(ended(stream).0, Some(4));
    says(&night.login(), 4, "the name or the password is wrong");
    let admin = person(&world, "umc-admin");
    let stream = watch(&mut admin.command());
    let suspended = "apiVersion: fleet/v1\nkind: Organization\nmetadata: {name: umc}\nspec: {suspended: true}\n";
    world.fleetctl_with(&["apply", "-f", "-"], suspended.as_bytes()).ok();
    let (code, said) = ended(stream);
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("organization umc is suspended"), "{said}");
}

#[test]
fn the_first_administrator_needs_no_default_password() {
    let world = World::empty(&["--grpc-listen", "127.0.0.1:0", "--password-cost", "19456,2,1"]);
    let file = world.fleetd.data_dir().join("setup.token");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!world.fleetd.log().contains(&std::fs::read_to_string(&file).unwrap()));
    let root = Person {
        world: &world,
        name: "root",
    };
    let setup = |token: &std::path::Path, name: &str| {
        let token = token.to_str().unwrap().to_owned();
        root.run(
            &["setup", "--setup-token", &token, "--user", name, "--password-stdin"],
            PASSWORD,
        )
    };
    let wrong = world.file("wrong.token", "flt_setup_00_00_00");
    says(&setup(&wrong, "root"), 4, "the setup token is wrong");
    says(&setup(&file, "Root"), 3, "upper-case");
    setup(&file, "root").ok();
    root.run(&["get", "users"], "").ok();
    assert_eq!(root.run(&["can-i", "edit", "users"], "").ok().stdout, "yes\n");
    says(&setup(&file, "other"), 4, "the setup token is wrong");
    // A fleetd that nobody reaches over the network offers none.
    assert!(!World::empty(&[]).fleetd.data_dir().join("setup.token").exists());
}

#[test]
fn invitations_and_codes_bring_people_in() {
    let world = tenants();
    let admin = person(&world, "umc-admin");
    let invite = |email: &str, role: &str| admin.run(&["user", "invite", email, "--role", role, "-o", "json"], "");
    // Whether the address is known, the inviter is not told.
    let (new, known) = (
        invite("new@umc.example", "viewer").ok().json(),
        invite("maker1@acme.example", "viewer").ok().json(),
    );
    assert_eq!(
        new.as_object().unwrap().keys().collect::<Vec<_>>(),
        known.as_object().unwrap().keys().collect::<Vec<_>>()
    );
    says(
        &invite("x@umc.example", "platform-admin"),
        3,
        "holds over the whole platform",
    );
    let guest = Person {
        world: &world,
        name: "guest",
    };
    let accept = |code: &Value, user: &str, password: &str| {
        let input = format!("{}\n{password}", code["code"].as_str().unwrap());
        guest.run(&["user", "accept", "--user", user, "--password-stdin"], &input)
    };
    says(&accept(&new, "umc-night", PASSWORD), 3, "is taken");
    accept(&new, "guest", PASSWORD).ok();
    assert_eq!(names(&guest.run(&["get", "devices", "-o", "json"], "").ok()).len(), 2);
    says(&accept(&new, "guest2", PASSWORD), 4, "used up");
    // Whoever has the address already proves it with the password.
    person(&world, "maker1");
    says(
        &accept(&known, "", "not the password at all"),
        4,
        "the name or the password is wrong",
    );
    let taken = process::until(PATIENCE, || {
        let said = accept(&known, "", PASSWORD);
        (said.code != 8).then_some(said)
    });
    taken.unwrap().ok();
    assert_eq!(
        names(&guest.run(&["get", "organizations", "-o", "json"], "").ok()),
        ["acme", "umc"]
    );
    // A new password by code; who has roles elsewhere is not this administrator's to reset.
    says(
        &admin.run(&["user", "reset", "maker1"], ""),
        5,
        "roles that you do not manage",
    );
    assert_eq!(admin.run(&["user", "reset", "acme-admin"], "").code, 6);
    let code = admin.run(&["user", "reset", "umc-night", "-o", "json"], "").ok().json();
    let choose = |code: &Value| {
        let input = format!("{}\nyet another staple", code["code"].as_str().unwrap());
        guest.run(&["user", "choose-password", "--password-stdin"], &input)
    };
    choose(&code).ok();
    says(&choose(&code), 4, "used up");
    guest.login_as("umc-night", "yet another staple").ok();
    // A code that is drawn here logs in there, once.
    let drawn = admin.run(&["user", "qr"], "").ok();
    assert!(
        drawn.stdout.lines().count() > 15 && drawn.stdout.contains('█'),
        "{drawn}"
    );
    let code = admin.run(&["user", "qr", "-o", "json"], "").ok().json();
    let phone = Person {
        world: &world,
        name: "phone",
    };
    let scan = || phone.run(&["login", "--code-stdin"], code["code"].as_str().unwrap());
    scan().ok();
    assert_eq!(
        phone.run(&["whoami"], "").ok().stdout.lines().next(),
        Some("user/umc-admin")
    );
    says(&scan(), 4, "used up");
    // A session for one organization begins none that reaches more.
    let only = [
        "login",
        "--user",
        "maker1",
        "--password-stdin",
        "--org",
        "acme",
        "--only",
    ];
    let bound = process::until(PATIENCE, || {
        let said = phone.run(&only, PASSWORD);
        (said.code != 8).then_some(said)
    });
    bound.unwrap().ok();
    let code = phone.run(&["user", "qr", "-o", "json"], "").ok().json();
    phone
        .run(&["login", "--code-stdin"], code["code"].as_str().unwrap())
        .ok();
    assert_eq!(
        names(&phone.run(&["get", "organizations", "-o", "json"], "").ok()),
        ["acme"]
    );
    says(&admin.run(&["user", "qr", "umc-night"], ""), 5, "edit:user is needed");
}

#[test]
fn the_audit_log_tells_who_did_what_and_cannot_be_changed() {
    let world = tenants();
    let admin = person(&world, "umc-admin");
    let night = person(&world, "umc-night");
    admin.run(&["label", "device/esp32-01", "audited=yes"], "").ok();
    says(
        &night.run(&["label", "device/esp32-01", "audited=no"], ""),
        5,
        "nowhere",
    );
    says(
        &night.run(&["device", "command", "send", "esp32-02", "reboot"], ""),
        5,
        "control:device",
    );
    let token = admin
        .run(&["token", "create", "--scope", "device:view", "-o", "json"], "")
        .ok()
        .json();
    elsewhere_fails(&world);
    let search = |arguments: &[&str]| {
        let all = [&["audit", "search", "-o", "json"], arguments].concat();
        world.fleetctl(&all).ok().json().as_array().unwrap().clone()
    };
    // Refusals are written beside the calls.
    let denied = process::until(PATIENCE, || {
        let found = search(&["--org", "umc", "--outcome", "denied"]);
        (found.len() == 2).then_some(found)
    });
    let denied = denied.expect("both refusals are written");
    assert!(
        denied.iter().all(|event| event["actor"] == "user/umc-night"),
        "{denied:?}"
    );
    assert_eq!(denied[0]["address"], "127.0.0.1");
    let changes = search(&["--org", "umc", "--verb", "change", "--actor", "umc-admin"]);
    assert_eq!(changes[0]["object"], "device/esp32-01", "{changes:?}");
    assert!(changes[0]["requestId"].as_str().is_some_and(|id| !id.is_empty()));
    assert_eq!(search(&["--org", "umc", "--verb", "token.create"]).len(), 1);
    assert_eq!(search(&["-A", "--verb", "login", "--outcome", "failed"]).len(), 1);
    assert_eq!(search(&["-A", "--verb", "password.set"]).len(), 2);
    let everything = format!("{:?}{:?}", search(&["--org", "umc"]), search(&["-A"]));
    for secret in [PASSWORD, "not the password", token["token"].as_str().unwrap()] {
        assert!(!everything.contains(secret), "{secret}");
    }
    // Who may not see it does not; an administrator sees the own organization's.
    says(&night.run(&["audit", "search"], ""), 5, "view:audit");
    assert!(
        !admin
            .run(&["audit", "search", "-o", "json"], "")
            .ok()
            .json()
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert_eq!(admin.run(&["audit", "search", "--org", "acme"], "").code, 6);
    says(
        &admin.run(&["audit", "search", "-A"], ""),
        5,
        "view:audit is needed for the platform",
    );
    // It proves itself, here and elsewhere.
    for log in [&["--org", "umc"][..], &["--org", "acme"], &["-A"]] {
        let said = world
            .fleetctl(&[&["audit", "verify", "-o", "json"], log].concat())
            .ok()
            .json();
        assert_eq!(said["valid"], true, "{said}");
        assert!(said["events"].as_u64().unwrap() > 0);
    }
    let file = world.home().join("umc.audit");
    let path = file.to_str().unwrap();
    let exported = world
        .fleetctl(&["audit", "export", path, "--org", "umc", "-o", "json"])
        .ok()
        .json();
    let key = exported["key"].as_str().unwrap();
    let verify = |path: &str, key: &str| {
        let mut command = world.fleetctl_command();
        // Nothing of fleetd is needed.
        command.env("FLEETCTL_SERVER", "unix:///nowhere");
        process::run(command.args(["audit", "verify", path, "--key", key]), b"", PATIENCE)
    };
    verify(path, key).ok();
    assert_eq!(verify(path, &key.replace(['0', '1'], "2")).code, 13);
    let lines: Vec<String> = std::fs::read_to_string(&file)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let broken = |lines: &[String], what: &str| {
        let path = world.file("broken.audit", lines.join("\n"));
        let said = verify(path.to_str().unwrap(), key);
        assert_eq!(said.code, 13, "{what}: {said}");
    };
    let changed: Vec<_> = lines
        .iter()
        .map(|line| line.replace("user/umc-night", "user/nobody"))
        .collect();
    assert_ne!(changed, lines);
    broken(&changed, "changed");
    broken(&[&lines[..1], &lines[2..]].concat(), "left out");
    broken(&lines[..lines.len() - 1], "without its end");
    broken(
        &[&lines[..lines.len() - 2], &lines[lines.len() - 1..]].concat(),
        "cut off",
    );
}

/// A wrong password.
fn elsewhere_fails(world: &World) {
    let stranger = Person {
        world,
        name: "stranger",
    };
    let said = stranger.run(
        &["login", "--user", "umc-admin", "--password-stdin"],
        "not the password",
    );
    says(&said, 4, "wrong");
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
