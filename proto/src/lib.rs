//! The contract between `fleetd` and `fleetctl`: protobuf, the kinds table, manifests.
//!
//! No I/O and no runtime: text in, messages out. See `daemon/ARCHITECTURE.md` for who uses what.

pub mod access;
pub mod audit;
pub mod codes;
pub mod diff;
pub mod kinds;
pub mod levels;
pub mod manifest;
pub mod names;
pub mod reflect;
pub mod selector;
pub mod suggest;
pub mod template;
pub mod times;

/// Generated messages and services of `fleet.v1`.
#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    reason = "generated; the proto files hold the documentation"
)]
pub mod v1 {
    tonic::include_proto!("fleet.v1");
    include!(concat!(env!("OUT_DIR"), "/hidden.rs"));
}
pub use prost_types;
pub use v1 as pb;

/// The encoded descriptors of all messages and services, our own options included.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_not_printed() {
        let login = pb::LoginRequest {
            user: "ada".into(),
            password: "open sesame".into(),
            ..Default::default()
        };
        let text = format!("{login:?}");
        assert!(text.contains("ada") && !text.contains("sesame"), "{text}");
        let secret = pb::SecretSpec {
            value: Some("open sesame".into()),
            ..Default::default()
        };
        assert!(!format!("{secret:?}").contains("sesame"));
    }

    #[test]
    fn what_is_called_like_a_secret_is_one() {
        let names = [
            "password",
            "token",
            "access_token",
            "refresh_token",
            "code",
            "old",
            "new",
        ];
        let mut found = 0;
        for message in reflect::pool()
            .all_messages()
            .filter(|message| message.package_name() == "fleet.v1")
        {
            for field in message.fields().filter(|field| names.contains(&field.name())) {
                let is_text = matches!(field.kind(), prost_reflect::Kind::String);
                // Of an error or an issue it says which, and of a change what was and is.
                let tells = ["Issue", "ErrorDetail", "FieldChange", "RejectedReading"].contains(&message.name());
                if is_text && !tells {
                    let is_hidden = reflect::rules(&field).is_some_and(|rules| rules.secret);
                    assert!(is_hidden, "{} {}", message.name(), field.name());
                    found += 1;
                }
            }
        }
        assert!(found > 10, "{found}");
    }
}
