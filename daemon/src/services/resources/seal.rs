//! Secrets of a submission: sealed before anything else sees them, kept where they are what is stored.

use fleet_proto::codes;
use fleet_proto::pb::Issue;
use fleet_proto::reflect::{self, MARK, SEALED};
use rand::Rng as _;
use serde_json::Value as Json;

use super::submission::{Wanted, issue};
use crate::domain::Object;
use crate::domain::sealing::{NONCE, Sealer};

/// Seals the secrets of what is wanted; what equals the stored secret stays as it is stored.
pub(super) fn submitted(sealer: &Sealer, want: &mut Wanted, current: Option<&Object>) -> Vec<Issue> {
    if !reflect::has_secrets(want.object.kind) {
        return Vec::new();
    }
    let mut stored = Vec::new();
    if let Some(current) = current {
        reflect::map_secrets(&current.spec, &mut |path, text| {
            stored.push((path.to_owned(), text.to_owned()));
            String::new()
        });
    }
    let (uid, index) = (want.object.uid, want.index);
    let (mut issues, mut sealed) = (Vec::new(), Vec::new());
    let mut refuse = |path: &str, message: &str, help: &str| {
        issues.push(issue(index, path, codes::PLAIN_SECRET, message.to_owned(), help));
    };
    want.object.spec = reflect::map_secrets(&want.object.spec, &mut |path, text| {
        let known = stored
            .iter()
            .find(|(known, _)| known == path)
            .map(|(_, text)| text.as_str());
        let known_mark = known.and_then(reflect::mark_of);
        let given = if text.starts_with(MARK) {
            text.to_owned()
        } else {
            format!("{MARK}{}", sealer.mark(uid, path, text))
        };
        if want.marks.get(path).is_some_and(|planned| *planned != given) {
            let help = "make a new plan and look at it again, or give the same text";
            refuse(path, "this is another text than the plan saw", help);
        }
        let result = match known {
            Some(known) if known_mark.as_ref() == Some(&given) => known.to_owned(),
            _ if text.starts_with(MARK) => {
                let help = "give the text by `{fromEnv: VARIABLE}` or `{fromFile: PATH}`";
                refuse(
                    path,
                    "this is the mark of another secret than the one that is stored here",
                    help,
                );
                String::new()
            }
            _ if text.starts_with(SEALED) => {
                refuse(path, "no secret may begin with `sealed:v1:`", "choose another text");
                String::new()
            }
            _ => {
                let mut nonce = [0; NONCE];
                rand::rng().fill_bytes(&mut nonce);
                match sealer.seal(uid, path, text, nonce) {
                    Ok(sealed) => sealed,
                    Err(error) => {
                        refuse(path, &error.to_string(), "");
                        String::new()
                    }
                }
            }
        };
        sealed.push((path.to_owned(), result.clone()));
        result
    });
    for (path, text) in sealed {
        want.fields.set(&path, Json::String(text));
    }
    issues
}
