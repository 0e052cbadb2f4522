//! Login names: how a user name or mail address is read before it is looked up, compared or counted.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_normalization::UnicodeNormalization as _;

/// Bytes of a name that was read: as many as a mail address may have (RFC 5321, 4.5.3.1.3, without the brackets).
pub const LENGTH: usize = 254;

/// Bytes of a name as it is typed. Decomposed and full-width forms need up to four times the space; more is not read.
const TYPED: usize = 4 * LENGTH;

/// The one form of a login name: variants of case, Unicode form, width, invisible characters and outer space are the
/// same account. Reading it again changes nothing. `None` if nothing is left, if it is longer than [`LENGTH`] bytes, or
/// if white space or a control character stands in it.
///
/// It is NFKC_Casefold of the Unicode Standard (3.13, D146), less the controls of format that are no default ignorables.
pub fn normalised(name: &str) -> Option<String> {
    if name.len() > TYPED {
        return None;
    }
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let category = CodePointMapData::<GeneralCategory>::new();
    // Folding sees base letters and marks apart, so that no composed letter escapes it.
    let folded: String = name
        .nfkd()
        .filter(|&c| !ignorable.contains(c) && category.get(c) != GeneralCategory::Format)
        .flat_map(folded)
        .nfkc()
        .collect();
    let name = folded.trim();
    let sound =
        !name.is_empty() && name.len() <= LENGTH && !name.contains(|c: char| c.is_control() || c.is_whitespace());
    sound.then(|| name.to_owned())
}

/// Full case folding: by way of the capitals, for ß and ẞ are SS and both small sigmas are Σ there.
fn folded(c: char) -> impl Iterator<Item = char> {
    // The capital of the dotless ı is I, yet ı and i are two letters, and case folding keeps them apart.
    let (as_is, cased) = if c == 'ı' { (Some(c), None) } else { (None, Some(c)) };
    let capitals = cased
        .into_iter()
        .flat_map(char::to_lowercase)
        .flat_map(char::to_uppercase);
    as_is.into_iter().chain(capitals.flat_map(char::to_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> String {
        normalised(name).unwrap_or_else(|| panic!("{name:?} is not read"))
    }

    #[test]
    fn variants_are_one_name() {
        let families: [&[&str]; 9] = [
            &[
                "bob@example.com",
                "BOB@EXAMPLE.COM",
                "Bob@Example.Com",
                "  bob@example.com\t\r\n",
                "\u{a0}bob@example.com\u{3000}\u{2003}\u{2028}",
                "ｂｏｂ@example.com", // full width
                "𝐛𝐨𝐛@𝖊𝖝𝖆𝖒𝖕𝖑𝖊.𝕔𝕠𝕞",
                "ⓑⓞⓑ@example.com",
                "b\u{200b}ob@example.com",
                "bo\u{200d}b@exa\u{200c}mple.com",
                "\u{feff}bob@example.com",
                "bob\u{ad}@example.com",
                "bob@example.com\u{2060}",
                "\u{202e}bob\u{202c}@example.com",
                "\u{2066}bob\u{2069}@example.com",
                "b\u{34f}ob@example.com",            // combining grapheme joiner
                "bob\u{fe0f}@example.com",           // variation selector
                "bob\u{e0001}\u{e0062}@example.com", // tags
                "bob\u{180e}@example.com",
                "bob\u{fff9}@example.com", // annotation anchor: format, but no default ignorable
                "bob\u{115f}\u{3164}\u{ffa0}@example.com", // Hangul fillers
                " \u{200b} bob@example.com \u{200b} ",
                "ｂｏｂ＠ｅｘａｍｐｌｅ．ｃｏｍ",
            ],
            &[
                "zoë",
                "zoe\u{308}",
                "ZOË",
                "ZOE\u{308}",
                "zoe\u{200b}\u{308}",
                "ｚｏｅ\u{308}",
            ],
            &["ậ", "a\u{302}\u{323}", "a\u{323}\u{302}", "â\u{323}", "ạ\u{302}", "Ậ"],
            &["οδοσ", "ΟΔΟΣ", "οδος", "Οδος"],
            &["strasse", "STRASSE", "straße", "STRAẞE", "ſtraße"],
            &["kelvin", "\u{212a}elvin", "KELVIN"],
            &["ångström", "A\u{30a}ngstro\u{308}m", "\u{212b}NGSTRÖM"],
            &["office", "oﬃce", "OFFICE", "oﬀice"],
            &["가", "\u{1100}\u{1161}"],
        ];
        let mut seen = 0;
        for family in families {
            for name in family {
                assert_eq!(read(name), read(family[0]), "{name:?}");
                seen += 1;
            }
        }
        assert!(seen >= 50, "{seen}");
        assert_eq!(read("  BOB@example.com"), "bob@example.com");
    }

    #[test]
    fn other_names_stay_other_names() {
        let names = [
            "bob", "b0b", "böb", "bob1", "bob.", "b.ob", "bob+tag", "воb", "bıb", "bib", "bob@a", "bob@b", "ss", "s",
        ];
        for (at, one) in names.iter().enumerate() {
            for other in &names[at + 1..] {
                assert_ne!(read(one), read(other));
            }
        }
    }

    #[test]
    fn what_is_no_name_is_none() {
        let long = "a".repeat(LENGTH + 1);
        let spread = "a\u{200b}".repeat(LENGTH + 1);
        let swelling = "\u{fdfa}".repeat(LENGTH);
        let none = [
            "",
            " ",
            "\t\n",
            "\u{200b}",
            "\u{ad}\u{feff} ",
            "\u{3000}",
            "bob smith",
            "bob\u{a0}smith",
            "bob\u{3000}x",
            "bob\tx",
            "bob\nx",
            "bob\0",
            "\0bob",
            "bob\u{7f}",
            "bob\u{85}x",
            "bob\u{1b}[0m",
            "b\u{2028}x",
            "b\u{a8}",
            &long,
            &spread,
            &swelling,
        ];
        for name in none {
            assert_eq!(normalised(name), None, "{name:?}");
        }
        assert_eq!(read(&"A".repeat(LENGTH)).len(), LENGTH);
        assert_eq!(read(&"Ａ".repeat(LENGTH)).len(), LENGTH);
    }

    #[test]
    fn every_character_is_read_once_for_all_and_has_no_case() {
        // All planes but ideographs, Hangul syllables and what is private or unassigned.
        let ranges = [
            0..0x3400,
            0xa000..0xac00,
            0xd7a4..0x2_0000,
            0x2_f800..0x2_fa20,
            0xe_0000..0xe_1000,
        ];
        for c in ranges.into_iter().flatten().filter_map(char::from_u32) {
            let typed = format!("a{c}b");
            let Some(name) = normalised(&typed) else { continue };
            assert_eq!(normalised(&name), Some(name.clone()), "{c:?} U+{:04X}", u32::from(c));
            assert_eq!(
                normalised(&typed.to_lowercase()),
                Some(name.clone()),
                "{c:?} U+{:04X}",
                u32::from(c)
            );
            if c != 'ı' {
                assert_eq!(
                    normalised(&typed.to_uppercase()),
                    Some(name),
                    "{c:?} U+{:04X}",
                    u32::from(c)
                );
            }
        }
    }
}
