//! A reader of DER (X.690, 10 and 11) that takes one spelling of everything: definite lengths in their shortest form,
//! one-byte tags, no bytes left over. Nothing here knows what the elements mean.

/// The tag of a SEQUENCE.
pub(super) const SEQUENCE: u8 = 0x30;
/// The tag of an INTEGER.
pub(super) const INTEGER: u8 = 0x02;
/// The tag of a BIT STRING.
pub(super) const BIT_STRING: u8 = 0x03;

const SET: u8 = 0x31;
const CONSTRUCTED: u8 = 0x20;
/// Class bits of a tag: zero for the universal ones.
const CLASS: u8 = 0xc0;
/// A tag number that says that the number follows in further bytes.
const LONG_TAG: u8 = 0x1f;
/// Deeper nesting than any honest request has.
const DEPTH: usize = 16;

/// One element.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    /// Its tag byte.
    pub tag: u8,
    /// Tag, length and content.
    pub whole: &'a [u8],
    /// The content alone.
    pub content: &'a [u8],
}

/// Reads elements one after the other.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads the elements in `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next element, whatever it is; None at the end and for what is not DER.
    pub fn any(&mut self) -> Option<Element<'a>> {
        let (tag, length) = (*self.0.first()?, *self.0.get(1)?);
        let (header, length) = match length {
            0..=0x7f => (2, usize::from(length)),
            0x81 => (3, usize::from(*self.0.get(2)?)),
            0x82 => (4, usize::from(u16::from_be_bytes([*self.0.get(2)?, *self.0.get(3)?]))),
            _ => return None,
        };
        let shortest = match header {
            3 => length > 0x7f,
            4 => length > 0xff,
            _ => true,
        };
        let (whole, rest) = self.0.split_at_checked(header + length)?;
        if !shortest || tag & LONG_TAG == LONG_TAG {
            return None;
        }
        self.0 = rest;
        Some(Element {
            tag,
            whole,
            content: &whole[header..],
        })
    }

    /// The next element, if it has this tag.
    pub fn take(&mut self, tag: u8) -> Option<Element<'a>> {
        self.any().filter(|element| element.tag == tag)
    }

    /// Are all bytes read?
    pub fn is_done(&self) -> bool {
        self.0.is_empty()
    }
}

/// The one element that `bytes` are, with nothing behind it.
pub(super) fn only(bytes: &[u8], tag: u8) -> Option<Element<'_>> {
    let mut reader = Reader::new(bytes);
    reader.take(tag).filter(|_| reader.is_done())
}

/// The bytes of a BIT STRING that has no unused bits.
pub(super) fn bits<'a>(element: &Element<'a>) -> Option<&'a [u8]> {
    element.content.strip_prefix(&[0])
}

/// The big-endian bytes of a positive INTEGER without the byte of its sign; None for zero, negative and padded ones.
pub(super) fn positive<'a>(element: &Element<'a>) -> Option<&'a [u8]> {
    match *element.content {
        [0, high, ..] if high >= 0x80 => Some(&element.content[1..]),
        [1..=0x7f, ..] => Some(element.content),
        _ => None,
    }
}

/// Are these bytes elements of DER, and those within them, too?
pub(super) fn is_canonical(bytes: &[u8]) -> bool {
    is_canonical_at(bytes, 0)
}

fn is_canonical_at(bytes: &[u8], depth: usize) -> bool {
    let mut reader = Reader::new(bytes);
    while !reader.is_done() {
        let Some(element) = reader.any() else { return false };
        let constructed = element.tag & CONSTRUCTED != 0;
        let universal = element.tag & CLASS == 0;
        // Of the universal types DER constructs these two alone; tag zero would end an indefinite length.
        if universal && (constructed != matches!(element.tag | CONSTRUCTED, SEQUENCE | SET) || element.tag == 0) {
            return false;
        }
        if constructed && (depth == DEPTH || !is_canonical_at(element.content, depth + 1)) {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_of_a_length_is_read_and_no_other() {
        let long = |header: &[u8], length: usize| [header, &vec![0; length]].concat();
        for (bytes, read) in [
            (long(&[4, 0], 0), true),
            (long(&[4, 0x7f], 0x7f), true),
            (long(&[4, 0x81, 0x80], 0x80), true),
            (long(&[4, 0x82, 1, 0], 0x100), true),
            (long(&[4, 0x81, 0x7f], 0x7f), false),
            (long(&[4, 0x82, 0, 0xff], 0xff), false),
            (long(&[4, 0x83, 0, 1, 0], 0x100), false),
            (long(&[4, 0x84, 0xff, 0xff, 0xff, 0xff], 9), false),
            (long(&[0x30, 0x80], 2), false),
            (long(&[4, 0xff], 3), false),
            (long(&[0x1f, 1], 1), false),
            (long(&[4, 5], 4), false),
            (vec![4], false),
            (vec![4, 0x81], false),
            (vec![4, 0x82, 1], false),
            (vec![], false),
        ] {
            assert_eq!(Reader::new(&bytes).any().is_some(), read, "{bytes:02x?}");
        }
    }

    #[test]
    fn nesting_ends_and_constructed_strings_are_not_der() {
        let nested = |depth| {
            (0..depth).fold(vec![5, 0], |inner: Vec<u8>, _| {
                [&[0x30, inner.len() as u8][..], &inner].concat()
            })
        };
        assert!(is_canonical(&nested(DEPTH)));
        assert!(!is_canonical(&nested(DEPTH + 1)));
        for bytes in [
            &[0x24, 2, 4, 0][..],
            &[0x10, 0],
            &[0x11, 0],
            &[0, 0],
            &[0x30, 2, 0, 0],
            &[0x30, 1, 5],
        ] {
            assert!(!is_canonical(bytes), "{bytes:02x?}");
        }
        assert!(is_canonical(&[0xa0, 2, 5, 0, 0x80, 1, 7]));
    }

    #[test]
    fn an_integer_is_positive_and_not_padded() {
        let read = |content: &[u8]| {
            positive(&Element {
                tag: INTEGER,
                whole: &[],
                content,
            })
            .map(<[u8]>::to_vec)
        };
        assert_eq!(read(&[0, 0x80]), Some(vec![0x80]));
        assert_eq!(read(&[1, 0]), Some(vec![1, 0]));
        for wrong in [&[][..], &[0], &[0, 1], &[0, 0, 0x80], &[0x80], &[0xff, 1]] {
            assert_eq!(read(wrong), None, "{wrong:02x?}");
        }
    }
}
