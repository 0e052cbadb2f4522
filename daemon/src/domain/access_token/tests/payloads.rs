//! Other claims and times.

use serde_json::{Value, json};

use super::*;

pub(super) fn all(forgeries: &mut Forgeries, keys: &Keys) {
    let (head, body) = (header(keys).to_string(), body());
    let mut payload = |what: String, text: &str, reason: Reason| forgeries.add(what, forged(keys, &head, text), reason);
    let wrong = [
        json!(null),
        json!(true),
        json!(false),
        json!([]),
        json!({}),
        json!(1.5),
        json!([1]),
        json!({ "a": 1 }),
    ];
    for (claim, right) in body.as_object().unwrap() {
        payload(
            format!("no {claim}"),
            &with(&body, claim, None).to_string(),
            Reason::Claims,
        );
        let mut others = wrong.to_vec();
        if right.is_i64() {
            let n = right.as_i64().unwrap();
            others.extend([
                json!(n.to_string()),
                json!(""),
                json!(n as f64),
                json!(u64::MAX),
                json!([n]),
                json!(1e300),
            ]);
        } else {
            others.extend([
                json!(0),
                json!(-1),
                json!([right]),
                json!([right, right]),
                json!({ "0": right }),
            ]);
        }
        for value in others {
            payload(
                format!("{claim} {value}"),
                &with(&body, claim, Some(value.clone())).to_string(),
                Reason::Claims,
            );
        }
        let text = body.to_string();
        let twice = text.replacen('{', &format!("{{\"{claim}\":{right},"), 1);
        payload(format!("{claim} twice"), &twice, Reason::Claims);
        let renamed = text.replacen(&format!("\"{claim}\""), &format!("\"{}\"", claim.to_uppercase()), 1);
        payload(format!("{claim} in capitals"), &renamed, Reason::Claims);
        let first = claim.chars().next().unwrap();
        let escaped = text.replacen(
            &format!("\"{claim}\""),
            &format!("\"\\u{:04x}{}\"", first as u32, &claim[1..]),
            1,
        );
        payload(format!("{claim} escaped"), &escaped, Reason::Claims);
    }
    for claim in ["sub", "jti", "sid"] {
        payload(
            format!("empty {claim}"),
            &with(&body, claim, Some(json!(""))).to_string(),
            Reason::Claims,
        );
    }
    for claim in ["admin", "roles", "scope", "azp", "", "exp ", "cnf"] {
        payload(
            format!("beside {claim:?}"),
            &with(&body, claim, Some(json!(true))).to_string(),
            Reason::Claims,
        );
    }
    let text = body.to_string();
    let values = Value::Array(body.as_object().unwrap().values().cloned().collect()).to_string();
    let texts = [
        String::new(),
        "{}".into(),
        "[]".into(),
        "null".into(),
        "0".into(),
        "\"\"".into(),
        "{".into(),
        values,
        format!("{text} "),
        format!(" {text}"),
        format!("{text}{text}"),
        format!("{text}\0"),
        format!("\u{feff}{text}"),
        text.replace(':', ": "),
        text.replace("user-1", "user\\u002d1"),
        text.replace('/', "\\/"),
        format!("[{text}]"),
        "[".repeat(1500),
        "{\"exp\":".repeat(200),
        text.replacen("user-1", "\u{d7ff}\\ud800", 1),
    ];
    for text in texts {
        payload(format!("payload {text:.60}"), &text, Reason::Claims);
    }
    let bytes: Vec<u8> = text.bytes().map(|b| if b == b'u' { 0xff } else { b }).collect();
    let message = format!("{}.{}", keys.current.header, BASE64.encode(bytes));
    let signature = BASE64.encode(keys.signing.sign(message.as_bytes()).to_bytes());
    forgeries.add("no UTF-8", format!("{message}.{signature}"), Reason::Claims);

    let right = claims();
    let now = NOW / SECOND;
    let times = [
        ("expired now", now - 900, now - 900, now, Reason::Expired),
        ("expired long ago", 0, 0, 900, Reason::Expired),
        (
            "expired within the leeway",
            now - 899,
            now - 899,
            now - 1,
            Reason::Expired,
        ),
        ("expired before time", i64::MIN, i64::MIN, i64::MIN + 1, Reason::Expired),
        ("negative", -900, -900, -1, Reason::Expired),
        ("not yet", now + LEEWAY + 1, now, now + 900, Reason::Early),
        ("issued in the future", now, now + LEEWAY + 1, now + 900, Reason::Early),
        ("not for ever", i64::MAX, now, now + 900, Reason::Early),
        ("a second too long", now, now, now + 901, Reason::Lifetime),
        ("for ever", now, now, i64::MAX, Reason::Lifetime),
        ("since ever", i64::MIN, i64::MIN, i64::MAX, Reason::Lifetime),
        ("issued too long ago", now, now - 1, now + 900, Reason::Lifetime),
        ("issued after its end", now, now + 2, now + 1, Reason::Lifetime),
        ("milliseconds", now * 1000, now * 1000, now * 1000 + 900, Reason::Early),
        ("no life", now + 1, now + 1, now + 1, Reason::Lifetime),
    ];
    for (what, nbf, iat, exp, reason) in times {
        forgeries.add(
            what,
            issue(
                keys,
                &Claims {
                    exp,
                    nbf,
                    iat,
                    ..right.clone()
                },
            ),
            reason,
        );
    }
    for iss in [
        "",
        "https://fleet.example/",
        "https://FLEET.example",
        "http://fleet.example",
        "fleetd",
        "https://fleet.example\0",
    ] {
        forgeries.add(
            format!("iss {iss:?}"),
            issue(
                keys,
                &Claims {
                    iss: iss.into(),
                    ..right.clone()
                },
            ),
            Reason::Issuer,
        );
    }
    for aud in [
        "",
        "fleetd ",
        "Fleetd",
        "fleetctl",
        "fleetd,other",
        "https://fleet.example",
        "*",
    ] {
        forgeries.add(
            format!("aud {aud:?}"),
            issue(
                keys,
                &Claims {
                    aud: aud.into(),
                    ..right.clone()
                },
            ),
            Reason::Audience,
        );
    }
    let giant = issue(
        keys,
        &Claims {
            org: "o".repeat(LENGTH),
            ..right.clone()
        },
    );
    forgeries.add("giant", giant, Reason::Length);
    forgeries.add(
        "very giant",
        format!("{}.{}.{}", "a".repeat(1 << 20), "b".repeat(1 << 20), "c"),
        Reason::Length,
    );
}
