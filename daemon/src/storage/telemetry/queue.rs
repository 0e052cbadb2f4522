//! What waits for the writer: bounded in readings, and fair between organizations.

use std::sync::Mutex;

use tokio::sync::{Notify, oneshot};

use super::{AppendError, Appended, lock};
use crate::domain::shares::{Share, Shares};
use crate::domain::telemetry::Sample;

/// Readings that a weight of 1 has in a round: the heaviest one has no whole commit to itself while others wait.
const QUANTUM: u64 = 128;

/// A batch on its way to the writer.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) samples: Vec<Sample>,
    pub(super) answer: oneshot::Sender<Result<Appended, AppendError>>,
}

#[derive(Debug)]
struct Waiting {
    batches: Shares<Batch>,
    closed: bool,
}

/// The queue of the writer.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                batches: Shares::new(capacity as u64, QUANTUM),
                closed: false,
            }),
            filled: Notify::new(),
        }
    }

    /// Queues a batch. Where there is no room, those who have more than their share give way to those who have less.
    pub(super) fn push(&self, share: Share, batch: Batch) -> Result<(), AppendError> {
        let pushed_out = {
            let mut waiting = lock(&self.waiting);
            if waiting.closed {
                return Err(AppendError::Failed);
            }
            let was_empty = waiting.batches.is_empty();
            let cost = batch.samples.len() as u64;
            let pushed = waiting.batches.push(share, cost, batch);
            if was_empty {
                self.filled.notify_one();
            }
            pushed.map_err(|_| AppendError::Busy)?
        };
        for batch in pushed_out {
            // A caller that went away needs no answer.
            let _ = batch.answer.send(Err(AppendError::Busy));
        }
        Ok(())
    }

    /// Takes batches of about so many readings, each organization its share; gives how many readings they are.
    pub(super) fn take(&self, most: usize, into: &mut Vec<Batch>) -> usize {
        let mut readings = 0;
        let mut waiting = lock(&self.waiting);
        while readings < most
            && let Some(batch) = waiting.batches.pop()
        {
            readings += batch.samples.len();
            into.push(batch);
        }
        readings
    }

    /// Ends when something waits, or nothing more will.
    pub(super) async fn filled(&self) {
        loop {
            {
                let waiting = lock(&self.waiting);
                if waiting.closed || !waiting.batches.is_empty() {
                    return;
                }
            }
            self.filled.notified().await;
        }
    }

    /// Takes nothing more in. What waits can still be taken.
    pub(super) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.filled.notify_one();
    }

    /// Nothing more will come.
    pub(super) fn is_closed(&self) -> bool {
        lock(&self.waiting).closed
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::telemetry::{Quality, Reason, Value};

    type Answer = oneshot::Receiver<Result<Appended, AppendError>>;

    fn push(queue: &Queue, org: u128, readings: u32) -> Result<Answer, AppendError> {
        let sample = |series| Sample {
            series,
            timestamp: 0,
            received: 0,
            value: Value::Missing,
            quality: Quality::Bad,
            reason: Reason::None,
        };
        let (answer, answered) = oneshot::channel();
        let samples = (0..readings).map(sample).collect();
        queue.push(Share::of(Uuid::from_u128(org), None), Batch { samples, answer })?;
        Ok(answered)
    }

    #[test]
    fn a_flood_neither_pushes_others_out_nor_delays_them_by_more_than_a_commit() {
        let queue = Queue::new(100_000);
        let mut flood: Vec<_> = (0..100).map(|_| push(&queue, 1, 1_000).unwrap()).collect();
        assert_eq!(push(&queue, 1, 1).unwrap_err(), AppendError::Busy);
        let _other = push(&queue, 2, 1_000).unwrap();
        let newest = flood.pop().unwrap().try_recv();
        assert_eq!(newest, Ok(Err(AppendError::Busy)), "it gives way");
        assert!(
            flood.iter_mut().all(|batch| batch.try_recv().is_err()),
            "nobody else does"
        );
        let mut first = Vec::new();
        let readings = queue.take(16_384, &mut first);
        assert_eq!(readings, 17_000);
        // The other one's round comes when the flood had as much.
        let _late = push(&queue, 2, 100).unwrap();
        let mut second = Vec::new();
        queue.take(16_384, &mut second);
        assert!(second.iter().any(|batch| batch.samples.len() == 100));
        assert!(!queue.is_closed());
        queue.close();
        assert_eq!(push(&queue, 2, 1).unwrap_err(), AppendError::Failed);
        assert_eq!(
            queue.take(usize::MAX, &mut Vec::new()),
            99_000 + 1_100 - 17_000 - second.iter().map(|b| b.samples.len()).sum::<usize>()
        );
    }
}
