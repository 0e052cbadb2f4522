//! Programs that exist as packages of Debian only: those of the machine, else unpacked under `target/peers/`, without
//! root and without installing anything.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What the keyring needs, and what a small system may not have.
const PACKAGES: &str = "gnome-keyring dbus-daemon libgck-1-0 libgcr-base-3-1 libp11-kit0 libglib2.0-0 libgcrypt20 \
                        libgpg-error0 libdbus-1-3 libapparmor1 libexpat1 libcap2 libsystemd0 libffi8";
const HELP: &str = "install gnome-keyring and dbus; or, on Debian, let `apt-get update` run once and see whether \
                    `apt-get download gnome-keyring` reaches a mirror";

/// Programs, and where their libraries are; empty: where the system has them.
pub(super) struct Programs {
    pub(super) bus: PathBuf,
    pub(super) keyring: PathBuf,
    pub(super) libraries: String,
}

/// D-Bus and GNOME Keyring.
pub(super) fn programs() -> &'static Programs {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        if let (Some(bus), Some(keyring)) = (of_machine("dbus-daemon"), of_machine("gnome-keyring-daemon")) {
            let libraries = String::new();
            return Programs {
                bus,
                keyring,
                libraries,
            };
        }
        let root = super::locked(|home| unpacked(home, "debian", PACKAGES, HELP));
        let folders = fs::read_dir(root.join("usr/lib")).unwrap();
        // One is named for the machine, such as x86_64-linux-gnu.
        let libraries: Vec<String> = folders
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.join("libgck-1.so.0").exists())
            .flat_map(|path| {
                let name = path.file_name().unwrap().to_owned();
                [path, root.join("lib").join(name)]
            })
            .map(|path| path.display().to_string())
            .collect();
        Programs {
            bus: root.join("usr/bin/dbus-daemon"),
            keyring: root.join("usr/bin/gnome-keyring-daemon"),
            libraries: libraries.join(":"),
        }
    })
}

/// Prometheus, which needs nothing but itself.
pub(super) fn prometheus() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let help = "install prometheus; or, on Debian, let `apt-get update` run once and see whether \
                    `apt-get download prometheus` reaches a mirror";
        let unpacked = || super::locked(|home| unpacked(home, "prometheus", "prometheus", help));
        of_machine("prometheus").unwrap_or_else(|| unpacked().join("usr/bin/prometheus"))
    })
}

/// strace, which makes calls of the system fail.
pub(super) fn strace() -> Command {
    static PROGRAM: OnceLock<(PathBuf, String)> = OnceLock::new();
    let (program, libraries) = PROGRAM.get_or_init(|| {
        if let Some(program) = of_machine("strace") {
            return (program, String::new());
        }
        let help = "install strace; or, on Debian, let `apt-get update` run once and see whether `apt-get download strace` \
                    reaches a mirror";
        let root = super::locked(|home| unpacked(home, "strace", "strace libunwind8 liblzma5", help));
        let folders = ["usr/lib", "lib"].map(|lib| root.join(lib)).into_iter().filter_map(|lib| fs::read_dir(lib).ok());
        let libraries: Vec<String> = folders
            .flatten()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .map(|path| path.display().to_string())
            .collect();
        (root.join("usr/bin/strace"), libraries.join(":"))
    });
    let mut command = Command::new(program);
    if !libraries.is_empty() {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    command
}

/// A program that the machine has.
fn of_machine(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

/// The packages' files; fetches them where they are missing or others.
fn unpacked(home: &Path, name: &str, packages: &str, help: &str) -> PathBuf {
    let (root, stamp) = (home.join(name), home.join(format!("{name}.txt")));
    // The stamp is written last: what is half unpacked has none.
    if root.exists() && fs::read_to_string(&stamp).is_ok_and(|found| found == packages) {
        return root;
    }
    for folder in [&root, &home.join("debs")] {
        if folder.exists() {
            fs::remove_dir_all(folder).unwrap();
        }
        fs::create_dir_all(folder).unwrap();
    }
    let debs = home.join("debs");
    let names = packages.split_whitespace().map(|name| {
        // Since Debian 13 some libraries say that their time has 64 bits.
        let longer = format!("{name}t64");
        let shown = Command::new("apt-cache").args(["show", "--quiet", &longer]).output();
        if shown.is_ok_and(|shown| shown.status.success()) {
            longer
        } else {
            name.to_owned()
        }
    });
    let mut fetch = Command::new("apt-get");
    fetch.arg("download").args(names).current_dir(&debs);
    super::run(&mut fetch, help);
    for deb in fs::read_dir(&debs).unwrap() {
        let deb = deb.unwrap().path();
        if deb.extension() == Some(OsStr::new("deb")) {
            super::run(Command::new("dpkg").arg("-x").arg(&deb).arg(&root), help);
        }
    }
    fs::remove_dir_all(&debs).unwrap();
    fs::write(&stamp, packages).unwrap();
    root
}
