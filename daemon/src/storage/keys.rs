//! The key file: 256 bits in hexadecimal, readable by its owner alone.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::domain::sealing::unhex;
use crate::domain::tokens::hex;

/// Reads the key, or makes it with `fresh` random bytes where there is none. The error says what to do.
pub fn load_or_make(path: &Path, fresh: &[u8; 32]) -> Result<[u8; 32], String> {
    let made = File::options().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(mut file) => {
            let written = file
                .write_all(format!("{}\n", hex(fresh)).as_bytes())
                .and_then(|()| file.sync_all())
                .and_then(|()| path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all()));
            match written {
                Ok(()) => Ok(*fresh),
                Err(error) => {
                    // Half a key would end every later start.
                    let _ = std::fs::remove_file(path);
                    Err(error.to_string())
                }
            }
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(path),
        Err(error) => Err(error.to_string()),
    }
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
