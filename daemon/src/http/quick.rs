//! Bodies of readings as gateways write them, read in one pass, without a tree and without copies. Whatever is written
//! otherwise is `None` and left to the patient reader, which alone refuses anything.

use super::parse::{Items, rfc3339};
use crate::domain::decimal;
use crate::domain::ingest::Incoming;
use crate::domain::telemetry::{Micros, Quality, Value};

/// Bytes of a short item: how many there may be is guessed from that.
const SHORT_ITEM: usize = 64;

/// The items of a body.
pub(super) fn items(body: &[u8]) -> Option<Items<'_>> {
    let text = std::str::from_utf8(body).ok()?;
    let mut reader = Reader { text, at: 0 };
    let mut items = Vec::with_capacity(body.len() / SHORT_ITEM + 1);
    match reader.peek()? {
        b'[' => reader.members(b'[', b']', |reader| reader.batch(&mut items))?,
        _ => reader.batch(&mut items)?,
    }
    reader.peek().is_none().then_some(items)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

/// Fields of an item.
#[derive(Default)]
struct Fields<'a> {
    data_type: Option<&'a str>,
    value: Option<f64>,
    unit: Option<&'a str>,
    timestamp: Option<Micros>,
    slave_id: Option<u16>,
    label: Option<&'a str>,
}

impl<'a> Fields<'a> {
    fn incoming(self) -> Option<Incoming<'a>> {
        Some(Incoming {
            device: None,
            data_type: self.data_type?,
            value: Value::Number(self.value?),
            unit: self.unit,
            timestamp: self.timestamp,
            bus: None,
            slave_id: self.slave_id,
            source: None,
            label: self.label,
            quality: Quality::Good,
            kept: None,
        })
    }
}

/// A name that stands twice is not usual.
fn once<T>(place: &mut Option<T>, found: T) -> Option<()> {
    place.replace(found).is_none().then_some(())
}

impl<'a> Reader<'a> {
    /// One object: a device with its readings, or a single one.
    fn batch(&mut self, items: &mut Items<'a>) -> Option<()> {
        let begin = items.len();
        let (mut device, mut readings, mut single) = (None, None, Fields::default());
        self.members(b'{', b'}', |reader| match reader.name()? {
            "deviceId" => once(&mut device, reader.string()?),
            "readings" => {
                once(&mut readings, ())?;
                reader.members(b'[', b']', |reader| {
                    let mut fields = Fields::default();
                    reader.members(b'{', b'}', |reader| {
                        let name = reader.name()?;
                        reader.field(name, &mut fields)
                    })?;
                    items.push(Ok(fields.incoming()?));
                    Some(())
                })
            }
            name => reader.field(name, &mut single),
        })?;
        if readings.is_none() {
            items.push(Ok(single.incoming()?));
        }
        for item in items[begin..].iter_mut().flatten() {
            item.device = device;
        }
        Some(())
    }

    fn field(&mut self, name: &str, fields: &mut Fields<'a>) -> Option<()> {
        match name {
            "dataType" => once(&mut fields.data_type, self.string()?),
            "value" => once(&mut fields.value, self.number()?),
            "unit" => once(&mut fields.unit, self.string()?),
            "timestamp" => once(&mut fields.timestamp, self.time()?),
            "slaveId" => {
                let id = u8::try_from(self.integer()?).ok()?;
                once(&mut fields.slave_id, u16::from(id))
            }
            "registerLabel" => once(&mut fields.label, self.string()?),
            _ => None,
        }
    }

    /// What stands between two brackets, divided by commas.
    fn members(&mut self, begin: u8, end: u8, mut member: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.eat(begin)?;
        if self.peek()? == end {
            return self.eat(end);
        }
        loop {
            member(self)?;
            if self.peek()? == end {
                return self.eat(end);
            }
            self.eat(b',')?;
        }
    }

    /// The name of a member, and the colon behind it.
    fn name(&mut self) -> Option<&'a str> {
        let name = self.string()?;
        self.eat(b':')?;
        Some(name)
    }

    /// A text without escapes.
    fn string(&mut self) -> Option<&'a str> {
        self.eat(b'"')?;
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().position(|b| matches!(b, b'"' | b'\\' | ..0x20))?;
        let text = self.text.get(self.at..self.at + length)?;
        self.at += length;
        self.eat(b'"')?;
        Some(text)
    }

    fn number(&mut self) -> Option<f64> {
        self.peek()?;
        let (number, length) = decimal::read(&self.text.as_bytes()[self.at..])?;
        self.at += length;
        Some(number)
    }

    fn integer(&mut self) -> Option<i64> {
        self.peek()?;
        let rest = &self.text.as_bytes()[self.at..];
        let sign = usize::from(rest.first() == Some(&b'-'));
        let digits = rest[sign..].iter().take_while(|b| b.is_ascii_digit()).count();
        if digits > 1 && rest[sign] == b'0' {
            return None;
        }
        let number = self.text.get(self.at..self.at + sign + digits)?.parse().ok()?;
        self.at += sign + digits;
        // A fraction or power that follows is no comma: whoever reads on stops there.
        Some(number)
    }

    /// RFC 3339, or milliseconds since 1970.
    fn time(&mut self) -> Option<Micros> {
        match self.peek()? {
            b'"' => rfc3339(self.string()?),
            _ => self.integer()?.checked_mul(1_000),
        }
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn eat(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }
}
