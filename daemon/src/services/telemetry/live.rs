//! Readings as they are committed, for those who asked for them. One task takes each commit apart, by organization and by
//! device: a subscriber costs what it is shown, and one that does not keep up misses something, and holds up nobody.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::domain::telemetry::{Sample, Series};
use crate::storage::telemetry as store;

/// Parts of commits that may wait for a subscriber,
const MOST_PARTS: usize = 1_024;
/// and readings in them.
const MOST_READINGS: usize = 65_536;

/// Whose readings are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Topic {
    /// All of an organization, by its uid.
    Org(Uuid),
    /// Those of a device, by its uid.
    Device(Uuid),
}

/// A reading with what it is of.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) series: Arc<Series>,
    pub(super) sample: Sample,
}

/// Which of a topic's readings; empty: all.
#[derive(Clone, Debug, Default)]
pub(super) struct Only {
    pub(super) sensor: String,
    pub(super) source: String,
}

impl Only {
    fn lets_all_through(&self) -> bool {
        self.sensor.is_empty() && self.source.is_empty()
    }

    fn lets_through(&self, series: &Series) -> bool {
        (self.sensor.is_empty() || self.sensor == series.key.sensor)
            && (self.source.is_empty() || self.source == series.key.source)
    }
}

/// What waits for a subscriber, and what it missed.
#[derive(Debug, Default)]
struct Lag {
    waiting: AtomicUsize,
    missed: AtomicU64,
}

#[derive(Debug)]
struct Subscriber {
    number: u64,
    only: Only,
    to: mpsc::Sender<Arc<Vec<Row>>>,
    lag: Arc<Lag>,
}

impl Subscriber {
    fn give(&self, rows: &Arc<Vec<Row>>) {
        let rows = if self.only.lets_all_through() {
            Arc::clone(rows)
        } else {
            let own = rows.iter().filter(|row| self.only.lets_through(&row.series));
            Arc::new(own.cloned().collect())
        };
        let count = rows.len();
        if count == 0 {
            return;
        }
        let waiting = self.lag.waiting.fetch_add(count, Ordering::Relaxed);
        let is_full = waiting > 0 && waiting + count > MOST_READINGS;
        if is_full || self.to.try_send(rows).is_err() {
            self.lag.waiting.fetch_sub(count, Ordering::Relaxed);
            self.lag.missed.fetch_add(count as u64, Ordering::Relaxed);
        }
    }
}

#[derive(Debug, Default)]
struct State {
    topics: HashMap<Topic, Vec<Subscriber>>,
    subscribed: u64,
    /// Commits since the first subscriber came, until the task takes them over.
    commits: Option<broadcast::Receiver<Arc<Vec<Sample>>>>,
    is_fed: bool,
    is_closed: bool,
}

/// Who has asked for what.
#[derive(Clone, Debug)]
pub(super) struct Hub {
    store: store::Telemetry,
    state: Arc<Mutex<State>>,
    wanted: Arc<Notify>,
}

/// A subscriber's end.
#[derive(Debug)]
pub(super) struct Subscription {
    hub: Hub,
    topic: Topic,
    number: u64,
    rows: mpsc::Receiver<Arc<Vec<Row>>>,
    lag: Arc<Lag>,
}

impl Subscription {
    /// The next readings, and how many were missed; none: there will be no more.
    pub(super) async fn next(&mut self) -> Option<(Arc<Vec<Row>>, u64)> {
        let rows = self.rows.recv().await?;
        self.lag.waiting.fetch_sub(rows.len(), Ordering::Relaxed);
        Some((rows, self.lag.missed.swap(0, Ordering::Relaxed)))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.hub.state();
        if let Some(subscribers) = state.topics.get_mut(&self.topic) {
            subscribers.retain(|one| one.number != self.number);
            if subscribers.is_empty() {
                state.topics.remove(&self.topic);
            }
        }
    }
}

impl Hub {
    pub(super) fn new(store: store::Telemetry) -> Self {
        Self {
            store,
            state: Arc::default(),
            wanted: Arc::default(),
        }
    }

    /// The lock guards what is whole at every moment.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that is committed from now on.
    pub(super) fn subscribe(&self, topic: Topic, only: Only) -> Subscription {
        let (to, rows) = mpsc::channel(MOST_PARTS);
        let lag = Arc::<Lag>::default();
        let mut state = self.state();
        state.subscribed += 1;
        let number = state.subscribed;
        if !state.is_closed {
            let subscriber = Subscriber {
                number,
                only,
                to,
                lag: Arc::clone(&lag),
            };
            state.topics.entry(topic).or_default().push(subscriber);
            if !state.is_fed {
                state.is_fed = true;
                state.commits = Some(self.store.subscribe());
                self.wanted.notify_one();
            }
        }
        drop(state);
        Subscription {
            hub: self.clone(),
            topic,
            number,
            rows,
            lag,
        }
    }

    /// Hands commits out until `stop`; then all subscriptions end. While nobody asks, the writer prepares nothing.
    pub(super) async fn run(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.wanted.notified() => {}
            }
            let Some(mut commits) = self.state().commits.take() else {
                continue;
            };
            loop {
                let received = tokio::select! {
                    () = stop.cancelled() => break,
                    received = commits.recv() => received,
                };
                let goes_on = match received {
                    Ok(commit) => self.hand_out(&commit),
                    Err(broadcast::error::RecvError::Lagged(missed)) => {
                        self.miss(missed);
                        true
                    }
                    Err(broadcast::error::RecvError::Closed) => false,
                };
                if !goes_on {
                    break;
                }
            }
        }
        let mut state = self.state();
        state.is_closed = true;
        state.topics.clear();
    }

    /// Gives everybody their part of a commit; false: nobody wants any.
    fn hand_out(&self, commit: &[Sample]) -> bool {
        let mut state = self.state();
        if state.topics.is_empty() {
            state.is_fed = false;
            return false;
        }
        let mut parts: HashMap<Topic, Vec<Row>> = HashMap::new();
        for run in commit.chunk_by(|a, b| a.series == b.series) {
            let Some(series) = run.first().and_then(|sample| self.store.describe(sample.series)) else {
                continue;
            };
            for topic in [Topic::Device(series.key.device), Topic::Org(series.key.org)] {
                if state.topics.contains_key(&topic) {
                    parts.entry(topic).or_default().extend(run.iter().map(|sample| Row {
                        series: Arc::clone(&series),
                        sample: sample.clone(),
                    }));
                }
            }
        }
        for (topic, rows) in parts {
            let rows = Arc::new(rows);
            state.topics[&topic]
                .iter()
                .for_each(|subscriber| subscriber.give(&rows));
        }
        true
    }

    /// Commits went by before they were taken apart: whose they were nobody knows, so each counts as a reading of everybody.
    fn miss(&self, commits: u64) {
        for subscriber in self.state().topics.values().flatten() {
            subscriber.lag.missed.fetch_add(commits, Ordering::Relaxed);
        }
    }
}
