//! Sessions in the keyring of the operating system, and what happens where it cannot be used.

use std::os::unix::fs::PermissionsExt as _;

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::peers::Keyring;
use fleet_tests::{Finished, World, contract, process};
use serde_json::Value;

use super::{PASSWORD, Person, person, says, tenants};

/// Somebody in a desktop session, whose fleetctl decides by itself where a session is kept.
struct Seated<'a> {
    person: Person<'a>,
    keyring: Option<&'a Keyring>,
}

impl Seated<'_> {
    fn run(&self, arguments: &[&str], input: &str) -> Finished {
        let mut command = self.person.command();
        command
            .env_remove("FLEETCTL_SESSION_STORE")
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .env("XDG_RUNTIME_DIR", self.person.world.home());
        if let Some(keyring) = self.keyring {
            keyring.reach(&mut command);
        }
        let said = process::run(command.args(arguments), input.as_bytes(), PATIENCE);
        contract::hold(&contract::words(arguments), &said);
        said
    }

    /// Where the session was kept, and what else was said.
    fn login(&self, more: &[&str]) -> (String, String) {
        let arguments = ["login", "--user", self.person.name, "--password-stdin", "-o", "json"];
        let said = self.run(&[&arguments, more].concat(), PASSWORD).ok();
        (said.json()["keptIn"].as_str().unwrap().to_owned(), said.stderr)
    }

    fn is_known(&self) -> bool {
        let first = format!("user/{}", self.person.name);
        self.run(&["whoami"], "").ok().stdout.lines().next() == Some(&first)
    }

    fn path(&self) -> std::path::PathBuf {
        let home = self.person.world.home().join(self.person.name);
        home.join("fleetctl/sessions.json")
    }

    /// The only entry of the file.
    fn stored(&self) -> Value {
        let all: Value = serde_json::from_str(&std::fs::read_to_string(self.path()).unwrap()).unwrap();
        all.as_object().unwrap().values().next().unwrap().clone()
    }

    /// Sessions that fleetd knows of this person.
    fn sessions(&self) -> usize {
        let arguments = ["session", "list", "--user", self.person.name, "-o", "json"];
        let all = self.person.world.fleetctl(&arguments).ok().json();
        all.as_array().unwrap().len()
    }

    /// Lets the access token in the file end.
    fn expire(&self) {
        let mut all: Value = serde_json::from_str(&std::fs::read_to_string(self.path()).unwrap()).unwrap();
        all.as_object_mut().unwrap().values_mut().next().unwrap()["accessExpires"] = 0.into();
        std::fs::write(self.path(), all.to_string()).unwrap();
    }
}

/// People with passwords who are logged in nowhere.
fn people<'a>(world: &'a World, keyring: Option<&'a Keyring>) -> [Seated<'a>; 2] {
    ["umc-admin", "umc-night"].map(|name| {
        let person = person(world, name);
        person.run(&["logout"], "").ok();
        Seated { person, keyring }
    })
}

#[test]
fn a_session_is_in_the_keyring_or_in_the_file_and_never_in_both() {
    let (world, keyring) = (tenants(), Keyring::start());
    let [admin, night] = people(&world, Some(&keyring));
    assert_eq!(admin.login(&[]), ("keyring".to_owned(), String::new()));
    assert_eq!(
        admin.stored(),
        serde_json::json!({"user": "umc-admin", "keptIn": "keyring"})
    );
    assert_eq!(
        std::fs::metadata(admin.path()).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let items = keyring.items();
    let (attributes, secret) = &items[0];
    assert_eq!((items.len(), &attributes["application"]), (1, &"fleetctl".to_owned()));
    assert_eq!(attributes["server"], world.fleetd.grpc());
    assert_eq!(secret["user"], "umc-admin");
    assert!(admin.is_known());
    // Two folders of settings share the keyring and no session.
    assert_eq!(night.login(&[]).0, "keyring");
    assert_eq!(keyring.items().len(), 2);
    assert!(admin.is_known() && night.is_known());
    night.run(&["logout"], "").ok();
    assert_eq!(keyring.items().len(), 1);
    says(&night.run(&["whoami"], ""), 4, "no credential");
    // What is renewed is renewed where it is.
    let refresh = || keyring.items()[0].1["refreshToken"].clone();
    let first = refresh();
    keyring.change(|session| session["accessExpires"] = 0.into());
    assert!(admin.is_known());
    assert_ne!(refresh(), first);
    assert_eq!(admin.stored()["keptIn"], "keyring");
    // A file where one wants it; what is kept there moves when it is renewed.
    assert_eq!(
        admin.login(&["--session-store", "file"]),
        ("file".to_owned(), String::new())
    );
    assert!(keyring.items().is_empty());
    assert!(admin.stored()["refreshToken"].is_string());
    assert!(admin.is_known());
    assert!(keyring.items().is_empty(), "it stays until it is renewed");
    admin.expire();
    assert!(admin.is_known());
    assert_eq!(keyring.items().len(), 1);
    assert_eq!(
        admin.stored(),
        serde_json::json!({"user": "umc-admin", "keptIn": "keyring"})
    );
    let shown = admin.run(&["context", "show", "-o", "json"], "").ok().json();
    assert_eq!(
        (shown["user"].as_str(), shown["keptIn"].as_str()),
        (Some("umc-admin"), Some("keyring"))
    );
    assert_eq!(world.fleetd.errors(), [""; 0]);
}

#[test]
fn a_keyring_that_cannot_be_used_holds_nobody_up_and_loses_nothing() {
    let (world, keyring) = (tenants(), Keyring::start());
    let [admin, night] = people(&world, Some(&keyring));
    admin.login(&[]);
    night.login(&["--session-store", "file"]);
    // It hangs: who has a session in it is told so, and others do not notice.
    keyring.hang();
    let stuck = admin.run(&["whoami"], "");
    says(&stuck, 4, "is in the keyring, and it did not answer within 3 s");
    assert!(stuck.stderr.contains("--session-store file"), "{stuck}");
    assert!(night.is_known());
    night.run(&["version"], "").ok();
    night.expire();
    let renewed = night.run(&["whoami"], "").ok();
    assert!(renewed.stdout.starts_with("user/umc-night"), "{renewed}");
    assert!(night.stored()["refreshToken"].is_string(), "it stays where it can be");
    keyring.wake();
    assert!(admin.is_known());
    // It is locked, and nobody is there to unlock it.
    keyring.lock();
    says(&admin.run(&["whoami"], ""), 4, "is in the keyring, and it is locked");
    assert_eq!(admin.stored()["keptIn"], "keyring");
    let only = [
        "login",
        "--user",
        "umc-night",
        "--password-stdin",
        "--session-store",
        "keyring",
    ];
    says(&night.run(&only, PASSWORD), 1, "FLT-1006");
    let sessions = night.run(&["session", "list", "-o", "json"], "").ok().json();
    assert_eq!(
        sessions.as_array().map(Vec::len),
        Some(1),
        "the session before is still there, and no other"
    );
    let (kept, said) = admin.login(&[]);
    assert_eq!(kept, "file");
    assert!(said.contains("The keyring cannot be used: it is locked."), "{said}");
    assert!(admin.is_known());
    // It is gone, as on a machine that has none.
    keyring.end();
    let nobody = Seated {
        person: admin.person,
        keyring: None,
    };
    assert_eq!(nobody.login(&[]), ("file".to_owned(), String::new()));
    assert!(nobody.is_known());
    nobody.run(&["logout"], "").ok();
}

#[test]
fn a_session_that_was_not_ended_is_not_forgotten() {
    let (world, keyring) = (tenants(), Keyring::start());
    let [admin, night] = people(&world, Some(&keyring));
    admin.login(&[]);
    // A logout that cannot read the session has ended nothing, and says so with a code of its own.
    keyring.lock();
    let locked = admin.run(&["logout"], "");
    says(&locked, 4, "error[FLT-1006]: the session of umc-admin");
    assert!(locked.stderr.contains("it is locked"), "{locked}");
    assert_eq!(
        (admin.stored()["keptIn"].as_str(), admin.sessions()),
        (Some("keyring"), 1)
    );
    // Nor has one that does not reach fleetd.
    night.login(&["--session-store", "file"]);
    let text = std::fs::read_to_string(night.path()).unwrap();
    let away = text.replace(world.fleetd.grpc(), "https://127.0.0.1:1");
    std::fs::write(night.path(), &away).unwrap();
    says(
        &night.run(&["logout", "--server", "https://127.0.0.1:1"], ""),
        8,
        "127.0.0.1:1",
    );
    assert_eq!(std::fs::read_to_string(night.path()).unwrap(), away);
    std::fs::write(night.path(), text).unwrap();
    // An access token may end before its session: by this clock, or by fleetd's alone.
    night.expire();
    night.run(&["logout"], "").ok();
    assert_eq!(night.sessions(), 0);
    night.login(&["--session-store", "file"]);
    let text = std::fs::read_to_string(night.path()).unwrap();
    let access = night.stored()["accessToken"].as_str().unwrap().to_owned();
    std::fs::write(night.path(), text.replace(&access, "unknown")).unwrap();
    night.run(&["logout"], "").ok();
    assert_eq!(night.sessions(), 0);
    // What ends is the session that is kept, whatever token was said.
    night.login(&["--session-store", "file"]);
    let mut command = night.person.command();
    command.env("FLEETCTL_TOKEN", "flt_user_nonsense").arg("logout");
    process::run(&mut command, b"", PATIENCE).ok();
    assert_eq!(night.sessions(), 0);
    // One that fleetd ended before is forgotten.
    night.login(&["--session-store", "file"]);
    let id = night.run(&["session", "list", "-o", "json"], "").ok().json()[0]["id"].clone();
    world.fleetctl(&["session", "revoke", id.as_str().unwrap()]).ok();
    night.run(&["logout"], "").ok();
    says(&night.run(&["logout"], ""), 4, "nobody is logged in");
}

#[test]
fn a_login_ends_the_session_that_it_replaces() {
    let (world, keyring) = (tenants(), Keyring::start());
    let [admin, _] = people(&world, Some(&keyring));
    for place in ["keyring", "file", "keyring"] {
        let (kept, said) = admin.login(&["--session-store", place]);
        assert_eq!((kept.as_str(), said.as_str(), admin.sessions()), (place, "", 1));
    }
    // Its access token may have ended before it.
    admin.login(&["--session-store", "file"]);
    admin.expire();
    admin.login(&[]);
    assert_eq!(admin.sessions(), 1);
    // One that cannot be read is left, and that is said.
    keyring.lock();
    let (_, said) = admin.login(&[]);
    assert!(
        said.contains("The session before lives on: the session of umc-admin"),
        "{said}"
    );
    assert_eq!(admin.sessions(), 2);
}

#[test]
fn who_waits_for_the_keyring_keeps_no_other_fleetctl_waiting() {
    let (world, keyring) = (tenants(), Keyring::start());
    let [admin, _] = people(&world, Some(&keyring));
    admin.login(&[]);
    let lock = std::fs::File::options()
        .write(true)
        .open(admin.path().with_extension("lock"))
        .unwrap();
    keyring.hang();
    let mut command = admin.person.command();
    command.env_remove("FLEETCTL_SESSION_STORE").arg("whoami");
    keyring.reach(&mut command);
    let mut waiting = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    let ended = process::until(PATIENCE, || {
        lock.try_lock().expect("nobody holds the sessions");
        lock.unlock().unwrap();
        waiting.try_wait().unwrap()
    });
    assert_eq!(ended.unwrap().code(), Some(4));
    // What a keyring that does not answer keeps is taken away as soon as it does.
    assert_eq!(admin.login(&["--session-store", "file"]).0, "file");
    keyring.wake();
    assert_eq!(keyring.items().len(), 1);
    assert_eq!(admin.stored()["leftIn"], "keyring");
    admin.expire();
    admin.run(&["whoami", "--session-store", "file"], "").ok();
    assert!(keyring.items().is_empty());
    assert!(admin.stored()["refreshToken"].is_string() && admin.stored()["leftIn"].is_null());
}
