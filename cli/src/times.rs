//! Times as they are shown on a terminal; how they are written and read is the contract's.

pub use fleet_proto::times::{Micros, parse, parse_duration, show};

/// How long ago, in one unit: `5m`.
pub fn age(at: Micros, now: Micros) -> String {
    let seconds = (now - at) / 1_000_000;
    let (sign, seconds) = if seconds < 0 { ("in ", -seconds) } else { ("", seconds) };
    match seconds {
        0..=119 => format!("{sign}{seconds}s"),
        120..=7_199 => format!("{sign}{}m", seconds / 60),
        7_200..=172_799 => format!("{sign}{}h", seconds / 3_600),
        _ => format!("{sign}{}d", seconds / 86_400),
    }
}

/// The machine's clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of fleetctl that reads the clock"
)]
pub fn now() -> Micros {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        assert_eq!(
            [5, 300, 10_000, 500_000].map(|s| age(0, s * 1_000_000)),
            ["5s", "5m", "2h", "5d"]
        );
    }
}
