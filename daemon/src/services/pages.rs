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
        let page = wanted.page(&mut db.read().await?, (after, END), false, PAGE).await?;
        let is_last = page.len() < PAGE as usize;
        after = page.last().map_or(after, W::seq);
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
