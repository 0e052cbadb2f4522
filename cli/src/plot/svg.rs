//! A chart as a picture of lines, for any browser.

use super::{Chart, moment, moments, short, ticks};

const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 44.0;
/// Of a name in the legend.
const SLOT: (f64, f64) = (140.0, 16.0);
const COLORS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#b8860b"];
const FONT: &str = "font-family=\"sans-serif\" font-size=\"12\"";

/// Draws a chart of so many points.
pub fn svg(chart: &Chart, width: f64, height: f64) -> String {
    // Names that do not fit into one row go into more of them.
    let per_row = (((width - LEFT - RIGHT) / SLOT.0) as usize).max(1);
    let named = chart.series.iter().filter(|series| !series.name.is_empty()).count();
    let rows = named.div_ceil(per_row).max(1);
    let bottom = BOTTOM + SLOT.1 * (rows - 1) as f64;
    let (min, max) = chart.bounds().unwrap_or((0.0, 1.0));
    let (from, to) = chart.span;
    let across = (to - from).max(1) as f64;
    let x = |at: i64| LEFT + (at - from) as f64 / across * (width - LEFT - RIGHT);
    let y = |value: f64| TOP + (max - value) / (max - min) * (height - TOP - bottom);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    let mut put = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    let head = if chart.unit.is_empty() {
        escape(&chart.title)
    } else {
        format!("{} [{}]", escape(&chart.title), escape(&chart.unit))
    };
    put(format!("<title>{head}</title>"));
    put(format!(
        "<text x=\"{LEFT}\" y=\"20\" {FONT} fill=\"#222222\">{head}</text>"
    ));
    for (begin, end) in stretches(chart) {
        let (begin, end) = (x(begin), x(end).max(x(begin) + 2.0));
        put(format!(
            "<rect class=\"bad\" x=\"{begin:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#d55e00\" fill-opacity=\"0.15\"/>",
            end - begin,
            height - TOP - bottom
        ));
    }
    for value in ticks(min, max, 6) {
        let (y, end) = (y(value), width - RIGHT);
        put(format!(
            "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{end}\" y2=\"{y:.1}\" stroke=\"#dddddd\"/>"
        ));
        put(format!(
            "<text x=\"{}\" y=\"{:.1}\" {FONT} fill=\"#444444\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            short(value)
        ));
    }
    for at in moments(chart.span, 8) {
        let (x, end) = (x(at), height - bottom);
        put(format!(
            "<line x1=\"{x:.1}\" y1=\"{end}\" x2=\"{x:.1}\" y2=\"{}\" stroke=\"#888888\"/>",
            end + 5.0
        ));
        put(format!(
            "<text x=\"{x:.1}\" y=\"{}\" {FONT} fill=\"#444444\" text-anchor=\"middle\">{}</text>",
            end + 20.0,
            moment(at, chart.span)
        ));
    }
    for (index, series) in chart.series.iter().enumerate() {
        let color = COLORS[index % COLORS.len()];
        for run in series.runs() {
            let places: Vec<String> = run
                .iter()
                .map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value)))
                .collect();
            match places.as_slice() {
                [only] => {
                    let (x, y) = only.split_once(',').unwrap_or_default();
                    put(format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"1.5\" fill=\"{color}\"/>"));
                }
                _ => put(format!(
                    "<polyline fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\" points=\"{}\"/>",
                    places.join(" ")
                )),
            }
        }
        if !series.name.is_empty() {
            put(format!(
                "<text x=\"{}\" y=\"{}\" {FONT} fill=\"{color}\">{}</text>",
                LEFT + SLOT.0 * (index % per_row) as f64,
                height - 6.0 - SLOT.1 * (rows - 1 - index / per_row) as f64,
                escape(&series.name)
            ));
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Where some readings were not good: begin and end of each stretch of intervals.
fn stretches(chart: &Chart) -> Vec<(i64, i64)> {
    let mut stretches: Vec<(i64, i64)> = Vec::new();
    for series in &chart.series {
        for (index, point) in series.points.iter().enumerate().filter(|(_, point)| point.is_doubtful) {
            let end = series.points.get(index + 1).map_or(point.at, |next| next.at);
            match stretches.last_mut().filter(|(_, before)| *before == point.at) {
                Some(last) => last.1 = end,
                None => stretches.push((point.at, end)),
            }
        }
    }
    stretches
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
