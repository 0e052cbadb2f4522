//! Text that is for one reader: it is not printed, and wiped when it is no longer needed.

use std::fmt;
use std::ops::Deref;

use zeroize::Zeroizing;

/// A password, token or code.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Hidden(Zeroizing<String>);

impl Hidden {
    /// The text, for whom it is meant.
    pub fn reveal(&self) -> String {
        self.0.to_string()
    }
}

impl Deref for Hidden {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Hidden {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_printed() {
        let hidden = Hidden::from("open sesame");
        assert_eq!(&*hidden, "open sesame");
        assert_eq!(format!("{:?}", Some(hidden)), "Some((hidden))");
    }
}
