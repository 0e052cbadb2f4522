//! Logs as they are read: in order of their positions, page by page, and on and on.

use std::time::Duration;

use tokio::sync::mpsc;

use super::error::Result;
use crate::storage::{Db, Tx};

/// Rows read at a time.
const PAGE: u32 = 500;
/// A follower looks for new ones this often.
const FOLLOW: Duration = Duration::from_millis(500);
/// Behind every position.
pub(super) const END: u64 = u64::MAX >> 1;

/// Rows that somebody looks for, in a log whose positions only grow.
pub(super) trait Wanted: Sync {
    /// What a page holds.
    type Row: Send;
    /// A page between two positions: the oldest first, or the newest.
    fn page(
        &self,
        tx: &mut Tx,
        between: (u64, u64),
        newest: bool,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Self::Row>>> + Send;
    /// Position of the last row of the log, looked for or not.
    fn head(&self, tx: &mut Tx) -> impl Future<Output = Result<u64>> + Send;
    /// Position of a row.
    fn seq(row: &Self::Row) -> u64;
}

/// From where, and how far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// Behind this position.
    pub(super) after: u64,
    /// The newest so many; 0: all.
    pub(super) limit: u32,
    /// Until the receiver is gone.
    pub(super) follow: bool,
}

/// Sends rows, oldest first.
pub(super) async fn send<W: Wanted>(db: &Db, wanted: &W, span: Span, pages: &mpsc::Sender<Vec<W::Row>>) -> Result<()> {
    let mut after = span.after;
    if span.limit > 0 {
        let mut tx = db.read().await?;
        let mut newest = wanted.page(&mut tx, (after, END), true, span.limit).await?;
        newest.reverse();
        after = newest.last().map_or(after, W::seq).max(after);
        if newest.is_empty() || span.follow {
            after = after.max(wanted.head(&mut tx).await?);
        }
        drop(tx);
        if pages.send(newest).await.is_err() || !span.follow {
            return Ok(());
        }
    }
    loop {
        let mut tx = db.read().await?;
        let page = wanted.page(&mut tx, (after, END), false, PAGE).await?;
        let is_last = page.len() < PAGE as usize;
        after = page.last().map_or(after, W::seq);
        if is_last && span.follow {
            // What nobody looks for is looked through once.
            after = after.max(wanted.head(&mut tx).await?);
        }
        drop(tx);
        if !page.is_empty() && pages.send(page).await.is_err() {
            return Ok(());
        }
        if !is_last {
            continue;
        }
        if !span.follow {
            return Ok(());
        }
        tokio::select! {
            () = pages.closed() => return Ok(()),
            () = tokio::time::sleep(FOLLOW) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds nothing in a log of seven rows, and says behind which it looks.
    struct Nothing(mpsc::UnboundedSender<u64>);

    impl Wanted for Nothing {
        type Row = u64;

        async fn page(&self, _: &mut Tx, between: (u64, u64), _: bool, _: u32) -> Result<Vec<u64>> {
            self.0.send(between.0).unwrap();
            Ok(Vec::new())
        }

        async fn head(&self, _: &mut Tx) -> Result<u64> {
            Ok(7)
        }

        fn seq(row: &u64) -> u64 {
            *row
        }
    }

    #[tokio::test]
    async fn a_follower_looks_through_what_it_does_not_look_for_once() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open_sqlite(&dir.path().join("fleetd.db")).await.unwrap();
        let (looked, mut looks) = mpsc::unbounded_channel();
        let (pages, receiver) = mpsc::channel(1);
        let span = Span {
            after: 0,
            limit: 0,
            follow: true,
        };
        let search = Nothing(looked);
        let following = send(&db, &search, span, &pages);
        let watching = async {
            let behind = [looks.recv().await, looks.recv().await];
            drop(receiver);
            behind
        };
        let (done, behind) = tokio::join!(following, watching);
        done.unwrap();
        assert_eq!(behind, [Some(0), Some(7)]);
    }
}
