//! Manifests from files, directories and standard input.

use std::path::{Path, PathBuf};

use fleet_proto::codes;
use fleet_proto::manifest::{self, BUNDLE_LIMIT, Bundle, FILE_LIMIT, Problem, Source};
use serde_json::json;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;

/// Reads everything that `-f` names. Too large a file is refused before it is read.
pub fn read(cx: &mut Context, paths: &[PathBuf]) -> Result<Bundle> {
    let mut sources = Vec::new();
    for path in paths {
        if path == Path::new("-") {
            let text = cx.io.read_stdin(FILE_LIMIT).map_err(|error| unreadable(path, &error))?;
            sources.push(Source {
                name: "-".to_owned(),
                text,
            });
            continue;
        }
        let meta = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        if meta.is_dir() {
            let mut found = Vec::new();
            walk(path, &mut found)?;
            if found.is_empty() {
                return Err(Error::new(
                    Exit::Invalid,
                    codes::SYNTAX,
                    format!("{}: no manifest below it", path.display()),
                    "manifests end in .yaml, .yml or .json",
                ));
            }
            for file in found {
                sources.push(source(&file)?);
            }
        } else {
            sources.push(source(path)?);
        }
    }
    Ok(manifest::read(sources))
}

fn source(path: &Path) -> Result<Source> {
    let size = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?.len();
    if size > FILE_LIMIT as u64 {
        let message = format!("{} holds {} MiB", path.display(), size >> 20);
        return Err(Error::new(
            Exit::Invalid,
            codes::TOO_LARGE,
            message,
            format!(
                "a file holds at most 16 MiB, a bundle {} MiB: split it",
                BUNDLE_LIMIT >> 20
            ),
        ));
    }
    let text = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    Ok(Source {
        name: path.display().to_string(),
        text,
    })
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|error| unreadable(dir, &error))? {
        entries.push(entry.map_err(|error| unreadable(dir, &error))?.path());
    }
    entries.sort();
    for path in entries {
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let manifest = path
            .extension()
            .is_some_and(|ext| ext == "yaml" || ext == "yml" || ext == "json");
        if hidden {
            continue;
        }
        if path.is_dir() {
            walk(&path, found)?;
        } else if manifest {
            found.push(path);
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Exit::Invalid, codes::SYNTAX, format!("{}: {error}", path.display()), "")
}

/// The error of a bundle with problems: all of them, each at its place.
pub fn invalid(bundle: &Bundle, problems: &[Problem]) -> Error {
    let count = problems.len();
    let plural = if count == 1 { "problem" } else { "problems" };
    let code = problems
        .first()
        .map_or(codes::SEMANTIC, |problem| problem.code.as_str());
    let mut error = Error::new(
        Exit::Invalid,
        code,
        format!("{count} {plural}; nothing was changed"),
        "",
    );
    error.rendered = problems.iter().map(|problem| bundle.render(problem)).collect();
    error.issues = problems
        .iter()
        .map(|problem| {
            let place = problem
                .place
                .and_then(|place| Some((bundle.sources.get(place.source)?, place)));
            json!({
                "code": problem.code, "message": problem.message, "help": problem.help,
                "file": place.map(|(source, _)| source.name.clone()),
                "line": place.map(|(_, place)| place.line), "column": place.map(|(_, place)| place.column),
            })
        })
        .collect();
    error
}
