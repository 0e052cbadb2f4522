//! Requests whose keys are not sound, whose signatures prove nothing, or that were changed after they were signed.

use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};

use super::super::Refusal::*;
use super::super::{der as reading, keys::SMALL_ORDER};
use super::forge::{Forge, accepted, csr, der, tlv};
use super::hostile::{Tried, content, p256};

const P256: &[u8] = &[
    6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7,
];
const P384: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x22];
const ED25519: &[u8] = &[6, 3, 0x2b, 0x65, 0x70];
const RSA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0xd, 1, 1, 1, 5, 0];

fn ed25519() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap()
}

#[test]
fn keys_that_are_not_sound() {
    let mut tried = Tried::default();
    let (key, edwards) = (p256(), ed25519());
    let (forge, ed_forge) = (Forge::of(&key), Forge::of(&edwards));
    let point = key.der_bytes();
    let (whole, bits) = (key.subject_public_key_info(), [&[0], point].concat());
    for (what, algorithm, bits) in [
        ("identity", P256, vec![0, 0]),
        ("no bits", P256, vec![]),
        ("no point", P256, vec![0]),
        ("whole key as point", P256, [&[0], &whole[..]].concat()),
        ("short point", P256, [&[0], &point[..64]].concat()),
        ("long point", P256, [&[0], point, &[0]].concat()),
        ("zero point", P256, [&[0, 4], &[0; 64][..]].concat()),
        ("point beyond the field", P256, [&[0, 4], &[0xff; 64][..]].concat()),
        (
            "coordinates swapped",
            P256,
            [&[0, 4], &point[33..], &point[1..33]].concat(),
        ),
        ("point of another curve", P384, bits.clone()),
        ("zero point of P-384", P384, [&[0, 4], &[0; 96][..]].concat()),
        ("P-384 beyond the field", P384, [&[0, 4], &[0xff; 96][..]].concat()),
        ("P-384 key as P-256", P256, [&[0, 4], &[1; 96][..]].concat()),
    ] {
        tried.refuse(what, forge.with_key(algorithm, &bits).signed(&key), &[KeyUnsound]);
    }
    for form in [2, 3, 5, 6, 7, 0, 0xff] {
        for rest in [&point[1..], &point[1..33]] {
            let bits = [&[0, form], rest].concat();
            tried.refuse("form of point", forge.with_key(P256, &bits).signed(&key), &[KeyUnsound]);
        }
    }
    for unused in 1..=8 {
        let bits = [&[unused], point].concat();
        tried.refuse("unused bits", forge.with_key(P256, &bits).signed(&key), &[KeyUnsound]);
    }
    for (what, algorithm) in [
        ("no algorithm", &[][..]),
        ("parameters missing", &P256[..9]),
        ("parameters NULL", &[&P256[..9], &[5, 0]].concat()),
        ("more parameters", &[P256, &[5, 0]].concat()),
        ("curve alone", &P256[9..]),
        ("ecDH", &[6, 5, 0x2b, 0x81, 4, 1, 12]),
        ("X25519", &[6, 3, 0x2b, 0x65, 0x6e]),
        ("Ed448", &[6, 3, 0x2b, 0x65, 0x71]),
        ("ML-DSA-44", &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 0x11]),
        ("Ed25519 with NULL", &[ED25519, &[5, 0]].concat()),
        ("RSA without NULL", &RSA[..11]),
        ("RSA with a digest", &[&RSA[..10], &[0xb, 5, 0]].concat()),
    ] {
        tried.refuse(what, forge.with_key(algorithm, &bits).signed(&key), &[KeyKind]);
    }

    // For the identity and these relatives of it, one signature fits every text, or one in eight.
    let mut free = [0; 64];
    free[0] = 1;
    // Other spellings of the y from zero to 18.
    let wrapped = (0xed..=0xff).map(|low| {
        let mut y = [0xff; 32];
        (y[0], y[31]) = (low, 0x7f);
        y
    });
    for y in SMALL_ORDER.into_iter().chain(wrapped) {
        for sign in [0, 0x80] {
            let mut y: [u8; 32] = y;
            y[31] |= sign;
            let forge = ed_forge.with_key(ED25519, &[&[0], &y[..]].concat());
            tried.refuse("small order", forge.with_proof(&free), &[KeyUnsound]);
        }
    }
    for length in [0, 1, 31, 33, 44, 57] {
        let forge = ed_forge.with_key(ED25519, &vec![0; length + 1]);
        tried.refuse("length of Ed25519", forge.signed(&edwards), &[KeyUnsound]);
    }

    let number = |bytes: &[u8]| tlv(2, &[bytes]);
    let sound = [&[0, 0xc0][..], &[0x55; 383]].concat();
    let three = [1, 0, 1];
    let even = [&sound[..384], &[0x54]].concat();
    let of = |bytes: usize| [&[0, 0x80][..], &vec![0x55; bytes - 1]].concat();
    for (what, modulus, exponent, refusal) in [
        ("even modulus", &even[..], &three[..], KeyUnsound),
        ("negative modulus", &sound[1..], &three, KeyUnsound),
        ("padded modulus", &[&[0], &sound[..]].concat(), &three, KeyUnsound),
        ("zero modulus", &[0], &three, KeyUnsound),
        ("empty modulus", &[], &three, KeyUnsound),
        ("modulus 1", &[1], &three, KeySize),
        ("3071 bits", &[&[0x7f], &sound[2..]].concat(), &three, KeySize),
        ("8193 bits", &[&[1], &of(1024)[1..]].concat(), &three, KeySize),
        ("8200 bits", &of(1025), &three, KeySize),
        ("32768 bits", &of(4096), &three, KeySize),
        ("exponent 0", &sound, &[0], KeyUnsound),
        ("exponent 1", &sound, &[1], KeyUnsound),
        ("exponent 3", &sound, &[3], KeyUnsound),
        ("exponent 65535", &sound, &[0, 0xff, 0xff], KeyUnsound),
        ("exponent 65536", &sound, &[1, 0, 0], KeyUnsound),
        ("even exponent", &sound, &[1, 0, 2], KeyUnsound),
        ("negative exponent", &sound, &[0xff], KeyUnsound),
        ("empty exponent", &sound, &[], KeyUnsound),
        ("padded exponent", &sound, &[0, 1, 0, 1], KeyUnsound),
        ("exponent of 34 bits", &sound, &[2, 0, 0, 0, 1], KeyUnsound),
        (
            "exponent that wraps 64 bits",
            &sound,
            &[1, 0, 0, 0, 0, 0, 1, 0, 1],
            KeyUnsound,
        ),
        (
            "exponent that wraps 128 bits",
            &sound,
            &[&[1][..], &[0; 13], &three].concat(),
            KeyUnsound,
        ),
        ("exponent as large as the modulus", &sound, &sound, KeyUnsound),
    ] {
        let bits = [&[0], &tlv(0x30, &[&number(modulus), &number(exponent)])[..]].concat();
        tried.refuse(what, forge.with_key(RSA, &bits).signed(&key), &[refusal]);
    }
    let (n, e) = (number(&sound), number(&three));
    for (what, bits) in [
        ("something behind", tlv(0x30, &[&n, &e, &[5, 0]])),
        ("a byte behind", [tlv(0x30, &[&n, &e]), vec![0]].concat()),
        ("no exponent", tlv(0x30, &[&n])),
        ("SET", tlv(0x31, &[&n, &e])),
        ("octets", tlv(0x30, &[&tlv(4, &[&sound]), &e])),
        ("a private key", tlv(0x30, &[&[2, 1, 0], &n, &e])),
        ("nothing", vec![]),
    ] {
        tried.refuse(
            what,
            forge.with_key(RSA, &[&[0], &bits[..]].concat()).signed(&key),
            &[KeyUnsound],
        );
    }
    tried.at_least(120);
}

#[test]
fn signatures_that_prove_nothing() {
    let mut tried = Tried::default();
    let (key, other, edwards) = (p256(), p256(), ed25519());
    let (forge, ed_forge) = (Forge::of(&key), Forge::of(&edwards));
    let (info, sign) = (forge.info(), |text: &[u8]| key.sign(text).unwrap());
    let good = sign(&info);
    let order: Vec<u8> = [&[0][..], &[0xff; 4], &[0; 4], &[0xff; 8]].concat();
    let order = [
        &order[..],
        &[
            0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
        ],
    ]
    .concat();
    let pair = |r: &[u8], s: &[u8]| tlv(0x30, &[&tlv(2, &[r]), &tlv(2, &[s])]);
    let half = usize::from(good[3]);
    let (r, s) = (&good[4..4 + half], &good[6 + half..]);
    for (what, proof) in [
        ("another key's", other.sign(&info).unwrap()),
        ("of another text", sign(b"something else")),
        ("of the content alone", sign(content(&info))),
        ("of the key alone", sign(&forge.spki)),
        ("of nothing", sign(b"")),
        ("empty", vec![]),
        ("NULL", vec![5, 0]),
        ("zeros", pair(&[0], &[0])),
        ("r zero", pair(&[0], s)),
        ("s zero", pair(r, &[0])),
        ("ones", pair(&[1], &[1])),
        ("order", pair(&order, &order)),
        ("negative", pair(&[0xff], &[0xff])),
        ("swapped", pair(s, r)),
        ("padded r", pair(&[&[0], r].concat(), s)),
        ("padded s", pair(r, &[&[0], s].concat())),
        ("three numbers", tlv(0x30, &[&good[2..], &[2, 1, 1]])),
        ("one number", tlv(0x30, &[&tlv(2, &[r])])),
        ("a byte behind", [&good[..], &[0]].concat()),
        ("a byte short", good[..good.len() - 1].to_vec()),
        ("long length", [&[0x30, 0x81], &good[1..]].concat()),
        ("indefinite length", [&[0x30, 0x80], &good[2..], &[0, 0]].concat()),
        ("two fixed numbers", [vec![1; 32], vec![2; 32]].concat()),
        ("giant", vec![0x30; 4_000]),
    ] {
        tried.refuse(what, forge.with_proof(&proof), &[Signature]);
    }
    for unused in 1..=8_u8 {
        let bits = tlv(3, &[&[unused], &good]);
        tried.refuse(
            "unused bits",
            csr(&tlv(0x30, &[&info, &forge.algorithm, &bits])),
            &[Signature],
        );
    }
    // L, the order of the base point of Ed25519: S + L fits the equation but not RFC 8032.
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut bent = edwards.sign(&ed_forge.info()).unwrap();
    let mut carry = 0;
    for (digit, more) in bent[32..].iter_mut().zip(order) {
        let sum = u16::from(*digit) + u16::from(more) + carry;
        (*digit, carry) = (sum as u8, sum >> 8);
    }
    for (what, proof) in [
        ("S + L", bent),
        ("another key's", ed25519().sign(&ed_forge.info()).unwrap()),
        ("zeros", vec![0; 64]),
        ("short", vec![1; 63]),
        ("long", vec![1; 65]),
        ("of another kind", good.clone()),
    ] {
        tried.refuse(what, ed_forge.with_proof(&proof), &[Signature]);
    }

    let rsa: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0xd, 1, 1, 0xb, 5, 0];
    let sha256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    for (what, algorithm) in [
        ("none", vec![]),
        ("RSA", rsa.to_vec()),
        ("Ed25519", ED25519.to_vec()),
        ("the key's", P256.to_vec()),
        ("SHA-1", vec![6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1]),
        (
            "ECDSA with a digest elsewhere",
            vec![6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3],
        ),
        ("SHA-224", vec![6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 1]),
        ("no such", vec![6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 0x7f]),
        ("padded", vec![6, 9, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 0x80, 3, 2]),
        ("with NULL", [sha256, &[5, 0]].concat()),
        ("twice", sha256.repeat(2)),
        ("digest alone", vec![6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1]),
        ("no signature", vec![6, 8, 0x2b, 6, 1, 5, 5, 7, 6, 2]),
    ] {
        let forge = Forge {
            algorithm: tlv(0x30, &[&algorithm]),
            ..forge.clone()
        };
        tried.refuse(what, forge.signed(&key), &[SignatureKind]);
    }
    let forge = Forge {
        algorithm: tlv(0x30, &[sha256]),
        ..ed_forge
    };
    tried.refuse("ECDSA by Ed25519", forge.signed(&edwards), &[SignatureKind]);
    tried.at_least(50);
}

#[test]
fn honest_requests_with_one_bit_turned_or_pieces_of_another() {
    let mut tried = Tried::default();
    let accepted = accepted();
    let any = [
        Der,
        Shape,
        KeyKind,
        KeySize,
        KeyUnsound,
        SignatureKind,
        Signature,
        Excess,
    ];
    for (name, _, text) in &accepted {
        let good = der(text);
        // All of the small ones, a few bytes of the large ones.
        let step = good.len() / 150 + usize::from(good.len() > 500) * 40;
        for at in (0..good.len()).step_by(step.max(1)) {
            let mut bent = good.clone();
            bent[at] ^= 1 << (at % 8);
            tried.refuse(name, csr(&bent), &any);
        }
        for back in [1, 9, 30] {
            let (mut bent, at) = (good.clone(), good.len() - back);
            bent[at] ^= 0x10;
            tried.refuse(name, csr(&bent), &[Signature]);
        }
        let subject = good.windows(6).position(|bytes| bytes == b"sample").unwrap();
        let mut bent = good.clone();
        bent[subject] ^= 1;
        tried.refuse(name, csr(&bent), &[Signature]);
    }
    for (one, kind, text) in &accepted {
        for (another, other_kind, other) in &accepted {
            let (good, other) = (pieces(&der(text)), pieces(&der(other)));
            if one == another || good[0] == other[0] {
                continue;
            }
            let swapped = csr(&tlv(0x30, &[&good[0], &other[1], &other[2]]));
            let same = kind.split('-').next() == other_kind.split('-').next();
            let refusal = if same { Signature } else { SignatureKind };
            tried.refuse(&format!("{one} signed by {another}"), swapped, &[refusal]);
        }
    }
    tried.at_least(1_000);
}

/// Info, algorithm and signature of a request.
fn pieces(bytes: &[u8]) -> Vec<Vec<u8>> {
    let whole = reading::only(bytes, 0x30).unwrap();
    let mut reader = reading::Reader::new(whole.content);
    std::iter::from_fn(|| reader.any())
        .map(|piece| piece.whole.to_vec())
        .collect()
}
