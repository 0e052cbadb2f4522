//! Other headers.

use serde_json::{Value, json};

use super::*;

/// HMAC-SHA-256 (RFC 2104).
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new()
        .chain_update(block.map(|b| b ^ 0x36))
        .chain_update(message);
    let outer = Sha256::new()
        .chain_update(block.map(|b| b ^ 0x5c))
        .chain_update(inner.finalize());
    outer.finalize().to_vec()
}

pub(super) fn all(forgeries: &mut Forgeries, keys: &Keys) {
    let (head, body) = (header(keys), body().to_string());
    let good = forged(keys, &head.to_string(), &body);
    let signed: Vec<&str> = good.split('.').collect();
    let algorithms = [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        " ",
        "HS256",
        "HS384",
        "HS512",
        "RS256",
        "PS256",
        "ES256",
        "ES256K",
        "eddsa",
        "EDDSA",
        "EdDSA ",
        "Ed25519",
        "Ed448",
        "EdDSA\u{0}",
        "HS256,EdDSA",
    ];
    for alg in algorithms {
        let changed = with(&head, "alg", Some(json!(alg))).to_string();
        forgeries.add(
            format!("alg {alg:?}, signed"),
            forged(keys, &changed, &body),
            Reason::Header,
        );
        let message = format!("{}.{}", BASE64.encode(&changed), signed[1]);
        forgeries.add(
            format!("alg {alg:?}, no signature"),
            format!("{message}."),
            Reason::Header,
        );
        forgeries.add(
            format!("alg {alg:?}, the old signature"),
            format!("{message}.{}", signed[2]),
            Reason::Header,
        );
        let public = keys.current.key.as_bytes();
        let secrets = [
            public.to_vec(),
            hex(public).into_bytes(),
            BASE64.encode(public).into_bytes(),
            Vec::new(),
        ];
        for secret in secrets {
            let mac = BASE64.encode(hmac(&secret, message.as_bytes()));
            forgeries.add(
                format!("alg {alg:?}, the public key as a secret"),
                format!("{message}.{mac}"),
                Reason::Header,
            );
        }
    }
    let mac = BASE64.encode(hmac(
        keys.current.key.as_bytes(),
        format!("{}.{}", signed[0], signed[1]).as_bytes(),
    ));
    forgeries.add(
        "an HMAC under our header",
        format!("{}.{}.{mac}", signed[0], signed[1]),
        Reason::Form,
    );

    let own_key = json!({ "kty": "OKP", "crv": "Ed25519", "x": BASE64.encode(keys.current.key.as_bytes()) });
    let kid = keys.current();
    let beside: [(&str, Value); 39] = [
        ("alg", json!(null)),
        ("alg", json!(["EdDSA"])),
        ("alg", json!(0)),
        ("typ", json!("JWT")),
        ("typ", json!("jwt")),
        ("typ", json!("AT+JWT")),
        ("typ", json!("application/at+jwt")),
        ("typ", json!("dpop+jwt")),
        ("typ", json!("")),
        ("typ", json!(null)),
        ("typ", json!(["at+jwt"])),
        ("kid", json!("")),
        ("kid", json!(null)),
        ("kid", json!(0)),
        ("kid", json!([kid])),
        ("kid", json!({ "kid": kid })),
        ("kid", json!(kid.to_uppercase())),
        ("kid", json!(format!(" {kid}"))),
        ("kid", json!(format!("{kid}\u{0}"))),
        ("kid", json!(kid[..31])),
        ("kid", json!("0".repeat(32))),
        ("kid", json!("../../../../dev/null")),
        ("kid", json!("..%2f..%2fetc%2fpasswd")),
        ("kid", json!(format!("./{kid}"))),
        ("kid", json!("x' or '1'='1")),
        ("kid", json!("x' union select 'AAAA")),
        ("kid", json!("|/usr/bin/id")),
        ("kid", json!("https://evil.example/key")),
        ("kid", json!(Keys::new(&OTHER).current())),
        ("crit", json!([])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("jwk", own_key.clone()),
        ("jku", json!("https://evil.example/jwks")),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("cty", json!("JWT")),
        ("zip", json!("DEF")),
    ];
    for (field, value) in beside {
        let changed = with(&head, field, Some(value.clone())).to_string();
        forgeries.add(
            format!("header {field} {value}"),
            forged(keys, &changed, &body),
            Reason::Header,
        );
    }
    for field in ["alg", "typ", "kid"] {
        let changed = with(&head, field, None).to_string();
        forgeries.add(
            format!("no header {field}"),
            forged(keys, &changed, &body),
            Reason::Header,
        );
    }
    let other = Keys::new(&OTHER);
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": BASE64.encode(other.current.key.as_bytes()) });
    let changed = with(&header(&other), "jwk", Some(key)).to_string();
    forgeries.add("brings its own key", forged(&other, &changed, &body), Reason::Header);
    forgeries.add("another's key", issue(&other, &claims()), Reason::Header);
    forgeries.add(
        "another's key under our id",
        forged(&other, &head.to_string(), &body),
        Reason::Signature,
    );

    let text = head.to_string();
    let texts = [
        String::new(),
        "{}".into(),
        "[]".into(),
        "null".into(),
        "\"EdDSA\"".into(),
        "{".into(),
        "\u{0}".into(),
        format!(" {text}"),
        format!("{text}\n"),
        text.replace(':', ": "),
        text.replace("EdDSA", "Ed\\u0044SA"),
        text.replacen('{', "{\"alg\":\"none\",", 1),
        text.replacen('}', ",\"alg\":\"none\"}", 1),
        text.replacen('}', ",\"alg\":\"EdDSA\"}", 1),
        format!("[{text}]"),
        format!("\u{feff}{text}"),
        "{\"a\":".repeat(400) + "1" + &"}".repeat(400),
        json!({ "kid": kid, "typ": "at+jwt", "alg": "EdDSA" }).to_string(),
    ];
    for text in texts {
        forgeries.add(format!("header {text:.40}"), forged(keys, &text, &body), Reason::Header);
    }
}
