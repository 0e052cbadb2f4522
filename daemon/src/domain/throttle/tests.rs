use std::net::Ipv4Addr;

use super::super::logins;
use super::*;

const NOW: Micros = 1_800_000_000 * SECOND;
const OWNER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
const THIEF: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 9));

fn throttle() -> Throttle {
    Throttle::new(100_000)
}

fn bot(n: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n))
}

/// Tries, and fails if it is let through.
fn guess(throttle: &mut Throttle, account: &str, address: IpAddr, now: Micros) -> bool {
    let attempt = throttle.check(account, address, now);
    attempt.map(|attempt| throttle.failed(attempt, now)).is_ok()
}

fn wait(throttle: &mut Throttle, account: &str, address: IpAddr, now: Micros) -> u64 {
    match throttle.check(account, address, now) {
        Ok(attempt) => {
            throttle.withdrawn(attempt);
            0
        }
        Err(wait) => wait.milliseconds,
    }
}

fn login(throttle: &mut Throttle, account: &str, address: IpAddr, now: Micros) -> Result<(), Wait> {
    throttle
        .check(account, address, now)
        .map(|attempt| throttle.succeeded(attempt))
}

/// The most guesses on one ladder in so long: at 0, 1, 4, 9 s, then every 10 s.
fn bound(time: Micros) -> usize {
    4 + ((time - 9 * SECOND) / (10 * SECOND)) as usize
}

#[test]
fn the_delays_are_those_of_the_design_and_the_last_is_the_longest() {
    let mut throttle = throttle();
    let mut now = NOW;
    for delay in [1000, 3000, 5000, 10_000, 10_000, 10_000] {
        assert!(guess(&mut throttle, "bob", THIEF, now));
        assert_eq!(wait(&mut throttle, "bob", THIEF, now), delay);
        assert_eq!(wait(&mut throttle, "bob", THIEF, now + 999), delay);
        now += delay as Micros * 1000;
        assert_eq!(wait(&mut throttle, "bob", THIEF, now - 1), 1);
    }
    for _ in 0..100_000 {
        now += 10 * SECOND;
        assert!(guess(&mut throttle, "bob", THIEF, now));
    }
    assert_eq!(wait(&mut throttle, "bob", THIEF, now), 10_000);
    let text = throttle.check("bob", THIEF, now + 8_500_000).unwrap_err().to_string();
    assert_eq!(text, "too many login attempts; try again in 2 s");
}

#[test]
fn ten_thousand_guesses_through_variants_are_a_hundred_and_three() {
    let variants = [
        "bob@example.com",
        "BOB@example.com",
        " bob@example.com",
        "bob@example.com\u{3000}",
        "ｂｏｂ@example.com",
        "b\u{200b}ob@example.com",
        "bob\u{ad}@example.com",
        "𝐛ob@example.com",
        "Bob@Example.Com",
        "bob＠example．com",
    ];
    let mut throttle = throttle();
    let tick = SECOND / 10;
    let hits = (0..10_000_usize).filter(|at| {
        let name = logins::normalised(variants[at % variants.len()]).unwrap();
        guess(&mut throttle, &name, THIEF, NOW + *at as Micros * tick)
    });
    assert_eq!(hits.count(), 103);
    assert_eq!(bound(9_999 * tick), 103);
}

#[test]
fn ten_thousand_guesses_at_once_are_one() {
    let mut throttle = throttle();
    let mut let_through: Vec<_> = (0..10_000)
        .filter_map(|_| throttle.check("bob", THIEF, NOW).ok())
        .collect();
    let_through.extend((0..10_000).filter_map(|at| throttle.check("bob", bot(at), NOW).ok()));
    let_through.extend((0..10_000).filter_map(|at| throttle.check(&format!("user-{at}"), THIEF, NOW).ok()));
    assert_eq!(let_through.len(), 1);
}

#[test]
fn any_number_of_addresses_are_held_to_two_ladders() {
    let tick = SECOND / 10;
    for bots in [1, 2, 5, 20, 100, 1000, 10_000] {
        let mut throttle = throttle();
        let hits = (0..10_000)
            .filter(|at| guess(&mut throttle, "bob", bot(at % bots), NOW + i64::from(*at) * tick))
            .count();
        assert!(hits <= 2 * bound(9_999 * tick), "{bots} bots: {hits}");
    }
    // All of a /32 in one guess each.
    let mut throttle = throttle();
    let hits = (0..10_000_u32).filter(|at| {
        let address = Ipv6Addr::from_bits((0x2001_0db8 << 96) | (u128::from(*at) << 64) | 1);
        guess(&mut throttle, "bob", address.into(), NOW + i64::from(*at) * tick)
    });
    assert_eq!(hits.count(), bound(9_999 * tick));
}

#[test]
fn an_address_that_tries_many_accounts_is_held_to_one_ladder() {
    let mut throttle = throttle();
    let hits = (0..10_000).filter(|at| guess(&mut throttle, &format!("user-{at}"), THIEF, NOW + at * SECOND / 10));
    assert_eq!(hits.count(), 103);
}

#[test]
fn the_owner_logs_in_from_a_known_address_at_any_moment_of_an_attack() {
    let mut throttle = throttle();
    assert!(login(&mut throttle, "bob", OWNER, NOW).is_ok());
    for at in 0..10_000 {
        let now = NOW + i64::from(at) * SECOND / 10;
        guess(&mut throttle, "bob", bot(at), now);
        guess(&mut throttle, "bob", THIEF, now);
        // Others at the same address fail at other accounts.
        guess(&mut throttle, &format!("user-{at}"), OWNER, now);
        assert_eq!(login(&mut throttle, "bob", OWNER, now), Ok(()));
    }
    // A slip of his own costs a second, and no more than that.
    let now = NOW + 2000 * SECOND;
    assert!(guess(&mut throttle, "bob", OWNER, now));
    assert_eq!(wait(&mut throttle, "bob", OWNER, now), 1000);
    assert!(login(&mut throttle, "bob", OWNER, now + SECOND).is_ok());
    assert_eq!(wait(&mut throttle, "bob", OWNER, now + SECOND), 0);
}

#[test]
fn the_owner_logs_in_from_a_new_address_while_a_few_guess_on_and_on() {
    for bots in [1, 2, 5, 20] {
        let mut throttle = throttle();
        let attack = |throttle: &mut Throttle, from: i64, to: i64| {
            for tick in from..to {
                for n in 0..bots {
                    guess(throttle, "bob", bot(n), NOW + tick * SECOND / 10);
                }
            }
        };
        // After ten minutes they are no newcomers.
        attack(&mut throttle, 0, 6000);
        let mut tick = 6000;
        // Two slips and the right one: the bots ask first at every tick, and always when the owner returns.
        for slips in 0..3 {
            let told = wait(&mut throttle, "bob", OWNER, NOW + tick * SECOND / 10);
            assert!(told <= 10_000);
            let back = tick + told.div_ceil(100) as i64;
            attack(&mut throttle, tick, back + 1);
            tick = back;
            let now = NOW + tick * SECOND / 10;
            if slips < 2 {
                assert!(guess(&mut throttle, "bob", OWNER, now), "{bots} bots, {slips} slips");
            } else {
                assert_eq!(login(&mut throttle, "bob", OWNER, now), Ok(()), "{bots} bots");
            }
        }
    }
}

#[test]
fn logging_in_clears_no_record_but_that_of_the_account_at_the_address() {
    let mut throttle = throttle();
    let mut now = NOW;
    // A thief with an account of his own logs in between his guesses.
    let mut hits = 0;
    for at in 0..10_000 {
        now += SECOND / 10;
        let _ = login(&mut throttle, "thief", THIEF, now);
        let _ = login(&mut throttle, &format!("thief-{at}"), THIEF, now);
        hits += usize::from(guess(&mut throttle, "bob", THIEF, now));
    }
    assert!(hits <= bound(now - NOW), "{hits}");
}

#[test]
fn a_withdrawn_attempt_does_not_count_and_a_dropped_one_does() {
    let mut throttle = throttle();
    for _ in 0..100 {
        let attempt = throttle.check("bob", THIEF, NOW).unwrap();
        throttle.withdrawn(attempt);
    }
    drop(throttle.check("bob", THIEF, NOW));
    assert_eq!(wait(&mut throttle, "bob", THIEF, NOW), 1000);
}

#[test]
fn a_withdrawn_attempt_leaves_the_delay_of_a_later_one() {
    let mut throttle = throttle();
    let slow = throttle.check("bob", THIEF, NOW).unwrap();
    assert!(guess(&mut throttle, "bob", THIEF, NOW + SECOND));
    throttle.withdrawn(slow);
    assert_eq!(wait(&mut throttle, "bob", THIEF, NOW + SECOND), 1000);
}

#[test]
fn a_delay_begins_after_the_hashing() {
    let mut throttle = throttle();
    let attempt = throttle.check("bob", THIEF, NOW).unwrap();
    throttle.failed(attempt, NOW + 2 * SECOND);
    assert_eq!(wait(&mut throttle, "bob", THIEF, NOW + 2 * SECOND), 1000);
}

#[test]
fn a_quiet_quarter_of_an_hour_is_forgiven() {
    let mut throttle = throttle();
    for at in 0..10 {
        guess(&mut throttle, "bob", THIEF, NOW + at * 10 * SECOND);
    }
    let last = NOW + 90 * SECOND;
    assert!(guess(&mut throttle, "bob", THIEF, last + QUIET));
    assert_eq!(wait(&mut throttle, "bob", THIEF, last + QUIET), 1000);
}

#[test]
fn a_clock_put_back_keeps_nobody_waiting_for_longer_than_the_delay() {
    let mut throttle = throttle();
    assert!(guess(&mut throttle, "bob", THIEF, NOW));
    let before = NOW - 3600 * SECOND;
    assert_eq!(wait(&mut throttle, "bob", THIEF, before), 1000);
    assert!(guess(&mut throttle, "bob", THIEF, before + SECOND));
    for now in [Micros::MIN, Micros::MAX, 0] {
        assert!(wait(&mut throttle, "bob", THIEF, now) <= 10_000);
    }
}

#[test]
fn addresses_are_counted_by_what_one_party_has() {
    let same = |one: &str, other: &str| block(one.parse().unwrap()) == block(other.parse().unwrap());
    assert!(same("192.0.2.1", "::ffff:192.0.2.1"));
    assert!(same("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"));
    assert!(!same("2001:db8:1:2::1", "2001:db8:1:3::1"));
    assert!(!same("192.0.2.1", "192.0.2.2"));
    assert!(!same("192.0.2.1", "::192.0.2.1"));
}

#[test]
fn memory_is_bounded_and_the_oldest_makes_room() {
    let capacity = 1000;
    let mut throttle = Throttle::new(capacity);
    for at in 0..20_000 {
        let now = NOW + i64::from(at);
        guess(&mut throttle, &format!("user-{at}"), bot(at), now);
        throttle.remember(&format!("owner-{at}"), bot(at));
        throttle.remember("bob", bot(at));
        assert!(throttle.ladders.len() <= capacity && throttle.known.len() <= capacity);
        // The one before was not made to go.
        assert!(at == 0 || !guess(&mut throttle, &format!("user-{}", at - 1), bot(at - 1), now));
    }
    assert_eq!(throttle.known[&hashed("bob")].blocks.len(), KNOWN);
    assert!(throttle.ladders.len() > capacity / 2);
    // Ladders that are forgotten go first, all of them.
    assert!(guess(&mut Throttle::new(0), "bob", THIEF, NOW));
    let late = NOW + 2 * QUIET;
    for at in 0..500 {
        guess(&mut throttle, &format!("late-{at}"), bot(at), late);
    }
    assert!(throttle.ladders.values().all(|ladder| ladder.last == late));
}
