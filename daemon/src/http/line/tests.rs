//! The tricky lines of the specification, and any text at all.

use super::*;

/// Device, sensor, source, value and time of each reading; then lines and codes of what was refused.
fn told(text: &str) -> (Vec<String>, Vec<(u32, &'static str)>) {
    let mut lines = read(text, Precision::Nanoseconds).unwrap();
    let refused = lines.refused.iter().map(|one| (one.line, one.code)).collect();
    let told = lines.items().into_iter().map(|item| {
        let item = item.unwrap();
        let value = match item.value {
            Value::Number(number) => number.to_string(),
            Value::Json(text) => text.into(),
            Value::Missing => "missing".to_owned(),
        };
        let moment = item.timestamp.map_or("now".to_owned(), |moment| moment.to_string());
        let (device, source) = (item.device.unwrap(), item.source.unwrap_or("-"));
        format!("{device} | {} | {source} | {value} | {moment}", item.data_type)
    });
    (told.collect(), refused)
}

#[track_caller]
fn gives(text: &str, wanted: &[&str]) {
    assert_eq!(
        told(text),
        (wanted.iter().map(|&one| one.to_owned()).collect(), Vec::new()),
        "{text}"
    );
}

#[track_caller]
fn refuses(text: &str, wanted: &[(u32, &'static str)]) {
    assert_eq!(told(text), (Vec::new(), wanted.to_vec()), "{text}");
}

#[test]
fn every_sort_of_value_is_read() {
    gives(
        "m,device=d1 f=1.5,i=-7i,u=18446744073709551615u,t=t,g=FALSE,s=\"on, \\\"off\\\" \\\\ =x\",e=1e-3 1700000000123456789\n",
        &[
            "d1 | f | - | 1.5 | 1700000000123456",
            "d1 | i | - | -7 | 1700000000123456",
            "d1 | u | - | 18446744073709552000 | 1700000000123456",
            "d1 | t | - | true | 1700000000123456",
            "d1 | g | - | false | 1700000000123456",
            "d1 | s | - | \"on, \\\"off\\\" \\\\ =x\" | 1700000000123456",
            "d1 | e | - | 0.001 | 1700000000123456",
        ],
    );
    gives("m,device=d a=1", &["d | a | - | 1 | now"]);
    gives(
        "  m,device=d   a=1   5000  \r\n\r\n\n# m,device=d a=2\nm,device=d b=.5 -1500",
        &["d | a | - | 1 | 5", "d | b | - | 0.5 | -2"],
    );
}

#[test]
fn backslashes_are_read_as_the_specification_says() {
    gives(
        r"we\ ather\,x,device=my\ meter\,\=1 te\ mp\=\,=1 0",
        &["my meter,=1 | te mp=, | - | 1 | 0"],
    );
    // Before anything else they are themselves; of two the first escapes.
    gives(r"m,device=a\b\\c f\x=1 0", &[r"a\b\c | f\x | - | 1 | 0"]);
    gives(r"m,device=d\\ f=1 0", &[r"d\ | f | - | 1 | 0"]);
    gives(
        "m,device=d s=\"a\\b\\\\\",t=\"\" 0",
        &["d | s | - | \"a\\\\b\\\\\" | 0", "d | t | - | \"\" | 0"],
    );
    gives(
        "m,device=München s=\"grüß\",ü=2 0",
        &["München | s | - | \"grüß\" | 0", "München | ü | - | 2 | 0"],
    );
}

#[test]
fn texts_hold_ends_of_lines_and_the_lines_behind_keep_their_numbers() {
    gives(
        "m,device=d s=\"one\ntwo=3 4\nx\",a=1 0\nm,device=d b=2 0",
        &[
            "d | s | - | \"one\\ntwo=3 4\\nx\" | 0",
            "d | a | - | 1 | 0",
            "d | b | - | 2 | 0",
        ],
    );
    assert_eq!(
        told("m,device=d s=\"a\nb\" 0\nm,device=d x\nm,device=d y=1 0").1,
        [(3, "bad_item")]
    );
    // A text without an end takes no line with it but its own.
    let (good, refused) = told("m,device=d a=1 0\nm,device=d s=\"open 0\nm,device=d b=2 0");
    assert_eq!((good.len(), refused), (2, vec![(2, "bad_item")]));
}

#[test]
fn tags_name_the_device_and_the_rest_is_the_source() {
    gives("power,phase=2,device=d,bus=a a=1 0", &["d | a | bus=a,phase=2 | 1 | 0"]);
    gives("power,host=agent,device=d a=1 0", &["d | a | host=agent | 1 | 0"]);
    // What agents send of their own machine.
    gives(
        "cpu,cpu=cpu0,host=srv-1 usage_idle=98.5 0",
        &["srv-1 | cpu_usage_idle | cpu=cpu0 | 98.5 | 0"],
    );
    refuses("cpu,region=eu a=1 0", &[(1, "unknown_device")]);
    refuses("cpu a=1 0", &[(1, "unknown_device")]);
    let long = format!("m,device=d,t={} a=1", "x".repeat(1_000));
    refuses(&long, &[(1, "bad_item")]);
    refuses("m,device=d,t=\u{1} a=1", &[(1, "bad_item")]);
}

#[test]
fn what_is_wrong_is_named_by_its_line_and_costs_no_other() {
    for wrong in [
        "m,device=d",
        "m,device=d ",
        "m,device=d a",
        "m,device=d a= 0",
        "m,device=d =1",
        "m,device=d a=1,",
        "m,device=d a=1,,b=2",
        "m,device=d a=1 b=2,c",
        ",device=d a=1",
        "m,device= a=1",
        "m,=d a=1",
        "m,device a=1",
        "m,device=d=e a=1",
        "m,device=d,device=e a=1",
        "m,device=d,x=1,x=2 a=1",
        "m,device=d s=\"a\"b 0",
        "m,device=d s=\"a\"1",
        "m,",
        "m,device=d a=1,=",
        "\\",
        "m,device=d \\",
    ] {
        let (good, refused) = told(&format!("m,device=d a=1 0\n{wrong}\nm,device=d b=1 0"));
        assert_eq!(good.len(), 2, "{wrong}: {good:?}");
        assert!(
            matches!(
                refused.as_slice(),
                [(2, "bad_item" | "bad_timestamp" | "unknown_device")]
            ),
            "{wrong}: {refused:?}"
        );
    }
    for wrong in [
        "1e999",
        "-1e999",
        "NaN",
        "nan",
        "inf",
        "+Inf",
        "1.5i",
        "-1u",
        "9223372036854775808i",
        "1,5e",
        "tru",
        "1_0",
        "0x1",
        "'a'",
        "i",
    ] {
        let (good, refused) = told(&format!("m,device=d a=2,b={wrong} 0"));
        assert!(good.is_empty(), "{wrong}: {good:?}");
        assert!(
            matches!(refused.as_slice(), [(1, "bad_value" | "bad_item")]),
            "{wrong}: {refused:?}"
        );
    }
    for wrong in ["1.5", "1e3", "99999999999999999999", "now", "1 2", "1i"] {
        refuses(&format!("m,device=d a=1 {wrong}"), &[(1, "bad_timestamp")]);
    }
}

#[test]
fn precisions_are_those_that_clients_write() {
    for (name, number, micros) in [
        ("", "1700000000000000000", 1_700_000_000_000_000),
        ("ns", "1700000000000000000", 1_700_000_000_000_000),
        ("u", "1700000000000000", 1_700_000_000_000_000),
        ("ms", "1700000000000", 1_700_000_000_000_000),
        ("s", "1700000000", 1_700_000_000_000_000),
        ("m", "28333333", 1_699_999_980_000_000),
        ("h", "472222", 1_699_999_200_000_000),
    ] {
        let mut lines = read("m,device=d a=1 0", Precision::find(name).unwrap()).unwrap();
        assert_eq!(lines.items()[0].as_ref().unwrap().timestamp, Some(0));
        let text = format!("m,device=d a=1 {number}");
        let mut lines = read(&text, Precision::find(name).unwrap()).unwrap();
        assert_eq!(lines.items()[0].as_ref().unwrap().timestamp, Some(micros), "{name}");
    }
    assert_eq!(Precision::find("d"), None);
    let lines = read("m,device=d a=1 9223372036854775807", Precision::Seconds).unwrap();
    assert_eq!(lines.refused[0].code, "bad_timestamp");
}

#[test]
fn a_body_is_bounded() {
    let many = "m,device=d ".to_owned() + &vec!["a=1"; MOST_READINGS].join(",");
    assert_eq!(read(&many, Precision::default()).unwrap().items().len(), MOST_READINGS);
    assert!(read(&format!("{many},a=1"), Precision::default()).is_err());
    let wrong = "x\n".repeat(50_000);
    let lines = read(&wrong, Precision::default()).unwrap();
    assert_eq!((lines.refused.len(), lines.refused_total), (MOST_TOLD, 50_000));
}

#[test]
fn any_text_gives_readings_or_lines_with_reasons() {
    let parts = [
        "m",
        ",",
        "=",
        " ",
        "\n",
        "\\",
        "\"",
        "device",
        "host",
        "d",
        "a=1",
        "1",
        "i",
        "e9",
        "#",
        "\r",
        "ü",
        "\u{0}",
        "m,device=d a=1 0\n",
        "\"\n",
        "\\\"",
        ".",
        "-",
        "t",
    ];
    let mut state = 0x1234_5678_9ABC_DEF1_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    for _ in 0..100_000 {
        let text: String = (0..random() % 24).map(|_| parts[random() % parts.len()]).collect();
        let rows = text.bytes().filter(|byte| *byte == b'\n').count() as u32 + 1;
        let mut lines = read(&text, Precision::default()).unwrap();
        assert!(
            lines.refused.iter().all(|one| (1..=rows).contains(&one.line)),
            "{text:?}"
        );
        assert!(lines.refused.is_sorted_by_key(|one| one.line), "{text:?}");
        let count = lines.items().len();
        assert!((0..count).all(|at| (1..=rows).contains(&lines.line_of(at))), "{text:?}");
        // What holds anything but blanks and comments is told of in one way or the other.
        let is_blank = |row: &str| {
            row.trim_matches([' ', '\t', '\r', '\n']).is_empty()
                || row.trim_start_matches([' ', '\t', '\r']).starts_with('#')
        };
        assert_eq!(
            count + lines.refused_total == 0,
            text.split('\n').all(is_blank),
            "{text:?}"
        );
    }
}
