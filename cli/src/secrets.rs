//! Where the texts of secrets are read: the environment and files of the machine that fleetctl runs on.

use std::path::Path;

use fleet_proto::manifest::{SecretSource, Secrets};

/// Largest file with a secret.
const FILE_LIMIT: u64 = 64 << 10;

/// Reads variables and files.
#[derive(Clone, Copy, Debug)]
pub struct Here;

impl Secrets for Here {
    fn read(&self, source: SecretSource<'_>, manifest: &str) -> Result<String, (String, String)> {
        let text = match source {
            SecretSource::Env(name) => std::env::var(name).map_err(|_| {
                let help = format!("set {name} where fleetctl runs; `validate` needs no secrets");
                (format!("the environment variable {name} is not set, or no UTF-8"), help)
            })?,
            SecretSource::File(path) => file(path, manifest)?,
        };
        if text.is_empty() {
            // Pipelines hand an empty variable over where they may not know the secret.
            let help = "look at where it comes from: pipelines of forks, for one, get empty secrets".to_owned();
            return Err(("the secret is empty".to_owned(), help));
        }
        Ok(text)
    }
}

/// A line end behind the text is not part of it: editors and `echo` put it there.
fn file(path: &str, manifest: &str) -> Result<String, (String, String)> {
    let dir = Path::new(manifest).parent().unwrap_or(Path::new(""));
    let path = dir.join(path);
    let wrong = |what: String| {
        let help = "a relative path begins at the manifest; `validate` needs no secrets".to_owned();
        (format!("{}: {what}", path.display()), help)
    };
    let size = std::fs::metadata(&path)
        .map_err(|error| wrong(error.to_string()))?
        .len();
    if size > FILE_LIMIT {
        return Err(wrong(format!(
            "holds {size} bytes; a secret has at most 32768 characters"
        )));
    }
    let mut text = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
    let end = text
        .strip_suffix('\n')
        .map(|text| text.strip_suffix('\r').unwrap_or(text).len());
    text.truncate(end.unwrap_or(text.len()));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_from_files_beside_the_manifest_and_are_never_empty() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = dir.path().join("a.yaml").display().to_string();
        let read = |source| Here.read(source, &manifest);
        for (text, becomes) in [("geheim\n", "geheim"), ("a\nb\n\n", "a\nb\n"), ("x\r\n", "x")] {
            std::fs::write(dir.path().join("s"), text).unwrap();
            assert_eq!(read(SecretSource::File("s")).unwrap(), becomes);
        }
        std::fs::write(dir.path().join("s"), "\n").unwrap();
        assert!(read(SecretSource::File("s")).unwrap_err().0.contains("empty"));
        assert!(read(SecretSource::File("none")).unwrap_err().0.contains("none: "));
        std::fs::write(dir.path().join("s"), [0xff]).unwrap();
        assert!(read(SecretSource::File("s")).is_err());
        std::fs::write(dir.path().join("s"), vec![b'x'; 70_000]).unwrap();
        assert!(read(SecretSource::File("s")).unwrap_err().0.contains("70000 bytes"));
        assert!(
            read(SecretSource::Env("FLEETCTL_NO_SUCH_VARIABLE"))
                .unwrap_err()
                .0
                .contains("is not set")
        );
    }
}
