//! Variable-length integers, runs of equal values, and checked reading of both.

/// Why stored bytes cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Damage(pub(super) &'static str);

const CUT: Damage = Damage("it is cut off");

/// Appends an unsigned integer, 7 bits a byte, lowest first.
#[inline]
pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a signed integer, small ones of either sign short.
#[inline]
pub(super) fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, ((number << 1) ^ (number >> 63)) as u64);
}

/// Appends values as runs of equal ones: value, length.
pub(super) fn put_runs(out: &mut Vec<u8>, values: impl Iterator<Item = u64>) {
    let mut run: Option<(u64, u64)> = None;
    for value in values {
        match &mut run {
            Some((same, length)) if *same == value => *length += 1,
            other => {
                if let Some((value, length)) = other.replace((value, 1)) {
                    put(out, value);
                    put(out, length);
                }
            }
        }
    }
    if let Some((value, length)) = run {
        put(out, value);
        put(out, length);
    }
}

/// Bytes that are still to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Damage> {
        let (head, rest) = self.0.split_at_checked(length).ok_or(CUT)?;
        self.0 = rest;
        Ok(head)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let (head, rest) = self.0.split_first_chunk().ok_or(CUT)?;
        self.0 = rest;
        Ok(*head)
    }

    #[inline]
    pub(super) fn number(&mut self) -> Result<u64, Damage> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(CUT)?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Damage("a number is too long"))
    }

    #[inline]
    pub(super) fn signed(&mut self) -> Result<i64, Damage> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(super) fn small(&mut self) -> Result<u32, Damage> {
        u32::try_from(self.number()?).map_err(|_| Damage("a number is too large"))
    }

    /// Reads runs until they make up `count` values, and hands over each with its length.
    pub(super) fn runs(
        &mut self,
        count: usize,
        mut each: impl FnMut(u64, usize) -> Result<(), Damage>,
    ) -> Result<(), Damage> {
        let mut left = count;
        while left > 0 {
            let (value, length) = (self.number()?, self.number()?);
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if length == 0 || length > left {
                return Err(Damage("a run has the wrong length"));
            }
            each(value, length)?;
            left -= length;
        }
        Ok(())
    }
}
