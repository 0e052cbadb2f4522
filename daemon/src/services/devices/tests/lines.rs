//! Lines of devices' logs.

use super::*;
use crate::domain::Org;
use crate::storage::devices::logs::{self, LogEntry};

#[tokio::test]
async fn a_line_that_had_to_wait_stands_behind_those_before_it() {
    let world = World::start().await;
    let spec = Spec::Device(pb::DeviceSpec::default());
    world.apply(named("acme", "meter", spec)).await;
    let resources = &world.devices.resources;
    let db = resources.db();
    let mut tx = db.read().await.unwrap();
    let org = Resources::org_in(&mut tx, "acme").await.unwrap();
    let device = Resources::find_in(&mut tx, "acme", Kind::Device, "meter")
        .await
        .unwrap();
    drop(tx);
    let identity = Identity {
        org: Org {
            uid: org.uid,
            name: org.name,
        },
        uid: device.uid,
        name: device.name,
    };
    let line = |text: &str| (0, fleet_proto::levels::Level::Info, text.to_owned());
    let mut turn = db.begin().await.unwrap();
    let mut late = std::pin::pin!(world.devices.log(&identity, "meter", vec![line("late")], ""));
    let Db::Sqlite { turns, .. } = db else { unreachable!() };
    while !turns.has_waiting() {
        assert!(futures_util::poll!(&mut late).is_pending());
        tokio::task::yield_now().await;
    }
    let first = LogEntry {
        id: uuid::Uuid::now_v7().to_string(),
        at: 0,
        level: 1,
        message: "first".into(),
    };
    logs::append(&mut turn, device.uid, std::slice::from_ref(&first))
        .await
        .unwrap();
    turn.commit().await.unwrap();
    late.await.unwrap();
    let mut tx = db.read().await.unwrap();
    let behind = logs::list(&mut tx, device.uid, 0, 1, 0, &first.id, 10).await.unwrap();
    assert_eq!(behind.len(), 1, "{behind:?}");
}
