//! A day with a gap and a bad stretch, drawn.

use super::*;

const MINUTE: i64 = 60_000_000;

fn point(minute: i64, value: Option<f64>, is_doubtful: bool) -> Point {
    Point {
        at: minute * MINUTE,
        value,
        is_doubtful,
    }
}

/// Up from 0 to 100, nothing for five hours, bad for two, down to 50.
fn day() -> Chart {
    let mut points = Vec::new();
    for minute in (0..1_440).step_by(20) {
        let hour = minute as f64 / 60.0;
        match minute / 60 {
            0..=9 => points.push(point(minute, Some(hour * 10.0), false)),
            10..=14 => {}
            15..=16 => points.push(point(minute, None, true)),
            _ => points.push(point(minute, Some(100.0 - (hour - 17.0) * 7.5), false)),
        }
    }
    Chart {
        title: "power of device/m-1 (mean)".to_owned(),
        unit: "W".to_owned(),
        span: (0, 1_440 * MINUTE),
        series: vec![Series {
            name: String::new(),
            points,
        }],
    }
}

#[test]
fn a_day_with_a_gap_and_a_bad_stretch() {
    insta::assert_snapshot!(text(&day(), 72, 8, false));
}

#[test]
fn a_line_ends_where_nothing_was_measured() {
    let runs = day().series[0].runs();
    let ends: Vec<_> = runs
        .iter()
        .map(|run| (run[0].0 / MINUTE / 60, run[run.len() - 1].0 / MINUTE / 60))
        .collect();
    assert_eq!(ends, [(0, 9), (17, 23)]);
    assert_eq!(
        day().sentences(),
        [
            "power of device/m-1 (mean): from 0 W to 50 W, least 0 W, greatest 100 W, with 1 gap; not all readings were good in 6 of 57 intervals"
        ]
    );
}

#[test]
fn a_picture_has_a_line_for_each_run_and_the_bad_stretch() {
    let mut chart = day();
    chart.series[0].name = "<north & \"south\">".to_owned();
    let picture = svg(&chart, 960.0, 400.0);
    assert_eq!(picture.matches("<polyline").count(), 2, "{picture}");
    assert!(picture.contains("&lt;north &amp; &quot;south&quot;&gt;"), "{picture}");
    // From 15:00 to 17:00 of 24 hours, over 870 points from 70 on.
    let at = |hour: f64| 70.0 + hour / 24.0 * 870.0;
    let stretch = format!("class=\"bad\" x=\"{:.1}\"", at(15.0));
    assert!(picture.contains(&stretch), "{picture}");
    assert!(
        picture.contains(&format!("width=\"{:.1}\"", at(17.0) - at(15.0))),
        "{picture}"
    );
}

#[test]
fn lines_have_colours_and_a_legend_and_one_value_is_a_dot() {
    let series = |name: &str, value: f64| Series {
        name: name.to_owned(),
        points: vec![point(5, Some(value), false)],
    };
    let chart = Chart {
        title: "t".to_owned(),
        span: (0, 10 * MINUTE),
        series: vec![series("a", 1.0), series("b", 2.0)],
        ..Chart::default()
    };
    let drawn = text(&chart, 40, 4, true);
    assert!(
        drawn.contains("\x1b[36m") && drawn.contains("\x1b[33m━\x1b[0m b"),
        "{drawn}"
    );
    let dots = drawn.chars().filter(|c| ('\u{2801}'..='\u{28ff}').contains(c)).count();
    assert_eq!(dots, 2, "{drawn}");
    assert!(!text(&chart, 40, 4, false).contains('\x1b'));
    assert_eq!(svg(&chart, 200.0, 100.0).matches("<circle").count(), 2);
}

#[test]
fn every_name_of_a_legend_stands_in_the_picture() {
    let series = |nth: i64| Series {
        name: format!("device-{nth:02}"),
        points: vec![point(0, Some(nth as f64), false)],
    };
    let chart = Chart {
        span: (0, MINUTE),
        series: (0..12).map(series).collect(),
        ..Chart::default()
    };
    let picture = svg(&chart, 960.0, 400.0);
    let place = |name: &str| {
        let text = picture.lines().find(|line| line.contains(name)).unwrap();
        let number = |key: &str| -> f64 {
            let rest = text.split_once(key).unwrap().1;
            rest.split_once('"').unwrap().0.parse().unwrap()
        };
        (number(" x=\""), number(" y=\""))
    };
    let places: Vec<_> = (0..12).map(|nth| place(&format!("device-{nth:02}"))).collect();
    assert!(
        places.iter().all(|(x, y)| *x + 80.0 < 960.0 && *y < 400.0),
        "{places:?}"
    );
    assert!((places[0].0 - places[6].0).abs() < 0.1, "{places:?}");
    assert!(places[0].1 < places[6].1);
}

#[test]
fn a_png_shows_what_the_svg_says() {
    let mut chart = Chart {
        title: "temperature of device/boiler-01 (mean), Zähler".to_owned(),
        unit: "°C".to_owned(),
        ..day()
    };
    // Two hours in which nothing came, between good readings.
    chart.series[0]
        .points
        .retain(|point| !(300..420).contains(&(point.at / MINUTE)));
    let bytes = png(&chart, 960.0, 400.0).unwrap();
    if let Some(path) = std::env::var_os("SHOW_PNG") {
        std::fs::write(path, &bytes).unwrap();
    }
    let dots = resvg::tiny_skia::Pixmap::decode_png(&bytes).unwrap();
    assert_eq!((dots.width(), dots.height()), (1920, 800));
    let color = |x: u32, y: u32| {
        let dot = dots.pixel(x, y).unwrap().demultiply();
        (dot.red(), dot.green(), dot.blue())
    };
    // Where in the picture a minute of the day is.
    let column = |minute: f64| ((70.0 + minute / 1_440.0 * (960.0 - 70.0 - 20.0)) * 2.0) as u32;
    let line = (0, 0x72, 0xb2);
    let has_line = |minute: f64| (72..712).any(|y| color(column(minute), y) == line);
    assert!(has_line(100.0) && has_line(500.0) && has_line(1_200.0));
    assert!(!has_line(360.0) && !has_line(750.0), "a line goes through a gap");
    assert!(!has_line(960.0), "a line goes through bad readings");
    // The bad stretch is tinted, and nothing else is.
    let tint = |minute: f64| color(column(minute), 100);
    assert_eq!([tint(750.0), tint(1_200.0)], [(255, 255, 255); 2]);
    assert_ne!(tint(960.0), (255, 255, 255));
    // There is text: dark dots at the head, and left of the axis.
    let is_dark = |(red, green, blue): (u8, u8, u8)| red < 0x60 && green < 0x60 && blue < 0x60;
    let dark = |columns: std::ops::Range<u32>, rows: std::ops::Range<u32>| {
        columns
            .map(|x| rows.clone().filter(|y| is_dark(color(x, *y))).count())
            .sum::<usize>()
    };
    assert!(dark(140..900, 10..50) > 1_000, "the head cannot be read");
    assert!(dark(20..136, 80..700) > 200, "the axis has no numbers");
    assert!(png(&chart, 0.0, 0.0).is_none());
}

#[test]
fn ticks_are_round_and_every_number_has_one() {
    assert_eq!(ticks(0.0, 100.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
    assert_eq!(ticks(-3.2, 2.9, 6), [-2.0, 0.0, 2.0]);
    for (number, shown) in [
        (0.0, "0"),
        (21.5, "21.5"),
        (-0.001_25, "-0.00125"),
        (123_456.7, "123457"),
        (1e12, "1.000e12"),
        (f64::MAX, "1.798e308"),
    ] {
        assert_eq!(short(number), shown);
    }
    assert_eq!(every(3_600_000_000, 80), 60_000_000);
    assert_eq!(every(1, 80), 1_000_000);
    assert_eq!(every(400 * 86_400_000_000, 100), 4 * 86_400_000_000);
    // What no axis can bear must not end the command.
    for (min, max) in [(f64::MIN, f64::MAX), (1.0, 1.0 + f64::EPSILON), (0.0, 5e-324)] {
        assert!(ticks(min, max, 5).len() <= 101);
        let chart = Chart {
            span: (0, 10),
            series: vec![Series {
                name: String::new(),
                points: vec![point(0, Some(min), false), point(0, Some(max), true)],
            }],
            ..Chart::default()
        };
        text(&chart, 1, 1, false);
        svg(&chart, 1.0, 1.0);
        png(&chart, 1.0, 1.0);
    }
}
