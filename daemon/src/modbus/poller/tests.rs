use fleet_proto::kinds::Kind;
use fleet_proto::pb::resource::Spec;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::domain::clock::ManualClock;
use crate::domain::kinds::gateway_config::parse;

/// Slaves 1 to 8 hold each address as its own value, but for address 105, which slave 1 refuses; slave 9 is silent;
/// in place of slave 10 the gateway answers 0B; slave 11 is busy whenever the number of its request is even.
fn answers(nth: usize, request: [u8; 12]) -> Vec<u8> {
    let (unit, address) = (request[6], u16::from_be_bytes([request[8], request[9]]));
    let count = u16::from_be_bytes([request[10], request[11]]);
    let mut pdu = match unit {
        9 => return Vec::new(),
        10 => vec![0x83, 0x0B],
        11 if nth.is_multiple_of(2) => vec![0x83, 0x06],
        1 if (address..address + count).contains(&105) => vec![0x83, 0x02],
        _ => vec![3, (count * 2) as u8],
    };
    if pdu[0] == 3 {
        (address..address + count).for_each(|at| pdu.extend(at.to_be_bytes()));
    }
    let mut frame = request[..4].to_vec();
    frame.extend([0, pdu.len() as u8 + 1, unit]);
    frame.extend(pdu);
    frame
}

async fn serve(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let (mut request, mut nth) = ([0; 12], 0);
        while stream.read_exact(&mut request).await.is_ok() {
            if stream.write_all(&answers(nth, request)).await.is_err() {
                break;
            }
            nth += 1;
        }
    }
}

/// A sweeper on the slaves with these addresses, each with ten registers from 100 on.
fn sweeper(port: u16, slaves: &[u8]) -> Sweeper {
    let registers: Vec<_> = (100..110)
        .map(|at| serde_json::json!({"label": format!("r{at}"), "address": at}))
        .collect();
    let slaves: Vec<_> = slaves
        .iter()
        .map(|id| serde_json::json!({"slaveId": id, "timeoutMs": 100, "registers": registers}))
        .collect();
    let json = serde_json::json!({"buses": [{"name": "a", "transport": "tcp"}], "slaves": slaves});
    let Ok(Spec::GatewayConfig(spec)) = fleet_proto::reflect::spec_from_json(Kind::GatewayConfig, &json) else {
        panic!("{json}");
    };
    let config = parse(&spec).unwrap();
    let target = Target {
        org: Uuid::nil(),
        org_name: "acme".to_owned(),
        config_name: "meters".to_owned(),
        bus: 0,
        endpoint: Endpoint {
            host: "127.0.0.1".to_owned(),
            port,
        },
        reach: Reach::everything(),
        devices: vec![(Uuid::nil(), "meter".to_owned()); config.slaves.len()],
        config: Arc::new(config),
    };
    Sweeper::new(
        target,
        &Buses::default(),
        mpsc::channel(1).0,
        Arc::new(ManualClock::at(1)),
    )
}

async fn served() -> (u16, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = JoinSet::new();
    tasks.spawn(serve(listener));
    (port, tasks)
}

#[tokio::test]
async fn one_illegal_register_turns_bad_alone_and_is_remembered() {
    let (port, _tasks) = served().await;
    let mut poller = sweeper(port, &[1]);
    let sweeps = poller.sweeps();
    for _ in 0..2 {
        let measured = poller.sweep(&sweeps[0]).await;
        assert_eq!(measured.len(), 10);
        for (at, reading) in (100..110).zip(&measured) {
            let expected = if at == 105 {
                bad(Reason::IllegalAddress)
            } else {
                (Value::Number(f64::from(at)), Quality::Good, Reason::None)
            };
            assert_eq!(
                (reading.value.clone(), reading.quality, reading.reason),
                expected,
                "{at}"
            );
        }
    }
    // Found in at most 2 log2 10 refused or split requests; the second sweep met no exception.
    assert!(poller.health[0].report.exceptions <= 4, "{:?}", poller.health[0].report);
}

#[tokio::test]
async fn a_dead_slave_opens_its_breaker_and_the_others_go_on() {
    let (port, _tasks) = served().await;
    for (dead, reason) in [(9, Reason::Timeout), (10, Reason::Gateway)] {
        let mut poller = sweeper(port, &[2, dead]);
        let sweeps = poller.sweeps();
        for _ in 0..8 {
            let alive = poller.sweep(&sweeps[0]).await;
            assert!(alive.len() == 10 && alive.iter().all(|reading| reading.quality == Quality::Good));
            let silent = poller.sweep(&sweeps[1]).await;
            assert!(
                silent
                    .iter()
                    .all(|r| (&r.value, r.quality, r.reason) == (&Value::Missing, Quality::Bad, reason))
            );
        }
        assert!(poller.health[1].report.open && !poller.health[0].report.open);
        assert!(
            poller.health[1].report.requests < 8,
            "{dead}: {:?}",
            poller.health[1].report
        );
    }
}

#[tokio::test]
async fn a_busy_slave_is_asked_again_in_the_same_sweep() {
    let (port, _tasks) = served().await;
    let mut poller = sweeper(port, &[11]);
    let sweeps = poller.sweeps();
    let measured = poller.sweep(&sweeps[0]).await;
    assert!(measured.len() == 10 && measured.iter().all(|reading| reading.quality == Quality::Good));
    assert_eq!(poller.health[0].report.exceptions, 1);
}

#[tokio::test]
async fn an_endpoint_that_goes_away_leaves_no_numbers() {
    let (port, tasks) = served().await;
    let mut poller = sweeper(port, &[2]);
    let sweeps = poller.sweeps();
    assert_eq!(poller.sweep(&sweeps[0]).await[3].value, Value::Number(103.0));
    drop(tasks);
    let gone = poller.sweep(&sweeps[0]).await;
    assert_eq!(gone.len(), 10);
    assert!(
        gone.iter()
            .all(|r| r.value == Value::Missing && r.quality == Quality::Bad)
    );
}
