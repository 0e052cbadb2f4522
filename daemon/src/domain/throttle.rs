//! Delays after failed logins: the next attempt is looked at only 1, 3, 5, then 10 s later. Nobody is locked out.
//!
//! Failures are counted on four ladders, and the longest delay of those that apply is waited for:
//!
//! | ladder | whom it holds back |
//! |---|---|
//! | an account from one address | who guesses there, and nobody else |
//! | an address | who tries many accounts |
//! | an account from strangers | many addresses that guess little |
//! | an account from strangers who failed [`FIRST`] times | few addresses that guess on and on |
//!
//! An address from which the account logged in before is no stranger: only the first ladder holds it back, whatever
//! others do. A new address of the owner has the third ladder to itself and other newcomers: guessers are on the fourth
//! after three attempts, and cannot take its turn unless they bring a new address for every third guess. So an account
//! sees at most two guesses in 10 s from strangers, of any number, and one from each address that it knows.
//!
//! An attempt counts as failed from the moment it is let through, so that a thousand at once are one and 999 refusals.
//! A refused one changes nothing: asking too early costs no further delay.
//!
//! Accounts that do not exist are counted like others: a delay tells nobody which do.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

use super::telemetry::Micros;

const SECOND: Micros = 1_000_000;
/// Microseconds after the nth failure.
const DELAYS: [Micros; 5] = [0, SECOND, 3 * SECOND, 5 * SECOND, 10 * SECOND];
/// Microseconds without an attempt after which a ladder is forgotten.
pub const QUIET: Micros = 15 * 60 * SECOND;
/// Failures of an address on an account after which it is no longer a newcomer there.
pub const FIRST: u32 = 3;
/// Addresses that an account is known to use, the latest.
const KNOWN: usize = 8;

/// How long to wait before the attempt is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many login attempts; try again in {} s", milliseconds.div_ceil(1000))]
pub struct Wait {
    /// At least 1, at most 10,000.
    pub milliseconds: u64,
}

/// An attempt that was let through and counts as failed until [`Throttle::succeeded`] or [`Throttle::withdrawn`].
#[derive(Debug)]
#[must_use = "an attempt that is dropped counts as failed"]
pub struct Attempt {
    account: Account,
    block: Block,
    steps: Vec<Step>,
}

/// What an attempt did to a ladder.
#[derive(Debug)]
struct Step {
    key: Key,
    turn: u64,
    before: Micros,
}

/// A hash of a name, as people type passwords in its place.
type Account = [u8; 16];

/// An IPv4 address, mapped, or the /64 of an IPv6 address.
type Block = Ipv6Addr;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Pair(Account, Block),
    Address(Block),
    Newcomers(Account),
    Returning(Account),
}

/// Failures, and when the last was.
#[derive(Clone, Copy, Debug)]
struct Ladder {
    failures: u32,
    last: Micros,
    turn: u64,
}

/// Where an account logged in, the latest last.
#[derive(Debug, Default)]
struct Places {
    blocks: Vec<Block>,
    turn: u64,
}

/// Who failed lately, and who is known where.
#[derive(Debug)]
pub struct Throttle {
    capacity: usize,
    turn: u64,
    ladders: HashMap<Key, Ladder>,
    known: HashMap<Account, Places>,
}

impl Throttle {
    /// Keeps at most so many ladders (three for a guess), and the places of at most so many accounts; the oldest make
    /// room. Either takes about 100 to 200 bytes. With 10,000 and more nobody can push out his own ladder within 10 s:
    /// he would have to have 3,000 passwords hashed.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(8),
            turn: 0,
            ladders: HashMap::new(),
            known: HashMap::new(),
        }
    }

    /// May this attempt be looked at? The account is a name as [`super::logins::normalised`] gives it.
    pub fn check(&mut self, account: &str, address: IpAddr, now: Micros) -> Result<Attempt, Wait> {
        let (account, block) = (hashed(account), block(address));
        let pair = Key::Pair(account, block);
        let ladders = if self
            .known
            .get(&account)
            .is_some_and(|places| places.blocks.contains(&block))
        {
            vec![pair]
        } else if self.failures(pair, now) < FIRST {
            vec![pair, Key::Address(block), Key::Newcomers(account)]
        } else {
            vec![pair, Key::Address(block), Key::Returning(account)]
        };
        let wait = ladders.iter().map(|key| self.wait(*key, now)).max().unwrap_or(0);
        if wait > 0 {
            let milliseconds = wait.unsigned_abs().div_ceil(1000);
            return Err(Wait { milliseconds });
        }
        let steps = ladders.into_iter().map(|key| self.climb(key, now)).collect();
        Ok(Attempt { account, block, steps })
    }

    /// The password was wrong. The delay begins now, after the hashing.
    pub fn failed(&mut self, attempt: Attempt, now: Micros) {
        for step in &attempt.steps {
            if let Some(ladder) = self.ladders.get_mut(&step.key) {
                ladder.last = ladder.last.max(now);
            }
        }
    }

    /// The login succeeded: the account is known at this address, which has a clean record with it. What others failed
    /// to guess, and what this address failed to guess of others, stays.
    pub fn succeeded(&mut self, attempt: Attempt) {
        self.ladders.remove(&Key::Pair(attempt.account, attempt.block));
        self.settle(attempt.account, attempt.block);
        self.withdrawn(attempt);
    }

    /// The attempt was not looked at after all, for want of a place in the queue: it is as if it had never been.
    pub fn withdrawn(&mut self, attempt: Attempt) {
        for Step { key, turn, before } in attempt.steps {
            let Some(ladder) = self.ladders.get_mut(&key) else {
                continue;
            };
            ladder.failures = ladder.failures.saturating_sub(1);
            if ladder.turn == turn {
                ladder.last = before;
            }
            if ladder.failures == 0 {
                self.ladders.remove(&key);
            }
        }
    }

    /// Makes an account known at an address, as stored sessions tell it at the start.
    pub fn remember(&mut self, account: &str, address: IpAddr) {
        self.settle(hashed(account), block(address));
    }

    fn settle(&mut self, account: Account, block: Block) {
        if !self.known.contains_key(&account) {
            make_room(&mut self.known, self.capacity, |places| places.turn);
        }
        self.turn += 1;
        let places = self.known.entry(account).or_default();
        places.turn = self.turn;
        places.blocks.retain(|known| *known != block);
        if places.blocks.len() == KNOWN {
            places.blocks.remove(0);
        }
        places.blocks.push(block);
    }

    fn failures(&self, key: Key, now: Micros) -> u32 {
        let ladder = self.ladders.get(&key).filter(|ladder| !ladder.is_forgotten(now));
        ladder.map_or(0, |ladder| ladder.failures)
    }

    fn wait(&mut self, key: Key, now: Micros) -> Micros {
        let Some(ladder) = self.ladders.get_mut(&key) else {
            return 0;
        };
        // A clock that was put back must not lengthen a delay.
        ladder.last = ladder.last.min(now);
        let step = (ladder.failures as usize).min(DELAYS.len() - 1);
        DELAYS[step] - now.saturating_sub(ladder.last).min(DELAYS[step])
    }

    fn climb(&mut self, key: Key, now: Micros) -> Step {
        if !self.ladders.contains_key(&key) && self.ladders.len() >= self.capacity {
            self.ladders.retain(|_, ladder| !ladder.is_forgotten(now));
            make_room(&mut self.ladders, self.capacity, |ladder| ladder.turn);
        }
        self.turn += 1;
        let turn = self.turn;
        // Not capped at the last delay: what is withdrawn must be what was counted.
        let failures = self.failures(key, now).saturating_add(1);
        let ladder = Ladder {
            failures,
            last: now,
            turn,
        };
        let before = self.ladders.insert(key, ladder).map_or(now, |ladder| ladder.last);
        Step { key, turn, before }
    }
}

impl Ladder {
    fn is_forgotten(&self, now: Micros) -> bool {
        now.saturating_sub(self.last) >= QUIET
    }
}

/// Takes out the oldest eighth of what is full: all at once, as looking for the oldest looks at all.
fn make_room<K: Hash + Eq, V>(map: &mut HashMap<K, V>, capacity: usize, turn: fn(&V) -> u64) {
    if map.len() < capacity {
        return;
    }
    let mut turns: Vec<u64> = map.values().map(turn).collect();
    let eighth = turns.len() / 8;
    let (_, &mut last, _) = turns.select_nth_unstable(eighth);
    map.retain(|_, value| turn(value) > last);
}

fn hashed(account: &str) -> Account {
    let mut hash = [0; 16];
    hash.copy_from_slice(&blake3::hash(account.as_bytes()).as_bytes()[..16]);
    hash
}

fn block(address: IpAddr) -> Block {
    match address.to_canonical() {
        IpAddr::V4(four) => four.to_ipv6_mapped(),
        IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() >> 64 << 64),
    }
}

#[cfg(test)]
mod tests;
