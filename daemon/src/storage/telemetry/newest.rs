//! The newest reading of each series, in memory; at start it is rebuilt from the files.
//!
//! So that the start need not look at every file, a checkpoint is left beside them now and then: the newest readings, and
//! for each day the number of the last segment that went into them. It is only a shortcut: without one, or with one that
//! does not fit the files, everything is read.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use super::block::Block;
use super::bytes::{Damage, Input, put, put_signed};
use super::codec::{self, Coded, Encoder};
use super::contents;
use super::days::day_of;
use super::partition::Partitions;
use super::stored::{Stored, Wanted};
use crate::domain::telemetry::{Micros, Sample, SeriesId};
use crate::storage::error::{Error, Result};

const FILE: &str = "newest";
const MAGIC: &[u8; 8] = b"FLNEWEST";
const VERSION: u64 = 1;
/// Frames whose readings are read at once.
const AT_ONCE: usize = 256;

/// Number of the last segment of each day.
pub(super) type Last = BTreeMap<i64, i64>;

/// The newest reading of each series, by its number.
#[derive(Clone, Debug, Default)]
pub(super) struct Newest {
    samples: Vec<Option<Sample>>,
}

impl Newest {
    /// How many series it knows, about.
    pub(super) fn len(&self) -> usize {
        self.samples.len()
    }

    pub(super) fn get(&self, series: SeriesId) -> Option<&Sample> {
        self.samples.get(series as usize)?.as_ref()
    }

    /// Takes over what is newer in a block.
    pub(super) fn update(&mut self, block: &Block) {
        if let Some((_, last)) = block.series_bounds()
            && self.samples.len() <= last as usize
        {
            self.samples.resize(last as usize + 1, None);
        }
        for (series, run) in block.runs() {
            let at = run.end - 1;
            let known = &mut self.samples[series as usize];
            if known.as_ref().is_none_or(|known| known.timestamp < block.times()[at]) {
                *known = Some(block.sample(series, at));
            }
        }
    }

    /// Forgets readings of a day: of these series, or of all.
    pub(super) fn forget(&mut self, day: i64, series: Option<&[SeriesId]>) {
        let forget = |known: &mut Option<Sample>| {
            if known.as_ref().is_some_and(|known| day_of(known.timestamp) == day) {
                *known = None;
            }
        };
        match series {
            None => self.samples.iter_mut().for_each(forget),
            Some(series) => {
                for series in series {
                    if let Some(known) = self.samples.get_mut(*series as usize) {
                        forget(known);
                    }
                }
            }
        }
    }

    /// Could a reading of this moment be the newest of this series?
    fn is_older(&self, series: SeriesId, than: Micros) -> bool {
        self.get(series).is_none_or(|known| known.timestamp < than)
    }

    fn block(&self) -> Block {
        let mut block = Block::default();
        self.samples.iter().flatten().for_each(|sample| block.push(sample));
        block
    }
}

/// Rebuilds the newest readings of `series` series. Segments that cannot be read are told in the log, and passed over.
pub(super) async fn load(partitions: &Partitions, series: usize) -> Result<(Newest, Last)> {
    let mut last = Last::new();
    for day in partitions.days() {
        match partitions.last_segment(day).await {
            Ok(0) => {}
            Ok(segment) => {
                last.insert(day, segment);
            }
            Err(error @ Error::Corrupt { .. }) => {
                tracing::error!(%error, "a file of readings is damaged; queries of its day will fail");
            }
            Err(error) => return Err(error),
        }
    }
    let (mut newest, known) = match checkpoint(partitions.dir(), &last) {
        Some((newest, known)) => (newest, Some(known)),
        None => (Newest::default(), None),
    };
    for (day, last) in last.iter().rev() {
        let above = known.as_ref().and_then(|known| known.get(day)).copied().unwrap_or(0);
        if above == *last {
            continue;
        }
        // Days before hold only what is older.
        if known.is_none() && newest.samples.len() >= series && newest.samples.iter().all(Option::is_some) {
            break;
        }
        catch_up(partitions, *day, above, &mut newest).await?;
    }
    Ok((newest, last))
}

/// Takes in the segments of a day with greater numbers than `above`, and the chunks that they may have gone into.
async fn catch_up(partitions: &Partitions, day: i64, above: i64, newest: &mut Newest) -> Result<()> {
    let wanted = Wanted {
        from: Micros::MIN,
        until: Micros::MAX,
        series: &[],
        above,
        below: i64::MAX,
    };
    let (mut frames, damaged) = partitions.list(day, wanted, |_| true).await?;
    for error in damaged {
        tracing::error!(%error, "readings are damaged; queries that touch them will fail");
    }
    // Latest first: most of the others then have nothing newer.
    frames.sort_unstable_by_key(|stored| std::cmp::Reverse(stored.last()));
    let mut at = 0;
    // Few at first: the latest often hold everything.
    let mut most = 8;
    while at < frames.len() {
        let mut useful: Vec<Stored> = Vec::new();
        while at < frames.len() && useful.len() < most {
            let last = frames[at].last();
            if frames[at].holds_any(|series| newest.is_older(series, last)) {
                useful.push(frames[at].clone());
            }
            at += 1;
        }
        most = (most * 2).min(AT_ONCE);
        for block in partitions.blocks(day, &useful).await? {
            match block {
                Ok(block) => newest.update(&block),
                Err(error) => tracing::error!(%error, "readings are damaged; queries that touch them will fail"),
            }
        }
    }
    Ok(())
}

/// Leaves a checkpoint in the folder; replaces the one before.
pub(super) fn save(dir: &Path, newest: &Newest, last: &Last) -> std::io::Result<()> {
    let Coded { contents, body } = Encoder::new()?.encode(&newest.block())?;
    let mut out = MAGIC.to_vec();
    put(&mut out, VERSION);
    put(&mut out, last.len() as u64);
    for (day, segment) in last {
        put_signed(&mut out, *day);
        put(&mut out, *segment as u64);
    }
    put(&mut out, contents.len() as u64);
    out.extend_from_slice(&contents);
    out.extend_from_slice(&body);
    let sum = crc32fast::hash(&out);
    out.extend_from_slice(&sum.to_le_bytes());
    let (path, fresh) = (dir.join(FILE), dir.join("newest.part"));
    let mut file = std::fs::File::create(&fresh)?;
    file.write_all(&out)?;
    // Not needed for correctness, which the checksum guards; without it a power cut could leave none at all.
    file.sync_data()?;
    std::fs::rename(fresh, path)
}

/// The checkpoint, if there is one that fits the files.
fn checkpoint(dir: &Path, last: &Last) -> Option<(Newest, Last)> {
    let bytes = std::fs::read(dir.join(FILE)).ok()?;
    match parse(&bytes) {
        // A file that is gone, or older than the checkpoint, was taken away or put back by someone.
        Ok((_, known))
            if known
                .iter()
                .any(|(day, segment)| last.get(day).is_none_or(|last| last < segment)) =>
        {
            tracing::warn!("files of readings were changed from outside; reading all of them");
            None
        }
        Ok(found) => Some(found),
        Err(damage) => {
            tracing::warn!(%damage, "the checkpoint of newest readings cannot be read; reading all files");
            None
        }
    }
}

fn parse(bytes: &[u8]) -> std::result::Result<(Newest, Last), Damage> {
    let (bytes, sum) = bytes.split_last_chunk::<4>().ok_or(Damage("it is cut off"))?;
    if crc32fast::hash(bytes) != u32::from_le_bytes(*sum) {
        return Err(Damage("the checksum does not match"));
    }
    let mut input = Input(bytes);
    if input.array()? != *MAGIC || input.number()? != VERSION {
        return Err(Damage("the version is unknown"));
    }
    let mut last = Last::new();
    for _ in 0..input.number()? {
        last.insert(input.signed()?, input.number()? as i64);
    }
    let length = input.small()? as usize;
    let frames = contents::decode(input.take(length)?)?;
    let mut newest = Newest::default();
    for frame in frames {
        newest.update(&codec::decode(&frame, input.take(frame.length)?)?);
    }
    Ok((newest, last))
}
