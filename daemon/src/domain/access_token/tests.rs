use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;

mod headers;
mod payloads;
mod texts;

const SEED: [u8; 32] = [7; 32];
const OTHER: [u8; 32] = [8; 32];
const NOW: Micros = 1_800_000_000 * SECOND + 250_000;
const EXPECTED: Expected<'static> = Expected {
    issuer: "https://fleet.example",
    audience: "fleetd",
};

fn claims() -> Claims {
    let text = str::to_owned;
    let (iss, aud, sub) = (text(EXPECTED.issuer), text(EXPECTED.audience), text("user-1"));
    let (jti, sid, org) = (text("token-1"), text("session-1"), text("org-1"));
    Claims {
        exp: 0,
        nbf: 0,
        iat: 0,
        iss,
        aud,
        sub,
        jti,
        sid,
        org,
    }
    .issued(NOW)
}

fn header(keys: &Keys) -> Value {
    json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": keys.current() })
}

fn body() -> Value {
    serde_json::from_str(&claims().text()).unwrap()
}

/// A token of any header and payload, truly signed.
fn forged(keys: &Keys, header: &str, payload: &str) -> String {
    let message = format!("{}.{}", BASE64.encode(header), BASE64.encode(payload));
    let signature = keys.signing.sign(message.as_bytes()).to_bytes();
    format!("{message}.{}", BASE64.encode(signature))
}

/// The object with one field set, or without it.
fn with(object: &Value, field: &str, value: Option<Value>) -> Value {
    let mut object = object.clone();
    let fields = object.as_object_mut().unwrap();
    match value {
        Some(value) => fields.insert(field.to_owned(), value),
        None => fields.shift_remove(field),
    };
    object
}

/// Texts that must not verify, each with what is wrong with it and the reason that is given.
#[derive(Default)]
struct Forgeries(Vec<(String, String, Option<Reason>)>);

impl Forgeries {
    fn add(&mut self, what: impl Into<String>, text: impl Into<String>, reason: impl Into<Option<Reason>>) {
        self.0.push((what.into(), text.into(), reason.into()));
    }
}

#[test]
fn no_forgery_verifies() {
    let keys = Keys::new(&SEED);
    let mut all = Forgeries::default();
    headers::all(&mut all, &keys);
    payloads::all(&mut all, &keys);
    let tables = all.0.len();
    let untouched = forged(&keys, &header(&keys).to_string(), &body().to_string());
    assert!(untouched == issue(&keys, &claims()) && verify(&keys, &untouched, EXPECTED, NOW).is_ok());
    texts::all(&mut all, &keys);
    assert!(tables >= 400 && all.0.len() >= 5000, "{tables} of {}", all.0.len());

    let mut reasons = BTreeMap::new();
    for (what, text, reason) in &all.0 {
        let refused = verify(&keys, text, EXPECTED, NOW).expect_err(what);
        assert_eq!(refused.to_string(), "the access token is not valid");
        assert!(
            reason.is_none_or(|reason| reason == refused.reason()),
            "{what}: {:?}",
            refused.reason()
        );
        *reasons.entry(refused.reason().to_string()).or_insert(0) += 1;
    }
    assert!(reasons.len() == 10, "{reasons:?}");
}

#[test]
fn what_is_issued_verifies_for_a_quarter_of_an_hour() {
    let keys = Keys::new(&SEED);
    let (claims, text) = (claims(), issue(&keys, &claims()));
    let at = |now| verify(&keys, &text, EXPECTED, now);
    assert_eq!(claims.exp - claims.iat, 900);
    assert_eq!(at(NOW), Ok(claims.clone()));
    assert_eq!(at((claims.exp - 1) * SECOND + 999_999), Ok(claims.clone()));
    assert_eq!(at(claims.exp * SECOND), Err(Refused(Reason::Expired)));
    assert_eq!(at((claims.iat - LEEWAY) * SECOND), Ok(claims.clone()));
    assert_eq!(at((claims.iat - LEEWAY) * SECOND - 1), Err(Refused(Reason::Early)));
    assert_eq!(at(Micros::MIN), Err(Refused(Reason::Early)));
    assert_eq!(at(Micros::MAX), Err(Refused(Reason::Expired)));

    let texts = ["", "org-2", "ü 🐧 \"quoted\" \\ \u{0} \n", "../..", "{\"a\":1}"];
    for org in texts {
        let claims = Claims {
            org: org.to_owned(),
            ..claims.clone()
        };
        assert_eq!(verify(&keys, &issue(&keys, &claims), EXPECTED, NOW), Ok(claims));
    }
}

#[test]
fn a_key_verifies_until_the_last_of_its_tokens_has_expired() {
    let mut keys = Keys::new(&SEED);
    let old = issue(&keys, &claims());
    let first = keys.current().to_owned();
    let until = keys.rotate(&OTHER, NOW + 1);
    assert_ne!(keys.current(), first);
    let new = issue(&keys, &claims());
    assert_ne!(old, new);
    let holds = |keys: &Keys, text: &str, now| verify(keys, text, EXPECTED, now).map_err(Refused::reason);
    assert!(holds(&keys, &old, NOW).is_ok() && holds(&keys, &new, NOW).is_ok());
    assert!(holds(&keys, &old, (claims().exp - 1) * SECOND).is_ok());
    assert_eq!(holds(&keys, &old, until), Err(Reason::Retired));
    assert_eq!(holds(&keys, &new, until), Err(Reason::Expired));

    // A thief of the old key signs for later: it does not help him.
    let late = Claims {
        iss: EXPECTED.issuer.into(),
        ..claims()
    }
    .issued(until);
    let stolen = issue(&Keys::new(&SEED), &late);
    assert_eq!(holds(&keys, &stolen, until), Err(Reason::Retired));

    keys.rotate(&[9; 32], until);
    assert_eq!(keys.older.len(), 1);
    assert_eq!(holds(&keys, &old, NOW), Err(Reason::Header));
    assert!(holds(&keys, &new, NOW).is_ok());

    let read = Keys::new(&[9; 32]).and_older(&OTHER, until).and_older(&SEED, NOW);
    assert!(holds(&read, &new, NOW).is_ok());
    assert_eq!(holds(&read, &old, NOW), Err(Reason::Retired));
    assert!(holds(&read, &old, NOW - 1).is_ok());
}

#[test]
fn the_text_is_the_one_that_others_know() {
    // The public key of RFC 8032, 7.1, test 1, of its secret key.
    let seed: Vec<u8> = (0..32)
        .map(|at| {
            u8::from_str_radix(
                &"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"[at * 2..][..2],
                16,
            )
            .unwrap()
        })
        .collect();
    let keys = Keys::new(&seed.try_into().unwrap());
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    assert_eq!(hex(keys.current.key.as_bytes()), public);
    let text = issue(&keys, &claims());
    let parts: Vec<Value> = text
        .split('.')
        .take(2)
        .map(|part| serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap())
        .collect();
    assert_eq!(parts[0], header(&keys));
    assert_eq!(parts[1]["exp"], json!(1_800_000_900));
    assert_eq!(format!("{keys:?}"), format!("Keys({}, older [])", keys.current()));
}
