//! Lines over time: on the terminal in dots of braille, or as a picture in a file. Where nothing was measured there is no
//! line.

mod braille;
mod png;
mod svg;

#[cfg(test)]
mod tests;

pub use braille::text;
pub use png::png;
pub use svg::svg;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Steps that are further apart than so many usual ones are a gap.
const GAP: f64 = 3.0;
/// Widths of intervals that read well, seconds.
const WIDTHS: [i64; 17] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
];
const DAY: i64 = 86_400;

/// An interval, or a reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Microseconds since 1970.
    pub at: i64,
    /// None where no number could be trusted.
    pub value: Option<f64>,
    /// Some readings were not good.
    pub is_doubtful: bool,
}

/// One line.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// What it is; empty: there is only one.
    pub name: String,
    /// In order of time.
    pub points: Vec<Point>,
}

/// What is drawn.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// Of the values.
    pub unit: String,
    /// Begin and end, microseconds.
    pub span: (i64, i64),
    /// At least one.
    pub series: Vec<Series>,
}

/// The width of intervals of which at most so many fill a span, microseconds.
pub fn every(span: i64, most: usize) -> i64 {
    let least = (span / (most.max(1) as i64 * 1_000_000)).max(1);
    let width = WIDTHS.iter().copied().find(|width| *width >= least);
    width.unwrap_or_else(|| (least + DAY - 1) / DAY * DAY) * 1_000_000
}

impl Series {
    /// Runs of points that a line goes through. It ends at an interval without a value, and where far longer than usual
    /// nothing came.
    pub(crate) fn runs(&self) -> Vec<Vec<(i64, f64)>> {
        let mut steps: Vec<i64> = self.points.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
        steps.sort_unstable();
        let usual = steps.get(steps.len() / 2).copied().unwrap_or(i64::MAX) as f64;
        let mut runs: Vec<Vec<(i64, f64)>> = Vec::new();
        let mut before: Option<i64> = None;
        for point in &self.points {
            let Some(value) = point.value else {
                before = None;
                continue;
            };
            let goes_on = before.is_some_and(|before| (point.at - before) as f64 <= usual * GAP);
            match runs.last_mut().filter(|_| goes_on) {
                Some(run) => run.push((point.at, value)),
                None => runs.push(vec![(point.at, value)]),
            }
            before = Some(point.at);
        }
        runs
    }

    fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.points.iter().filter_map(|point| point.value)
    }
}

impl Chart {
    /// What values lie between, a little room around a single one; none without any.
    pub(crate) fn bounds(&self) -> Option<(f64, f64)> {
        let values = self.series.iter().flat_map(Series::values);
        let (min, max) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| {
            (min.min(value), max.max(value))
        });
        if min > max {
            return None;
        }
        if max - min > f64::EPSILON * max.abs().max(min.abs()) {
            return Some((min, max));
        }
        let room = if min == 0.0 { 1.0 } else { min.abs() * 0.01 };
        Some((min - room, max + room))
    }

    /// Moments where some readings were not good.
    pub(crate) fn doubtful(&self) -> impl Iterator<Item = i64> + '_ {
        let points = self.series.iter().flat_map(|series| &series.points);
        points.filter(|point| point.is_doubtful).map(|point| point.at)
    }

    /// The chart in a sentence for each line.
    pub fn sentences(&self) -> Vec<String> {
        let unit = if self.unit.is_empty() {
            String::new()
        } else {
            format!(" {}", self.unit)
        };
        let sentence = |series: &Series| {
            let name = if series.name.is_empty() {
                &self.title
            } else {
                &series.name
            };
            let numbers: Vec<f64> = series.values().collect();
            let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
                return format!("{name}: no value in this time");
            };
            let min = numbers.iter().copied().fold(f64::INFINITY, f64::min);
            let max = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let gaps = match series.runs().len() - 1 {
                0 => String::new(),
                1 => ", with 1 gap".to_owned(),
                gaps => format!(", with {gaps} gaps"),
            };
            let doubtful = series.points.iter().filter(|point| point.is_doubtful).count();
            let doubtful = match doubtful {
                0 => String::new(),
                count => format!(
                    "; not all readings were good in {count} of {} intervals",
                    series.points.len()
                ),
            };
            format!(
                "{name}: from {}{unit} to {}{unit}, least {}{unit}, greatest {}{unit}{gaps}{doubtful}",
                short(*first),
                short(*last),
                short(min),
                short(max)
            )
        };
        self.series.iter().map(sentence).collect()
    }
}

/// Round numbers between two, at most about so many.
pub(crate) fn ticks(min: f64, max: f64, most: usize) -> Vec<f64> {
    let rough = (max - min) / most.max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough);
    let Some(step) = step.filter(|step| step.is_finite() && *step > 0.0) else {
        return vec![min];
    };
    let first = (min / step).ceil();
    let count = ((max / step).floor() - first).clamp(0.0, 100.0) as usize;
    (0..=count).map(|at| (first + at as f64) * step).collect()
}

/// Round moments within a span, about so many.
pub(crate) fn moments(span: (i64, i64), most: usize) -> Vec<i64> {
    let step = every(span.1 - span.0, most);
    let first = span.0 + (step - span.0.rem_euclid(step)).rem_euclid(step);
    (0..)
        .map(|at| first + at * step)
        .take_while(|at| *at < span.1)
        .take(most + 1)
        .collect()
}

/// A moment beside others: the day, or the time of the day, or both; UTC.
pub(crate) fn moment(at: i64, span: (i64, i64)) -> String {
    let Ok(time) = Timestamp::from_microsecond(at) else {
        return at.to_string();
    };
    let seconds = (span.1 - span.0) / 1_000_000;
    let form = match seconds {
        0..=600 => "%H:%M:%S",
        601..=172_800 => "%H:%M",
        172_801..=1_209_600 => "%m-%d %H:%M",
        _ => "%Y-%m-%d",
    };
    time.to_zoned(TimeZone::UTC).strftime(form).to_string()
}

/// A number in as few digits as tell it from its neighbours.
pub fn short(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let size = number.abs().log10().floor();
    if !(-4.0..9.0).contains(&size) {
        return format!("{number:.3e}");
    }
    let places = (4.0 - size).clamp(0.0, 8.0) as usize;
    let text = format!("{number:.places$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}
