//! Fair shares of one thing that organizations wait for: who is next, and whose waiting is too much.
//!
//! Turns go round by deficit (Shreedhar and Varghese, "Efficient fair queuing using deficit round robin"): in each round
//! an organization may spend its weight, and saves what is too little for what it waits for. The bound of all that waits
//! only bites whoever has more than its share of it.

use std::collections::{HashMap, VecDeque};

use uuid::Uuid;

/// Most that a weight can be.
pub const MOST_WEIGHT: u32 = 100;

/// Whose something is, and how much of what others want, too, belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Uid of the organization; nil: the platform's own.
    pub org: Uuid,
    /// Of 1 to [`MOST_WEIGHT`].
    pub weight: u32,
}

impl Share {
    /// What belongs to no organization: logins and the like, for which everybody waits.
    pub const PLATFORM: Self = Self {
        org: Uuid::nil(),
        weight: MOST_WEIGHT,
    };

    /// The share of an organization, of weight 1 unless it has booked another.
    pub fn of(org: Uuid, weight: Option<u32>) -> Self {
        Self {
            org,
            weight: weight.unwrap_or(1).clamp(1, MOST_WEIGHT),
        }
    }
}

/// What one organization waits for, oldest first.
#[derive(Debug)]
struct Line<T> {
    weight: u64,
    /// What it may still spend.
    deficit: u64,
    /// It was given its weight for this round.
    in_turn: bool,
    cost: u64,
    items: VecDeque<(u64, T)>,
}

/// What waits, each for its turn.
#[derive(Debug)]
pub struct Shares<T> {
    lines: HashMap<Uuid, Line<T>>,
    /// Organizations that wait, the next one first.
    turns: VecDeque<Uuid>,
    /// What a weight of 1 may spend in a round.
    quantum: u64,
    /// Most that may wait, in cost.
    capacity: u64,
    waiting: u64,
    /// Of those who wait, together.
    weights: u64,
}

impl<T> Shares<T> {
    /// Nothing waits; at most `capacity` may, and a weight of 1 spends `quantum` in a round.
    pub fn new(capacity: u64, quantum: u64) -> Self {
        Self {
            lines: HashMap::new(),
            turns: VecDeque::new(),
            quantum: quantum.max(1),
            capacity: capacity.max(1),
            waiting: 0,
            weights: 0,
        }
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Lets `item` wait. Where there is no room it is given back, unless it is within its organization's share: then
    /// what is given is the newest of those who have more than theirs.
    pub fn push(&mut self, share: Share, cost: u64, item: T) -> Result<Vec<T>, T> {
        let cost = cost.clamp(1, self.capacity);
        let weight = u64::from(share.weight);
        let mut pushed_out = Vec::new();
        if self.waiting + cost > self.capacity {
            let own = self
                .lines
                .get(&share.org)
                .map_or((0, 0), |line| (line.cost, line.weight));
            if (own.0 + cost) * (self.weights - own.1 + weight) > self.capacity * weight {
                return Err(item);
            }
            while self.waiting + cost > self.capacity {
                match self.push_out(share.org) {
                    Some(newest) => pushed_out.push(newest),
                    None => return Err(item),
                }
            }
        }
        let line = self.lines.entry(share.org).or_insert_with(|| {
            self.turns.push_back(share.org);
            Line {
                weight: 0,
                deficit: 0,
                in_turn: false,
                cost: 0,
                items: VecDeque::new(),
            }
        });
        self.weights = self.weights - line.weight + weight;
        line.weight = weight;
        line.cost += cost;
        line.items.push_back((cost, item));
        self.waiting += cost;
        Ok(pushed_out)
    }

    /// Takes the newest of whoever has most for its weight, `but` excepted.
    fn push_out(&mut self, but: Uuid) -> Option<T> {
        let others = self.lines.iter().filter(|(org, _)| **org != but);
        let greediest = others.max_by(|(_, a), (_, b)| (a.cost * b.weight).cmp(&(b.cost * a.weight)));
        let org = greediest.map(|(org, _)| *org)?;
        let line = self.lines.get_mut(&org)?;
        let (cost, newest) = line.items.pop_back()?;
        line.cost -= cost;
        self.waiting -= cost;
        if line.items.is_empty() {
            self.turns.retain(|turn| *turn != org);
            self.leave(org);
        }
        Some(newest)
    }

    /// Takes the next one.
    pub fn pop(&mut self) -> Option<T> {
        loop {
            let org = *self.turns.front()?;
            let is_alone = self.turns.len() == 1;
            let line = self.lines.get_mut(&org)?;
            if !line.in_turn {
                line.deficit += line.weight * self.quantum;
                line.in_turn = true;
            }
            let cost = line.items.front()?.0;
            if cost > line.deficit && !is_alone {
                line.in_turn = false;
                self.turns.rotate_left(1);
                continue;
            }
            line.deficit = line.deficit.saturating_sub(cost);
            let (_, item) = line.items.pop_front()?;
            line.cost -= cost;
            self.waiting -= cost;
            if line.items.is_empty() {
                self.turns.pop_front();
                self.leave(org);
            }
            return Some(item);
        }
    }

    /// Whoever waits for nothing saves nothing.
    fn leave(&mut self, org: Uuid) {
        if let Some(line) = self.lines.remove(&org) {
            self.weights -= line.weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    fn share(org: u128, weight: u32) -> Share {
        Share::of(Uuid::from_u128(org), Some(weight))
    }

    /// Something that waits, and what was spent on others since.
    struct Waits {
        number: u64,
        org: usize,
        cost: u64,
        /// Of its own organization, itself included, when it came.
        ahead: u64,
        others: Vec<u64>,
    }

    /// What may be spent on another organization while something waits: a round for each that its own needs, one more for
    /// the round that was under way, and what does not fit a round exactly.
    fn bound(weights: &[u64], quantum: u64, largest: u64, waits: &Waits, other: usize) -> u64 {
        let rounds = waits.ahead.div_ceil(weights[waits.org] * quantum) + 1;
        rounds * weights[other] * quantum + largest
    }

    #[test]
    fn nobody_waits_longer_than_its_share_and_nobody_within_its_share_is_refused() {
        for seed in 0..300 {
            let mut random = StdRng::seed_from_u64(seed);
            let weights: Vec<u64> = (0..random.random_range(1..6))
                .map(|_| random.random_range(1..=100))
                .collect();
            let all: u64 = weights.iter().sum();
            let (quantum, largest) = (random.random_range(1..200), random.random_range(1..300));
            let capacity = random.random_range(largest..5_000);
            let mut shares: Shares<u64> = Shares::new(capacity, quantum);
            let mut model: Vec<Waits> = Vec::new();
            let waiting = |model: &[Waits], org: usize| -> u64 {
                model
                    .iter()
                    .filter(|waits| waits.org == org)
                    .map(|waits| waits.cost)
                    .sum()
            };
            for number in 0..2_000 {
                if random.random_bool(0.6) {
                    // One of them floods.
                    let org = if random.random_bool(0.7) {
                        0
                    } else {
                        random.random_range(0..weights.len())
                    };
                    let cost = random.random_range(1..=largest);
                    let own = waiting(&model, org) + cost;
                    let total: u64 = model.iter().map(|waits| waits.cost).sum();
                    match shares.push(share(org as u128, weights[org] as u32), cost, number) {
                        Ok(pushed_out) => {
                            for gone in pushed_out {
                                let at = model.iter().position(|waits| waits.number == gone).unwrap();
                                let victim = model[at].org;
                                let more_than_its_share = waiting(&model, victim) * all > capacity * weights[victim];
                                assert!(more_than_its_share, "seed {seed}: {victim} was pushed out");
                                let newer = model[at..].iter().filter(|waits| waits.org == victim).count();
                                assert_eq!(newer, 1, "seed {seed}: the newest goes");
                                model.remove(at);
                            }
                            let others = vec![0; weights.len()];
                            model.push(Waits {
                                number,
                                org,
                                cost,
                                ahead: own,
                                others,
                            });
                        }
                        Err(given_back) => {
                            assert_eq!(given_back, number);
                            assert!(total + cost > capacity, "seed {seed}: there was room");
                            assert!(
                                own * all > capacity * weights[org],
                                "seed {seed}: it was within its share"
                            );
                        }
                    }
                    assert!(
                        model.iter().map(|waits| waits.cost).sum::<u64>() <= capacity,
                        "seed {seed}"
                    );
                } else if let Some(next) = shares.pop() {
                    let at = model.iter().position(|waits| waits.number == next).unwrap();
                    let served = model.remove(at);
                    assert!(
                        model[..at].iter().all(|waits| waits.org != served.org),
                        "seed {seed}: in order"
                    );
                    for (other, spent) in served
                        .others
                        .iter()
                        .enumerate()
                        .filter(|(other, _)| *other != served.org)
                    {
                        let most = bound(&weights, quantum, largest, &served, other);
                        assert!(
                            *spent <= most,
                            "seed {seed}: {spent} were spent on {other}, and {most} may be"
                        );
                    }
                    for waits in &mut model {
                        waits.others[served.org] += served.cost;
                    }
                } else {
                    assert!(model.is_empty() && shares.is_empty(), "seed {seed}");
                }
            }
            while shares.pop().is_some() {
                model.pop();
            }
            assert!(model.is_empty(), "seed {seed}: {} are lost", model.len());
        }
    }

    #[test]
    fn two_who_always_want_more_get_by_weight() {
        let mut shares = Shares::new(10_000, 10);
        for _ in 0..1_000 {
            for (org, weight) in [(1, 1), (2, 3)] {
                assert!(shares.push(share(org, weight), 1, org).unwrap().is_empty());
            }
        }
        let first: Vec<u128> = (0..400).filter_map(|_| shares.pop()).collect();
        assert_eq!(first.iter().filter(|org| **org == 2).count(), 300);
    }

    #[test]
    fn whoever_is_alone_has_all_of_it_until_another_comes() {
        let mut shares = Shares::new(10, 1);
        for number in 0..10 {
            assert!(shares.push(share(1, 1), 1, number).unwrap().is_empty());
        }
        assert_eq!(shares.push(share(1, 1), 1, 10), Err(10));
        assert_eq!(shares.push(share(2, 1), 1, 20), Ok(vec![9]));
        assert_eq!(shares.push(share(2, 1), 5, 21), Err(21), "6 of 10 are more than half");
        assert_eq!([shares.pop(), shares.pop()], [Some(0), Some(20)]);
    }
}
