//! People who log in, are invited, and are shut out.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::{World, process};
use serde_json::Value;

use super::{PASSWORD, Person, names, person, says, tenants};

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
    // Trying names has to wait.
    let accepted = process::until(PATIENCE, || {
        let said = accept(&new, "guest", PASSWORD);
        (said.code != 8).then_some(said)
    });
    accepted.unwrap().ok();
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
