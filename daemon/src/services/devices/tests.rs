//! Credentials against a real database and a clock that is turned by hand.

use std::sync::Arc;

use fleet_proto::pb;
use fleet_proto::pb::resource::Spec;
use rcgen::{CertificateParams, KeyPair};

use super::certificates::refuse_inactive;
use super::*;
use crate::domain::Caller;
use crate::domain::caller::Who;
use crate::domain::certificates::{Presented, presented};
use crate::domain::clock::ManualClock;
use crate::domain::sealing::Sealer;
use crate::services::resources::Options;
use crate::storage::db::query;
use crate::storage::{Db, log};

mod lines;

const DAY: Micros = 86_400 * 1_000_000;
const START: Micros = 1_770_000_000 * 1_000_000;

struct World {
    dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    devices: Devices,
}

async fn open(dir: &tempfile::TempDir, clock: &Arc<ManualClock>, key: u8) -> Devices {
    let db = Db::open_sqlite(&dir.path().join("fleetd.db")).await.unwrap();
    let sealer = Arc::new(Sealer::new(&[key; 32]));
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let resources = Resources::open(db, Arc::clone(&clock), sealer).await.unwrap();
    Devices::open(resources, clock).await.unwrap()
}

fn me() -> Caller {
    Caller::with_everything(Who::Socket(0))
}

fn named(org: &str, name: &str, spec: Spec) -> pb::Submission {
    let metadata = pb::Metadata {
        org: org.into(),
        name: name.into(),
        ..pb::Metadata::default()
    };
    pb::Submission {
        resource: Some(pb::Resource {
            metadata: Some(metadata),
            spec: Some(spec),
            ..pb::Resource::default()
        }),
        ..pb::Submission::default()
    }
}

impl World {
    /// Organizations acme and globex, acme with the sites north and south.
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(START));
        let devices = open(&dir, &clock, 1).await;
        let world = Self { dir, clock, devices };
        let site = || Spec::Site(pb::SiteSpec::default());
        let org = || Spec::Organization(pb::OrganizationSpec::default());
        world.apply(named("", "acme", org())).await;
        world.apply(named("", "globex", org())).await;
        world.apply(named("acme", "north", site())).await;
        world.apply(named("acme", "south", site())).await;
        world
    }

    async fn apply(&self, submission: pb::Submission) {
        let bundle = vec![submission];
        let applied = self.devices.resources.apply(&me(), bundle, Options::default()).await;
        applied.unwrap().done().unwrap();
    }

    async fn claim(&self, org: &str, uses: u32) -> String {
        let wanted = ClaimRequest {
            org: org.into(),
            max_uses: uses,
            expires_in_seconds: 360 * 86_400,
            ..ClaimRequest::default()
        };
        self.devices.create_claim_token(&me(), wanted).await.unwrap().1
    }

    async fn provision(&self, hw_id: &str, claim: &str, csr: Option<&str>) -> Result<Provisioned> {
        let request = Provision {
            hw_id: hw_id.into(),
            claim_token: claim.into(),
            csr: csr.map(str::to_owned),
            ..Provision::default()
        };
        self.devices.provision(request).await
    }

    /// A new device with a certificate, and what the TLS layer would hand on of it.
    async fn certified(&self, hw_id: &str, org: &str, csr: &str) -> (Identity, Presented) {
        let claim = self.claim(org, 1).await;
        let made = self.provision(hw_id, &claim, Some(csr)).await.unwrap();
        let shown = read_pem(&certificate(&made));
        (made.identity, shown)
    }

    /// What the system log of acme says, as action and message.
    async fn told(&self) -> Vec<(String, String)> {
        let mut tx = self.devices.resources.db().read().await.unwrap();
        let org = Resources::org_in(&mut tx, "acme").await.unwrap().uid;
        let any = log::Narrow::default();
        let all = log::list(&mut tx, Some(org), (0, 1 << 40), &any, false, 1_000).await;
        all.unwrap()
            .into_iter()
            .map(|entry| (entry.action, entry.message))
            .collect()
    }

    async fn is_known(&self, shown: &Presented) -> bool {
        match self.devices.authenticate(Shown::Certificate(shown)).await {
            Ok(_) => true,
            Err(Error::Unauthenticated(_)) => false,
            Err(error) => panic!("{error}"),
        }
    }
}

fn csr() -> String {
    csr_by(&KeyPair::generate().unwrap())
}

fn csr_by(key: &KeyPair) -> String {
    CertificateParams::default()
        .serialize_request(key)
        .unwrap()
        .pem()
        .unwrap()
}

fn certificate(made: &Provisioned) -> String {
    match &made.credential {
        Credential::Certificate(given) => given.certificate.clone(),
        Credential::Token(_) => panic!("a token instead of a certificate"),
    }
}

fn read_pem(certificate: &str) -> Presented {
    let (_, pem) = x509_parser::pem::parse_x509_pem(certificate.as_bytes()).unwrap();
    presented(&pem.contents).unwrap()
}

fn refusal<T: std::fmt::Debug>(done: Result<T>) -> String {
    done.unwrap_err().to_string()
}

#[tokio::test]
async fn a_certificate_lets_one_device_in_until_it_expires() {
    let world = World::start().await;
    let (identity, shown) = world.certified("AA:01", "acme", &csr()).await;
    let found = world.devices.authenticate(Shown::Certificate(&shown)).await.unwrap();
    assert_eq!(found, identity);
    assert_eq!(shown.not_after, START + 90 * DAY);

    // Genuine as these are to the TLS layer, they are not what was issued.
    let (_, other) = world.certified("AA:02", "acme", &csr()).await;
    let (_, foreign) = world.certified("AA:02", "globex", &csr()).await;
    for twisted in [
        Presented {
            device_uid: other.device_uid,
            ..shown.clone()
        },
        Presented {
            org_uid: foreign.org_uid,
            ..shown.clone()
        },
        Presented {
            key_id: other.key_id.clone(),
            ..shown.clone()
        },
        Presented {
            serial_hex: other.serial_hex.clone(),
            ..shown.clone()
        },
        Presented {
            serial_hex: "00".repeat(16),
            ..shown.clone()
        },
        Presented {
            not_after: shown.not_after + 1,
            ..shown.clone()
        },
    ] {
        assert!(!world.is_known(&twisted).await, "{twisted:?}");
    }
    // Its serial number in the place of a token's id finds nothing either.
    let body = format!("flt_dev_{}_{}", shown.serial_hex, "0".repeat(64));
    let token = format!("{body}_{:08x}", crc32fast::hash(body.as_bytes()));
    let refused = world.devices.authenticate(Shown::Token(&token)).await;
    assert!(matches!(refused, Err(Error::Unauthenticated(_))));

    world.clock.advance(90 * DAY);
    assert!(world.is_known(&shown).await);
    world.clock.advance(1);
    assert!(!world.is_known(&shown).await, "remembered, and expired all the same");
}

#[tokio::test]
async fn the_same_again_is_no_second_use_and_no_second_certificate() {
    let world = World::start().await;
    let (claim, csr) = (world.claim("acme", 1).await, csr());
    let first = world.provision("AA:01", &claim, Some(&csr)).await.unwrap();
    // Used up and, later, expired: the answer may have been lost.
    for _ in 0..3 {
        let again = world.provision("aa-01", &claim, Some(&csr)).await.unwrap();
        assert_eq!(certificate(&again), certificate(&first));
        assert_eq!(again.identity, first.identity);
        world.clock.advance(25 * DAY);
    }
    let used_up = refusal(world.provision("AA:01", &claim, Some(&self::csr())).await);
    assert!(used_up.contains("used up"), "{used_up}");
    let used_up = refusal(world.provision("AA:02", &claim, Some(&csr)).await);
    assert!(used_up.contains("used up"), "{used_up}");

    // With another token, another key or none does not come by a device that has its credential.
    let fresh = world.claim("acme", 9).await;
    for csr in [Some(self::csr()), None] {
        let refused = refusal(world.provision("AA:01", &fresh, csr.as_deref()).await);
        assert!(refused.contains("it must show it"), "{refused}");
    }
    // What has expired is no credential: the same key gets a new certificate, for a use.
    world.clock.advance(25 * DAY);
    let refused = refusal(world.provision("AA:01", &claim, Some(&csr)).await);
    assert!(refused.contains("used up"), "{refused}");
    let anew = world.provision("AA:01", &fresh, Some(&csr)).await.unwrap();
    assert_ne!(certificate(&anew), certificate(&first));
}

#[tokio::test]
async fn a_young_certificate_is_given_again_and_an_old_one_renewed() {
    let world = World::start().await;
    let key = csr();
    let (identity, shown) = world.certified("AA:01", "acme", &key).await;
    let device = identity.uid.to_string();
    let renew = |shown: Presented, csr: String| {
        let (devices, device) = (world.devices.clone(), device.clone());
        async move {
            devices
                .renew_certificate(Shown::Certificate(&shown), &device, &csr, "")
                .await
        }
    };
    let serial = |given: Given| read_pem(&given.certificate).serial_hex;
    world.clock.advance(29 * DAY);
    assert_eq!(
        serial(renew(shown.clone(), key.clone()).await.unwrap()),
        shown.serial_hex
    );
    world.clock.advance(2 * DAY);
    let renewed = renew(shown.clone(), key.clone()).await.unwrap();
    assert_eq!(renewed.not_after, START + (31 + 90) * DAY);
    let renewed = read_pem(&renewed.certificate);
    assert_ne!(renewed.serial_hex, shown.serial_hex);
    // Both count: the device changes over when it likes.
    assert!(world.is_known(&shown).await && world.is_known(&renewed).await);

    // A device cannot fill the table.
    for _ in 0..9 {
        renew(renewed.clone(), csr()).await.unwrap();
    }
    let refused = renew(renewed.clone(), csr()).await;
    assert!(
        matches!(
            refused,
            Err(Error::Exhausted {
                retry_after_ms: 1..,
                ..
            })
        ),
        "{refused:?}"
    );
    world.clock.advance(DAY);
    renew(renewed.clone(), csr()).await.unwrap();

    // One that was revoked gets no other, nor does its key.
    let revoked = world
        .devices
        .revoke_credential(&me(), "acme", &device, &renewed.serial_hex)
        .await;
    assert_eq!(revoked.unwrap().state, "revoked");
    assert!(!world.is_known(&renewed).await);
    assert!(matches!(
        renew(renewed, key.clone()).await,
        Err(Error::Unauthenticated(_))
    ));
    let refused = refusal(renew(shown, key).await);
    assert!(refused.contains("was revoked; make a new key"), "{refused}");
}

#[tokio::test]
async fn a_key_belongs_to_one_device_of_all_organizations() {
    let world = World::start().await;
    let key = csr();
    world.certified("AA:01", "acme", &key).await;
    for (hw_id, org) in [("AA:02", "acme"), ("AA:01", "globex")] {
        let claim = world.claim(org, 1).await;
        let refused = refusal(world.provision(hw_id, &claim, Some(&key)).await);
        assert_eq!(refused, "csr: its key belongs to another device; make a new key");
        // Nothing is left of the attempt: neither the device nor the use.
        world.provision(hw_id, &claim, Some(&csr())).await.unwrap();
    }
}

#[tokio::test]
async fn a_credential_speaks_for_its_own_device() {
    let world = World::start().await;
    let (own, shown) = world.certified("AA:01", "acme", &csr()).await;
    let (sister, _) = world.certified("AA:02", "acme", &csr()).await;
    let (foreign, _) = world.certified("AA:03", "globex", &csr()).await;
    for device in [sister.uid, foreign.uid, uuid::Uuid::nil()] {
        let (device, csr) = (device.to_string(), csr());
        let asked = world
            .devices
            .renew_certificate(Shown::Certificate(&shown), &device, &csr, "");
        assert_eq!(refusal(asked.await), "the device does not exist");
    }
    // Nor does it get a credential of one that waits for its first.
    let waiting = pb::DeviceSpec {
        serial: Some("AA:04".into()),
        ..pb::DeviceSpec::default()
    };
    world.apply(named("acme", "waiting", Spec::Device(waiting))).await;
    let request = |hw_id: &str, csr: Option<String>| Provision {
        hw_id: hw_id.into(),
        csr,
        certificate: Some(Arc::new(shown.clone())),
        ..Provision::default()
    };
    for csr in [None, Some(csr())] {
        let refused = world.devices.provision(request("AA:04", csr)).await;
        assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
    }
    let again = world.devices.provision(request("AA:01", None)).await.unwrap();
    assert_eq!(again.identity, own);
    assert!(
        matches!(again.credential, Credential::Token(_)),
        "a token beside the certificate"
    );

    // A device behind a gateway has keys of its own.
    let behind = pb::DeviceSpec {
        gateway: Some(own.name.clone()),
        ..pb::DeviceSpec::default()
    };
    world.apply(named("acme", "behind", Spec::Device(behind))).await;
    let csr = csr();
    let asked = world
        .devices
        .renew_certificate(Shown::Certificate(&shown), "behind", &csr, "");
    assert!(matches!(asked.await, Err(Error::Denied(_))));
}

#[tokio::test]
async fn a_claim_token_of_a_site_is_for_devices_of_that_site() {
    let world = World::start().await;
    let spec = pb::DeviceSpec {
        serial: Some("AA:01".into()),
        site: Some("south".into()),
        ..pb::DeviceSpec::default()
    };
    world.apply(named("acme", "expected", Spec::Device(spec))).await;
    for (site, fits) in [("north", false), ("south", true)] {
        let wanted = ClaimRequest {
            org: "acme".into(),
            site: site.into(),
            ..ClaimRequest::default()
        };
        let (_, claim) = world.devices.create_claim_token(&me(), wanted).await.unwrap();
        assert_eq!(world.provision("AA:01", &claim, None).await.is_ok(), fits, "{site}");
    }
}

#[tokio::test]
async fn an_enrolled_device_is_expected_and_a_decommissioned_one_gone() {
    let world = World::start().await;
    let wanted = |hw_id: &str| Enrolment {
        org: "acme".into(),
        hw_id: hw_id.into(),
        site: "north".into(),
        ..Enrolment::default()
    };
    let enrolled = world.devices.enroll(&me(), wanted("AA:01")).await.unwrap();
    assert_eq!(enrolled.device.name, "aa01");
    assert_eq!(enrolled.claim_token.serial, "AA:01");
    let again = world.devices.enroll(&me(), wanted("aa-01")).await;
    assert!(matches!(again, Err(Error::AlreadyExists(_))), "{again:?}");
    assert!(
        world.provision("AA:02", &enrolled.text, None).await.is_err(),
        "it is for another"
    );
    let key = csr();
    let made = world.provision("aa01", &enrolled.text, Some(&key)).await.unwrap();
    assert_eq!(made.identity.uid, enrolled.device.uid);
    let shown = read_pem(&certificate(&made));
    let (_, token) = world.devices.rotate_token(&me(), "acme", "aa01").await.unwrap();
    assert!(world.devices.authenticate(Shown::Token(&token)).await.is_ok());

    let command = NewCommand {
        org: "acme".into(),
        device: "aa01".into(),
        kind: "reboot".into(),
        ..NewCommand::default()
    };
    world.devices.send_command(&me(), command).await.unwrap();
    let done = world.devices.decommission(&me(), "acme", "aa01").await.unwrap();
    assert_eq!((done.tokens, done.certificates, done.commands), (1, 1, 1));
    assert!(refuse_inactive(&done.device).is_err());
    assert!(!world.is_known(&shown).await);
    assert!(world.devices.authenticate(Shown::Token(&token)).await.is_err());
    let commands = world.devices.commands(&me(), "acme", "aa01", 0).await.unwrap();
    assert_eq!(commands[0].state, "expired");

    // Nothing brings it back but a person.
    let claim = world.claim("acme", 2).await;
    for csr in [None, Some(csr())] {
        let refused = refusal(world.provision("AA:01", &claim, csr.as_deref()).await);
        assert!(refused.contains("is inactive"), "{refused}");
    }
    assert!(world.devices.rotate_token(&me(), "acme", "aa01").await.is_err());
    let again = world.devices.decommission(&me(), "acme", "aa01").await.unwrap();
    assert_eq!((again.tokens, again.certificates, again.commands), (0, 0, 0));
}

#[tokio::test]
async fn every_process_on_a_database_has_the_same_authority() {
    let world = World::start().await;
    let other = open(&world.dir, &world.clock, 1).await;
    assert_eq!(other.authority(), world.devices.authority());
    assert_eq!(other.authority_trouble(), None);

    // With another key file what was issued still counts, and nothing is issued.
    let (_, shown) = world.certified("AA:01", "acme", &csr()).await;
    let lost = open(&world.dir, &world.clock, 2).await;
    assert_eq!(lost.authority(), world.devices.authority());
    assert!(lost.authority_trouble().unwrap().contains("another key file"));
    assert!(lost.authenticate(Shown::Certificate(&shown)).await.is_ok());
    let request = Provision {
        hw_id: "AA:02".into(),
        csr: Some(csr()),
        claim_token: world.claim("acme", 1).await.into(),
        ..Provision::default()
    };
    let refused = lost.provision(request).await;
    assert!(
        matches!(&refused, Err(Error::Unavailable(why)) if why.contains("put that file back")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_suspended_organization_gets_nothing() {
    let world = World::start().await;
    let (_, shown) = world.certified("AA:01", "acme", &csr()).await;
    let claim = world.claim("acme", 1).await;
    let suspended = pb::OrganizationSpec {
        suspended: Some(true),
        ..pb::OrganizationSpec::default()
    };
    world.apply(named("", "acme", Spec::Organization(suspended))).await;
    let refused = world.devices.authenticate(Shown::Certificate(&shown)).await;
    assert!(matches!(refused, Err(Error::Denied(_))), "{refused:?}");
    let refused = world.provision("AA:02", &claim, Some(&csr())).await;
    assert!(matches!(refused, Err(Error::Denied(_))), "{refused:?}");
}

#[tokio::test]
async fn devices_that_fall_silent_are_missed_once_and_after_a_restart_too() {
    let mut world = World::start().await;
    let (beating, _) = world.certified("AA:01", "acme", &csr()).await;
    let (quiet, _) = world.certified("AA:02", "acme", &csr()).await;
    let beat = |world: &World| {
        let (devices, who) = (world.devices.clone(), beating.clone());
        async move { devices.heartbeat(&who, "aa01", Heartbeat::default()).await.unwrap() }
    };
    beat(&world).await;
    world.devices.saw(quiet.uid);
    let mut presence = Presence::default();
    let since = world.told().await.len();
    let told = async |world: &World| world.told().await.split_off(since);
    world.devices.look(&mut presence).await.unwrap();
    world.clock.advance(OFFLINE_AFTER);
    world.devices.look(&mut presence).await.unwrap();
    assert_eq!(told(&world).await, []);
    world.clock.advance(1);
    for _ in 0..3 {
        world.devices.look(&mut presence).await.unwrap();
    }
    let silent = (
        "device.silent".to_owned(),
        "device/aa01 sends nothing any more".to_owned(),
    );
    assert_eq!(
        told(&world).await,
        [silent],
        "and aa02, which never promised anything, is not missed"
    );
    // A fleetd that begins anew knows that it was told.
    world.devices = open(&world.dir, &world.clock, 1).await;
    let mut presence = Presence::default();
    world.devices.look(&mut presence).await.unwrap();
    world.clock.advance(2 * OFFLINE_AFTER);
    world.devices.look(&mut presence).await.unwrap();
    assert_eq!(told(&world).await.len(), 1);
    beat(&world).await;
    world.devices.look(&mut presence).await.unwrap();
    let back = ("device.back".to_owned(), "device/aa01 is back".to_owned());
    assert_eq!(told(&world).await[1..], [back]);
    // Whoever is out of service is missed by nobody.
    world.devices.decommission(&me(), "acme", "aa01").await.unwrap();
    world.clock.advance(2 * OFFLINE_AFTER);
    world.devices.look(&mut presence).await.unwrap();
    assert_eq!(told(&world).await.last().unwrap().0, "device.decommission");
}

#[tokio::test]
async fn a_certificate_that_is_not_renewed_is_told_once() {
    let world = World::start().await;
    let (_, shown) = world.certified("AA:01", "acme", &csr()).await;
    world.certified("AA:02", "acme", &csr()).await;
    world.clock.advance(60 * DAY);
    let again = csr();
    let renewed = world
        .devices
        .renew_certificate(Shown::Certificate(&shown), "aa01", &again, "")
        .await;
    renewed.unwrap();
    world.clock.advance(15 * DAY);
    let since = world.told().await.len();
    world.devices.look_at_certificates().await.unwrap();
    assert_eq!(world.told().await.len(), since);
    world.clock.advance(2 * DAY);
    for _ in 0..3 {
        world.devices.look_at_certificates().await.unwrap();
    }
    let told = world.told().await.split_off(since);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "certificate.ending");
}

#[tokio::test]
async fn without_its_row_in_the_audit_log_nothing_privileged_is_done() {
    let world = World::start().await;
    let (who, _) = world.certified("AA:01", "acme", &csr()).await;
    let spec = pb::SecretSpec {
        value: Some("the text".into()),
        ..pb::SecretSpec::default()
    };
    world.apply(named("acme", "wifi", Spec::Secret(spec))).await;
    let device = world
        .devices
        .resources
        .find(&me(), "acme", Kind::Device, "aa01")
        .await
        .unwrap();
    let mut spec = match device.spec {
        Spec::Device(spec) => spec,
        other => panic!("{other:?}"),
    };
    spec.configuration = Some(r#"{"password": {"secretRef": "wifi"}}"#.into());
    world.apply(named("acme", "aa01", Spec::Device(spec))).await;
    let mut tx = world.devices.resources.db().begin().await.unwrap();
    query("alter table audit_event rename to gone")
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let served = world.devices.config(&who, "aa01", 2, "").await;
    assert!(matches!(served, Err(Error::Storage(_))), "{served:?}");
    let read = pb::ModbusReadRequest {
        host: "192.0.2.1".into(),
        address: Some(0),
        ..pb::ModbusReadRequest::default()
    };
    let read = crate::services::polling::place(&world.devices.resources, &me(), &read).await;
    assert!(matches!(read, Err(Error::Storage(_))), "{read:?}");
    let mut tx = world.devices.resources.db().begin().await.unwrap();
    query("alter table gone rename to audit_event")
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let served = world.devices.config(&who, "aa01", 2, "").await.unwrap().unwrap();
    assert_eq!(served.body["configuration"]["password"], "the text");
}
