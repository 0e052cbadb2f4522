//! Keeps the poller at what the resources say, and tells what it says of the buses.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError};

use fleet_proto::levels::Level;
use fleet_proto::pb::status_response::{BusStatus, SlaveStatus};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::domain::log::Entry;
use crate::domain::object::timestamp;
use crate::modbus::poller::{Report, Target};
use crate::modbus::{Buses, Endpoint};
use crate::services::Result;
use crate::services::polling::wanted;
use crate::services::resources::Resources;

/// Reads anew what is to be polled whenever a resource has changed.
pub async fn follow(resources: Resources, targets: watch::Sender<Arc<Vec<Target>>>, shutdown: CancellationToken) {
    let mut revisions = resources.revisions();
    loop {
        revisions.borrow_and_update();
        match wanted(&resources).await {
            Ok(found) => {
                let found: Vec<Target> = found
                    .into_iter()
                    .map(|polled| Target {
                        org: polled.org.uid,
                        org_name: polled.org.name,
                        config_name: polled.config_name,
                        config: polled.config,
                        bus: polled.bus,
                        endpoint: Endpoint {
                            host: polled.host,
                            port: polled.port,
                        },
                        reach: polled.reach,
                        devices: polled.devices,
                    })
                    .collect();
                targets.send_if_modified(|known| {
                    let changed = **known != found;
                    if changed {
                        *known = Arc::new(found);
                    }
                    changed
                });
            }
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "what is to be polled cannot be read; polling goes on as before"
            ),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            changed = revisions.changed() => if changed.is_err() { return },
        }
    }
}

/// What was told of the buses.
#[derive(Debug, Default)]
pub struct Told {
    /// Buses that are down, by organization, configuration, bus and endpoint.
    down: BTreeSet<[String; 4]>,
    /// Slaves that are dead, by their bus and address.
    dead: BTreeSet<([String; 4], u8)>,
}

/// A bus or slave that has fallen silent, or answers again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Organization, configuration, bus, endpoint.
    pub bus: [String; 4],
    /// Address and device of the slave; none: it is the bus.
    pub slave: Option<(u8, String)>,
    /// Why, where it is silent; none: it answers again.
    pub why: Option<String>,
    /// Where it is: a device of the bus.
    pub near: String,
}

/// What has turned since the last look. Slaves of a bus that is down are not told of.
pub fn turns(told: &mut Told, reports: &[Report]) -> Vec<Turn> {
    let mut turns = Vec::new();
    for report in reports {
        let bus = [&report.org, &report.config, &report.bus, &report.endpoint].map(String::clone);
        let near = report
            .slaves
            .first()
            .map(|slave| slave.device.clone())
            .unwrap_or_default();
        let turn = |slave, why| Turn {
            bus: bus.clone(),
            slave,
            why,
            near: near.clone(),
        };
        let is_down = match report.state.as_str() {
            "down" => true,
            "connected" => false,
            // At rest: what it would be, nobody knows.
            _ => told.down.contains(&bus),
        };
        if is_down != told.down.contains(&bus) {
            turns.push(turn(None, is_down.then(|| report.last_error.clone())));
            if is_down {
                told.down.insert(bus.clone());
            } else {
                told.down.remove(&bus);
            }
        }
        if is_down {
            continue;
        }
        for slave in &report.slaves {
            let key = (bus.clone(), slave.slave_id);
            if slave.open == told.dead.contains(&key) {
                continue;
            }
            let named = Some((slave.slave_id, slave.device.clone()));
            turns.push(turn(named, slave.open.then(|| slave.last_error.clone())));
            if slave.open {
                told.dead.insert(key);
            } else {
                told.dead.remove(&key);
            }
        }
    }
    // What is polled no more is told of no more.
    let lives = |bus: &[String; 4]| {
        let is = |report: &Report| {
            [&report.org, &report.config, &report.bus, &report.endpoint].map(String::as_str)
                == bus.each_ref().map(String::as_str)
        };
        reports.iter().any(is)
    };
    told.down.retain(&lives);
    told.dead.retain(|(bus, _)| lives(bus));
    turns
}

/// Tells the system log what has turned on the buses since the last look.
pub async fn tell(resources: &Resources, told: &mut Told, buses: &Buses) -> Result<()> {
    let reports = buses.polled.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for turn in turns(told, &reports) {
        let [org, config, bus, endpoint] = &turn.bus;
        let device = turn.slave.as_ref().map_or(turn.near.as_str(), |(_, device)| device);
        resources
            .tell_near(org, device, turn.slave.is_some(), entry(&turn))
            .await?;
        tracing::debug!(%org, %config, %bus, %endpoint, why = turn.why, "a bus or slave has turned");
    }
    Ok(())
}

fn entry(turn: &Turn) -> Entry {
    let [_, config, bus, endpoint] = &turn.bus;
    let mut details = json!({"gatewayConfig": config, "bus": bus, "endpoint": endpoint});
    let (what, topic, name) = match &turn.slave {
        Some((slave, _)) => {
            details["slave"] = (*slave).into();
            (
                ["slave.dead", "slave.back"],
                format!("slave {slave}"),
                format!("slave {slave} at {endpoint}"),
            )
        }
        None => (
            ["bus.down", "bus.up"],
            "bus".to_owned(),
            format!("the bus at {endpoint}"),
        ),
    };
    let entry = match &turn.why {
        Some(why) => {
            details["error"] = why.as_str().into();
            Entry::new(Level::Error, what[0], format!("{name} does not answer: {why}"))
        }
        None => Entry::new(Level::Info, what[1], format!("{name} answers again")),
    };
    entry
        .with(details)
        .counted_by(format!("{topic} {config} {bus} {endpoint}"))
}

/// States of the buses, as `server status` tells them.
pub fn reports(buses: &Buses) -> Vec<BusStatus> {
    let all = buses.polled.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let by_name: HashMap<_, _> = all
        .iter()
        .map(|report| ((&report.org, &report.config, &report.bus, &report.endpoint), report))
        .collect();
    let mut told: Vec<_> = by_name
        .into_values()
        .map(|report| BusStatus {
            org: report.org.clone(),
            gateway_config: report.config.clone(),
            bus: report.bus.clone(),
            endpoint: report.endpoint.clone(),
            state: report.state.clone(),
            last_error: report.last_error.clone(),
            slaves: report
                .slaves
                .iter()
                .map(|slave| SlaveStatus {
                    slave_id: u32::from(slave.slave_id),
                    device: slave.device.clone(),
                    breaker: if slave.open { "open" } else { "closed" }.to_owned(),
                    requests: slave.requests,
                    timeouts: slave.timeouts,
                    exceptions: slave.exceptions,
                    missed_deadlines: slave.missed_deadlines,
                    last_success: slave.last_success.map(timestamp),
                    illegal: slave.illegal.iter().copied().map(u32::from).collect(),
                    last_error: slave.last_error.clone(),
                })
                .collect(),
        })
        .collect();
    told.sort_by(|a, b| (&a.org, &a.gateway_config, &a.bus).cmp(&(&b.org, &b.gateway_config, &b.bus)));
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modbus::poller::SlaveReport;

    fn report(state: &str, open: bool) -> Report {
        Report {
            org: "acme".into(),
            config: "meter".into(),
            bus: "main".into(),
            endpoint: "192.0.2.1:502".into(),
            state: state.into(),
            last_error: "refused".into(),
            slaves: vec![SlaveReport {
                slave_id: 7,
                device: "meter-1".into(),
                open,
                last_error: "no answer".into(),
                ..SlaveReport::default()
            }],
        }
    }

    #[test]
    fn only_turns_are_told_and_slaves_of_a_bus_that_is_down_are_not() {
        let mut told = Told::default();
        let mut look = |state, open| -> Vec<&str> {
            let turns = turns(&mut told, &[report(state, open)]);
            let what = |turn: &Turn| match (turn.slave.is_some(), turn.why.is_some()) {
                (false, true) => "bus down",
                (false, false) => "bus up",
                (true, true) => "slave dead",
                (true, false) => "slave back",
            };
            turns.iter().map(what).collect()
        };
        assert_eq!(look("connected", false), [""; 0]);
        assert_eq!(look("connected", true), ["slave dead"]);
        assert_eq!(look("idle", true), [""; 0]);
        assert_eq!(look("connected", false), ["slave back"]);
        assert_eq!(look("down", false), ["bus down"]);
        assert_eq!(look("down", true), [""; 0]);
        assert_eq!(look("idle", true), [""; 0], "at rest it may be down or not");
        assert_eq!(look("connected", false), ["bus up"]);
        assert_eq!(look("down", true), ["bus down"]);
        assert_eq!(turns(&mut told, &[]), [], "what is polled no more is told of no more");
        assert!(told.down.is_empty() && told.dead.is_empty());
    }
}
