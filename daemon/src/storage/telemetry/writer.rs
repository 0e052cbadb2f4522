//! The one writer: takes what is queued, commits what is new of it, answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio_util::sync::CancellationToken;

use super::block::received;
use super::files::FileWriter;
use super::order::{Judged, Order};
use super::postgres::Rows;
use super::queue::Batch;
use super::steps::Ordered;
use super::{AppendError, Appended, Inner};
use crate::domain::telemetry::Sample;
use crate::storage::error::{Error, Result};

/// Readings of one commit: larger ones make callers wait, smaller ones fsync more often.
const MOST_PER_COMMIT: usize = 16_384;

/// The body of the writer's task.
#[derive(Debug)]
pub struct Writer {
    inner: Arc<Inner>,
    sink: Sink,
}

/// Where readings go.
#[derive(Debug)]
pub(super) enum Sink {
    Files(FileWriter),
    Rows(Arc<Rows>),
}

impl Sink {
    /// The next step of compaction; PostgreSQL has none.
    async fn ordered(&mut self) -> Option<Ordered> {
        match self {
            Self::Files(files) => files.ordered().await,
            Self::Rows(_) => std::future::pending().await,
        }
    }

    fn waiting(&mut self) -> Option<Ordered> {
        match self {
            Self::Files(files) => files.waiting(),
            Self::Rows(_) => None,
        }
    }
}

impl Writer {
    pub(super) fn new(inner: Arc<Inner>, sink: Sink) -> Self {
        Self { inner, sink }
    }

    /// Writes until `shutdown`, then what is still queued. An error means that the store can no longer be trusted:
    /// the process must exit.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<()> {
        let mut batches = Vec::new();
        loop {
            // Commits come first, and a step of compaction before each, so that neither waits for many of the other.
            let step = tokio::select! {
                biased;
                () = self.inner.queue.filled() => self.sink.waiting(),
                () = shutdown.cancelled() => {
                    self.inner.queue.close();
                    None
                }
                step = self.sink.ordered() => step,
            };
            if let (Some(step), Sink::Files(files)) = (step, &mut self.sink)
                && let Err(error) = files.step(step).await
            {
                tracing::error!(%error, "readings could not be compacted");
                return Err(error);
            }
            let readings = self.inner.queue.take(MOST_PER_COMMIT, &mut batches);
            if batches.is_empty() {
                if self.inner.queue.is_closed() {
                    break;
                }
                continue;
            }
            if let Err(error) = self.commit(&mut batches).await {
                let answer = self.answer(&error);
                tracing::error!(%error, refused = readings, "readings could not be stored");
                for batch in batches.drain(..) {
                    // A caller that went away needs no answer.
                    let _ = batch.answer.send(Err(answer));
                }
                if answer == AppendError::Failed {
                    return Err(error);
                }
            }
        }
        match &mut self.sink {
            Sink::Files(files) => files.close().await,
            Sink::Rows(_) => Ok(()),
        }
    }

    /// What an error means to those who wait for the commit.
    fn answer(&self, error: &Error) -> AppendError {
        match (error, &self.sink) {
            (Error::Full(_), _) => AppendError::Full,
            // A damaged file must not stop the readings of all other days, nor a server that is away the process.
            (Error::Corrupt { .. }, _) | (_, Sink::Rows(_)) => AppendError::Unavailable,
            (_, Sink::Files(_)) => AppendError::Failed,
        }
    }

    async fn commit(&mut self, batches: &mut Vec<Batch>) -> Result<()> {
        let order = Order::new(batches.iter().map(|batch| batch.samples.as_slice()));
        let judged = match &mut self.sink {
            Sink::Files(files) => files.commit(&order).await?,
            Sink::Rows(rows) => rows.commit(&order).await?,
        };
        let live = self.inner.live.receiver_count() > 0 && !judged.fresh.is_empty();
        let live = live.then(|| judged.fresh.iter().map(|at| kept(order.sample(*at as usize))).collect());
        drop(order);
        self.count(&judged);
        let answers = answers(batches, &judged);
        for (batch, answer) in batches.drain(..).zip(answers) {
            // A caller that went away needs no answer.
            let _ = batch.answer.send(Ok(answer));
        }
        if let Some(live) = live {
            // Nobody listening is no failure.
            let _ = self.inner.live.send(Arc::new(live));
        }
        Ok(())
    }

    fn count(&self, judged: &Judged) {
        let counters = &self.inner.counters;
        counters.commits.fetch_add(1, Ordering::Relaxed);
        counters
            .accepted
            .fetch_add(judged.fresh.len() as u64, Ordering::Relaxed);
        counters
            .duplicates
            .fetch_add(judged.duplicates.len() as u64, Ordering::Relaxed);
        counters
            .conflicts
            .fetch_add(judged.conflicts.len() as u64, Ordering::Relaxed);
    }
}

/// Without a writer nothing is taken in, and whoever waits is told.
impl Drop for Writer {
    fn drop(&mut self) {
        self.inner.queue.close();
        self.inner.queue.take(usize::MAX, &mut Vec::new());
    }
}

/// The part of each batch in what was decided.
fn answers(batches: &[Batch], judged: &Judged) -> Vec<Appended> {
    let mut begins = Vec::with_capacity(batches.len());
    let mut answers = Vec::with_capacity(batches.len());
    let mut begin = 0;
    for batch in batches {
        begins.push(begin);
        begin += batch.samples.len() as u32;
        answers.push(Appended {
            accepted: batch.samples.len() as u32,
            ..Appended::default()
        });
    }
    // Empty batches do not come here, so the begins ascend.
    let batch_of = |number: u32| begins.partition_point(|begin| *begin <= number) - 1;
    for number in &judged.duplicates {
        let answer = &mut answers[batch_of(*number)];
        answer.accepted -= 1;
        answer.duplicates += 1;
    }
    for number in &judged.conflicts {
        let batch = batch_of(*number);
        answers[batch].accepted -= 1;
        answers[batch].conflicts.push(number - begins[batch]);
    }
    for answer in &mut answers {
        answer.conflicts.sort_unstable();
    }
    answers
}

/// The reading as it can be read back.
fn kept(sample: &Sample) -> Sample {
    Sample {
        received: received(sample),
        ..sample.clone()
    }
}
