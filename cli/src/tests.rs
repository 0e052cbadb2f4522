//! Command lines run in process, without fleetd: what is refused, and how.

use std::ffi::OsString;
use std::sync::{Arc, Mutex};

use crate::{Exit, Io, run};

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Seen {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Exit, standard output, standard error of a command line in front of a fleetd that is not there.
async fn fleetctl(words: &[&str], stdin: &'static str) -> (Exit, String, String) {
    let (out, err) = (Seen::default(), Seen::default());
    let args = ["fleetctl", "--server", "unix:///nonexistent/fleetd.sock"];
    let args = args.iter().chain(words).map(OsString::from);
    let exit = run(args, Io::of(stdin.as_bytes(), out.clone(), err.clone())).await;
    (exit, out.text(), err.text())
}

#[tokio::test]
async fn wrong_command_lines_are_refused_before_anything_is_dialled() {
    for (words, says) in [
        ("get devcies", "did you mean `devices`?"),
        ("get device/x -l a=b", "do not go together"),
        ("get device/x -A", "do not go together"),
        ("get site,asset x", "names belong to one kind"),
        ("get devices -o tabel", "is no output format"),
        ("get devices -o jq=.a|", "is no jq expression"),
        ("get devices -o columns=NAME", "is no column"),
        ("delete devices", "a name is missing"),
        ("delete", "required"),
        ("apply", "there is nothing to read"),
        ("apply -f - --prune", "none is named"),
        ("plan --take --yield", "cannot be used with"),
        ("apply --plan x.json -f y.yaml", "cannot be used with"),
        ("edit device/x", "nobody can edit here"),
        ("label ring=canary", "are both needed"),
        ("label device/x", "are both needed"),
        ("mv devices x", "a name is missing"),
        ("mv device/x site/y", "cannot become"),
        ("rollback device/x", "required"),
        ("get devices --at soon", "soon"),
        ("apply -f - -f -", "stands there twice"),
        ("completion bash -o json", "there is no other form"),
        ("help get -o yaml", "there is no other form"),
        ("help nonsense", "is no command or topic"),
        ("help errors FLT-0000", "is no error code"),
        ("device claim-token create --max-uses 0", "0"),
        ("telemetry query device/x t --every 5m --raw", "cannot be used with"),
        ("telemetry query device/x t --from now --to -1h", "is not before"),
        ("telemetry query device/x t --every 0s", "is no duration"),
        ("telemetry samples device/x", "is no tracked variable"),
        ("wait device/x", "required"),
        ("wait device/x --for telemetry(p)>much", "is no condition"),
        ("wait devices --for delete", "a name is missing"),
        ("wait site/x --for telemetry(p)", "has no readings"),
        ("wait device/x --for delete --within 1h", "are about readings"),
        ("wait device/x --for jq=.a|", "is no jq expression"),
        ("modbus read device/x", "required"),
        ("modbus read device/x --address 65536", "0 to 65535"),
        ("--timeout soon version", "is no duration"),
    ] {
        let words: Vec<_> = words.split_whitespace().collect();
        let (exit, out, err) = fleetctl(&words, "").await;
        assert_eq!(exit, Exit::Usage, "{words:?}: {err}");
        assert!(err.contains(says), "{words:?} does not say `{says}`: {err}");
        assert_eq!(out, "", "{words:?}");
    }
}

#[tokio::test]
async fn errors_are_json_where_json_was_asked_for() {
    for words in [
        "get devices -o json",
        "get devices --output=jsonl",
        "get devcies -ojson",
        "get devices --bogus -o jq=.a",
        "delete device/x -o yaml",
        "apply -f /nonexistent -o json",
    ] {
        let words: Vec<_> = words.split_whitespace().collect();
        let (exit, out, err) = fleetctl(&words, "").await;
        let error: serde_json::Value = serde_json::from_str(&err).unwrap_or_else(|_| panic!("{words:?}: {err}"));
        assert_eq!(error["error"]["exit"], exit as u8, "{words:?}");
        assert!(
            error["error"]["code"].as_str().unwrap().starts_with("FLT-"),
            "{words:?}"
        );
        assert!(!error["error"]["message"].as_str().unwrap().is_empty(), "{words:?}");
        assert_eq!(out, "", "{words:?}");
    }
}

#[tokio::test]
async fn an_unreachable_fleetd_is_told_with_the_next_step() {
    let (exit, _, err) = fleetctl(&["get", "organizations"], "").await;
    assert_eq!(exit, Exit::Unavailable);
    insta::assert_snapshot!(err, @r"
    error[FLT-2001]: cannot reach fleetd at /nonexistent/fleetd.sock: there is no such socket
      help: start it with `fleetd --data-dir DIR`, or name its socket with --server unix:///DIR/fleetd.sock (DIR/run.json holds the path)
    ");
}

#[tokio::test]
async fn manifests_are_judged_even_when_fleetd_cannot_be_asked() {
    let wrong = "apiVersion: fleet/v1\nkind: Site\nmetadata: {name: a}\nspec: {adress: x}\n";
    let (exit, out, err) = fleetctl(&["apply", "-f", "-"], wrong).await;
    assert_eq!((exit, out.as_str()), (Exit::Invalid, ""));
    insta::assert_snapshot!(err, @r"
    error[FLT-3001]: unknown field `adress`
     --> -:4:8
      |
    4 | spec: {adress: x}
      |        ^
      help: did you mean `address`?

    error: 1 problem; nothing was changed
    ");
}

#[tokio::test]
async fn an_organization_that_contradicts_the_flag_is_a_problem_at_its_place() {
    let manifest = "apiVersion: fleet/v1\nkind: Site\nmetadata: {name: a, org: x}\nspec: {}\n";
    for verb in ["apply", "delete"] {
        let (exit, _, err) = fleetctl(&[verb, "-f", "-", "--org", "y", "--yes"], manifest).await;
        assert_eq!(exit, Exit::Invalid, "{verb}: {err}");
        assert!(
            err.contains("-:3:") && err.contains("metadata.org is `x`, and --org is `y`"),
            "{verb}: {err}"
        );
    }
}

#[tokio::test]
async fn what_is_destructive_needs_yes_where_nobody_can_be_asked() {
    let (exit, out, err) = fleetctl(&["delete", "organization/x"], "").await;
    assert_eq!((exit, out.as_str()), (Exit::NeedsConfirmation, ""));
    assert!(err.contains("nothing was done") && err.contains("--yes"), "{err}");
}

#[tokio::test]
async fn what_needs_no_fleetd_works_in_every_format() {
    for format in [
        "table",
        "wide",
        "json",
        "jsonl",
        "yaml",
        "csv",
        "name",
        "jq=.",
        "columns=A:.version",
    ] {
        for command in [
            &["version"][..],
            &["help", "exit-codes"],
            &["help", "errors"],
            &["help", "errors", "FLT-3001"],
            &["help", "kinds"],
        ] {
            let words = [command, &["-o", format]].concat();
            let (exit, out, err) = fleetctl(&words, "").await;
            assert_eq!((exit, err.as_str()), (Exit::Ok, ""), "{words:?}");
            assert!(!out.trim().is_empty(), "{words:?}");
        }
    }
    let (_, out, _) = fleetctl(&["version", "-o", "json"], "").await;
    let version: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn exit_codes_are_what_scripts_rely_on() {
    let (_, out, _) = fleetctl(&["help", "exit-codes", "-o", "name"], "").await;
    let codes: Vec<u8> = out.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(
        codes,
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 130, 143]
    );
}

#[tokio::test]
async fn help_is_data_and_exit_0() {
    for words in [
        &["--help"][..],
        &["get", "--help"],
        &["help"],
        &["help", "telemetry", "query"],
        &["--version"],
    ] {
        let (exit, out, err) = fleetctl(words, "").await;
        assert_eq!((exit, err.as_str()), (Exit::Ok, ""), "{words:?}");
        assert!(out.contains("fleetctl"), "{words:?}");
    }
}
