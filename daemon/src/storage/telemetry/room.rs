//! Keeps room on the disk: readings are refused before it is full, and a ballast file is given up where it is full all the
//! same, since even deleting takes room.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use crate::storage::error::{Error, Result};

/// Share of the file system that stays free unless somebody says how much, and the most that this may be.
const SHARE: u64 = 20;
const MOST: u64 = 256 << 20;
/// After it was too little, so much more is wanted, at most.
const MORE: u64 = 16 << 20;
/// The ballast is so large a part of what stays free.
const BALLAST: u64 = 4;
pub(super) const FILE: &str = "ballast";

/// The room that is left.
#[derive(Debug)]
pub(super) struct Room {
    dir: PathBuf,
    /// Bytes that stay free; none: a share of the file system.
    wanted: Option<u64>,
    is_low: AtomicBool,
    /// The ballast could not be laid in: some file systems give no blocks ahead.
    has_none: AtomicBool,
}

impl Room {
    /// Of the file system that a folder lies on.
    pub(super) fn new(dir: &Path, wanted: Option<u64>) -> Self {
        Self {
            dir: dir.to_owned(),
            wanted,
            is_low: AtomicBool::new(false),
            has_none: AtomicBool::new(false),
        }
    }

    /// Was there too little at the last look?
    pub(super) fn is_low(&self) -> bool {
        self.is_low.load(Ordering::Relaxed)
    }

    /// Looks how much is left, and lays the ballast in or gives it up. Says whether there is too little.
    pub(super) fn look(&self) -> Result<bool> {
        let failed = |source: std::io::Error| Error::File {
            path: self.dir.display().to_string(),
            source,
        };
        let disk = statvfs(&self.dir).map_err(|error| failed(error.into()))?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let size = disk.f_blocks.saturating_mul(disk.f_frsize);
        let reserve = self.wanted.unwrap_or((size / SHARE).min(MOST));
        let ballast = (reserve / BALLAST).min(MOST / BALLAST);
        let path = self.dir.join(FILE);
        let held = path.metadata().map_or(0, |file| file.len());
        // A little more before it counts as enough again, so that it does not change with every reading.
        let more = if self.is_low() { (reserve / 2).min(MORE) } else { 0 };
        let is_low = free < reserve.saturating_add(more);
        if self.is_low.swap(is_low, Ordering::Relaxed) != is_low {
            tell(is_low, free, reserve);
        }
        if held > 0 && free < ballast {
            std::fs::remove_file(&path).map_err(failed)?;
            tracing::warn!(
                bytes = held,
                "the disk is full: the ballast file was given up, so that old readings can be dropped"
            );
        } else if held < ballast && !is_low && free > reserve.saturating_add(ballast) {
            self.lay(&path, ballast);
        }
        Ok(is_low)
    }

    /// Takes blocks of the disk, and not only a length. Without a ballast the low-water mark holds all the same.
    fn lay(&self, path: &Path, bytes: u64) {
        if self.has_none.load(Ordering::Relaxed) {
            return;
        }
        let file = File::options().create(true).write(true).truncate(false).open(path);
        let laid = file.and_then(|file| Ok(fallocate(&file, FallocateFlags::empty(), 0, bytes)?));
        if let Err(error) = laid {
            self.has_none.store(true, Ordering::Relaxed);
            tracing::warn!(%error, "no ballast file could be laid in; where the disk is full all the same, free it from outside");
        }
    }
}

fn tell(is_low: bool, free: u64, reserve: u64) {
    if is_low {
        tracing::warn!(
            free,
            reserve,
            "the disk is nearly full: readings are refused until there is more room; shorten `retention`, or give it more room"
        );
    } else {
        tracing::info!(free, "there is room on the disk again: readings are taken in");
    }
}
