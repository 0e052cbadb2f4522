//! The caller's token: where it comes from, and how it goes along with every call.

use std::path::Path;

use fleet_proto::codes;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

use crate::error::{Error, Result};
use crate::exit::Exit;

/// The variable that holds a token. There is no flag for it: other users can read command lines.
const VARIABLE: &str = "FLEETCTL_TOKEN";

/// Puts the caller's token, if there is one, into each call.
#[derive(Clone, Debug, Default)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Bearer {
    /// The token in the file, else the one of the variable.
    pub fn find(file: Option<&Path>) -> Result<Self> {
        let (token, origin) = match file {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    let said = format!("--token-file {}: {error}", path.display());
                    Error::new(
                        Exit::Usage,
                        codes::UNREADABLE,
                        said,
                        "look at the path and its permissions",
                    )
                })?;
                (text, format!("--token-file {}", path.display()))
            }
            None => match std::env::var_os(VARIABLE).filter(|token| !token.is_empty()) {
                None => return Ok(Self(None)),
                Some(token) => (token.to_string_lossy().into_owned(), VARIABLE.to_owned()),
            },
        };
        Self::of(&token).ok_or_else(|| {
            Error::usage(
                format!("{origin}: that is no token"),
                "a token is one line of letters, digits and signs, as it was given out",
            )
        })
    }

    /// There is a token.
    pub fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// The token of a session.
    pub fn of_session(token: &str) -> Result<Self> {
        Self::of(token).ok_or_else(|| Error::usage("the session's token cannot be sent", "log in again"))
    }

    fn of(token: &str) -> Option<Self> {
        let token = token.trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let mut value: MetadataValue<Ascii> = format!("Bearer {token}").parse().ok()?;
        value.set_sensitive(true);
        Some(Self(Some(value)))
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> std::result::Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_line_and_never_shown() {
        let mut bearer = Bearer::of("flt_user_1_secret\n").unwrap();
        assert!(!format!("{bearer:?}").contains("secret"), "{bearer:?}");
        let sent = bearer.call(Request::new(())).unwrap();
        assert_eq!(
            sent.metadata().get("authorization").unwrap(),
            "Bearer flt_user_1_secret"
        );
        for wrong in ["", " \n", "two words", "two\nlines", "gr\u{fc}n"] {
            assert!(Bearer::of(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn a_file_without_a_token_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        assert!(Bearer::find(Some(&path)).unwrap_err().text().contains("--token-file"));
        std::fs::write(&path, "\n").unwrap();
        let error = Bearer::find(Some(&path)).unwrap_err();
        assert_eq!(error.exit, Exit::Usage);
        assert!(error.text().contains("that is no token"), "{}", error.text());
    }
}
