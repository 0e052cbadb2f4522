//! `--report`: problems in the forms that pipelines read. A report changes neither what is done nor how it ends.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use fleet_proto::codes;
use fleet_proto::manifest::{Bundle, Problem};
use serde_json::{Value as Json, json};

use crate::commands::named;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::files;
use crate::submit::{Outcome, Submission};

/// Reports of what is wrong in manifests.
#[derive(Args, Clone, Debug, Default)]
pub struct Reports {
    /// Tell problems to a pipeline, too: github, markdown, junit, sarif or json, with =FILE into a file; repeatable
    #[arg(long = "report", value_name = "FORMAT[=FILE]")]
    wanted: Vec<Report>,
}

/// One report.
#[derive(Clone, Debug)]
pub struct Report {
    form: Form,
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Github,
    Markdown,
    Junit,
    Sarif,
    Json,
}

impl FromStr for Report {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (form, file) = text
            .split_once('=')
            .map_or((text, None), |(form, file)| (form, Some(file)));
        let form = match form {
            "github" => Form::Github,
            "markdown" => Form::Markdown,
            "junit" => Form::Junit,
            "sarif" => Form::Sarif,
            "json" => Form::Json,
            other => return Err(format!("`{other}` is none of github, markdown, junit, sarif, json")),
        };
        Ok(Self {
            form,
            file: file.filter(|file| !file.is_empty()).map(PathBuf::from),
        })
    }
}

impl Reports {
    /// Writes the reports of a plan or apply: problems of the manifests, conflicts, guards, and any other refusal.
    /// On GitHub's runners the annotations come by themselves.
    pub fn of_outcome(&self, cx: &mut Context, submission: &Submission, outcome: &Outcome) -> Result<()> {
        let mut problems = Vec::new();
        for applied in &outcome.applied {
            let place = applied
                .index
                .and_then(|index| submission.bundle.documents.get(index as usize))
                .map(|document| document.place);
            problems.extend(applied.conflicts.iter().map(|conflict| Problem {
                code: codes::OWNED.to_owned(),
                message: format!(
                    "{}: {}: {} owns it",
                    applied.resource.as_ref().map(named).unwrap_or_default(),
                    conflict.path,
                    conflict.manager
                ),
                help: "`fleetctl plan` shows both values".to_owned(),
                place,
            }));
        }
        problems.extend(outcome.guards.iter().map(|guard| Problem {
            code: guard.code.clone(),
            message: guard.message.clone(),
            help: guard.help.clone(),
            place: None,
        }));
        if let Some(refusal) = outcome.refusal.as_ref().filter(|_| problems.is_empty()) {
            problems.push(of_error(refusal));
        }
        self.write(cx, &submission.bundle, &problems)
    }

    /// Writes the reports of a call that failed as a whole: a stale plan, a fleetd that does not answer.
    pub fn of_error(&self, cx: &mut Context, submission: &Submission, error: &Error) -> Result<()> {
        self.write(cx, &submission.bundle, &[of_error(error)])
    }

    /// Writes the reports. On GitHub's runners the annotations come by themselves.
    pub fn write(&self, cx: &mut Context, bundle: &Bundle, problems: &[Problem]) -> Result<()> {
        let on_github = std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
        if on_github && !self.wanted.iter().any(|report| report.form == Form::Github) {
            cx.io.err(&github(bundle, problems));
        }
        for report in &self.wanted {
            let text = match report.form {
                Form::Github => github(bundle, problems),
                Form::Markdown => markdown(bundle, problems),
                Form::Junit => junit(bundle, problems),
                Form::Sarif => format!("{:#}\n", sarif(bundle, problems)),
                Form::Json => format!("{:#}\n", data(bundle, problems)),
            };
            match &report.file {
                Some(path) => files::replace(path, text.as_bytes())?,
                None => cx.io.out(&text),
            }
        }
        Ok(())
    }
}

fn of_error(error: &Error) -> Problem {
    Problem {
        code: error.code.clone(),
        message: error.message.clone(),
        help: error.help.clone(),
        place: None,
    }
}

/// File, line and column of a problem.
fn place<'a>(bundle: &'a Bundle, problem: &Problem) -> Option<(&'a str, usize, usize)> {
    let place = problem.place?;
    let source = bundle.sources.get(place.source)?;
    Some((&source.name, place.line, place.column))
}

fn told(problem: &Problem) -> String {
    if problem.help.is_empty() {
        problem.message.clone()
    } else {
        format!("{} ({})", problem.message, problem.help)
    }
}

fn github(bundle: &Bundle, problems: &[Problem]) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let line = |problem: &Problem| {
        let at = place(bundle, problem).map_or_else(String::new, |(file, line, column)| {
            format!("file={},line={line},col={column},", property(file))
        });
        format!(
            "::error {at}title={}::{}\n",
            property(&problem.code),
            data(&told(problem))
        )
    };
    problems.iter().map(line).collect()
}

fn markdown(bundle: &Bundle, problems: &[Problem]) -> String {
    if problems.is_empty() {
        return format!("**fleetctl**: {} manifests are valid.\n", bundle.documents.len());
    }
    let cell = |text: &str| {
        text.replace('\\', "\\\\")
            .replace('|', "\\|")
            .replace(['\n', '\r'], " ")
    };
    let row = |problem: &Problem| {
        let at =
            place(bundle, problem).map_or_else(String::new, |(file, line, column)| format!("{file}:{line}:{column}"));
        format!(
            "| {} | {} | {} | {} |\n",
            cell(&at),
            problem.code,
            cell(&problem.message),
            cell(&problem.help)
        )
    };
    let rows: String = problems.iter().map(row).collect();
    let count = problems.len();
    let plural = if count == 1 { "problem" } else { "problems" };
    format!("**fleetctl**: {count} {plural}.\n\n| Place | Code | What | Next step |\n|---|---|---|---|\n{rows}")
}

/// A test case for each file: a pipeline shows which are well and which are not.
fn junit(bundle: &Bundle, problems: &[Problem]) -> String {
    let mut cases = String::new();
    let (mut tests, mut failed) = (0, 0);
    let names = bundle.sources.iter().map(|source| Some(source.name.as_str()));
    for name in names.chain([None]) {
        let own = problems
            .iter()
            .filter(|problem| place(bundle, problem).map(|(file, ..)| file) == name)
            .collect::<Vec<_>>();
        if name.is_none() && own.is_empty() {
            continue;
        }
        tests += 1;
        failed += usize::from(!own.is_empty());
        cases.push_str(&format!(
            "  <testcase classname=\"manifests\" name=\"{}\"",
            xml(name.unwrap_or("all"))
        ));
        if own.is_empty() {
            cases.push_str("/>\n");
            continue;
        }
        cases.push_str(">\n");
        let lines: String = own.iter().map(|problem| bundle.render(problem)).collect();
        let first = own.first().map_or("", |problem| problem.message.as_str());
        cases.push_str(&format!(
            "    <failure message=\"{}\">{}</failure>\n",
            xml(first),
            xml(&lines)
        ));
        cases.push_str("  </testcase>\n");
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"fleetctl\" tests=\"{tests}\" failures=\"{failed}\">\n{cases}</testsuite>\n"
    )
}

/// Text for XML 1.0, which has no control characters but these three.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

fn sarif(bundle: &Bundle, problems: &[Problem]) -> Json {
    let used: std::collections::BTreeSet<&str> = problems.iter().map(|problem| problem.code.as_str()).collect();
    let rules = used
        .iter()
        .filter_map(|code| codes::find(code))
        .map(|code| json!({"id": code.code, "shortDescription": {"text": code.title}, "help": {"text": code.help}}));
    let results = problems.iter().map(|problem| {
        let locations: Vec<Json> = place(bundle, problem)
            .map(|(file, line, column)| {
                json!({"physicalLocation": {
                    "artifactLocation": {"uri": uri(file)}, "region": {"startLine": line, "startColumn": column},
                }})
            })
            .into_iter()
            .collect();
        json!({"ruleId": problem.code, "level": "error", "message": {"text": told(problem)}, "locations": locations})
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "fleetctl", "version": env!("CARGO_PKG_VERSION"), "rules": rules.collect::<Vec<_>>()}},
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

/// A path as a relative reference: what is not unreserved is percent-encoded.
fn uri(path: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/');
    let encoded = |byte: u8| {
        if keep(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    path.bytes().map(encoded).collect::<Vec<_>>().concat()
}

/// The same as data.
pub fn data(bundle: &Bundle, problems: &[Problem]) -> Json {
    let one = |problem: &Problem| {
        let at = place(bundle, problem);
        json!({
            "code": problem.code, "message": problem.message, "help": problem.help,
            "file": at.map(|at| at.0), "line": at.map(|at| at.1), "column": at.map(|at| at.2),
        })
    };
    json!({
        "valid": problems.is_empty(), "manifests": bundle.documents.len(),
        "problems": problems.iter().map(one).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet_proto::manifest::{Source, read};

    fn bundle() -> (Bundle, Vec<Problem>) {
        let text = "apiVersion: fleet/v1\nkind: Site\nmetadata: {name: a}\nspec:\n  adress: \"<|\\u0001>\"\n";
        let good = "apiVersion: fleet/v1\nkind: Site\nmetadata: {name: b}\n";
        let source = |name: &str, text: &str| Source {
            name: name.into(),
            text: text.into(),
        };
        let bundle = read(vec![source("a b,c.yaml", text), source("good.yaml", good)]);
        let problems = bundle.check();
        (bundle, problems)
    }

    #[test]
    fn every_form_tells_the_same() {
        let (bundle, problems) = bundle();
        insta::assert_snapshot!(github(&bundle, &problems), @"::error file=a b%2Cc.yaml,line=5,col=3,title=FLT-3001::unknown field `adress` (did you mean `address`?)");
        insta::assert_snapshot!(markdown(&bundle, &problems), @r"
        **fleetctl**: 1 problem.

        | Place | Code | What | Next step |
        |---|---|---|---|
        | a b,c.yaml:5:3 | FLT-3001 | unknown field `adress` | did you mean `address`? |
        ");
        insta::assert_snapshot!(junit(&bundle, &problems), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuite name="fleetctl" tests="2" failures="1">
          <testcase classname="manifests" name="a b,c.yaml">
            <failure message="unknown field `adress`">error[FLT-3001]: unknown field `adress`
         --&gt; a b,c.yaml:5:3
          |
        5 |   adress: &quot;&lt;|\u0001&gt;&quot;
          |   ^
          help: did you mean `address`?
        </failure>
          </testcase>
          <testcase classname="manifests" name="good.yaml"/>
        </testsuite>
        "#);
        let sarif = sarif(&bundle, &problems);
        let location = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(location["artifactLocation"]["uri"], "a%20b%2Cc.yaml");
        assert_eq!(location["region"]["startLine"], 5);
        assert_eq!(sarif["runs"][0]["tool"]["driver"]["rules"][0]["id"], "FLT-3001");
        let data = data(&bundle, &problems);
        assert_eq!(data["problems"][0]["file"], "a b,c.yaml");
        assert_eq!(xml("a\u{1}<\n"), "a &lt;\n");
    }
}
