//! Requests that must not become a [`Request`]: whole classes of them, each with its refusal.

use std::collections::HashSet;

use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};

use super::super::Refusal::{self, *};
use super::super::{LIMIT, request};
use super::forge::{Forge, csr, der, name, pem, samples, tlv};

const P256: &[u8] = &[
    6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7,
];

/// What was tried, so that nothing counts twice.
#[derive(Default)]
pub(super) struct Tried(HashSet<String>);

impl Tried {
    /// Asserts that the text is refused in one of these ways.
    pub(super) fn refuse(&mut self, what: &str, text: impl Into<String>, expected: &[Refusal]) {
        let text = text.into();
        let shown = format!("{what}: {}", &text.chars().take(2_000).collect::<String>());
        match request(&text) {
            Ok(request) => panic!("{shown}\nwas accepted as {request:?}"),
            Err(refusal) => assert!(expected.contains(&refusal), "{shown}\nis {refusal:?}, not {expected:?}"),
        }
        self.0.insert(text);
    }

    /// Asserts how many different requests were refused.
    pub(super) fn at_least(&self, count: usize) {
        assert!(
            self.0.len() >= count,
            "only {} different requests were tried",
            self.0.len()
        );
    }
}

pub(super) fn p256() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}

#[test]
fn kinds_and_sizes_of_keys_that_are_not_accepted() {
    let mut tried = Tried::default();
    for (name, expected, text) in samples() {
        let refusal = match expected {
            "SignatureKind" => SignatureKind,
            "KeyKind" => KeyKind,
            "KeySize" => KeySize,
            "KeyUnsound" => KeyUnsound,
            _ => continue,
        };
        tried.refuse(name, text, &[refusal]);
    }
    tried.at_least(24);
}

#[test]
fn text_that_is_not_one_pem_block_of_a_request() {
    let mut tried = Tried::default();
    let key = p256();
    let good = Forge::of(&key).signed(&key);
    assert!(request(&good).is_ok());
    let bytes = der(&good);
    let with = |from: &str, to: &str| good.replacen(from, to, 1);
    let body = good.lines().nth(1).unwrap();

    for label in [
        "CERTIFICATE",
        "PUBLIC KEY",
        "PRIVATE KEY",
        "EC PRIVATE KEY",
        "X509 CRL",
        "PKCS7",
        "TRUSTED CERTIFICATE",
        "certificate request",
        "CERTIFICATE REQUEST ",
        " CERTIFICATE REQUEST",
        "CERTIFICATE  REQUEST",
        "",
        "OLD CERTIFICATE REQUEST",
        "NEW  CERTIFICATE REQUEST",
        "CERTIFICATE REQUES",
        "CERTIFICATE REQUEST\0",
        "СERTIFICATE REQUEST",
        "CERTIFICATE\nREQUEST",
        "CERTIFICATE REQUEST\n",
    ] {
        tried.refuse("label", pem(label, &bytes), &[Label]);
    }
    for (what, text) in [
        ("nothing", String::new()),
        ("white space", " \n\t\r\n".to_owned()),
        ("NUL", "\0".to_owned()),
        ("prose", "please sign this".to_owned()),
        ("bare base64", body.to_owned()),
        ("begin alone", "-----BEGIN CERTIFICATE REQUEST-----".to_owned()),
        ("begin and line", "-----BEGIN CERTIFICATE REQUEST-----\n".to_owned()),
        ("end alone", "-----END CERTIFICATE REQUEST-----\n".to_owned()),
        (
            "end before begin",
            "-----END CERTIFICATE REQUEST-----\n-----BEGIN CERTIFICATE REQUEST-----\n".to_owned(),
        ),
        (
            "begin swallowing end",
            "-----BEGIN CERTIFICATE REQUEST-----END CERTIFICATE REQUEST-----".to_owned(),
        ),
        ("no line break after begin", with("REQUEST-----\n", "REQUEST-----")),
        ("no line break before end", with("\n-----END", "-----END")),
        ("old Mac line breaks", good.replace('\n', "\r")),
        ("four dashes", with("-----BEGIN", "----BEGIN")),
        ("six dashes", with("-----BEGIN", "------BEGIN")),
        ("six dashes behind", with("REQUEST-----\n", "REQUEST------\n")),
        ("no space", with("BEGIN ", "BEGIN")),
        (
            "another end",
            with("END CERTIFICATE REQUEST", "END NEW CERTIFICATE REQUEST"),
        ),
        ("end of another", with("END CERTIFICATE REQUEST", "END CERTIFICATE")),
        ("byte order mark", format!("\u{feff}{good}")),
        ("prose before", format!("Certificate Request:\n{good}")),
        ("prose behind", format!("{good}yours truly")),
        ("NUL before", format!("\0{good}")),
        ("NUL behind", format!("{good}\0")),
        ("NUL within", with(body, &format!("{}\0{}", &body[..9], &body[9..]))),
        ("NUL instead", with(body, &format!("{}\0{}", &body[..5], &body[6..]))),
        (
            "header",
            with("REQUEST-----\n", "REQUEST-----\nProc-Type: 4,ENCRYPTED\n\n"),
        ),
        ("space within", with(body, &format!("{} {}", &body[..9], &body[9..]))),
        ("tab within", with(body, &format!("\t{body}"))),
        ("no-break space", with(body, &format!("{body}\u{a0}"))),
        ("comment", with(body, &format!("# key of boiler\n{body}"))),
        ("base64 garbage", with(body, &"!?".repeat(32))),
        ("full-width letters", with(body, &"Ａ".repeat(64))),
        ("one digit more", with("\n-----END", "A\n-----END")),
        ("padding within", with(body, &format!("{}=={}", &body[..8], &body[8..]))),
        (
            "padding alone",
            "-----BEGIN CERTIFICATE REQUEST-----\n====\n-----END CERTIFICATE REQUEST-----\n".to_owned(),
        ),
        ("hexadecimal", with(body, &"0x30, ".repeat(11))),
        ("escaped line breaks", good.replace('\n', "\\n")),
        ("quoted", format!("\"{good}\"")),
    ] {
        tried.refuse(what, text, &[Pem]);
    }
    let holding = |wanted: &str| {
        let subjects = (0..).map(|length| name(&"x".repeat(length % 60)));
        let mut texts = subjects.map(|subject| {
            Forge {
                subject,
                ..Forge::of(&key)
            }
            .signed(&key)
        });
        texts.find(|text| text.contains(wanted)).unwrap()
    };
    let padded = holding("==\n-");
    let (digits, _) = padded.split_once("==").unwrap();
    let (digits, last) = digits.split_at(digits.len() - 1);
    let loose = (last.as_bytes()[0] + 1) as char;
    for (what, text) in [
        ("base64 of other letters", holding("/").replace('/', "_")),
        (
            "loose bits",
            padded.replace(&format!("{digits}{last}=="), &format!("{digits}{loose}==")),
        ),
        ("no padding", padded.replace("==", "")),
        ("half the padding", padded.replace("==", "=")),
        ("more padding", padded.replace("==", "===")),
        ("padding of a whole group", padded.replace("==", "======")),
    ] {
        tried.refuse(what, text, &[Pem]);
    }
    for (what, text) in [
        ("the same twice", format!("{good}{good}")),
        ("twice with a gap", format!("{good}\n\n{good}")),
        ("a certificate behind", format!("{good}{}", pem("CERTIFICATE", &bytes))),
        ("a key before", format!("{}{good}", key.serialize_pem())),
        ("one within another", with(body, &good)),
    ] {
        tried.refuse(what, text, &[Several]);
    }
    for (what, text) in [
        ("one byte more", format!("{good}{}", " ".repeat(LIMIT + 1 - good.len()))),
        ("white space without end", " ".repeat(1 << 20)),
        ("base64 without end", csr(&vec![0x30; 1 << 16])),
        ("many blocks", good.repeat(99)),
    ] {
        tried.refuse(what, text, &[TooLarge]);
    }
    assert!(request(&format!("{good}{}", " ".repeat(LIMIT - good.len()))).is_ok());
    for at in 0..good.len() - 1 {
        tried.refuse("truncated text", &good[..at], &[Pem]);
    }
    tried.at_least(65 + good.len() / 2);
}

#[test]
fn bytes_that_are_not_the_der_of_a_request() {
    let mut tried = Tried::default();
    let key = p256();
    let forge = Forge::of(&key);
    let good = der(&forge.signed(&key));
    let (info, proof) = (forge.info(), key.sign(&forge.info()).unwrap());
    let bits = tlv(3, &[&[0], &proof]);
    let alg = &forge.algorithm;

    for at in 0..good.len() {
        tried.refuse("truncated", csr(&good[..at]), &[Der]);
    }
    let indefinite = |tag, content: &[u8]| [&[tag, 0x80], content, &[0, 0]].concat();
    let long = |whole: &[u8]| [&[whole[0], 0x83, 0], &(whole.len() as u16).to_be_bytes()[..], whole].concat();
    let signature = [&[0][..], &proof].concat();
    for (what, bytes) in [
        ("a byte behind", [&good[..], &[0]].concat()),
        ("NULL behind", [&good[..], &[5, 0]].concat()),
        ("twice", good.repeat(2)),
        ("a SET", [&[0x31], &good[1..]].concat()),
        ("a primitive SEQUENCE", [&[0x10], &good[1..]].concat()),
        ("indefinite length", indefinite(0x30, &[&info[..], alg, &bits].concat())),
        (
            "indefinite info",
            tlv(0x30, &[&indefinite(0x30, content(&info)), alg, &bits]),
        ),
        (
            "indefinite algorithm",
            tlv(0x30, &[&info, &indefinite(0x30, &alg[2..]), &bits]),
        ),
        (
            "indefinite signature",
            tlv(0x30, &[&info, alg, &indefinite(0x23, &bits)]),
        ),
        ("constructed signature", tlv(0x30, &[&info, alg, &tlv(0x23, &[&bits])])),
        ("length of 3 bytes", long(&good)),
        (
            "long length of algorithm",
            tlv(
                0x30,
                &[&info, &[&[0x30, 0x81, alg.len() as u8 - 2], &alg[2..]].concat(), &bits],
            ),
        ),
        (
            "long length of signature",
            tlv(
                0x30,
                &[
                    &info,
                    alg,
                    &[&[3, 0x82, 0, signature.len() as u8], &signature[..]].concat(),
                ],
            ),
        ),
        (
            "length of 4 GiB",
            [&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &good[3..]].concat(),
        ),
        (
            "length of 2^64",
            [
                &[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                &good[3..],
            ]
            .concat(),
        ),
        ("long tag", tlv(0x30, &[&[0x3f, 0x10, 0], &info, alg, &bits])),
        ("end of contents", tlv(0x30, &[&info, alg, &bits, &[0, 0]])),
        ("zeros", vec![0; 300]),
        ("ones", vec![0xff; 300]),
        ("text", b"-----BEGIN CERTIFICATE REQUEST-----".to_vec()),
        ("deep", (0..500).fold(vec![], |inner, _| tlv(0x30, &[&inner]))),
        (
            "deep subject",
            der(&Forge {
                subject: (0..40).fold(vec![5, 0], |inner, _| tlv(0x30, &[&inner])),
                ..forge.clone()
            }
            .signed(&key)),
        ),
        (
            "subject of BER",
            der(&Forge {
                subject: vec![0x30, 4, 0x24, 0x80, 0, 0],
                ..forge.clone()
            }
            .signed(&key)),
        ),
        (
            "attributes cut off",
            der(&Forge {
                attributes: vec![0xa0, 3, 0x30, 2, 5],
                ..forge.clone()
            }
            .signed(&key)),
        ),
        (
            "attributes of constructed text",
            der(&Forge {
                attributes: tlv(0xa0, &[&[0x2c, 0]]),
                ..forge.clone()
            }
            .signed(&key)),
        ),
    ] {
        tried.refuse(what, csr(&bytes), &[Der]);
    }

    let with = |change: fn(&mut Forge)| {
        let mut forge = forge.clone();
        change(&mut forge);
        der(&forge.signed(&key))
    };
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    for (what, bytes) in [
        ("empty", vec![0x30, 0]),
        ("info alone", tlv(0x30, &[&info])),
        ("no signature", tlv(0x30, &[&info, alg])),
        ("no algorithm", tlv(0x30, &[&info, &bits])),
        ("something behind", tlv(0x30, &[&info, alg, &bits, &[5, 0]])),
        ("two signatures", tlv(0x30, &[&info, alg, &bits, &bits])),
        ("octets as signature", tlv(0x30, &[&info, alg, &tlv(4, &[&signature])])),
        ("info as SET", tlv(0x30, &[&tlv(0x31, &[content(&info)]), alg, &bits])),
        ("version 2", with(|forge| forge.version = vec![2, 1, 1])),
        ("version -1", with(|forge| forge.version = vec![2, 1, 0xff])),
        ("padded version", with(|forge| forge.version = vec![2, 2, 0, 0])),
        ("empty version", with(|forge| forge.version = vec![2, 0])),
        ("version of text", with(|forge| forge.version = vec![12, 1, 0])),
        ("tagged version", with(|forge| forge.version = vec![0xa0, 3, 2, 1, 0])),
        ("no version", with(|forge| forge.version.clear())),
        ("no subject", with(|forge| forge.subject.clear())),
        ("subject as SET", with(|forge| forge.subject[0] = 0x31)),
        ("subject as text", with(|forge| forge.subject = vec![12, 1, b'x'])),
        ("no key", with(|forge| forge.spki.clear())),
        ("key as SET", with(|forge| forge.spki[0] = 0x31)),
        ("empty key", with(|forge| forge.spki = vec![0x30, 0])),
        (
            "key of algorithm alone",
            with(|forge| forge.spki = tlv(0x30, &[&tlv(0x30, &[P256])])),
        ),
        (
            "key of octets",
            with(|forge| forge.spki = tlv(0x30, &[&tlv(0x30, &[P256]), &[4, 1, 0]])),
        ),
        (
            "key with something behind",
            with(|forge| forge.spki = tlv(0x30, &[content(&forge.spki), &[5, 0]])),
        ),
        ("two keys", with(|forge| forge.spki = forge.spki.repeat(2))),
        ("other attributes", with(|forge| forge.attributes = vec![0xa1, 0])),
        ("attributes as SET", with(|forge| forge.attributes = vec![0x31, 0])),
        ("primitive attributes", with(|forge| forge.attributes = vec![0x80, 0])),
        (
            "attributes twice",
            with(|forge| forge.attributes = vec![0xa0, 0, 0xa0, 0]),
        ),
        (
            "something behind attributes",
            with(|forge| forge.attributes = vec![0xa0, 0, 5, 0]),
        ),
        ("a certificate", certificate.der().to_vec()),
        ("a public key", key.subject_public_key_info()),
        ("a private key", key.serialize_der()),
    ] {
        tried.refuse(what, csr(&bytes), &[Shape]);
    }
    let filled = |tag, length: usize| tlv(tag, &[&tlv(12, &[&vec![b'x'; length]])]);
    for (what, forge) in [
        (
            "giant subject",
            Forge {
                subject: name(&"x".repeat(4_200)),
                ..forge.clone()
            },
        ),
        (
            "subject a little too large",
            Forge {
                subject: filled(0x30, 4_089),
                ..forge.clone()
            },
        ),
        (
            "attributes a little too large",
            Forge {
                attributes: filled(0xa0, 8_185),
                ..forge.clone()
            },
        ),
        (
            "huge attributes",
            Forge {
                attributes: filled(0xa0, 11_000),
                ..forge.clone()
            },
        ),
        (
            "many attributes",
            Forge {
                attributes: tlv(0xa0, &[&[0x30, 0].repeat(5_000)]),
                ..forge.clone()
            },
        ),
    ] {
        tried.refuse(what, forge.signed(&key), &[Excess]);
    }
    for (what, forge) in [
        (
            "giant beyond the text",
            Forge {
                subject: name(&"x".repeat(20_000)),
                ..forge.clone()
            },
        ),
        (
            "huge beyond the text",
            Forge {
                attributes: filled(0xa0, 13_000),
                ..forge.clone()
            },
        ),
    ] {
        tried.refuse(what, forge.signed(&key), &[TooLarge]);
    }
    tried.at_least(60 + good.len());
}

/// The content of a SEQUENCE.
pub(super) fn content(element: &[u8]) -> &[u8] {
    super::super::der::only(element, 0x30).unwrap().content
}
