//! A chart as lines of text: each character is two dots wide and four high.

use super::{Chart, moment, moments, short, ticks};

/// The first of 256 patterns.
const BLANK: u32 = 0x2800;
/// Bits of the dots of a character, by column and row.
const DOTS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
/// Of lines, one after the other.
const COLORS: [u8; 6] = [36, 33, 32, 35, 34, 31];

/// Dots, each character with the line that was drawn there last.
struct Canvas {
    width: usize,
    height: usize,
    cells: Vec<(u8, usize)>,
}

impl Canvas {
    fn set(&mut self, x: i64, y: i64, line: usize) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else {
            return;
        };
        if x < self.width * 2 && y < self.height * 4 {
            let cell = &mut self.cells[y / 4 * self.width + x / 2];
            *cell = (cell.0 | DOTS[x % 2][y % 4], line);
        }
    }

    fn line(&mut self, from: (i64, i64), to: (i64, i64), line: usize) {
        let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs()).max(1);
        for step in 0..=steps {
            let part = step as f64 / steps as f64;
            let between = |a: i64, b: i64| a + ((b - a) as f64 * part).round() as i64;
            self.set(between(from.0, to.0), between(from.1, to.1), line);
        }
    }
}

/// Draws a chart as wide and high as given, in characters, the axes included.
pub fn text(chart: &Chart, width: usize, height: usize, color: bool) -> String {
    let Some((min, max)) = chart.bounds() else {
        return String::new();
    };
    let rows = height.max(3);
    let labels: Vec<(usize, String)> = ticks(min, max, (rows / 3).max(2))
        .into_iter()
        .map(|value| {
            let row = (max - value) / (max - min) * (rows * 4 - 1) as f64;
            (row.round() as usize / 4, short(value))
        })
        .collect();
    let margin = labels.iter().map(|(_, text)| text.chars().count()).max().unwrap_or(0);
    let columns = width.saturating_sub(margin + 2).max(10);
    let mut canvas = Canvas {
        width: columns,
        height: rows,
        cells: vec![(0, 0); columns * rows],
    };
    let (from, to) = chart.span;
    let across = (to - from).max(1) as f64;
    let x = |at: i64| ((at - from) as f64 / across * (columns * 2 - 1) as f64).round() as i64;
    let y = |value: f64| ((max - value) / (max - min) * (rows * 4 - 1) as f64).round() as i64;
    for (index, series) in chart.series.iter().enumerate() {
        for run in series.runs() {
            let places: Vec<_> = run.iter().map(|(at, value)| (x(*at), y(*value))).collect();
            if let [only] = places.as_slice() {
                canvas.set(only.0, only.1, index);
            }
            places.windows(2).for_each(|pair| canvas.line(pair[0], pair[1], index));
        }
    }
    let mut out = String::new();
    let head = if chart.unit.is_empty() {
        chart.title.clone()
    } else {
        format!("{} [{}]", chart.title, chart.unit)
    };
    out.push_str(&format!("{head}\n"));
    for row in 0..rows {
        let label = labels.iter().find(|(at, _)| *at == row).map_or("", |(_, text)| text);
        let axis = if label.is_empty() { '│' } else { '┤' };
        out.push_str(&format!("{label:>margin$} {axis}"));
        out.push_str(&cells(&canvas.cells[row * columns..(row + 1) * columns], color));
        out.push('\n');
    }
    out.push_str(&below(chart, margin, columns, |at| (x(at) / 2) as usize));
    out.push_str(&legend(chart, color));
    out
}

/// A row of characters, and the colours that they change.
fn cells(row: &[(u8, usize)], color: bool) -> String {
    let mut out = String::new();
    let mut now = None;
    for (dots, line) in row {
        let wanted = (*dots > 0 && color).then_some(*line);
        if wanted.is_some() && wanted != now {
            out.push_str(&paint(*line));
            now = wanted;
        }
        let blank = if *dots == 0 {
            ' '
        } else {
            char::from_u32(BLANK + u32::from(*dots)).unwrap_or(' ')
        };
        out.push(blank);
    }
    let mut out = out.trim_end().to_owned();
    if now.is_some() {
        out.push_str("\x1b[0m");
    }
    out
}

fn paint(line: usize) -> String {
    format!("\x1b[{}m", COLORS[line % COLORS.len()])
}

/// The axis of time, and a mark under what was not good.
fn below(chart: &Chart, margin: usize, columns: usize, column: impl Fn(i64) -> usize) -> String {
    let mut marks = vec![' '; columns];
    chart.doubtful().for_each(|at| marks[column(at).min(columns - 1)] = '!');
    let mut axis = vec!['─'; columns];
    let mut times = vec![' '; columns];
    let mut free = 0;
    for at in moments(chart.span, (columns / 16).max(2)) {
        let place = column(at).min(columns - 1);
        let text: Vec<char> = moment(at, chart.span).chars().collect();
        axis[place] = '┬';
        let begin = place
            .saturating_sub(text.len() / 2)
            .min(columns.saturating_sub(text.len()));
        if begin >= free && begin + text.len() <= columns {
            times[begin..begin + text.len()].copy_from_slice(&text);
            free = begin + text.len() + 1;
        }
    }
    let line = |lead: &str, row: Vec<char>| {
        let row: String = row.into_iter().collect();
        format!("{:margin$} {lead}{}\n", "", row.trim_end())
    };
    let mut out = String::new();
    if marks.contains(&'!') {
        out.push_str(&line("│", marks));
    }
    out.push_str(&line("└", axis));
    out.push_str(&line(" ", times));
    out
}

fn legend(chart: &Chart, color: bool) -> String {
    if chart.series.iter().all(|series| series.name.is_empty()) {
        return String::new();
    }
    let named = chart.series.iter().enumerate().map(|(index, series)| {
        if color {
            format!("{}━\x1b[0m {}", paint(index), series.name)
        } else {
            series.name.clone()
        }
    });
    format!("{}\n", named.collect::<Vec<_>>().join("   "))
}
