//! Turns at the database: one transaction that may write at a time on SQLite, a few on PostgreSQL, where they wait for the
//! revision row. Who is next is decided between organizations, so that one that writes in a loop delays another by a
//! transaction and not by its queue.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::error::{Error, Result};
use crate::domain::shares::{Share, Shares};

/// Transactions that may wait; further ones are refused.
const MOST_WAITING: u64 = 50_000;
/// How long one waits.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct State {
    free: usize,
    waiting: Shares<oneshot::Sender<Turn>>,
}

/// Whose turn it is.
#[derive(Clone, Debug)]
pub struct Turns(Arc<Mutex<State>>);

/// The right to write; the next one has it when this is dropped.
#[derive(Debug)]
pub struct Turn(Option<Turns>);

impl Turns {
    /// So many at once.
    pub(super) fn new(at_once: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            free: at_once,
            waiting: Shares::new(MOST_WAITING, 1),
        })))
    }

    /// The lock guards what is whole at every moment.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does anybody wait for a turn?
    #[cfg(test)]
    pub(crate) fn has_waiting(&self) -> bool {
        !self.state().waiting.is_empty()
    }

    /// Waits for a turn.
    pub(super) async fn take(&self, share: Share) -> Result<Turn> {
        let turn = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Ok(Turn(Some(self.clone())));
            }
            let (sender, turn) = oneshot::channel();
            // Whoever is pushed out is told by the end of its channel.
            state.waiting.push(share, 1, sender).map_err(|_| Error::Busy)?;
            turn
        };
        match tokio::time::timeout(PATIENCE, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(Error::Busy),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(turns) = self.0.take() else { return };
        loop {
            let next = {
                let mut state = turns.state();
                let next = state.waiting.pop();
                if next.is_none() {
                    state.free += 1;
                }
                next
            };
            match next.map(|next| next.send(Self(Some(turns.clone())))) {
                None | Some(Ok(())) => return,
                // Nobody waits there any more.
                Some(Err(mut unused)) => drop(unused.0.take()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;
    use uuid::Uuid;

    use super::*;

    fn org(number: u128) -> Share {
        Share::of(Uuid::from_u128(number), None)
    }

    #[tokio::test]
    async fn another_organization_is_next_whatever_the_queue_of_the_first() {
        let turns = Turns::new(1);
        let first = turns.take(org(1)).await.unwrap();
        let mut flood: Vec<_> = (0..100).map(|_| Box::pin(turns.take(org(1)))).collect();
        for one in &mut flood {
            assert!(poll!(one).is_pending());
        }
        let mut other = Box::pin(turns.take(org(2)));
        assert!(poll!(&mut other).is_pending());
        drop(first);
        let std::task::Poll::Ready(second) = poll!(&mut flood[0]) else {
            panic!("the first one in the queue is next");
        };
        assert!(poll!(&mut other).is_pending());
        drop(second);
        assert!(poll!(&mut flood[1]).is_pending());
        let std::task::Poll::Ready(other) = poll!(&mut other) else {
            panic!("then it is the other one's turn");
        };
        // Those who go away before their turn are passed over.
        drop(flood);
        drop(other);
        let _free = turns.take(org(3)).await.unwrap();
        assert_eq!(turns.state().free, 0);
    }

    #[tokio::test]
    async fn whoever_goes_away_with_its_turn_gives_it_back() {
        let turns = Turns::new(1);
        let first = turns.take(org(1)).await.unwrap();
        let mut waiting = Box::pin(turns.take(org(1)));
        assert!(poll!(&mut waiting).is_pending());
        drop(first);
        assert_eq!(turns.state().free, 0, "it has the turn and has not looked");
        drop(waiting);
        assert_eq!(turns.state().free, 1);
    }
}
