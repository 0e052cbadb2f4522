//! Times as they are shown on a terminal; how they are written and read is the contract's.

pub use fleet_proto::times::{Micros, parse, parse_duration, show};

/// A length of time in its two largest units: `1h 5m`.
pub fn length(micros: Micros) -> String {
    if micros < 1_000_000 {
        return format!("{}ms", micros / 1_000);
    }
    let seconds = micros / 1_000_000;
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let told = parts[first..].iter().take(2).filter(|(count, _)| *count > 0);
    told.map(|(count, unit)| format!("{count}{unit}"))
        .collect::<Vec<_>>()
        .join(" ")
}

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
    fn lengths() {
        assert_eq!(
            [0.5, 61.0, 3_600.0, 3_661.0, 90_061.0].map(|s| length((s * 1e6) as i64)),
            ["500ms", "1m 1s", "1h", "1h 1m", "1d 1h"]
        );
    }

    #[test]
    fn ages() {
        assert_eq!(
            [5, 300, 10_000, 500_000].map(|s| age(0, s * 1_000_000)),
            ["5s", "5m", "2h", "5d"]
        );
    }
}
