//! Levels of logs, those of devices and the system log alike.

/// How much an entry matters. A call for help stands above everything: somebody waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For whoever looks for a fault; devices only.
    Debug,
    /// As it should be.
    Info,
    /// Somebody should look at it.
    Warning,
    /// Something does not work.
    Error,
    /// A device, or whoever stands before it, calls for help.
    Help,
}

impl Level {
    /// Every level, from least to most.
    pub const ALL: [Self; 5] = [Self::Debug, Self::Info, Self::Warning, Self::Error, Self::Help];

    /// As it is shown.
    pub fn text(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Help => "help",
        }
    }

    /// As it is stored: 0 debug to 4 help.
    pub fn number(self) -> i64 {
        self as i64
    }

    /// The level of a stored number; one that is out of range is info.
    pub fn of_number(number: i64) -> Self {
        let at = usize::try_from(number).ok();
        at.and_then(|at| Self::ALL.get(at).copied()).unwrap_or(Self::Info)
    }

    /// The level that a word means, in any case, with the words of other loggers.
    pub fn find(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "debug" | "trace" | "verbose" => Self::Debug,
            "info" | "notice" => Self::Info,
            "warning" | "warn" => Self::Warning,
            "error" | "fatal" | "critical" => Self::Error,
            "help" => Self::Help,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_come_back() {
        for level in Level::ALL {
            assert_eq!(Level::find(level.text()), Some(level));
            assert_eq!(Level::find(&level.text().to_uppercase()), Some(level));
            assert_eq!(Level::of_number(level.number()), level);
        }
        assert!(Level::Help > Level::Error);
        assert_eq!(Level::find("loud"), None);
        assert_eq!(Level::of_number(-1), Level::Info);
    }
}
