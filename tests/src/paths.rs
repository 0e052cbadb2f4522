//! Where things are: the repository, cargo's target directory, and the binaries under test.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Cargo's target directory.
pub fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(said) => repository().join(said),
        None => repository().join("target"),
    }
}

/// The folder of this executable's profile, such as `target/debug`.
fn profile() -> PathBuf {
    let exe = env::current_exe().unwrap();
    let folder = exe.parent().unwrap();
    if folder.ends_with("deps") {
        folder.parent().unwrap().to_owned()
    } else {
        folder.to_owned()
    }
}

/// A binary of the workspace, built as this executable was.
///
/// `cargo test` builds binaries only beside integration tests of their own package; so the first caller lets cargo
/// bring them up to date, which takes a moment where they are.
pub fn binary(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(build);
    let path = profile().join(name);
    assert!(path.exists(), "{} was not built", path.display());
    path
}

fn build() {
    let profile = profile();
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(repository())
        .args(["build", "--quiet", "--workspace", "--bins"]);
    match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") => &mut cargo,
        Some(name) => cargo.args(["--profile", name]),
        None => panic!("{} is no profile", profile.display()),
    };
    let triple = profile.parent().unwrap();
    if triple.parent().is_some_and(|above| above == target()) {
        cargo.arg("--target").arg(triple.file_name().unwrap());
    }
    let status = cargo.status().unwrap_or_else(|error| panic!("{cargo:?}: {error}"));
    assert!(status.success(), "{cargo:?} failed");
}
