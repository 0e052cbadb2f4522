//! The key file: 256 bits in hexadecimal, readable by its owner alone.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::domain::sealing::unhex;
use crate::domain::tokens::hex;

/// Reads the key, or makes it with `fresh` random bytes where there is none: whole, or not at all. The error says what
/// to do.
pub fn load_or_make(path: &Path, fresh: &[u8; 32]) -> Result<[u8; 32], String> {
    match std::fs::metadata(path) {
        Ok(_) => return read(path),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error.to_string()),
    }
    let dir = path
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    match make(dir, path, fresh) {
        Ok(()) => Ok(*fresh),
        // A replica beside this one was first.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(path),
        Err(error) => Err(error.to_string()),
    }
}

fn make(dir: &Path, path: &Path, fresh: &[u8; 32]) -> std::io::Result<()> {
    // Readable by its owner alone, as every file that tempfile makes.
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(format!("{}\n", hex(fresh)).as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    File::open(dir)?.sync_all()
}

fn read(path: &Path) -> Result<[u8; 32], String> {
    let mode = std::fs::metadata(path)
        .map_err(|error| error.to_string())?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(format!("others may read it (mode {:o}); chmod 600 it", mode & 0o777));
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    unhex(text.trim())
        .and_then(|key| key.try_into().ok())
        .ok_or_else(|| "it does not hold 64 hexadecimal digits; put the key back from a backup".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_to_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret.key");
        assert_eq!(load_or_make(&path, &[1; 32]), Ok([1; 32]));
        assert_eq!(load_or_make(&path, &[2; 32]), Ok([1; 32]));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(load_or_make(&path, &[2; 32]).unwrap_err().contains("chmod 600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "abc").unwrap();
        assert!(load_or_make(&path, &[2; 32]).unwrap_err().contains("64 hexadecimal"));
    }
}
