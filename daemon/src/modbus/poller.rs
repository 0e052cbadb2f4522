//! The poller: sweeps slaves on absolute deadlines, isolates what is dead or illegal, never makes a value up.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::bus::{Bus, Buses, Endpoint, Read, ReadError};
use crate::domain::Clock;
use crate::domain::kinds::gateway_config::{GatewayConfig, Slave};
use crate::domain::modbus::plan::{Request, plan, worthwhile_gap};
use crate::domain::modbus::reach::Reach;
use crate::domain::modbus::value::{Decoded, bad, decode};
use crate::domain::telemetry::{Measured, Micros, Quality, Reason, Value};

/// Failures in a row after which a slave counts as dead.
const DEAD_AFTER: u32 = 3;
/// A dead slave is probed after this, doubling up to the most.
const PROBE: Duration = Duration::from_secs(1);
const PROBE_MOST: Duration = Duration::from_secs(60);
/// An endpoint that refuses costs the bus nothing, so it is tried more often.
const RECONNECT_MOST: Duration = Duration::from_secs(5);
/// An illegal register is tried again after this.
const ILLEGAL_AGAIN: Duration = Duration::from_secs(600);
/// A busy slave (exception 06) is asked again after this, so many times in a sweep.
const BUSY: Duration = Duration::from_millis(50);
const BUSY_AGAIN: u32 = 2;
/// No connection is held where nothing is due for longer.
const REST: Duration = Duration::from_secs(20);
/// With a deadband at least one reading in this time.
const AT_LEAST: Micros = 60_000_000;

/// A bus of a configuration, and whose readings its slaves give.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Uid of the organization.
    pub org: Uuid,
    /// Name of the organization.
    pub org_name: String,
    /// Name of the configuration.
    pub config_name: String,
    /// What to read.
    pub config: Arc<GatewayConfig>,
    /// Position of the bus in the configuration.
    pub bus: usize,
    /// Where it is.
    pub endpoint: Endpoint,
    /// Where it may be.
    pub reach: Reach,
    /// For each slave of the configuration: uid and name of its device.
    pub devices: Vec<(Uuid, String)>,
}

/// What the poller knows of a slave.
#[derive(Clone, Debug, Default)]
pub struct SlaveReport {
    /// Address on the bus.
    pub slave_id: u8,
    /// Name of its device.
    pub device: String,
    /// It is dead, and only probed.
    pub open: bool,
    /// Requests sent.
    pub requests: u64,
    /// Requests without an answer.
    pub timeouts: u64,
    /// Answers that were exceptions.
    pub exceptions: u64,
    /// Sweeps that came too late.
    pub missed_deadlines: u64,
    /// When it last answered.
    pub last_success: Option<Micros>,
    /// Addresses that it refused.
    pub illegal: Vec<u16>,
    /// Last failure.
    pub last_error: String,
}

/// What the poller knows of a bus.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Name of the organization.
    pub org: String,
    /// Name of the configuration.
    pub config: String,
    /// Name of the bus.
    pub bus: String,
    /// Where it is.
    pub endpoint: String,
    /// connected, idle, down, refused.
    pub state: String,
    /// Last failure of the connection.
    pub last_error: String,
    /// Its slaves.
    pub slaves: Vec<SlaveReport>,
}

/// Polls what `targets` says, anew whenever it changes; buses that stay the same are not disturbed.
pub async fn run(
    mut targets: watch::Receiver<Arc<Vec<Target>>>,
    buses: Buses,
    sink: mpsc::Sender<Vec<Measured>>,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
) {
    let mut tasks = JoinSet::new();
    let mut running: Vec<(Target, CancellationToken)> = Vec::new();
    loop {
        let wanted = targets.borrow_and_update().clone();
        running.retain(|(target, stop)| {
            let stays = wanted.contains(target);
            if !stays {
                stop.cancel();
            }
            stays
        });
        for target in wanted.iter() {
            if !running.iter().any(|(known, _)| known == target) {
                let stop = shutdown.child_token();
                running.push((target.clone(), stop.clone()));
                let sweeper = Sweeper::new(target.clone(), &buses, sink.clone(), Arc::clone(&clock));
                tasks.spawn(async move { stop.run_until_cancelled_owned(sweeper.run()).await });
            }
        }
        {
            let live = |report: &Report| {
                running.iter().any(|(t, _)| {
                    t.org_name == report.org
                        && t.config_name == report.config
                        && t.config.buses[t.bus].name == report.bus
                })
            };
            buses
                .polled
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .retain(live);
        }
        tokio::select! {
            () = shutdown.cancelled() => break,
            changed = targets.changed() => if changed.is_err() { break },
            Some(ended) = tasks.join_next(), if !tasks.is_empty() => if let Err(error) = ended {
                tracing::error!(%error, "polling of a bus ended");
            }
        }
    }
    tasks.shutdown().await;
}

/// Registers of one slave that are read together.
struct Sweep {
    slave: usize,
    positions: Vec<usize>,
    interval: Duration,
    due: Instant,
}

#[derive(Default)]
struct Health {
    failures: u32,
    probe_at: Option<Instant>,
    illegal: HashMap<usize, Instant>,
    split: BTreeSet<u16>,
    report: SlaveReport,
    told: HashMap<usize, (f64, Micros)>,
    /// Registers whose last reading says already that the slave is dead.
    dead: BTreeSet<usize>,
}

struct Sweeper {
    target: Target,
    bus: Arc<Bus>,
    buses: Buses,
    sink: mpsc::Sender<Vec<Measured>>,
    clock: Arc<dyn Clock>,
    gap: u16,
    health: Vec<Health>,
    /// Why the last request was not sent.
    refused: Option<String>,
}

impl Sweeper {
    fn new(target: Target, buses: &Buses, sink: mpsc::Sender<Vec<Measured>>, clock: Arc<dyn Clock>) -> Self {
        let health = target
            .config
            .slaves
            .iter()
            .zip(&target.devices)
            .map(|(slave, (_, device))| Health {
                report: SlaveReport {
                    slave_id: slave.slave_id,
                    device: device.clone(),
                    ..SlaveReport::default()
                },
                ..Health::default()
            })
            .collect();
        Self {
            bus: buses.get(&target.endpoint),
            buses: buses.clone(),
            gap: worthwhile_gap(&target.config.buses[target.bus]),
            target,
            sink,
            clock,
            health,
            refused: None,
        }
    }

    async fn run(mut self) {
        let mut sweeps = self.sweeps();
        while !sweeps.is_empty() {
            let next = (0..sweeps.len()).min_by_key(|at| sweeps[*at].due).unwrap_or(0);
            if sweeps[next].due > Instant::now() + REST {
                self.bus.rest().await;
            }
            tokio::time::sleep_until(sweeps[next].due).await;
            let measured = self.sweep(&sweeps[next]).await;
            if !measured.is_empty() && self.sink.send(measured).await.is_err() {
                return;
            }
            let sweep = &mut sweeps[next];
            sweep.due += sweep.interval;
            let now = Instant::now();
            if sweep.due < now {
                // Absolute deadlines: what cannot be made up for is counted, and the grid is kept.
                let missed = (now - sweep.due).as_nanos() / sweep.interval.as_nanos() + 1;
                self.health[sweep.slave].report.missed_deadlines += missed as u64;
                sweep.due += sweep.interval * u32::try_from(missed).unwrap_or(u32::MAX);
            }
            self.publish();
        }
    }

    fn sweeps(&self) -> Vec<Sweep> {
        let mut groups: Vec<(usize, u32, Vec<usize>)> = Vec::new();
        for (at, slave) in self.target.config.slaves.iter().enumerate() {
            if slave.bus != self.target.bus || !slave.enabled {
                continue;
            }
            for (position, register) in slave
                .registers
                .iter()
                .enumerate()
                .filter(|(_, register)| register.enabled)
            {
                let interval = register.interval_ms.unwrap_or(slave.polling_interval_ms);
                match groups.iter_mut().find(|(s, i, _)| (*s, *i) == (at, interval)) {
                    Some((.., positions)) => positions.push(position),
                    None => groups.push((at, interval, vec![position])),
                }
            }
        }
        let count = groups.len().max(1) as u32;
        let begin = Instant::now();
        groups
            .into_iter()
            .enumerate()
            .map(|(nth, (slave, interval, positions))| {
                let interval = Duration::from_millis(u64::from(interval));
                // Staggered over a second at most: a new configuration shows its first values soon.
                let due = begin + interval.min(Duration::from_secs(1)) * nth as u32 / count;
                Sweep {
                    slave,
                    positions,
                    interval,
                    due,
                }
            })
            .collect()
    }

    async fn sweep(&mut self, sweep: &Sweep) -> Vec<Measured> {
        let config = Arc::clone(&self.target.config);
        let slave = &config.slaves[sweep.slave];
        let now = Instant::now();
        let health = &mut self.health[sweep.slave];
        if health.probe_at.is_some_and(|at| at > now) {
            // A slower group of registers must not go on showing its last good value.
            let at = self.clock.now();
            let untold: Vec<usize> = sweep
                .positions
                .iter()
                .copied()
                .filter(|position| health.dead.insert(*position))
                .collect();
            let values = untold
                .into_iter()
                .map(|position| (position, (bad(Reason::Breaker), at)));
            return self.measured(sweep.slave, slave, values.collect());
        }
        health.dead = sweep.positions.iter().copied().collect();
        let probing = health.probe_at.is_some();
        health.illegal.retain(|_, again| *again > now);
        let split: Vec<u16> = health.split.iter().copied().collect();
        let wanted: Vec<usize> = sweep
            .positions
            .iter()
            .copied()
            .filter(|at| !health.illegal.contains_key(at))
            .collect();
        let mut values: HashMap<usize, (Decoded, Micros)> = HashMap::new();
        for position in sweep.positions.iter().filter(|at| !wanted.contains(at)) {
            values.insert(*position, (bad(Reason::IllegalAddress), self.clock.now()));
        }
        let mut work = plan(&slave.registers, &wanted, slave.max_registers, self.gap, &split);
        work.reverse();
        let mut words: HashMap<(u8, u16), u16> = HashMap::new();
        let mut arrived: HashMap<usize, Micros> = HashMap::new();
        let mut busy = 0;
        while let Some(request) = work.pop() {
            match self.ask(slave, sweep.slave, &request).await {
                Ok(found) => {
                    let at = self.clock.now();
                    for (offset, word) in (0_u16..).zip(found) {
                        words.insert((request.function_code, request.address.wrapping_add(offset)), word);
                    }
                    arrived.extend(request.registers.iter().map(|register| (*register, at)));
                }
                Err(error) => {
                    if error.reason() == Reason::Busy && busy < BUSY_AGAIN {
                        // Behind the rest of the sweep, and not before the slave had a moment.
                        busy += 1;
                        work.insert(0, request);
                        tokio::time::sleep(BUSY).await;
                        continue;
                    }
                    let illegal = matches!(error.reason(), Reason::IllegalAddress | Reason::IllegalValue);
                    if illegal && request.registers.len() > 1 {
                        work.extend(self.bisect(slave, sweep.slave, &request));
                        continue;
                    }
                    if illegal && let [guilty] = request.registers.as_slice() {
                        self.health[sweep.slave]
                            .illegal
                            .insert(*guilty, Instant::now() + ILLEGAL_AGAIN);
                    }
                    let at = self.clock.now();
                    let failed = request
                        .registers
                        .iter()
                        .map(|register| (*register, (bad(error.reason()), at)));
                    values.extend(failed);
                    if matches!(
                        error.reason(),
                        Reason::Timeout | Reason::Connection | Reason::Network | Reason::Gateway
                    ) {
                        // The rest of a silent slave's sweep would cost the living slaves their time.
                        for request in work.drain(..) {
                            values.extend(
                                request
                                    .registers
                                    .iter()
                                    .map(|register| (*register, (bad(error.reason()), at))),
                            );
                        }
                        self.fail(sweep.slave, &error, probing);
                        break;
                    }
                }
            }
        }
        for position in wanted {
            if values.contains_key(&position) {
                continue;
            }
            let register = &slave.registers[position];
            let own: Vec<u16> = (0..register.count)
                .filter_map(|n| {
                    words
                        .get(&(register.function_code, register.address.wrapping_add(n)))
                        .copied()
                })
                .collect();
            let exponent = register
                .scale_register
                .and_then(|address| words.get(&(register.function_code, address)).copied());
            let at = arrived.get(&position).copied().unwrap_or_else(|| self.clock.now());
            values.insert(position, (decode(register, &own, exponent), at));
        }
        self.measured(sweep.slave, slave, values)
    }

    /// One request, counted. An answer of any kind shows that the slave lives.
    async fn ask(&mut self, slave: &Slave, at: usize, request: &Request) -> Result<Vec<u16>, ReadError> {
        let read = Read {
            unit: slave.slave_id,
            function_code: request.function_code,
            address: request.address,
            count: request.count,
            timeout: Duration::from_millis(u64::from(slave.timeout_ms)),
        };
        let answered = self.bus.read(read, &self.target.reach).await;
        self.refused = match &answered {
            Err(ReadError::Refused(why)) => Some(why.clone()),
            _ => None,
        };
        let now = self.clock.now();
        let health = &mut self.health[at];
        health.report.requests += 1;
        match &answered {
            Ok(_) => {
                health.report.last_success = Some(now);
                (health.failures, health.probe_at, health.report.open) = (0, None, false);
            }
            Err(error) => {
                health.report.last_error = error.to_string();
                match error {
                    ReadError::Timeout => health.report.timeouts += 1,
                    // A gateway that answers in a slave's stead shows that the slave does not.
                    ReadError::Exception(_) if error.reason() == Reason::Gateway => health.report.exceptions += 1,
                    ReadError::Exception(_) => {
                        health.report.exceptions += 1;
                        (health.failures, health.probe_at, health.report.open) = (0, None, false);
                    }
                    ReadError::Connection(_) | ReadError::Refused(_) => {}
                }
            }
        }
        answered
    }

    /// Halves a refused request. Where the hole lies between the halves, the split is remembered.
    fn bisect(&mut self, slave: &Slave, at: usize, request: &Request) -> Vec<Request> {
        let mut positions = request.registers.clone();
        positions.sort_by_key(|position| slave.registers[*position].address);
        positions.dedup();
        let upper = positions.split_off(positions.len() / 2);
        if let Some(first) = upper.first() {
            self.health[at].split.insert(slave.registers[*first].address);
        }
        let mut parts = plan(&slave.registers, &upper, slave.max_registers, self.gap, &[]);
        parts.extend(plan(&slave.registers, &positions, slave.max_registers, self.gap, &[]));
        parts
    }

    fn fail(&mut self, at: usize, error: &ReadError, probing: bool) {
        let health = &mut self.health[at];
        health.failures += 1;
        if health.failures >= DEAD_AFTER || probing {
            let most = if matches!(error, ReadError::Connection(_) | ReadError::Refused(_)) {
                RECONNECT_MOST
            } else {
                PROBE_MOST
            };
            let wait = (PROBE * 2_u32.pow(health.failures.saturating_sub(DEAD_AFTER).min(6))).min(most);
            health.probe_at = Some(Instant::now() + wait.mul_f64(rand::random_range(0.9..1.1)));
            health.report.open = true;
        }
    }

    fn measured(&mut self, at: usize, slave: &Slave, values: HashMap<usize, (Decoded, Micros)>) -> Vec<Measured> {
        let source = self.target.config.source(slave);
        let (device, _) = self.target.devices[at];
        let health = &mut self.health[at];
        let mut positions: Vec<_> = values.into_iter().collect();
        positions.sort_by_key(|(position, _)| *position);
        positions
            .into_iter()
            .filter_map(|(position, ((value, quality, reason), timestamp))| {
                let register = &slave.registers[position];
                if let (Some(deadband), Value::Number(number), Quality::Good) = (register.deadband, &value, quality) {
                    if health
                        .told
                        .get(&position)
                        .is_some_and(|(last, at)| (number - last).abs() < deadband && timestamp - at < AT_LEAST)
                    {
                        return None;
                    }
                    health.told.insert(position, (*number, timestamp));
                } else {
                    health.told.remove(&position);
                }
                Some(Measured {
                    org: self.target.org,
                    device,
                    sensor: register.sensor.clone(),
                    source: source.clone(),
                    unit: register.unit.clone(),
                    timestamp,
                    value,
                    quality,
                    reason,
                })
            })
            .collect()
    }

    fn publish(&mut self) {
        // The bus may be another tenant's, too: what this one may not is its own.
        let (state, last_error) = match &self.refused {
            Some(why) => ("refused".to_owned(), why.clone()),
            None => self.bus.state(),
        };
        let slaves = self
            .target
            .config
            .slaves
            .iter()
            .zip(&mut self.health)
            .filter(|(slave, _)| slave.bus == self.target.bus)
            .map(|(slave, health)| {
                health.report.illegal = health
                    .illegal
                    .keys()
                    .map(|position| slave.registers[*position].address)
                    .collect();
                health.report.illegal.sort_unstable();
                health.report.clone()
            });
        let report = Report {
            org: self.target.org_name.clone(),
            config: self.target.config_name.clone(),
            bus: self.target.config.buses[self.target.bus].name.clone(),
            endpoint: self.target.endpoint.to_string(),
            state,
            last_error,
            slaves: slaves.collect(),
        };
        let mut all = self
            .buses
            .polled
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match all.iter_mut().find(|known| {
            (&known.org, &known.config, &known.bus, &known.endpoint)
                == (&report.org, &report.config, &report.bus, &report.endpoint)
        }) {
            Some(known) => *known = report,
            None => all.push(report),
        }
    }
}

#[cfg(test)]
mod tests;
