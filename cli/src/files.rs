//! Manifests from files, directories and standard input.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use fleet_proto::codes;
use fleet_proto::manifest::{self, BUNDLE_LIMIT, Bundle, FILE_LIMIT, Problem, Reading, Secrets, Source};
use serde_json::json;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::project::Project;

/// Problems that are shown at their places; the rest is counted.
const MOST_SHOWN: usize = 100;

/// Reads everything that `-f` names, or, with nothing named, the project. Too large a file or bundle is refused
/// before it is read. The overlays of the environment lie over what is read; `secrets` reads the texts of secrets.
pub async fn read(cx: &mut Context, named: &[PathBuf], secrets: &dyn Secrets) -> Result<Bundle> {
    let paths = paths(cx, named)?;
    let mut sources = sources(cx, &paths).await?;
    let overlays = cx.project()?.map(Project::overlays).transpose()?.unwrap_or_default();
    let overlays: Vec<PathBuf> = overlays.into_iter().filter(|path| !paths.contains(path)).collect();
    let own = sources.len();
    sources.extend(self::sources(cx, &overlays).await?);
    let overlays = sources.len() - own;
    read_again(cx, sources, overlays, named.is_empty(), secrets)
}

/// Reads sources of which so many, the last ones, are overlays.
pub fn read_again(
    cx: &mut Context,
    sources: Vec<Source>,
    overlays: usize,
    whole: bool,
    secrets: &dyn Secrets,
) -> Result<Bundle> {
    let reading = Reading {
        values: cx.project()?.and_then(Project::values),
        overlays,
        whole,
        secrets: Some(secrets),
    };
    Ok(manifest::read_with(sources, reading))
}

/// The files that are meant: those that were named, or those of the project.
pub fn paths(cx: &mut Context, named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    match cx.project()? {
        Some(project) => project.files(),
        None => Err(Error::usage(
            "there is nothing to read",
            "name manifests with -f PATH, or write a fleetctl.yaml with `include:`",
        )),
    }
}

/// The texts of everything that `-f` names.
pub async fn sources(cx: &mut Context, paths: &[PathBuf]) -> Result<Vec<Source>> {
    let is_stdin = |path: &&PathBuf| path.as_os_str() == "-";
    if paths.iter().filter(is_stdin).count() > 1 {
        return Err(Error::usage("-f - stands there twice", "standard input is read once"));
    }
    let mut sources = Vec::new();
    let mut total = 0;
    for path in paths {
        if is_stdin(&path) {
            if cx.io.asks {
                cx.io.say("reading manifests from standard input; end with Ctrl-D");
            }
            let text = cx.io.read_stdin(FILE_LIMIT).await;
            sources.push(Source {
                name: "-".to_owned(),
                text: text.map_err(|error| unreadable(path, &error))?,
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
                    codes::UNREADABLE,
                    format!("{}: there is no manifest below it", path.display()),
                    "manifests end in .yaml, .yml or .json",
                ));
            }
            for file in found {
                sources.push(source(&file, &mut total)?);
            }
        } else {
            sources.push(source(path, &mut total)?);
        }
    }
    Ok(sources)
}

/// A file; `total` counts the bytes of the bundle.
fn source(path: &Path, total: &mut u64) -> Result<Source> {
    let size = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?.len();
    *total += size;
    let too_large = if size > FILE_LIMIT as u64 {
        Some(format!("{} holds {} MiB", path.display(), size >> 20))
    } else if *total > BUNDLE_LIMIT as u64 {
        Some(format!(
            "the bundle holds more than {} MiB at {}",
            BUNDLE_LIMIT >> 20,
            path.display()
        ))
    } else {
        None
    };
    if let Some(message) = too_large {
        return Err(Error::new(
            Exit::Invalid,
            codes::TOO_LARGE,
            format!("{message}; nothing was changed"),
            format!(
                "a file holds at most {} MiB, a bundle {} MiB: split it",
                FILE_LIMIT >> 20,
                BUNDLE_LIMIT >> 20
            ),
        ));
    }
    // A pipe or device has no size: it is read no further than a file may be.
    let mut text = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(FILE_LIMIT as u64 + 1).read_to_end(&mut text))
        .map_err(|error| unreadable(path, &error))?;
    Ok(Source {
        name: path.display().to_string(),
        text,
    })
}

/// Every manifest below a directory, in order of name.
pub fn walk(dir: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
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
        // A link to a directory may lead back to where it stands.
        let folder = path.is_dir();
        // The project file says what manifests there are; it is none.
        let project = path.file_name().is_some_and(|name| name == crate::project::FILE);
        if hidden || project || (folder && path.is_symlink()) {
            continue;
        }
        if folder {
            walk(&path, found)?;
        } else if manifest {
            found.push(path);
        }
    }
    Ok(())
}

/// Writes a file whole or not at all: another one takes its name when it is on disk.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write as _;
    let failed = |error: std::io::Error| {
        Error::new(
            Exit::Failure,
            codes::OUTPUT,
            format!("{} cannot be written: {error}", path.display()),
            "look at the directory and its permissions",
        )
    };
    let dir = path
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    // A file that is there keeps its permissions.
    let known = std::fs::metadata(path).map(|known| known.permissions());
    let permissions = known.unwrap_or_else(|_| std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = tempfile::Builder::new()
        .prefix(".fleetctl-")
        .permissions(permissions)
        .tempfile_in(dir)
        .map_err(failed)?;
    file.write_all(bytes)
        .and_then(|()| file.as_file().sync_all())
        .map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// The error of an input that holds nothing.
pub fn empty() -> Error {
    Error::new(
        Exit::Invalid,
        codes::SYNTAX,
        "there is no manifest in what was given; nothing was changed",
        "a manifest begins with `apiVersion: fleet/v1`",
    )
}

/// The error of a path that cannot be read.
pub fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    let help = "look at the path; `-` is standard input";
    Error::new(
        Exit::Invalid,
        codes::UNREADABLE,
        format!("{}: {error}; nothing was changed", path.display()),
        help,
    )
}

/// The error of a bundle with problems, each at its place.
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
    error.rendered = problems
        .iter()
        .take(MOST_SHOWN)
        .map(|problem| bundle.render(problem) + "\n")
        .collect();
    if count > MOST_SHOWN {
        error.rendered.push(format!("... and {} more\n", count - MOST_SHOWN));
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Globals;
    use crate::io::Io;
    use crate::settings::Said;

    fn context(stdin: &'static [u8]) -> Context {
        let io = Io::of(stdin, std::io::sink(), std::io::sink());
        Context::new(Globals::default(), Said::default(), io)
            .map_err(|(error, _)| error)
            .unwrap()
    }

    #[tokio::test]
    async fn directories_are_read_in_order_without_hidden_files_and_links_back() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(place("b/.hidden")).unwrap();
        for name in [
            "z.yaml",
            "a.json",
            "b/c.yml",
            "b/.hidden/x.yaml",
            "notes.txt",
            ".x.yaml",
        ] {
            std::fs::write(place(name), "apiVersion: fleet/v1\nkind: Site\nmetadata: {name: s}\n").unwrap();
        }
        std::os::unix::fs::symlink(dir.path(), place("b/back")).unwrap();
        let bundle = read(&mut context(b""), &[dir.path().to_owned()], &manifest::Unread)
            .await
            .unwrap();
        let names: Vec<_> = bundle
            .sources
            .iter()
            .map(|s| Path::new(&s.name).strip_prefix(dir.path()).unwrap())
            .collect();
        assert_eq!(names, [Path::new("a.json"), Path::new("b/c.yml"), Path::new("z.yaml")]);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let large = dir.path().join("large.yaml");
        // Sparse: its size alone decides.
        std::fs::File::create(&large).unwrap().set_len(200 << 20).unwrap();
        for (paths, exit, code) in [
            (vec![large], Exit::Invalid, codes::TOO_LARGE),
            (vec![dir.path().join("none.yaml")], Exit::Invalid, codes::UNREADABLE),
            (vec!["-".into(), "-".into()], Exit::Usage, codes::USAGE),
        ] {
            let error = read(&mut context(b""), &paths, &manifest::Unread).await.unwrap_err();
            assert_eq!((error.exit, error.code.as_str()), (exit, code), "{paths:?}");
        }
        let empty = tempfile::tempdir().unwrap();
        let error = read(&mut context(b""), &[empty.path().to_owned()], &manifest::Unread)
            .await
            .unwrap_err();
        assert_eq!(error.exit, Exit::Invalid);
    }

    #[tokio::test]
    async fn standard_input_is_a_source() {
        let mut cx = context(b"apiVersion: fleet/v1\nkind: Site\nmetadata: {name: s}\n");
        let bundle = read(&mut cx, &["-".into()], &manifest::Unread).await.unwrap();
        assert_eq!((bundle.sources[0].name.as_str(), bundle.documents.len()), ("-", 1));
    }
}
