//! Times and durations as people write and read them, on the command line and in the query of an address.

use jiff::{Span, SpanRelativeTo, Timestamp};

/// Microseconds since 1970.
pub type Micros = i64;

/// Reads RFC 3339, epoch milliseconds, `now`, or an age such as `-1h`. What is read lies in the years that RFC 3339 reaches.
pub fn parse(text: &str, now: Micros) -> Result<Micros, String> {
    let beyond = || format!("`{text}` is out of range");
    if text == "now" {
        return Ok(now);
    }
    if let Some(age) = text.strip_prefix('-')
        && let Ok(age) = parse_duration(age)
    {
        let at = now.checked_sub(age).ok_or_else(beyond)?;
        return Timestamp::from_microsecond(at).map_or_else(|_| Err(beyond()), |_| Ok(at));
    }
    if let Ok(ms) = text.parse::<i64>() {
        return Timestamp::from_millisecond(ms).map_or_else(|_| Err(beyond()), |at| Ok(at.as_microsecond()));
    }
    text.parse::<Timestamp>().map(Timestamp::as_microsecond).map_err(|_| {
        format!("`{text}` is no time; write RFC 3339 such as 2026-01-31T12:00:00Z, epoch milliseconds, `-1h`, or `now`")
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
        for wrong in [
            "yesterday",
            "",
            "1h",
            "2026-13-01T00:00:00Z",
            "-",
            "9223372036854775",
            "-175307616h",
        ] {
            assert!(parse(wrong, 0).is_err(), "{wrong}");
        }
        for wrong in ["0s", "-5m", "five", ""] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(show(1_000_000), "1970-01-01T00:00:01Z");
    }
}
