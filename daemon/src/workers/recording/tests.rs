//! Lines of organizations, against a real store.

use std::sync::Arc;

use fleet_proto::kinds::Kind;
use fleet_proto::pb;
use fleet_proto::pb::resource::Spec;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::domain::caller::Who;
use crate::domain::clock::ManualClock;
use crate::domain::sealing::Sealer;
use crate::domain::telemetry::{Reason, Value};
use crate::domain::{Caller, Clock};
use crate::services::resources::{Options, Resources};
use crate::storage::{Db, log, telemetry as store};

const NOW: i64 = 1_770_000_000_000_000;

fn reading(org: Uuid, device: Uuid, sensor: &str, nth: i64) -> Measured {
    Measured {
        org,
        device,
        sensor: sensor.to_owned(),
        source: "main:1".to_owned(),
        unit: "V".to_owned(),
        timestamp: NOW + nth,
        value: Value::Number(230.0),
        quality: Quality::Good,
        reason: Reason::None,
    }
}

struct World {
    _dir: tempfile::TempDir,
    resources: Resources,
    devices: Devices,
    telemetry: Telemetry,
}

impl World {
    async fn start() -> (Self, store::Writer) {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open_sqlite(&dir.path().join("fleetd.db")).await.unwrap();
        let clock = Arc::new(ManualClock::at(NOW)) as Arc<dyn Clock>;
        let config = store::Config {
            dir: dir.path().join("telemetry"),
            queue: 10_000,
            reserve: None,
        };
        let (readings, writer) = store::Telemetry::open(config, &db).await.unwrap();
        let sealer = Arc::new(Sealer::new(&[1; 32]));
        let resources = Resources::open(db, Arc::clone(&clock), sealer).await.unwrap();
        let world = Self {
            _dir: dir,
            devices: Devices::open(resources.clone(), Arc::clone(&clock)).await.unwrap(),
            telemetry: Telemetry::new(readings, resources.clone(), clock),
            resources,
        };
        (world, writer)
    }

    async fn apply(&self, org: &str, name: &str, spec: Spec) -> Uuid {
        let kind = match spec {
            Spec::Organization(_) => Kind::Organization,
            _ => Kind::Device,
        };
        let metadata = pb::Metadata {
            org: org.into(),
            name: name.into(),
            ..pb::Metadata::default()
        };
        let submission = pb::Submission {
            resource: Some(pb::Resource {
                metadata: Some(metadata),
                spec: Some(spec),
                ..pb::Resource::default()
            }),
            ..pb::Submission::default()
        };
        let me = Caller::with_everything(Who::Socket(0));
        let applied = self.resources.apply(&me, vec![submission], Options::default()).await;
        applied.unwrap().done().unwrap();
        self.resources.find(&me, org, kind, name).await.unwrap().uid
    }

    /// An organization and its meter.
    async fn meter(&self, org: &str) -> (Uuid, Uuid) {
        let uid = self
            .apply("", org, Spec::Organization(pb::OrganizationSpec::default()))
            .await;
        let device = pb::DeviceSpec {
            serial: Some(format!("{org}-1")),
            ..pb::DeviceSpec::default()
        };
        (uid, self.apply(org, "meter", Spec::Device(device)).await)
    }
}

#[tokio::test]
async fn an_organization_that_waits_for_its_turn_holds_no_other_up() {
    let (world, writer) = World::start().await;
    let (stuck, stuck_meter) = world.meter("stuck").await;
    let (other, other_meter) = world.meter("other").await;
    let stop = CancellationToken::new();
    let (sink, measured) = mpsc::channel(1);
    let story = async {
        // The other one's series exists: what it measures needs no turn.
        let first = vec![reading(other, other_meter, "u", 0)];
        world.telemetry.record(first).await.unwrap();
        let turn = world.resources.begin_in(other).await.unwrap();
        for nth in 1..=400 {
            let many = (0..100).map(|at| reading(stuck, stuck_meter, "new", nth * 100 + at));
            sink.send(many.collect()).await.unwrap();
            sink.send(vec![reading(other, other_meter, "u", nth)]).await.unwrap();
        }
        while world.telemetry.stats().accepted < 401 {
            tokio::task::yield_now().await;
        }
        assert_eq!(world.telemetry.stats().accepted, 401);
        // The end waits for what was measured.
        drop(sink);
        drop(turn);
    };
    let story = tokio::time::timeout(Duration::from_secs(30), story);
    let recording = async {
        let recording = record(world.telemetry.clone(), world.devices.clone(), measured);
        let (story, ()) = tokio::join!(story, recording);
        stop.cancel();
        story
    };
    let (story, written) = tokio::join!(recording, writer.run(stop.clone()));
    story.expect("an organization waits for another's turn");
    written.unwrap();
    // What was under way, and the newest of the rest.
    assert_eq!(world.telemetry.stats().accepted, 401 + 100 + MOST as u64);
    let db = world.resources.db();
    world.resources.notes().write(db, true).await.unwrap();
    let mut tx = db.read().await.unwrap();
    let any = log::Narrow::default();
    let told = log::list(&mut tx, Some(stuck), (0, 1 << 40), &any, false, 10)
        .await
        .unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].action.as_str(), told[0].count), ("readings.dropped", 1));
}

#[test]
fn whoever_has_too_much_loses_its_own_oldest() {
    let sweep = |org: u128, nth: i64| {
        let org = Uuid::from_u128(org);
        vec![reading(org, org, "u", nth); 1_000]
    };
    let mut lines = Lines::default();
    assert_eq!(lines.push(sweep(1, 0)), (Some(Uuid::from_u128(1)), vec![]));
    let under_way = lines.take(Uuid::from_u128(1));
    for nth in 1..=20 {
        assert_eq!(lines.push(sweep(1, nth)), (None, vec![]), "{nth}");
    }
    // Put back, it is the oldest; that it is dropped is told once.
    assert_eq!(lines.put_back(Uuid::from_u128(1), under_way), [Uuid::from_u128(1)]);
    assert_eq!(lines.push(sweep(1, 21)), (None, vec![]));
    assert_eq!(lines.take(Uuid::from_u128(1))[0][0].timestamp, NOW + 2);
    // All of them together: those who have most give way.
    for org in 2..=10 {
        for nth in 0..20 {
            assert!(lines.push(sweep(org, nth)).1.is_empty(), "{org} {nth}");
        }
    }
    assert_eq!(lines.readings, MOST_OF_ALL - 1_000);
    assert_eq!(lines.push(sweep(11, 0)), (Some(Uuid::from_u128(11)), vec![]));
    let (_, told) = lines.push(sweep(11, 1));
    assert!(told.len() == 1 && told[0] != Uuid::from_u128(11), "{told:?}");
    assert_eq!(lines.readings, MOST_OF_ALL);
    // Whoever has nothing to record keeps nothing.
    for org in 1..=11 {
        while !lines.take(Uuid::from_u128(org)).is_empty() {}
    }
    assert!(lines.lines.is_empty() && lines.readings == 0);
}
