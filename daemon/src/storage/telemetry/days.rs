//! Days since 1970 and the names of their files, for every moment that 64 bits of microseconds reach.

use crate::domain::telemetry::Micros;

/// Microseconds of a partition.
pub(super) const DAY: Micros = 86_400_000_000;

/// The partition that a moment falls into: days since 1970.
pub(super) fn day_of(at: Micros) -> i64 {
    at.div_euclid(DAY)
}

/// Year, month and day of a number of days since 1970, in the Gregorian calendar.
/// After <https://howardhinnant.github.io/date_algorithms.html>.
pub(super) fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let (date, month) = (
        of_year - (153 * month + 2) / 5 + 1,
        if month < 10 { month + 3 } else { month - 9 },
    );
    (year_of_era + era * 400 + i64::from(month <= 2), month, date)
}

/// Days since 1970 of a date in the Gregorian calendar; the inverse of [`civil`].
pub(super) fn days(year: i64, month: i64, date: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + date - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Name of a day's file, such as `2026-11-20.db`.
pub(super) fn name(day: i64) -> String {
    let (year, month, date) = civil(day);
    format!("{year:04}-{month:02}-{date:02}.db")
}

/// The day whose file has this name; none for other files.
pub(super) fn parse(file: &str) -> Option<i64> {
    let mut parts = file
        .strip_suffix(".db")?
        .rsplitn(3, '-')
        .map(|part| part.parse::<i64>().ok());
    let (date, month, year) = (parts.next()??, parts.next()??, parts.next()??);
    if year.unsigned_abs() > 300_000 {
        return None;
    }
    let day = days(year, month, date);
    (name(day) == file).then_some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_has_a_name_and_every_name_its_day() {
        assert_eq!(name(0), "1970-01-01.db");
        assert_eq!(name(day_of(1_795_132_800_000_000)), "2026-11-20.db");
        assert_eq!(name(day_of(-1)), "1969-12-31.db");
        let ends = [day_of(i64::MIN), day_of(i64::MAX), -719_529, -719_528, 0, 11_016];
        for day in ends.into_iter().chain((-800_000..800_000).step_by(13)) {
            let (year, month, date) = civil(day);
            assert_eq!(days(year, month, date), day);
            assert_eq!(parse(&name(day)), Some(day), "{}", name(day));
        }
        for other in [
            "1970-1-1.db",
            "2026-02-30.db",
            "2026-13-01.db",
            "fleetd.db",
            "2026-11-20.db-wal",
            "newest",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
