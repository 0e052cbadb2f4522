//! Certificates that are issued, what the TLS library makes of them, and what is read from them again.

mod forge;
mod hostile;
mod hostile_keys;

use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use uuid::Uuid;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::{Authority, DAY, Error, Refusal, SECOND, Subject, presented, request};
use forge::{Forge, accepted, der, pem, tlv};

/// 2026-01-01, and a bit of a second.
const NOW: i64 = 1_767_225_600 * SECOND + 123_456;
const SUBJECT: Subject = Subject {
    org_uid: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001),
    device_uid: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002),
};

fn roots(authority: &Authority) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(der(authority.chain_pem()).into()).unwrap();
    Arc::new(roots)
}

fn at(now: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_micros(now as u64))
}

/// What a server says that trusts this authority.
fn verify(authority: &Authority, pem: &str, now: i64) -> Result<(), rustls::Error> {
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(authority), default_provider().into());
    let certificate = CertificateDer::from(der(pem));
    verifier
        .build()
        .unwrap()
        .verify_client_cert(&certificate, &[], at(now))
        .map(|_| ())
}

fn honest() -> (KeyPair, super::Request) {
    let key = KeyPair::generate().unwrap();
    let request = request(&Forge::of(&key).signed(&key)).unwrap();
    (key, request)
}

#[test]
fn each_accepted_kind_of_key_gets_a_certificate_that_a_server_takes() {
    let authority = Authority::make(NOW).unwrap();
    for (name, algorithm, text) in accepted() {
        let request = request(&text).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert_eq!(request.algorithm(), algorithm, "{name}");
        let issued = authority.issue(&request, SUBJECT, NOW, 90 * DAY, [0xff; 16]).unwrap();
        verify(&authority, &issued.pem, NOW).unwrap_or_else(|error| panic!("{name}: {error}"));

        let bytes = der(&issued.pem);
        let (_, certificate) = X509Certificate::from_der(&bytes).unwrap();
        assert_eq!(certificate.public_key().raw, request.spki(), "{name}");
        let found = presented(&bytes).unwrap();
        assert_eq!((found.org_uid, found.device_uid), (SUBJECT.org_uid, SUBJECT.device_uid));
        assert_eq!(found.serial_hex, issued.serial_hex);
        assert_eq!(found.not_after, issued.not_after);
        assert_eq!(
            (found.key_id.as_str(), issued.key_id.as_str()),
            (request.key_id(), request.key_id())
        );
    }
}

#[test]
fn a_request_may_be_wrapped_and_labelled_in_the_usual_ways() {
    let key = KeyPair::generate().unwrap();
    let forge = Forge::of(&key);
    let good = forge.signed(&key);
    let wanted = request(&good).unwrap();
    for text in [
        good.replace('\n', "\r\n"),
        good.trim_end().to_owned(),
        format!("\n\n  {good}\n\t "),
        good.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
        pem("CERTIFICATE REQUEST", &der(&good)).replacen('\n', "\n\n", 1),
        Forge {
            attributes: vec![],
            ..forge.clone()
        }
        .signed(&key),
        Forge {
            subject: vec![0x30, 0],
            ..forge.clone()
        }
        .signed(&key),
        Forge {
            attributes: tlv(0xa0, &[&[0x30, 2, 5, 0]]),
            ..forge
        }
        .signed(&key),
    ] {
        assert_eq!(request(&text).as_ref(), Ok(&wanted), "{text}");
    }
}

#[test]
fn nothing_that_a_request_wishes_for_is_in_the_certificate() {
    let key = KeyPair::generate().unwrap();
    let mut wishes = CertificateParams::new(vec!["evil.example".to_owned(), "192.0.2.66".to_owned()]).unwrap();
    let other = format!("urn:fleetd:org:{}:device:{}", Uuid::from_u128(6), Uuid::from_u128(66));
    wishes
        .subject_alt_names
        .push(SanType::URI(other.clone().try_into().unwrap()));
    wishes
        .subject_alt_names
        .push(SanType::Rfc822Name("root@evil.example".try_into().unwrap()));
    wishes
        .distinguished_name
        .push(DnType::CommonName, "evil fleetd device CA");
    wishes
        .distinguished_name
        .push(DnType::OrganizationName, "evil platform admins");
    wishes.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    wishes.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    wishes.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::Any];
    let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 66_666], b"\x0c\x04evil".to_vec());
    extension.set_criticality(true);
    wishes.custom_extensions = vec![extension];
    let text = wishes.serialize_request(&key).unwrap().pem().unwrap();
    let evil = |bytes: &[u8]| bytes.windows(4).any(|word| word == b"evil");
    assert!(evil(&der(&text)));

    let authority = Authority::make(NOW).unwrap();
    let issued = authority
        .issue(&request(&text).unwrap(), SUBJECT, NOW, 90 * DAY, [7; 16])
        .unwrap();
    let bytes = der(&issued.pem);
    assert!(!evil(&bytes));
    let (_, certificate) = X509Certificate::from_der(&bytes).unwrap();
    assert_eq!(certificate.subject().to_string(), format!("CN={}", SUBJECT.device_uid));
    assert_eq!(certificate.issuer().to_string(), "CN=fleetd device CA");
    let names = certificate.subject_alternative_name().unwrap().unwrap();
    assert_eq!(names.value.general_names, [GeneralName::URI(&SUBJECT.uri())]);
    let constraints = certificate.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && !constraints.value.ca && constraints.value.path_len_constraint.is_none());
    let usage = certificate.key_usage().unwrap().unwrap();
    assert!(usage.critical && usage.value.flags == 1, "digitalSignature alone");
    let purposes = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(purposes.client_auth && !purposes.server_auth && !purposes.any && !purposes.code_signing);
    assert!(purposes.other.is_empty());
    let mut extensions: Vec<_> = certificate
        .extensions()
        .iter()
        .map(|extension| extension.oid.to_string())
        .collect();
    extensions.sort();
    // Key identifiers of subject and authority, usage, names, constraints, extended usage.
    assert_eq!(
        extensions,
        [
            "2.5.29.14",
            "2.5.29.15",
            "2.5.29.17",
            "2.5.29.19",
            "2.5.29.35",
            "2.5.29.37"
        ]
    );
}

#[test]
fn a_certificate_is_valid_for_its_time_its_purpose_and_its_authority_alone() {
    let authority = Authority::make(NOW).unwrap();
    let (_, request) = honest();
    let issued = authority.issue(&request, SUBJECT, NOW, 90 * DAY, [7; 16]).unwrap();
    let whole = NOW / SECOND * SECOND;
    assert_eq!(
        (issued.not_before, issued.not_after),
        (whole - 300 * SECOND, whole + 90 * DAY)
    );
    let refused = |now| match verify(&authority, &issued.pem, now) {
        Err(rustls::Error::InvalidCertificate(error)) => error,
        other => panic!("{other:?}"),
    };
    for now in [issued.not_before, NOW, issued.not_after] {
        verify(&authority, &issued.pem, now).unwrap();
    }
    assert!(matches!(
        refused(issued.not_before - SECOND),
        CertificateError::NotValidYetContext { .. }
    ));
    assert!(matches!(
        refused(issued.not_after + SECOND),
        CertificateError::ExpiredContext { .. }
    ));

    let other = Authority::make(NOW).unwrap();
    assert!(verify(&other, &issued.pem, NOW).is_err());
    let server = WebPkiServerVerifier::builder_with_provider(roots(&authority), default_provider().into());
    let name = ServerName::try_from("localhost").unwrap();
    let answer = server
        .build()
        .unwrap()
        .verify_server_cert(&der(&issued.pem).into(), &[], &name, &[], at(NOW));
    let Err(rustls::Error::InvalidCertificate(error)) = answer else {
        panic!("it passes for a server")
    };
    assert!(
        matches!(error, CertificateError::InvalidPurposeContext { .. }),
        "{error:?}"
    );
}

#[test]
fn lifetimes_end_with_the_authority_and_impossible_times_are_errors() {
    let authority = Authority::make(NOW).unwrap();
    let (_, request) = honest();
    let issue = |now, lifetime| authority.issue(&request, SUBJECT, now, lifetime, [7; 16]);
    let end = authority.not_after();
    assert_eq!(end, (NOW + 3_652 * DAY) / SECOND * SECOND);
    assert_eq!(issue(end - DAY, 90 * DAY).unwrap().not_after, end);
    verify(&authority, &issue(end - DAY, 90 * DAY).unwrap().pem, end).unwrap();
    assert_eq!(issue(0, DAY).unwrap().not_before, 0);
    assert!(matches!(issue(end, DAY), Err(Error::Expired)));
    for (now, lifetime) in [
        (NOW, 0),
        (NOW, -DAY),
        (NOW, i64::MAX),
        (NOW, i64::MIN),
        (-1, DAY),
        (i64::MIN, DAY),
    ] {
        assert!(matches!(issue(now, lifetime), Err(Error::Time)), "{now} {lifetime}");
    }
    for now in [-1, i64::MIN, i64::MAX, i64::MAX - 3_653 * DAY] {
        assert!(matches!(Authority::make(now), Err(Error::Time)), "{now}");
    }
}

#[test]
fn a_serial_number_has_one_spelling() {
    let authority = Authority::make(NOW).unwrap();
    let (_, request) = honest();
    for serial in [[0; 16], [0xff; 16], std::array::from_fn(|at| at as u8), [0x80; 16]] {
        let issued = authority.issue(&request, SUBJECT, NOW, DAY, serial).unwrap();
        assert_eq!(issued.serial_hex.len(), 32);
        assert_eq!(issued.serial_hex[2..], super::hex(&serial[1..]));
        assert_eq!(presented(&der(&issued.pem)).unwrap().serial_hex, issued.serial_hex);
        verify(&authority, &issued.pem, NOW).unwrap();
    }
}

#[test]
fn an_authority_is_loaded_from_its_own_pair_only() {
    let authority = Authority::make(NOW).unwrap();
    let (chain, key) = (authority.chain_pem(), authority.key_pem());
    let loaded = Authority::load(chain, &key).unwrap();
    assert_eq!((loaded.chain_pem(), loaded.key_pem()), (chain, key.clone()));
    assert_eq!(
        (loaded.key_id(), loaded.not_after()),
        (authority.key_id(), authority.not_after())
    );
    let (_, request) = honest();
    let issued = loaded.issue(&request, SUBJECT, NOW, DAY, [7; 16]).unwrap();
    verify(&authority, &issued.pem, NOW).unwrap();
    let bytes = der(chain);
    let (_, certificate) = X509Certificate::from_der(&bytes).unwrap();
    let constraints = certificate.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && constraints.value.ca);
    assert_eq!(constraints.value.path_len_constraint, Some(0));
    let usage = certificate.key_usage().unwrap().unwrap();
    assert!(usage.critical && usage.value.key_cert_sign() && usage.value.crl_sign());
    assert_eq!(usage.value.flags.count_ones(), 2);
    assert!(!format!("{authority:?}").contains("PRIVATE"));

    let other = Authority::make(NOW).unwrap();
    let mut bent = bytes.clone();
    *bent.last_mut().unwrap() ^= 1;
    let larger = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let mut params = CertificateParams::default();
    let plain = params.self_signed(authority.issuer.key()).unwrap().pem();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let aimless = params.self_signed(authority.issuer.key()).unwrap().pem();
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let mut lowly = params.clone();
    lowly.is_ca = IsCa::ExplicitNoCa;
    let lowly = lowly.self_signed(authority.issuer.key()).unwrap().pem();
    for (chain, key) in [
        (chain, other.key_pem()),
        (other.chain_pem(), key.clone()),
        ("", key.clone()),
        (chain, String::new()),
        (chain, chain.to_owned()),
        (&key, key.clone()),
        (&format!("{chain}{chain}"), key.clone()),
        (&pem("CERTIFICATE", &bent), key.clone()),
        (&pem("CERTIFICATE", &[&bytes[..], &[0]].concat()), key.clone()),
        (&issued.pem, key.clone()),
        (&plain, key.clone()),
        (&aimless, key.clone()),
        (&lowly, key.clone()),
        (&params.self_signed(&larger).unwrap().pem(), larger.serialize_pem()),
    ] {
        assert!(matches!(Authority::load(chain, &key), Err(Error::Pair)), "{chain}");
    }
}

#[test]
fn certificates_that_this_authority_does_not_write_name_no_device() {
    let authority = Authority::make(NOW).unwrap();
    let key = KeyPair::generate().unwrap();
    let uid = SUBJECT.device_uid.to_string();
    let written = |change: &dyn Fn(&mut CertificateParams)| {
        let mut params = CertificateParams::default();
        params.distinguished_name = super::named(&uid);
        params.serial_number = Some(vec![0x40; 16].into());
        params.is_ca = IsCa::ExplicitNoCa;
        params.subject_alt_names = vec![SanType::URI(SUBJECT.uri().try_into().unwrap())];
        change(&mut params);
        params.signed_by(&key, &authority.issuer).unwrap().der().to_vec()
    };
    let named = |uri: &str| {
        let name = SanType::URI(uri.try_into().unwrap());
        written(&|params| params.subject_alt_names = vec![name.clone()])
    };
    let good = written(&|_| {});
    assert_eq!(presented(&good).unwrap().device_uid, SUBJECT.device_uid);
    let uri = SUBJECT.uri();
    let mut strangers = vec![
        der(authority.chain_pem()),
        [&good[..], &[0]].concat(),
        good[..good.len() - 1].to_vec(),
        vec![],
        written(&|params| params.subject_alt_names.clear()),
        written(&|params| params.subject_alt_names.push(params.subject_alt_names[0].clone())),
        written(&|params| {
            params
                .subject_alt_names
                .push(SanType::DnsName("boiler".try_into().unwrap()));
        }),
        written(&|params| params.subject_alt_names = vec![SanType::DnsName(SUBJECT.uri().try_into().unwrap())]),
        written(&|params| params.distinguished_name = super::named("boiler")),
        written(&|params| {
            params
                .distinguished_name
                .push(DnType::CustomDnType(vec![2, 5, 4, 3]), "boiler");
        }),
        written(&|params| params.distinguished_name = rcgen::DistinguishedName::new()),
        written(&|params| params.is_ca = IsCa::NoCa),
        written(&|params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0))),
        written(&|params| params.serial_number = Some(vec![7; 15].into())),
        written(&|params| params.serial_number = Some(vec![7; 20].into())),
    ];
    for uri in [
        uri.to_uppercase(),
        uri.replace('-', ""),
        uri.replace("fleetd", "fleetd2"),
        uri.replace(":device:", ":user:"),
        format!("{uri} "),
        format!("{uri}:device:{uid}"),
        format!("urn:fleetd:device:{uid}"),
        format!("urn:fleetd:org::device:{uid}"),
        format!("urn:fleetd:org:{{{}}}:device:{uid}", SUBJECT.org_uid),
    ] {
        strangers.push(named(&uri));
    }
    for (at, der) in strangers.iter().enumerate() {
        assert_eq!(presented(der), Err(Refusal::Stranger), "{at}");
    }
}

#[derive(Debug)]
struct Stopped;

impl TimeProvider for Stopped {
    fn current_time(&self) -> Option<UnixTime> {
        Some(at(NOW))
    }
}

#[test]
fn a_device_shakes_hands_with_its_certificate_and_is_found_by_it() {
    let authority = Authority::make(NOW).unwrap();
    let (key, request) = honest();
    let issued = authority.issue(&request, SUBJECT, NOW, 90 * DAY, [7; 16]).unwrap();
    let private = |key: &KeyPair| PrivateKeyDer::try_from(key.serialize_der()).unwrap();

    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let mut servers = RootCertStore::empty();
    servers.add(cert.der().clone()).unwrap();
    let devices = WebPkiClientVerifier::builder_with_provider(roots(&authority), default_provider().into());
    let server = ServerConfig::builder_with_details(default_provider().into(), Arc::new(Stopped))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(devices.build().unwrap())
        .with_single_cert(vec![cert.der().clone()], private(&signing_key))
        .unwrap();
    let client = ClientConfig::builder_with_details(default_provider().into(), Arc::new(Stopped))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(servers)
        .with_client_auth_cert(vec![der(&issued.pem).into()], private(&key))
        .unwrap();
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    let mut client = ClientConnection::new(Arc::new(client), ServerName::try_from("localhost").unwrap()).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets().unwrap();
        wire.clear();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets().unwrap();
    }
    let found = presented(&server.peer_certificates().unwrap()[0]).unwrap();
    assert_eq!((found.device_uid, found.key_id), (SUBJECT.device_uid, issued.key_id));
}
