//! How long readings are kept: rules of organizations, and the series that they hold for.

use std::collections::BTreeMap;

use fleet_proto::pb::OrganizationSpec;
use fleet_proto::selector::glob_matches;

use super::telemetry::{Micros, SeriesId};

const DAY: Micros = 86_400_000_000;

/// What an organization says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Pattern of sensors and days, in their order: the first that fits holds.
    by_sensor: Vec<(String, u32)>,
    /// Days that are booked; none: for ever.
    booked: Option<u32>,
}

/// Days that readings of a sensor are kept, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// None: for ever.
    pub days: Option<u32>,
    /// Position in `spec.retention`, where one of them holds.
    pub at: Option<usize>,
    /// What is booked is less than what the rule asks for, and holds.
    pub is_cut: bool,
}

impl Rules {
    /// Those of a spec.
    pub fn of(spec: &OrganizationSpec) -> Self {
        let rules = spec.retention.iter();
        Self {
            by_sensor: rules.map(|rule| (rule.sensors().to_owned(), rule.days())).collect(),
            booked: spec.subscription.as_ref().and_then(|booked| booked.storage_days),
        }
    }

    /// The one that holds for a sensor. Nothing is kept for longer than what is booked.
    pub fn rule(&self, sensor: &str) -> Rule {
        let found = self
            .by_sensor
            .iter()
            .position(|(pattern, _)| glob_matches(pattern, sensor));
        let wanted = found.map(|at| self.by_sensor[at].1);
        Rule {
            days: match (wanted, self.booked) {
                (Some(wanted), Some(booked)) => Some(wanted.min(booked)),
                (wanted, booked) => wanted.or(booked),
            },
            at: found,
            is_cut: wanted.zip(self.booked).is_some_and(|(wanted, booked)| booked < wanted),
        }
    }

    /// The pattern at a position of `spec.retention`.
    pub fn pattern(&self, at: usize) -> Option<&str> {
        self.by_sensor.get(at).map(|(pattern, _)| pattern.as_str())
    }

    /// Is nothing said at all?
    pub fn is_empty(&self) -> bool {
        self.by_sensor.is_empty() && self.booked.is_none()
    }
}

/// Begin of the first of so many whole days (UTC) that are kept.
pub fn kept_since(days: u32, now: Micros) -> Micros {
    // What is booked may be more days than there are.
    (now.div_euclid(DAY) - i64::from(days)).saturating_mul(DAY)
}

/// Is a reading of this moment over, if it is kept for so many days?
pub fn is_over(at: Micros, days: u32, now: Micros) -> bool {
    at < kept_since(days, now)
}

/// Series by the days for which their readings are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    by_days: BTreeMap<u32, Vec<SeriesId>>,
    /// Are there others, which are kept for ever?
    has_others: bool,
}

impl Kept {
    /// Adds a series.
    pub fn add(&mut self, series: SeriesId, days: Option<u32>) {
        match days {
            Some(days) => self.by_days.entry(days).or_default().push(series),
            None => self.has_others = true,
        }
    }

    /// Series whose readings of a day are over.
    pub fn over(&self, day: i64, today: i64) -> Vec<SeriesId> {
        let over = self.by_days.iter().filter(|(days, _)| today - day > i64::from(**days));
        over.flat_map(|(_, series)| series.iter().copied()).collect()
    }

    /// Is a day over for every series?
    pub fn is_all_over(&self, day: i64, today: i64) -> bool {
        let longest = self.by_days.last_key_value().map(|(days, _)| i64::from(*days));
        !self.has_others && longest.is_some_and(|longest| today - day > longest)
    }
}

#[cfg(test)]
mod tests {
    use fleet_proto::pb::organization_spec::{Retention, Subscription};

    use super::*;

    #[test]
    fn the_first_pattern_that_fits_holds_and_never_longer_than_booked() {
        let rule = |sensors: &str, days| Retention {
            sensors: Some(sensors.to_owned()),
            days: Some(days),
        };
        let mut spec = OrganizationSpec {
            retention: vec![rule("vibration*", 7), rule("*", 800)],
            ..OrganizationSpec::default()
        };
        let days = |spec: &OrganizationSpec, sensor| Rules::of(spec).rule(sensor);
        assert_eq!(
            days(&spec, "vibrationX"),
            Rule {
                days: Some(7),
                at: Some(0),
                is_cut: false
            }
        );
        assert_eq!(days(&spec, "power").days, Some(800));
        spec.subscription = Some(Subscription {
            storage_days: Some(400),
            ..Subscription::default()
        });
        assert_eq!(
            days(&spec, "power"),
            Rule {
                days: Some(400),
                at: Some(1),
                is_cut: true
            }
        );
        spec.retention.truncate(1);
        assert_eq!(
            days(&spec, "power"),
            Rule {
                days: Some(400),
                at: None,
                is_cut: false
            }
        );
        assert_eq!(Rules::default().rule("power").days, None);
    }

    #[test]
    fn whole_days_are_kept() {
        let noon = 100 * DAY + DAY / 2;
        assert!(!is_over(99 * DAY, 1, noon));
        assert!(is_over(99 * DAY - 1, 1, noon));
        assert!(!is_over(0, u32::MAX, noon));
        let mut kept = Kept::default();
        kept.add(1, Some(1));
        kept.add(2, Some(30));
        assert_eq!(kept.over(98, 100), [1]);
        assert!(!kept.is_all_over(98, 100));
        assert!(kept.is_all_over(69, 100));
        kept.add(3, None);
        assert_eq!(kept.over(69, 100), [1, 2]);
        assert!(!kept.is_all_over(69, 100));
        assert!(!Kept::default().is_all_over(0, 100), "nobody has said anything");
    }
}
