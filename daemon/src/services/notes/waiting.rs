//! Notes that wait, in lanes: one for each log. Where there is no room the newest note of the fullest lane goes, so that
//! a flood in one log costs no other.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use indexmap::map::Entry as Place;
use uuid::Uuid;

use super::Note;

/// Notes that may wait.
pub(super) const MOST_WAITING: usize = 4_096;
/// Bytes that they may take.
const ROOM: usize = 8 << 20;
/// A small note takes as much, so that room bounds their number, too.
const LEAST: usize = ROOM / MOST_WAITING;

/// One of the two kinds of logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Log {
    Audit,
    System,
}

/// A log of an organization, or of the platform.
pub(super) type Lane = (Log, Option<Uuid>);

/// The latest note about something, and how many there were.
#[derive(Debug)]
pub(super) struct Waits {
    pub(super) note: Note,
    pub(super) count: u64,
    takes: usize,
}

/// What waits for one log, in order of first arrival.
#[derive(Debug, Default)]
struct Line {
    notes: IndexMap<String, Waits>,
    takes: usize,
}

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    lines: BTreeMap<Lane, Line>,
    takes: usize,
}

impl Waiting {
    /// Nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Lets a note wait, in place of an older one about the same; gives how many went unwritten for want of room.
    pub(super) fn add(&mut self, note: Note) -> u64 {
        self.insert(note, 1, true);
        self.make_room()
    }

    /// Lets notes wait again. What came meanwhile is newer.
    pub(super) fn put_back(&mut self, notes: impl Iterator<Item = Waits>) -> u64 {
        for Waits { note, count, .. } in notes {
            self.insert(note, count, false);
        }
        self.make_room()
    }

    fn insert(&mut self, note: Note, count: u64, is_newer: bool) {
        let takes = note.size().max(LEAST);
        let line = self.lines.entry(note.lane()).or_default();
        match line.notes.entry(note.key()) {
            Place::Occupied(mut known) => {
                let known = known.get_mut();
                known.count += count;
                if is_newer {
                    self.takes = self.takes - known.takes + takes;
                    line.takes = line.takes - known.takes + takes;
                    (known.note, known.takes) = (note, takes);
                }
            }
            Place::Vacant(free) => {
                free.insert(Waits { note, count, takes });
                self.takes += takes;
                line.takes += takes;
            }
        }
    }

    fn make_room(&mut self) -> u64 {
        let mut unwritten = 0;
        while self.takes > ROOM {
            let Some((lane, line)) = self.lines.iter_mut().max_by_key(|(_, line)| line.takes) else {
                break;
            };
            let lane = *lane;
            if let Some((_, newest)) = line.notes.pop() {
                line.takes -= newest.takes;
                self.takes -= newest.takes;
                unwritten += newest.count;
            }
            if line.notes.is_empty() {
                self.lines.remove(&lane);
            }
        }
        unwritten
    }

    /// Takes what is due by its key; the rest waits on.
    pub(super) fn take(&mut self, is_due: impl Fn(&String) -> bool) -> Vec<Waits> {
        let mut due = Vec::new();
        for line in self.lines.values_mut() {
            let (now, later): (Vec<_>, Vec<_>) = std::mem::take(&mut line.notes)
                .into_iter()
                .partition(|(key, _)| is_due(key));
            line.notes.extend(later);
            line.takes = line.notes.values().map(|waits| waits.takes).sum();
            due.extend(now.into_iter().map(|(_, waits)| waits));
        }
        self.lines.retain(|_, line| !line.notes.is_empty());
        self.takes = self.lines.values().map(|line| line.takes).sum();
        due
    }
}
