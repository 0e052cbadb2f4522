//! The key file: keys of 256 bits in hexadecimal, each on a line, readable by its owner alone. The first one seals; the
//! others are there to open what they sealed.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::domain::sealing::unhex;
use crate::domain::tokens::hex;

/// Keys, the one that seals first.
pub type Keys = Vec<[u8; 32]>;

/// Reads the keys, or makes one with `fresh` random bytes where there is no file: whole, or not at all. The error says
/// what to do.
pub fn load_or_make(path: &Path, fresh: &[u8; 32]) -> Result<Keys, String> {
    match std::fs::metadata(path) {
        Ok(_) => return read(path),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error.to_string()),
    }
    match made(path, &[*fresh]).and_then(|file| file.persist_noclobber(path).map_err(|error| error.error)) {
        Ok(_) => synced(path).map(|()| vec![*fresh]),
        // A replica beside this one was first.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(path),
        Err(error) => Err(error.to_string()),
    }
}

/// Puts a fresh key before the others: from now on it seals.
pub fn rotate(path: &Path, fresh: &[u8; 32]) -> Result<Keys, String> {
    let mut keys = read(path)?;
    keys.insert(0, *fresh);
    let file = made(path, &keys).map_err(|error| error.to_string())?;
    file.persist(path).map_err(|error| error.error.to_string())?;
    synced(path)?;
    Ok(keys)
}

fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn synced(path: &Path) -> Result<(), String> {
    let dir = File::open(folder(path)).map_err(|error| error.to_string())?;
    dir.sync_all().map_err(|error| error.to_string())
}

/// A file that is not at its place yet, readable by its owner alone, as every file that tempfile makes.
fn made(path: &Path, keys: &[[u8; 32]]) -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::NamedTempFile::new_in(folder(path))?;
    for key in keys {
        file.write_all(format!("{}\n", hex(key)).as_bytes())?;
    }
    file.as_file().sync_all()?;
    Ok(file)
}

fn read(path: &Path) -> Result<Keys, String> {
    let mode = std::fs::metadata(path)
        .map_err(|error| error.to_string())?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(format!("others may read it (mode {:o}); chmod 600 it", mode & 0o777));
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let key = |line: &str| unhex(line.trim()).and_then(|key| key.try_into().ok());
    let keys: Option<Keys> = text.lines().filter(|line| !line.trim().is_empty()).map(key).collect();
    keys.filter(|keys| !keys.is_empty())
        .ok_or_else(|| "it does not hold lines of 64 hexadecimal digits; put the file back from a backup".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_to_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret.key");
        assert_eq!(load_or_make(&path, &[1; 32]), Ok(vec![[1; 32]]));
        assert_eq!(load_or_make(&path, &[2; 32]), Ok(vec![[1; 32]]));
        assert_eq!(rotate(&path, &[3; 32]), Ok(vec![[3; 32], [1; 32]]));
        assert_eq!(load_or_make(&path, &[2; 32]), Ok(vec![[3; 32], [1; 32]]));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(load_or_make(&path, &[2; 32]).unwrap_err().contains("chmod 600"));
        assert!(rotate(&path, &[2; 32]).unwrap_err().contains("chmod 600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        for wrong in ["abc", "", "\n"] {
            std::fs::write(&path, wrong).unwrap();
            assert!(load_or_make(&path, &[2; 32]).unwrap_err().contains("64 hexadecimal"));
        }
    }
}
