//! Times and durations as people write and read them.

use jiff::{Span, SpanRelativeTo, Timestamp};

/// Microseconds since 1970.
pub type Micros = i64;

/// Reads RFC 3339, epoch milliseconds, `now`, or an age such as `-1h`.
pub fn parse(text: &str, now: Micros) -> Result<Micros, String> {
    if text == "now" {
        return Ok(now);
    }
    if let Some(age) = text.strip_prefix('-')
        && let Ok(age) = parse_duration(age)
    {
        return Ok(now - age);
    }
    if let Ok(ms) = text.parse::<i64>() {
        return ms.checked_mul(1_000).ok_or_else(|| format!("`{text}` is out of range"));
    }
    text.parse::<Timestamp>()
        .map(jiff::Timestamp::as_microsecond)
        .map_err(|_| {
            format!(
                "`{text}` is no time; write RFC 3339 such as 2026-01-31T12:00:00Z, epoch milliseconds, `-1h`, or `now`"
            )
        })
}

/// Reads `90s`, `5m`, `1h30m`, `7d`; microseconds.
pub fn parse_duration(text: &str) -> Result<Micros, String> {
    let wrong = || format!("`{text}` is no duration; write such as 30s, 5m, 1h, 7d");
    let span: Span = text.parse().map_err(|_| wrong())?;
    let length = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| wrong())?;
    let micros = i64::try_from(length.as_micros()).map_err(|_| wrong())?;
    if micros > 0 { Ok(micros) } else { Err(wrong()) }
}

/// RFC 3339 in UTC.
pub fn show(at: Micros) -> String {
    Timestamp::from_microsecond(at).map_or_else(|_| at.to_string(), |at| at.to_string())
}

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
    fn every_way_to_write_a_time() {
        assert_eq!(parse("1970-01-01T00:00:01Z", 0), Ok(1_000_000));
        assert_eq!(parse("1970-01-01T01:00:00+01:00", 0), Ok(0));
        assert_eq!(parse("1500", 0), Ok(1_500_000));
        assert_eq!(parse("-1h", 3_600_000_000), Ok(0));
        assert_eq!(parse("-7d", 0), Ok(-7 * 86_400_000_000));
        assert_eq!(parse("now", 7), Ok(7));
        for wrong in ["yesterday", "", "1h", "2026-13-01T00:00:00Z", "-"] {
            assert!(parse(wrong, 0).is_err(), "{wrong}");
        }
        for wrong in ["0s", "-5m", "five", ""] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

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
