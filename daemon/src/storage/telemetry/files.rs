//! The embedded store: what is new goes into a segment of its day's file, and then into memory.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Instant;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::block::Block;
use super::codec::Encoder;
use super::compaction::Pending;
use super::days::day_of;
use super::newest::{self, Last, Newest};
use super::order::{Judged, Order, Standing};
use super::partition::{Partitions, Writers};
use super::room::Room;
use super::steps::{Ordered, Step};
use super::stored::Wanted;
use super::{lock, read, write};
use crate::domain::telemetry::{Micros, SeriesId};
use crate::storage::error::{Error, Result};

/// Segments after which the newest readings are saved: as many are read at the next start.
const SEGMENTS_PER_CHECKPOINT: usize = if cfg!(test) { 5 } else { 20_000 };

/// What readers and the writer share.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) partitions: Partitions,
    pub(super) room: Room,
    pub(super) newest: RwLock<Newest>,
    /// Days with segments, since the start or since somebody counted.
    pub(super) pending: Mutex<BTreeMap<i64, Pending>>,
    /// Readings that were compacted since the start.
    pub(super) compacted: AtomicU64,
    /// Is a round of compaction under way?
    pub(super) is_compacting: AtomicBool,
    /// Microseconds that the writer has spent on commits since the start.
    pub(super) committing: AtomicU64,
    /// To the writer.
    pub(super) steps: mpsc::Sender<Ordered>,
}

impl Files {
    /// What was found in a file. The writer may have counted some of it already.
    pub(super) fn discovered(&self, day: i64, found: Pending) {
        let mut pending = lock(&self.pending);
        let known = pending.entry(day).or_default();
        known.segments = known.segments.max(found.segments);
        known.readings = known.readings.max(found.readings);
        if found.segments == 0 && known.segments == 0 {
            pending.remove(&day);
        }
    }

    fn committed(&self, day: i64, readings: usize) {
        let mut pending = lock(&self.pending);
        let known = pending.entry(day).or_default();
        known.segments += 1;
        known.readings += readings as u64;
    }

    /// These were compacted.
    pub(super) fn settle(&self, day: i64, taken: Pending) {
        self.compacted.fetch_add(taken.readings, Ordering::Relaxed);
        let mut pending = lock(&self.pending);
        let Some(known) = pending.get_mut(&day) else { return };
        known.segments = known.segments.saturating_sub(taken.segments);
        known.readings = known.readings.saturating_sub(taken.readings);
        if known.segments == 0 {
            pending.remove(&day);
        }
    }
}

/// What only the writer has.
#[derive(Debug)]
pub(super) struct FileWriter {
    files: Arc<Files>,
    writers: Writers,
    encoder: Encoder,
    last: Last,
    since_checkpoint: usize,
    saving: Option<JoinHandle<()>>,
    steps: mpsc::Receiver<Ordered>,
}

/// Opens the files, and rebuilds the newest readings of `series` series.
pub(super) async fn open(dir: PathBuf, reserve: Option<u64>, series: usize) -> Result<(Arc<Files>, FileWriter)> {
    let failed = |source| Error::File {
        path: dir.display().to_string(),
        source,
    };
    let encoder = Encoder::new().map_err(failed)?;
    let partitions = Partitions::open(dir)?;
    let room = Room::new(partitions.dir(), reserve);
    room.look()?;
    let (newest, last) = newest::load(&partitions, series).await?;
    let (order, steps) = mpsc::channel(1);
    let files = Arc::new(Files {
        partitions,
        room,
        newest: RwLock::new(newest),
        pending: Mutex::default(),
        compacted: AtomicU64::new(0),
        is_compacting: AtomicBool::new(false),
        committing: AtomicU64::new(0),
        steps: order,
    });
    let writer = FileWriter {
        files: Arc::clone(&files),
        writers: Writers::default(),
        encoder,
        last,
        since_checkpoint: SEGMENTS_PER_CHECKPOINT,
        saving: None,
        steps,
    };
    Ok((files, writer))
}

impl FileWriter {
    /// Makes what is new durable, and then known.
    pub(super) async fn commit(&mut self, order: &Order<'_>) -> Result<Judged> {
        let begun = Instant::now();
        let judged = self.write(order).await;
        let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.files.committing.fetch_add(took, Ordering::Relaxed);
        judged
    }

    async fn write(&mut self, order: &Order<'_>) -> Result<Judged> {
        let standing = self.compare(order).await?;
        let judged = order.judge(&standing);
        let (mut first, mut last) = (Micros::MAX, Micros::MIN);
        for at in &judged.fresh {
            let (_, time) = order.key(*at as usize);
            (first, last) = (first.min(time), last.max(time));
        }
        if judged.fresh.is_empty() {
            return Ok(judged);
        }
        if day_of(first) == day_of(last) {
            self.store(day_of(first), order, &judged.fresh).await?;
            return Ok(judged);
        }
        let mut days: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
        for at in &judged.fresh {
            days.entry(day_of(order.key(*at as usize).1)).or_default().push(*at);
        }
        // If a later day fails, its callers repeat everything; what was written is then a duplicate.
        for (day, fresh) in days {
            self.store(day, order, &fresh).await?;
        }
        Ok(judged)
    }

    /// The next step of compaction, when there is one.
    pub(super) async fn ordered(&mut self) -> Option<Ordered> {
        self.steps.recv().await
    }

    /// The same, if it waits already.
    pub(super) fn waiting(&mut self) -> Option<Ordered> {
        self.steps.try_recv().ok()
    }

    /// Does a step of compaction. An error means that the store can no longer be trusted.
    pub(super) async fn step(&mut self, Ordered { day, step, answer }: Ordered) -> Result<()> {
        let done = self.writers.apply(&self.files.partitions, day, &step).await;
        let changes_files = match (&step, &done) {
            (Step::Drop { through }, Ok(_)) => {
                write(&self.files.partitions.recent).drop_through(day, *through);
                true
            }
            (Step::Remove { .. }, Ok(is_gone)) => {
                if *is_gone {
                    write(&self.files.newest).forget(day, None);
                    self.last.remove(&day);
                }
                true
            }
            _ => false,
        };
        if changes_files {
            // So that the next start need not look for the newest readings in chunks.
            self.since_checkpoint = SEGMENTS_PER_CHECKPOINT;
            self.checkpoint().await;
        }
        let (told, result) = match done {
            Err(error) if !matches!(error, Error::Full(_) | Error::Corrupt { .. }) => (None, Err(error)),
            done => (Some(done), Ok(())),
        };
        if let Some(told) = told {
            // Whoever asked may have gone.
            let _ = answer.send(told);
        }
        result
    }

    /// Saves the newest readings, and closes the files.
    pub(super) async fn close(&mut self) -> Result<()> {
        self.writers.close().await?;
        self.since_checkpoint = SEGMENTS_PER_CHECKPOINT;
        self.finish_saving().await;
        self.checkpoint().await;
        self.finish_saving().await;
        Ok(())
    }

    async fn store(&mut self, day: i64, order: &Order<'_>, fresh: &[u32]) -> Result<()> {
        let mut block = Block::with_capacity(fresh.len());
        for at in fresh {
            block.push(order.sample(*at as usize));
        }
        let failed = |source| Error::File {
            path: self.files.partitions.dir().display().to_string(),
            source,
        };
        let coded = self.encoder.encode(&block).map_err(failed)?;
        let id = self.writers.append(&self.files.partitions, day, &block, coded).await?;
        block.shrink();
        write(&self.files.newest).update(&block);
        let alone = self.last.insert(day, id).is_none();
        self.files.committed(day, block.len());
        write(&self.files.partitions.recent).push(day, id, alone, Arc::new(block));
        self.since_checkpoint += 1;
        self.checkpoint().await;
        Ok(())
    }

    /// How each reading stands to what is stored.
    async fn compare(&self, order: &Order<'_>) -> Result<Vec<Standing>> {
        let mut standing = vec![Standing::Free; order.len()];
        let mut late: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
        {
            let newest = read(&self.files.newest);
            let mut known = (SeriesId::MAX, None);
            for (at, standing) in standing.iter_mut().enumerate() {
                let (series, time) = order.key(at);
                if at == 0 || known.0 != series {
                    known = (series, newest.get(series));
                }
                let Some(known) = known.1 else { continue };
                match time.cmp(&known.timestamp) {
                    std::cmp::Ordering::Greater => {}
                    std::cmp::Ordering::Equal => *standing = Standing::of(super::block::same(known, order.sample(at))),
                    std::cmp::Ordering::Less => late.entry(day_of(time)).or_default().push(at as u32),
                }
            }
        }
        for (day, late) in late {
            self.compare_late(order, day, late, &mut standing).await?;
        }
        Ok(standing)
    }

    /// The same for readings of one day that are older than the newest of their series.
    async fn compare_late(
        &self,
        order: &Order<'_>,
        day: i64,
        mut late: Vec<u32>,
        standing: &mut [Standing],
    ) -> Result<()> {
        let partitions = &self.files.partitions;
        if partitions.days_in(day, day).is_empty() {
            return Ok(());
        }
        let key = |at: &u32| order.key(*at as usize);
        late.sort_by_key(|at| key(at).1);
        let (Some(first), Some(last)) = (late.first(), late.last()) else {
            return Ok(());
        };
        let (from, until) = (key(first).1, key(last).1);
        let mut series: Vec<SeriesId> = late.iter().map(|at| key(at).0).collect();
        series.sort_unstable();
        series.dedup();
        let between = |first: Micros, last: Micros| {
            let rest = &late[late.partition_point(|at| key(at).1 < first)..];
            &rest[..rest.partition_point(|at| key(at).1 <= last)]
        };
        let mut look = |block: &Block| {
            let Some((first, last)) = block.bounds() else { return };
            for at in between(first, last) {
                let (series, time) = key(at);
                if let Some(found) = block.position(series, time) {
                    standing[*at as usize] = Standing::of(block.same(found, order.sample(*at as usize)));
                }
            }
        };
        let (blocks, below) = read(&partitions.recent).find(day, from, until, |block| {
            let Some((first, last)) = block.bounds() else {
                return false;
            };
            between(first, last)
                .iter()
                .any(|at| block.position(key(at).0, key(at).1).is_some())
        });
        blocks.iter().for_each(|block| look(block));
        if below == 0 {
            return Ok(());
        }
        let wanted = Wanted {
            from,
            until,
            series: &series,
            above: 0,
            below,
        };
        let (frames, damaged) = partitions
            .list(day, wanted, |stored| {
                between(stored.first(), stored.last())
                    .iter()
                    .any(|at| stored.holds(key(at).0))
            })
            .await?;
        // What cannot be read cannot be compared: sent again, it is stored again, which heals the loss.
        for error in damaged {
            tracing::error!(%error, "readings are damaged; those that are sent again are stored anew");
        }
        // A long replay must not have all its frames in memory at once.
        for part in frames.chunks(256) {
            for block in partitions.blocks(day, part).await? {
                match block {
                    Ok(block) => look(&block),
                    Err(error) => {
                        tracing::error!(%error, "readings are damaged; those that are sent again are stored anew");
                    }
                }
            }
        }
        Ok(())
    }

    /// Saves the newest readings beside the writing, if it is time and the last saving is done.
    async fn checkpoint(&mut self) {
        if self.since_checkpoint < SEGMENTS_PER_CHECKPOINT
            || self.saving.as_ref().is_some_and(|saving| !saving.is_finished())
        {
            return;
        }
        self.finish_saving().await;
        self.since_checkpoint = 0;
        let (newest, last) = (read(&self.files.newest).clone(), self.last.clone());
        let dir = self.files.partitions.dir().to_owned();
        self.saving = Some(tokio::task::spawn_blocking(move || {
            if let Err(error) = newest::save(&dir, &newest, &last) {
                tracing::warn!(%error, "the checkpoint of newest readings was not saved; the next start takes longer");
            }
        }));
    }

    /// Lets a day's file grow to so many pages only: a full disk.
    #[cfg(test)]
    pub(super) async fn limit_pages(&mut self, day: i64, pages: u32) {
        self.writers.limit_pages(&self.files.partitions, day, pages).await;
    }

    async fn finish_saving(&mut self) {
        if let Some(saving) = self.saving.take()
            && let Err(error) = saving.await
        {
            tracing::warn!(%error, "the checkpoint of newest readings was not saved; the next start takes longer");
        }
    }
}
