//! Which commit manifests come from, for the source of their fields. Without git, or outside a repository, there is none.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A repository with what is checked out.
#[derive(Clone, Debug)]
pub struct Checkout {
    root: PathBuf,
    /// The commit; with a `+` where files differ from it.
    pub commit: String,
}

impl Checkout {
    /// The repository that a file or directory is in.
    pub fn of(path: &Path) -> Option<Self> {
        let dir = if path.is_dir() { path } else { path.parent()? };
        let dir = if dir.as_os_str().is_empty() {
            Path::new(".")
        } else {
            dir
        };
        let said = git(dir, &["rev-parse", "HEAD", "--show-toplevel"])?;
        let (commit, root) = said.trim_end().split_once('\n')?;
        let changed = git(dir, &["status", "--porcelain", "--", "."])?;
        let mark = if changed.trim().is_empty() { "" } else { "+" };
        Some(Self {
            root: PathBuf::from(root),
            commit: format!("{commit}{mark}"),
        })
    }

    /// A file's path within the repository; one that is outside keeps its own.
    pub fn path_of(&self, file: &str) -> String {
        let whole = std::fs::canonicalize(file).ok();
        let inside = whole.as_deref().and_then(|path| path.strip_prefix(&self.root).ok());
        inside.map_or_else(|| file.to_owned(), |path| path.display().to_string())
    }
}

fn git(dir: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(dir)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then_some(text)
}
