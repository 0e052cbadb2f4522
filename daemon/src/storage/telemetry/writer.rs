//! The one writer: takes what is queued, sorts it, drops what is there already, commits, answers.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::partition::{Partitions, day_of};
use super::{AppendError, Appended, Backend, Batch, Inner, end_of, read, write};
use crate::domain::telemetry::{Micros, Sample, SeriesId};
use crate::storage::error::{Error, Result};

/// Readings of one commit: larger ones make callers wait, smaller ones fsync more often.
const MOST_PER_COMMIT: usize = 20_000;

/// The body of the writer's task.
#[derive(Debug)]
pub struct Writer {
    inner: Arc<Inner>,
    queue: mpsc::UnboundedReceiver<Batch>,
}

/// What a reading is, compared with what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    New,
    Duplicate,
    Conflict,
}

impl Writer {
    pub(super) fn new(inner: Arc<Inner>, queue: mpsc::UnboundedReceiver<Batch>) -> Self {
        Self { inner, queue }
    }

    /// Writes until `shutdown`, then what is still queued. An error means that the store can no longer be trusted:
    /// the process must exit.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<()> {
        let mut batches = Vec::new();
        loop {
            let first = tokio::select! {
                biased;
                batch = self.queue.recv() => batch,
                () = shutdown.cancelled() => { self.queue.close(); self.queue.recv().await }
            };
            let Some(first) = first else { break };
            let mut readings = first.samples.len();
            batches.push(first);
            while readings < MOST_PER_COMMIT
                && let Ok(batch) = self.queue.try_recv()
            {
                readings += batch.samples.len();
                batches.push(batch);
            }
            if let Err(error) = self.commit(&mut batches).await {
                let answer = if matches!(error, Error::Full(_)) {
                    AppendError::Full
                } else {
                    AppendError::Failed
                };
                for batch in batches.drain(..) {
                    // A caller that went away needs no answer.
                    let _ = batch.answer.send(Err(answer));
                }
                if answer == AppendError::Failed {
                    return Err(error);
                }
            }
        }
        if let Backend::Files(partitions) = &self.inner.backend {
            partitions.close().await;
        }
        Ok(())
    }

    async fn commit(&self, batches: &mut Vec<Batch>) -> Result<()> {
        let mut order: Vec<(&Sample, u32, u32)> =
            Vec::with_capacity(batches.iter().map(|batch| batch.samples.len()).sum());
        for (batch, Batch { samples, .. }) in batches.iter().enumerate() {
            order.extend(
                samples
                    .iter()
                    .enumerate()
                    .map(|(at, sample)| (sample, batch as u32, at as u32)),
            );
        }
        // Stable: among equal keys the one that came first stays first, and wins.
        order.sort_by_key(|(sample, ..)| (sample.series, sample.timestamp));
        let mut answers: Vec<Appended> = vec![Appended::default(); batches.len()];
        let mut fresh: Vec<&Sample> = Vec::with_capacity(order.len());
        let mut fates = self.fates(&order).await?.into_iter();
        let mut previous: Option<&Sample> = None;
        for (sample, batch, at) in &order {
            let mut fate = fates.next().unwrap_or(Fate::New);
            if let Some(same) = previous.filter(|p| (p.series, p.timestamp) == (sample.series, sample.timestamp)) {
                fate = if equal(same, sample) {
                    Fate::Duplicate
                } else {
                    Fate::Conflict
                };
            } else if fate == Fate::New {
                // What was refused because of a stored value is not what the next one is compared with.
                previous = Some(sample);
            }
            let answer = &mut answers[*batch as usize];
            match fate {
                Fate::New => {
                    answer.accepted += 1;
                    fresh.push(sample);
                }
                Fate::Duplicate => answer.duplicates += 1,
                Fate::Conflict => answer.conflicts.push(*at),
            }
        }
        if !fresh.is_empty() {
            self.store(&fresh).await?;
        }
        let live = (self.inner.live.receiver_count() > 0 && !fresh.is_empty())
            .then(|| fresh.iter().map(|sample| (*sample).clone()).collect());
        drop(order);
        let counters = &self.inner.counters;
        counters.commits.fetch_add(1, Ordering::Relaxed);
        for (batch, mut answer) in batches.drain(..).zip(answers) {
            answer.conflicts.sort_unstable();
            counters
                .accepted
                .fetch_add(u64::from(answer.accepted), Ordering::Relaxed);
            counters
                .duplicates
                .fetch_add(u64::from(answer.duplicates), Ordering::Relaxed);
            counters
                .conflicts
                .fetch_add(answer.conflicts.len() as u64, Ordering::Relaxed);
            // A caller that went away needs no answer.
            let _ = batch.answer.send(Ok(answer));
        }
        if let Some(live) = live {
            // Nobody listening is no failure.
            let _ = self.inner.live.send(Arc::new(live));
        }
        Ok(())
    }

    /// Compares readings, sorted by series and time, with what is stored.
    async fn fates(&self, order: &[(&Sample, u32, u32)]) -> Result<Vec<Fate>> {
        let partitions = match &self.inner.backend {
            Backend::Files(partitions) => partitions,
            Backend::Rows(rows) => return rows.fates(order.iter().map(|(sample, ..)| *sample)).await,
        };
        let mut fates = Vec::with_capacity(order.len());
        let mut late: HashMap<i64, Vec<usize>> = HashMap::new();
        {
            let newest = read(&self.inner.newest);
            for (at, (sample, ..)) in order.iter().enumerate() {
                let known = newest.get(sample.series as usize).and_then(Option::as_ref);
                fates.push(match known {
                    Some(known) if known.timestamp == sample.timestamp => {
                        if equal(known, sample) {
                            Fate::Duplicate
                        } else {
                            Fate::Conflict
                        }
                    }
                    Some(known) if known.timestamp > sample.timestamp => {
                        late.entry(day_of(sample.timestamp)).or_default().push(at);
                        Fate::New
                    }
                    _ => Fate::New,
                });
            }
        }
        for (day, late) in late {
            look_up(partitions, day, order, &late, &mut fates).await?;
        }
        Ok(fates)
    }

    /// Makes new readings durable, a segment for each day, and then known.
    async fn store(&self, fresh: &[&Sample]) -> Result<()> {
        let partitions = match &self.inner.backend {
            Backend::Files(partitions) => partitions,
            Backend::Rows(rows) => return rows.insert(fresh).await,
        };
        let first = day_of(fresh[0].timestamp);
        if fresh.iter().all(|sample| day_of(sample.timestamp) == first) {
            partitions.append(first, fresh).await?;
            self.remember(fresh);
            return Ok(());
        }
        let mut days: HashMap<i64, Vec<&Sample>> = HashMap::new();
        for sample in fresh {
            days.entry(day_of(sample.timestamp)).or_default().push(sample);
        }
        // What a full disk leaves out is asked for again by the callers; what was written is then a duplicate.
        for (day, samples) in days {
            partitions.append(day, &samples).await?;
            self.remember(&samples);
        }
        Ok(())
    }

    fn remember(&self, samples: &[&Sample]) {
        let mut newest = write(&self.inner.newest);
        for run in samples.chunk_by(|a, b| a.series == b.series) {
            let Some(last) = run.last() else { continue };
            let at = last.series as usize;
            if newest.len() <= at {
                newest.resize(at + 1, None);
            }
            if newest[at].as_ref().is_none_or(|known| known.timestamp < last.timestamp) {
                newest[at] = Some((*last).clone());
            }
        }
    }
}

/// Finds late readings among those stored.
async fn look_up(
    partitions: &Partitions,
    day: i64,
    order: &[(&Sample, u32, u32)],
    late: &[usize],
    fates: &mut [Fate],
) -> Result<()> {
    if !partitions.days()?.contains(&day) {
        return Ok(());
    }
    let times = late.iter().map(|at| order[*at].0.timestamp);
    let from: Micros = times.clone().min().unwrap_or(0);
    let to = times.max().unwrap_or(0).saturating_add(1).min(end_of(day));
    let wanted: HashSet<SeriesId> = late.iter().map(|at| order[*at].0.series).collect();
    let wanted: Vec<SeriesId> = wanted.into_iter().collect();
    partitions
        .scan(day, from, to, Some(&wanted), &mut |segment| {
            for at in late {
                let sample = order[*at].0;
                if let Ok(found) =
                    segment.binary_search_by_key(&(sample.series, sample.timestamp), |s| (s.series, s.timestamp))
                {
                    fates[*at] = if equal(&segment[found], sample) {
                        Fate::Duplicate
                    } else {
                        Fate::Conflict
                    };
                }
            }
        })
        .await
}

/// The same reading again: value and quality decide, bit by bit.
pub(super) fn equal(a: &Sample, b: &Sample) -> bool {
    use crate::domain::telemetry::Value::Number;
    let same_value = match (&a.value, &b.value) {
        (Number(a), Number(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    };
    same_value && a.quality == b.quality
}
