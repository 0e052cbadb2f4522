//! Other texts, and other signatures.

use serde_json::json;

use super::*;

/// The order of the group; S + L satisfies the equation as S does (RFC 8032, 8.4).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

pub(super) fn all(forgeries: &mut Forgeries, keys: &Keys) {
    let good = issue(keys, &claims());
    let parts: Vec<&str> = good.split('.').collect();
    let (head, body, signature) = (parts[0], parts[1], parts[2]);
    let join = |parts: &[&str]| parts.join(".");
    let raw: [u8; 64] = BASE64.decode(signature).unwrap().try_into().unwrap();
    let mut add = |what: &str, text: String| forgeries.add(what, text, None);

    for to in 0..good.len() {
        add("truncated", good[..to].to_owned());
    }
    // Every character, in each of the six bits that it stands for.
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (at, c) in good.bytes().enumerate() {
        let Some(value) = alphabet.iter().position(|a| *a == c) else {
            continue;
        };
        for bit in 0..6 {
            let mut bytes = good.clone().into_bytes();
            bytes[at] = alphabet[value ^ (1 << bit)];
            add("a flipped bit", String::from_utf8(bytes).unwrap());
        }
    }
    for at in 0..=good.len() {
        for c in [' ', '\n', '\0', '=', '.', 'A', 'é'] {
            let mut text = good.clone();
            text.insert(at, c);
            add("an inserted character", text);
        }
    }
    let shapes: [&[&str]; 15] = [
        &[],
        &[head],
        &[head, body],
        &[head, body, ""],
        &[head, "", signature],
        &["", body, signature],
        &["", "", ""],
        &[head, body, signature, ""],
        &["", head, body, signature],
        &[head, body, signature, signature],
        &[head, body, body, signature],
        &[body, head, signature],
        &[head, signature, body],
        &[head, head, signature],
        &[head, body, "", "", signature],
    ];
    for shape in shapes {
        add("other parts", join(shape));
    }
    for pad in ["=", "==", "===", "%3D", "%3d%3d"] {
        add("padded", join(&[&format!("{head}{pad}"), body, signature]));
        add("padded", join(&[head, &format!("{body}{pad}"), signature]));
        add("padded", join(&[head, body, &format!("{signature}{pad}")]));
    }
    let standard = base64::prelude::BASE64_STANDARD_NO_PAD;
    let plus = standard.encode(raw);
    if plus != signature {
        add("the other alphabet", join(&[head, body, &plus]));
    }
    for around in ["Bearer ", "bearer ", "\"", "'", "\u{feff}", "\u{200b}", "%20"] {
        add("something before", format!("{around}{good}"));
        add("something after", format!("{good}{around}"));
    }
    add("comma", format!("{good},{good}"));
    add("full width", good.replace('.', "．"));
    add("capitals", good.to_uppercase());
    add("small", good.to_lowercase());
    add(
        "JSON serialisation",
        json!({ "protected": head, "payload": body, "signature": signature }).to_string(),
    );
    add("five parts as of JWE", format!("{head}.a.{body}.b.{signature}"));

    let bent = |change: &dyn Fn(&mut [u8; 64])| {
        let mut raw = raw;
        change(&mut raw);
        join(&[head, body, &BASE64.encode(raw)])
    };
    let mut more = raw;
    for _ in 0..8 {
        let mut carry = 0;
        for (at, order) in ORDER.iter().enumerate() {
            let sum = u16::from(more[32 + at]) + u16::from(*order) + carry;
            more[32 + at] = sum as u8;
            carry = sum >> 8;
        }
        add("S + L", join(&[head, body, &BASE64.encode(more)]));
    }
    add("all zero", bent(&|raw| raw.fill(0)));
    add("all ones", bent(&|raw| raw.fill(0xff)));
    add(
        "R is the neutral element",
        bent(&|raw| {
            raw.fill(0);
            raw[0] = 1;
        }),
    );
    add("R of small order", bent(&|raw| raw[..32].fill(0)));
    add("R with the other sign", bent(&|raw| raw[31] ^= 0x80));
    add("S is zero", bent(&|raw| raw[32..].fill(0)));
    add("S is the order", bent(&|raw| raw[32..].copy_from_slice(&ORDER)));
    add("halves swapped", bent(&|raw| raw.rotate_left(32)));
    add("63 bytes", join(&[head, body, &BASE64.encode(&raw[..63])]));
    add(
        "65 bytes",
        join(&[head, body, &BASE64.encode([&raw[..], &[0]].concat())]),
    );
    add("128 bytes", join(&[head, body, &BASE64.encode([raw, raw].concat())]));
    let signed = keys.signing.sign(&Sha256::digest(format!("{head}.{body}"))).to_bytes();
    add("the digest is signed", join(&[head, body, &BASE64.encode(signed)]));
    let later = issue(
        keys,
        &Claims {
            sub: "user-2".into(),
            ..claims()
        },
    );
    add(
        "another's signature",
        join(&[head, body, later.rsplit('.').next().unwrap()]),
    );
}
