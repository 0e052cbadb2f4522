//! Takes in what fleetd's poller measures: a line for each organization, so that none waits for another's. Whoever has
//! nothing to record has no line.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::domain::telemetry::{Measured, Quality};
use crate::services::Result;
use crate::services::devices::Devices;
use crate::services::telemetry::Telemetry;

/// What the store refused is tried again after this.
const AGAIN: Duration = Duration::from_millis(100);
/// Readings of an organization that may wait; then its oldest sweeps are dropped.
const MOST: usize = 20_000;
/// Readings of all that may wait; then whoever has most of them loses its oldest.
const MOST_OF_ALL: usize = 200_000;
/// Readings that are recorded together, as far as sweeps allow.
const TOGETHER: usize = 1_000;

/// What one poll of a slave gave.
type Sweep = Vec<Measured>;

/// What one organization has to record, oldest first. It lives while something of it is on its way to the store.
#[derive(Debug, Default)]
struct Line {
    sweeps: VecDeque<Sweep>,
    /// Readings in them.
    readings: usize,
    /// Readings on their way to the store.
    under_way: usize,
    /// Its organization was told that something was dropped.
    told: bool,
}

impl Line {
    /// The next sweeps to record; none: nothing waits.
    fn take(&mut self) -> Vec<Sweep> {
        let mut batch = Vec::new();
        self.under_way = 0;
        while let Some(sweep) = self.sweeps.pop_front() {
            if !batch.is_empty() && self.under_way + sweep.len() > TOGETHER {
                self.sweeps.push_front(sweep);
                break;
            }
            self.under_way += sweep.len();
            batch.push(sweep);
        }
        self.readings -= self.under_way;
        batch
    }
}

/// The lines of all organizations that have something to record.
#[derive(Debug, Default)]
struct Lines {
    lines: HashMap<Uuid, Line>,
    /// Readings that wait.
    readings: usize,
}

impl Lines {
    /// Lets a sweep wait. Given back: the organization whose record begins with it, and those who are to be told that
    /// they lost something.
    fn push(&mut self, sweep: Sweep) -> (Option<Uuid>, Vec<Uuid>) {
        let Some(org) = sweep.first().map(|reading| reading.org) else {
            return (None, Vec::new());
        };
        let is_first = !self.lines.contains_key(&org);
        let line = self.lines.entry(org).or_default();
        line.readings += sweep.len();
        self.readings += sweep.len();
        line.sweeps.push_back(sweep);
        (is_first.then_some(org), self.shorten(org))
    }

    /// Takes what an organization records next; its line ends where nothing waits.
    fn take(&mut self, org: Uuid) -> Vec<Sweep> {
        let batch = self.lines.get_mut(&org).map(Line::take).unwrap_or_default();
        self.readings -= batch.iter().map(Vec::len).sum::<usize>();
        if batch.is_empty() {
            self.lines.remove(&org);
        }
        batch
    }

    /// Puts back what the store refused, before what came since.
    fn put_back(&mut self, org: Uuid, batch: Vec<Sweep>) -> Vec<Uuid> {
        let line = self.lines.entry(org).or_default();
        line.under_way = 0;
        for sweep in batch.into_iter().rev() {
            line.readings += sweep.len();
            self.readings += sweep.len();
            line.sweeps.push_front(sweep);
        }
        self.shorten(org)
    }

    /// Drops the oldest of an organization that has too much, and of whoever has most where all have too much.
    fn shorten(&mut self, org: Uuid) -> Vec<Uuid> {
        let mut told = Vec::new();
        while self.lines.get(&org).is_some_and(|line| line.readings > MOST) && self.drop_oldest(org, &mut told) {}
        while self.readings > MOST_OF_ALL {
            let greediest = self.lines.iter().max_by_key(|(_, line)| line.readings);
            let Some(org) = greediest.map(|(org, _)| *org) else {
                break;
            };
            if !self.drop_oldest(org, &mut told) {
                break;
            }
        }
        told
    }

    fn drop_oldest(&mut self, org: Uuid, told: &mut Vec<Uuid>) -> bool {
        let Some(line) = self.lines.get_mut(&org) else {
            return false;
        };
        let Some(oldest) = line.sweeps.pop_front() else {
            return false;
        };
        line.readings -= oldest.len();
        self.readings -= oldest.len();
        if !std::mem::replace(&mut line.told, true) {
            told.push(org);
        }
        lost(oldest.len());
        true
    }
}

impl Drop for Lines {
    /// fleetd does not wait for the store without end: what is left then is lost, and that is said.
    fn drop(&mut self) {
        let left = self.readings + self.lines.values().map(|line| line.under_way).sum::<usize>();
        if left > 0 {
            lost(left);
            tracing::warn!(readings = left, "polled readings were not recorded before the end");
        }
    }
}

fn lost(readings: usize) {
    metrics::counter!("fleetd_polled_dropped_total").increment(readings as u64);
}

/// Takes in what the poller measures until the poller ends, and then what waits still. The poller never waits for it.
pub async fn record(telemetry: Telemetry, devices: Devices, measured: mpsc::Receiver<Sweep>) {
    let seen = |sweep: &Sweep| {
        for reading in sweep.iter().filter(|reading| reading.quality != Quality::Bad) {
            devices.saw(reading.device);
        }
    };
    let store = |readings| telemetry.record(readings);
    run(measured, seen, store, |org| telemetry.note_dropped(org)).await;
}

async fn run<F>(
    mut measured: mpsc::Receiver<Sweep>,
    seen: impl Fn(&Sweep),
    store: impl Fn(Vec<Measured>) -> F,
    tell: impl Fn(Uuid),
) where
    F: Future<Output = Result<()>>,
{
    let mut lines = Lines::default();
    let mut under_way = FuturesUnordered::new();
    let attempt = async |org: Uuid, batch: Vec<Sweep>| {
        let done = store(batch.concat()).await;
        if let Err(error) = &done {
            tracing::warn!(%error, %org, "polled readings wait for the store");
            tokio::time::sleep(AGAIN).await;
        }
        (org, done.err().map(|_| batch))
    };
    let mut is_open = true;
    while is_open || !under_way.is_empty() {
        let (next, dropped) = tokio::select! {
            sweep = measured.recv(), if is_open => match sweep {
                Some(sweep) => {
                    seen(&sweep);
                    lines.push(sweep)
                }
                None => {
                    is_open = false;
                    continue;
                }
            },
            Some((org, refused)) = under_way.next(), if !under_way.is_empty() => {
                let refused: Option<Vec<Sweep>> = refused;
                let dropped = refused.map(|batch| lines.put_back(org, batch));
                (Some(org), dropped.unwrap_or_default())
            }
        };
        dropped.into_iter().for_each(&tell);
        if let Some(org) = next {
            let batch = lines.take(org);
            if !batch.is_empty() {
                under_way.push(attempt(org, batch));
            }
        }
    }
}

#[cfg(test)]
mod tests;
