use super::*;

const CHEAP: Cost = Cost::for_tests();
const GOOD: &str = "kräftige Suppe 7";

fn hashed(text: &str) -> String {
    hash(&prepared(text, &[]).unwrap(), CHEAP, [3; SALT]).unwrap()
}

#[test]
fn a_password_is_known_again_in_any_unicode_form_and_no_other_text_is() {
    let phc = hashed(GOOD);
    assert!(phc.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{phc}");
    assert!(verify(GOOD, &phc));
    assert!(verify("kra\u{308}ftige Suppe 7", &phc));
    assert_eq!(hashed("kra\u{308}ftige Suppe 7"), phc);
    for wrong in [
        "",
        " ",
        "kräftige Suppe 8",
        "kräftige suppe 7",
        "kraftige Suppe 7",
        " kräftige Suppe 7",
        &phc,
    ] {
        assert!(!verify(wrong, &phc), "{wrong:?}");
    }
    assert!(!verify(&"a".repeat(LONGEST + 1), &phc));
    assert!(!verify(&"a".repeat(50_000_000), &phc));
}

#[test]
fn the_floor_is_what_the_design_says_and_works() {
    assert_eq!(Cost::default(), Cost::new(19_456, 2, 1).unwrap());
    let phc = hash(&prepared(GOOD, &[]).unwrap(), Cost::floor(), [9; SALT]).unwrap();
    assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
    assert!(verify(GOOD, &phc) && !verify("kräftige Suppe 6", &phc));
    for (memory, passes, lanes) in [
        (19_455, 2, 1),
        (19_456, 1, 1),
        (65_536, 1, 1),
        (19_456, 2, 0),
        (0, 0, 0),
    ] {
        assert_eq!(Cost::new(memory, passes, lanes), Err(BadCost::TooLow));
    }
    for (memory, passes, lanes) in [
        (65_537, 2, 1),
        (19_456, 17, 1),
        (19_456, 2, 5),
        (u32::MAX, u32::MAX, u32::MAX),
    ] {
        assert_eq!(Cost::new(memory, passes, lanes), Err(BadCost::TooHigh));
    }
    assert!(Cost::new(65_536, 16, 4).is_ok());
}

#[test]
fn lengths_are_counted_in_nfc() {
    let refused = |text: &str| prepared(text, &[]).err();
    assert_eq!(refused("elf Zeichen"), Some(Refusal::TooShort));
    assert_eq!(refused(""), Some(Refusal::TooShort));
    assert_eq!(refused("zwölfZeichen"), None);
    assert_eq!(refused("zwo\u{308}lfZeiche"), Some(Refusal::TooShort));
    assert_eq!(refused("🐧🦊🐻🐼🐨🐯🦁🐮🐷🐸🐵🐔"), None);
    let long = |bytes: usize| "abcdefg ".repeat(bytes / 8 + 1)[..bytes].to_owned();
    assert_eq!(refused(&long(LONGEST)), None);
    assert_eq!(refused(&long(LONGEST + 1)), Some(Refusal::TooLong));
    assert_eq!(refused(&long(LONGEST * 5)), Some(Refusal::TooLong));
    // 1,536 bytes that are 1,024 in NFC; three signs each, lest they be a repetition.
    let wide = ["A\u{30a}", "o\u{308}", "u\u{308}", "e\u{301}", "n\u{303}"];
    let wide: String = (0..512).map(|at| wide[at % 5]).collect();
    assert_eq!((wide.len(), refused(&wide)), (1536, None));
    assert!(verify(&wide, &hashed(&wide)));
}

#[test]
fn nfc_never_shortens_to_less_than_the_limit_assumes() {
    for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
        let (long, short) = (
            c.to_string().nfd().map(char::len_utf8).sum::<usize>(),
            c.to_string().nfc().map(char::len_utf8).sum::<usize>(),
        );
        assert!(long.max(c.len_utf8()) <= short * TYPED / LONGEST, "{c:?}");
    }
}

#[test]
fn what_anybody_would_guess_is_refused() {
    let refused = |text: &str| prepared(text, &["anna-lena.k", "Anna-Lena.K@Example.com"]).err();
    for text in [
        "passwordpassword",
        "PasswordPassword",
        "123456789012",
        "aaaaaaaaaaaa",
        "            ",
        "ääääääääääääää",
    ] {
        assert_eq!(refused(text), Some(Refusal::Common), "{text:?}");
    }
    for text in [
        "121212121212",
        "abcabcabcabcabca",
        "12341234123412341",
        "CorrectHorseBatteryStaple",
    ] {
        assert_eq!(refused(text), Some(Refusal::Common), "{text:?}");
    }
    for text in ["anna-lena.k@example.com", " ANNA-LENA.K@example.com "] {
        assert_eq!(refused(text), Some(Refusal::Own), "{text:?}");
    }
    assert_eq!(refused("anna-lena.k@example.com7"), None);
    assert_eq!(refused("kräftige\0Suppe"), Some(Refusal::Nul));
    assert_eq!(refused("kräftige\tSuppe\u{1b}"), None);
    for common in COMMON {
        assert_eq!(prepared(common, &[]).err(), Some(Refusal::Common), "{common}");
    }
}

#[test]
fn a_stored_text_that_is_no_hash_of_ours_verifies_nothing() {
    let phc = hashed(GOOD);
    let mut bad: Vec<String> = (0..phc.len()).map(|to| phc[..to].to_owned()).collect();
    bad.extend(["", "$", "$$$$$", "plain", "$2b$12$abcdefghijklmnopqrstuv", "\0", "ü"].map(str::to_owned));
    let swaps = [
        ("argon2id", "argon2i"),
        ("argon2id", "argon2d"),
        ("argon2id", "scrypt"),
        ("v=19", "v=16"),
        ("v=19$", ""),
        ("v=19", "v=20"),
        ("m=8", "m=65537"),
        ("m=8", "m=4294967295"),
        ("m=8", "m=99999999999"),
        ("m=8", "m=0"),
        ("m=8", "m=-8"),
        ("m=8", "m=7"),
        ("t=1", "t=0"),
        ("t=1", "t=4294967295"),
        ("p=1", "p=0"),
        ("p=1", "p=16777215"),
        ("p=1", "p=1,keyid=AAAA"),
        ("p=1", "p=1,data=AAAA"),
        ("m=8,", ""),
        ("m=8", "m=8,m=8"),
        ("$argon2id", "argon2id"),
    ];
    bad.extend(swaps.map(|(from, to)| phc.replacen(from, to, 1)));
    bad.extend([
        format!("{phc}="),
        format!("{phc}A"),
        format!("{phc} "),
        format!(" {phc}"),
        format!("{phc}$x"),
    ]);
    for phc in bad {
        assert!(!verify(GOOD, &phc), "{phc}");
        assert!(needs_rehash(&phc, CHEAP), "{phc}");
    }
}

#[test]
fn a_hash_of_another_cost_is_made_anew() {
    let phc = hashed(GOOD);
    assert!(!needs_rehash(&phc, CHEAP));
    assert!(needs_rehash(&phc, Cost::floor()));
    assert!(!needs_rehash(&dummy(Cost::floor()), Cost::floor()));
}

#[test]
fn the_dummy_is_a_hash_of_that_cost_that_no_text_has() {
    for cost in [CHEAP, Cost::new(20_000, 2, 1).unwrap()] {
        let phc = dummy(cost);
        assert_eq!(stored(&phc).map(|(found, _)| found), Some(cost));
        assert!(!verify(GOOD, &phc) && !verify("", &phc));
    }
}

#[test]
fn a_password_is_never_printed() {
    assert_eq!(format!("{:?}", prepared(GOOD, &[]).unwrap()), "Prepared(…)");
}
