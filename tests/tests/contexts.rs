//! Servers by name: which one holds, what goes along with it, and who says so.

use std::process::Command;

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::{Finished, World, contract, process};
use serde_json::{Value, json};

const PASSWORD: &str = "correct battery staple horse";

/// Somebody whose settings are what the test says, and nothing else.
struct Somebody<'a> {
    world: &'a World,
}

impl Somebody<'_> {
    fn run(&self, line: &str) -> Finished {
        self.with(line, &[], "")
    }

    fn with(&self, line: &str, set: &[(&str, &str)], input: &str) -> Finished {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut command = self.command();
        command.envs(set.iter().copied()).args(&words);
        let said = process::run(&mut command, input.as_bytes(), PATIENCE);
        contract::hold(&contract::words(&words), &said);
        said
    }

    fn command(&self) -> Command {
        let mut command = self.world.fleetctl_command();
        // What is not there cannot be reached by mistake.
        command
            .env_remove("FLEETCTL_SERVER")
            .env("FLEETD_DATA_DIR", "/nonexistent");
        command
    }

    fn shown(&self, line: &str, set: &[(&str, &str)]) -> Value {
        self.with(&format!("context show {line} -o json"), set, "").ok().json()
    }
}

/// A fleetd that its people reach over the network.
fn tenants() -> World {
    let world = World::empty(&["--grpc-listen", "127.0.0.1:0", "--password-cost", "19456,2,1"]);
    world.apply("examples/04-tenants").ok();
    let set = ["user", "set-password", "maker1", "--password-stdin"];
    world.fleetctl_with(&set, PASSWORD.as_bytes()).ok();
    world
}

#[track_caller]
fn says(said: &Finished, code: i32, words: &str) {
    assert_eq!(said.code, code, "{said}");
    assert!(said.stderr.contains(words), "{words}: {said}");
}

#[test]
fn a_context_says_where_and_whatever_is_nearer_goes_before_it() {
    let world = tenants();
    let one = Somebody { world: &world };
    let server = world.fleetd.grpc().to_owned();
    let none = one.run("context").ok();
    assert_eq!((none.stdout.as_str(), none.stderr.lines().count()), ("", 1), "{none}");
    assert_eq!(one.run("context list -o json").ok().json(), json!([]));
    says(
        &one.run("context set prod --org acme"),
        2,
        "a new context needs its server",
    );
    says(&one.run("context set prod"), 2, "there is nothing to set");
    says(
        &one.run("context set a/b --server https://x"),
        2,
        "is no name of a context",
    );
    says(
        &one.run("context set prod --server http://fleet.example"),
        2,
        "plain text",
    );
    let made = one
        .run(&format!("context set prod --server {server} --org acme -o json"))
        .ok();
    assert_eq!(
        made.json(),
        json!({"name": "prod", "server": server, "org": "acme", "ca": null, "inUse": true, "user": null})
    );
    one.run("context set other --server https://other.example").ok();
    let login = one
        .with("login --user maker1 --password-stdin -o json", &[], PASSWORD)
        .ok();
    assert_eq!(login.json()["server"], server.as_str());
    one.run("get devices").ok();
    let shown = one.shown("", &[]);
    assert_eq!(
        (
            &shown["context"],
            &shown["serverFrom"],
            &shown["org"],
            &shown["orgFrom"]
        ),
        (
            &json!("prod"),
            &json!("context prod"),
            &json!("acme"),
            &json!("context prod")
        )
    );
    assert_eq!(shown["user"], "maker1");
    let row = &one.run("context list -o json").ok().json()[1];
    assert_eq!(
        (&row["name"], &row["user"], &row["inUse"]),
        (&json!("prod"), &json!("maker1"), &json!(true))
    );

    // The flag goes before the variable, and that before what is in use.
    let context = |line: &str, set: &[(&str, &str)]| one.shown(line, set)["context"].clone();
    let by_variable = [("FLEETCTL_CONTEXT", "other")];
    assert_eq!(context("", &by_variable), "other");
    assert_eq!(context("--context prod", &by_variable), "prod");
    one.run("context use other").ok();
    assert_eq!(context("", &[]), "other");
    // A server that somebody names has nothing of another one's context; a context that is named has its own server.
    let elsewhere = [("FLEETCTL_SERVER", server.as_str())];
    let shown = one.shown("", &elsewhere);
    assert_eq!(
        (&shown["context"], &shown["serverFrom"]),
        (&Value::Null, &json!("FLEETCTL_SERVER"))
    );
    assert_eq!(
        one.shown("--context other", &elsewhere)["server"],
        "https://other.example:443"
    );
    let same = one.shown(&format!("--context prod --server {server}"), &[]);
    assert_eq!(
        (&same["context"], &same["serverFrom"], &same["org"]),
        (&json!("prod"), &json!("--server"), &json!("acme"))
    );
    let both = one.run(&format!("whoami --context other --server {server}"));
    says(
        &both,
        2,
        "context other is at https://other.example, and --server names",
    );
    let org = |line: &str, set: &[(&str, &str)]| one.shown(line, set)["orgFrom"].clone();
    world.file("fleetctl.yaml", "org: umc\n");
    assert_eq!(org("--context prod", &[]), "fleetctl.yaml");
    assert_eq!(org("--context prod", &[("FLEETCTL_ORG", "acme")]), "FLEETCTL_ORG");
    assert_eq!(org("--context prod --org acme", &[("FLEETCTL_ORG", "umc")]), "--org");

    // A project may be for one context.
    world.file("fleetctl.yaml", "guards: {context: prod}\n");
    let manifest = "apiVersion: fleet/v1\nkind: Site\nmetadata: {name: new}\nspec: {}\n";
    let apply = |line: &str| one.with(&format!("apply -f - {line}"), &[], manifest);
    says(&apply(""), 15, "is for context prod, and this is context other");
    let outside = one.with("apply -f -", &elsewhere, manifest);
    says(&outside, 15, "no context holds");
    apply("--context prod").ok();
    std::fs::remove_file(world.home().join("fleetctl.yaml")).unwrap();

    // What stands in the user's own file is another place.
    let folder = world.home().join("config/fleetctl");
    std::fs::write(
        folder.join("config.yaml"),
        "server: https://own.example\norg: umc\noutput: json\n",
    )
    .unwrap();
    let shown = one.shown("", &[]);
    assert_eq!((&shown["context"], &shown["org"]), (&json!("other"), &Value::Null));
    one.run("context delete other").ok();
    let shown = one.shown("", &[]);
    assert_eq!((&shown["context"], &shown["org"]), (&Value::Null, &json!("umc")));
    assert_eq!(shown["serverFrom"], "config.yaml");
    // It is a place as a context is: another server has nothing of it.
    std::fs::write(folder.join("own.crt"), "").unwrap();
    std::fs::write(
        folder.join("config.yaml"),
        "server: https://own.example\norg: umc\nca: own.crt\n",
    )
    .unwrap();
    let own = |line: &str, set: &[(&str, &str)]| {
        let shown = one.shown(line, set);
        (shown["orgFrom"].clone(), shown["caFrom"].clone())
    };
    assert_eq!(own("--server https://foreign.example", &[]), (Value::Null, Value::Null));
    assert_eq!(own("", &elsewhere), (Value::Null, Value::Null));
    let file = (json!("config.yaml"), json!("config.yaml"));
    assert_eq!(own("--server https://own.example:443", &[]), file);
    assert_eq!(own("", &[]), file);
    // A file that names no server holds at each.
    std::fs::write(folder.join("config.yaml"), "org: umc\n").unwrap();
    assert_eq!(own("", &elsewhere).0, "config.yaml");
    // What nobody can read stops what needs it, and nothing else.
    std::fs::write(folder.join("contexts.yaml"), "context: x\n").unwrap();
    says(&one.run("whoami"), 2, "contexts.yaml");
    one.run("version").ok();
    one.run(&format!("whoami --server {server}")).ok();
}

#[test]
fn contexts_are_made_by_a_login_renamed_and_forgotten() {
    let world = tenants();
    let one = Somebody { world: &world };
    let server = world.fleetd.grpc().to_owned();
    let missing = one.run("whoami --context prod");
    says(&missing, 2, "there is no context `prod`");
    let login = |line: &str| one.with(&format!("login --user maker1 --password-stdin {line}"), &[], PASSWORD);
    says(&login("--context prod"), 2, "there is no context `prod`");
    let made = login(&format!("--context prod --server {server} --org acme")).ok();
    assert!(made.stderr.contains("Context prod is made, and in use."), "{made}");
    one.run("get devices").ok();
    // A login whose context cannot be kept leaves no session behind.
    let draft = world.home().join("config/fleetctl/contexts.draft");
    std::fs::create_dir(&draft).unwrap();
    says(
        &login(&format!("--context spare --server {server}")),
        1,
        "contexts.yaml",
    );
    let sessions = ["session", "list", "--user", "maker1", "-o", "json"];
    let sessions = world.fleetctl(&sessions).ok().json();
    assert_eq!(sessions.as_array().map(Vec::len), Some(1), "the one before");
    std::fs::remove_dir(&draft).unwrap();
    let again = login(&format!("--context spare --server {server}")).ok();
    assert!(again.stderr.contains("fleetctl context use spare"), "{again}");
    assert_eq!(one.shown("", &[])["context"], "prod");
    // Both are the same session.
    assert_eq!(one.shown("--context spare", &[])["user"], "maker1");
    says(&one.run("context rename prod spare"), 2, "already");
    says(&one.run("context rename prod x/y"), 2, "is no name of a context");
    one.run("context rename prod main").ok();
    assert_eq!(one.shown("", &[])["context"], "main");
    says(
        &one.run("context use prod"),
        2,
        "there is no context `prod`\n  help: known are main, spare",
    );
    // Another server has other organizations.
    one.run("context set main --server https://fleet.example").ok();
    let main = &one.run("context list -o json").ok().json()[0];
    assert_eq!(
        (&main["org"], &main["server"]),
        (&Value::Null, &json!("https://fleet.example"))
    );
    one.run(&format!("context set main --server {server}")).ok();
    let first = one.run("context delete main").ok();
    assert!(
        first.stderr.contains("stays: spare is there, too") && first.stderr.contains("No context is in use now."),
        "{first}"
    );
    let last = one.run("context delete spare").ok();
    let end = format!("fleetctl logout --server {server}");
    assert!(last.stderr.contains(&end), "{last}");
    one.run(&format!("logout --server {server}")).ok();
    says(&one.run("context delete spare"), 2, "there is none yet");
}

#[test]
fn a_shell_completes_names_of_contexts_without_fleetd() {
    let world = World::empty(&[]);
    let one = Somebody { world: &world };
    for name in ["prod", "plant-1", "staging"] {
        one.run(&format!("context set {name} --server https://{name}.example"))
            .ok();
    }
    let script = fleet_tests::paths::repository().join("completions/fleetctl.bash");
    let binary = fleet_tests::paths::binary("fleetctl");
    let complete = |words: &str| {
        let text = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_TYPE=9\n\
             _clap_complete_fleetctl fleetctl \"${{COMP_WORDS[COMP_CWORD]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        let mut bash = Command::new("bash");
        for (name, value) in one.command().get_envs() {
            match value {
                Some(value) => bash.env(name, value),
                None => bash.env_remove(name),
            };
        }
        let path = format!("{}:/usr/bin:/bin", binary.parent().unwrap().display());
        bash.env("PATH", path).args(["--norc", "--noprofile", "-c", &text]);
        process::run(&mut bash, b"", PATIENCE).ok().stdout
    };
    assert_eq!(complete("fleetctl context use p"), "plant-1\nprod\n");
    assert_eq!(
        complete("fleetctl get devices --context ''"),
        "plant-1\nprod\nstaging\n"
    );
    assert_eq!(complete("fleetctl conte"), "context\n");
}

#[test]
fn a_saved_plan_is_for_one_fleetd_and_its_guards_hold() {
    let world = World::start();
    let other = World::start();
    let one = Somebody { world: &world };
    let at = |world: &World| format!("unix://{}", world.fleetd.socket().display());
    let (here, there) = (at(&world), at(&other));
    let manifest = "apiVersion: fleet/v1\nkind: Site\nmetadata: {name: new}\nspec: {}\n";
    let plan = format!("plan -f - --out plan.json --server {here}");
    one.with(&plan, &[], manifest).ok();
    let apply = |line: &str| one.run(&format!("apply --plan plan.json {line}"));
    let elsewhere = apply(&format!("--server {there}"));
    says(&elsewhere, 15, &format!("is for {here}, and this is {there}"));
    assert!(elsewhere.stderr.contains(&format!("--server {here}")), "{elsewhere}");
    // What guards an apply guards that of a plan.
    world.file("fleetctl.yaml", format!("guards: {{server: '{there}'}}\n"));
    says(&apply(&format!("--server {here}")), 15, "fleetctl.yaml is for unix://");
    world.file("fleetctl.yaml", "guards: {context: prod}\n");
    says(
        &apply(&format!("--server {here}")),
        15,
        "fleetctl.yaml is for context prod",
    );
    assert_eq!(
        one.run(&format!("get sites -o json --server {here}")).ok().json(),
        json!([])
    );
    one.run(&format!("context set prod --server {here}")).ok();
    apply("").ok();
    // A plan of a fleetctl that did not say where is none that can be trusted.
    let text = std::fs::read_to_string(world.home().join("plan.json")).unwrap();
    world.file("plan.json", text.replace("\"version\": 2", "\"version\": 1"));
    says(&apply(""), 3, "is a plan of another version of fleetctl");
}
