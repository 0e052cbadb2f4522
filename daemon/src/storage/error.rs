//! What can go wrong below SQL. A missing row is an `Option` and a lost race a value: neither is an error.

/// Result of a storage function.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong in storage.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine refused or failed.
    #[error("database: {0}")]
    Sql(#[source] sqlx::Error),
    /// The disk is full; nothing was written.
    #[error("the disk is full")]
    Full(#[source] sqlx::Error),
    /// Too much waits for its turn to write.
    #[error("too much waits to be written")]
    Busy,
    /// What is stored cannot be read back.
    #[error("{table}.{column} holds what cannot be read: {detail}")]
    Corrupt {
        /// Where.
        table: &'static str,
        /// Where in the row.
        column: String,
        /// What about it.
        detail: String,
    },
    /// A newer fleetd wrote this database.
    #[error(
        "the database has schema {found}, this fleetd knows up to {known}; start the fleetd that wrote it, or a newer one"
    )]
    NewerSchema {
        /// Version in the database.
        found: i64,
        /// Newest version that this binary knows.
        known: i64,
    },
    /// The engine is too old to be trusted.
    #[error("SQLite {found} is older than {least} and can corrupt its log; build fleetd with the bundled one")]
    OldEngine {
        /// Version in use.
        found: String,
        /// Least version.
        least: &'static str,
    },
    /// A file or folder of the store.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// `--database-url` names no engine that fleetd has.
    #[error("database URL: {0}; it begins with `postgres://` or `sqlite://`")]
    Url(String),
}

/// SQLite's extended result codes after which the log on disk can no longer be trusted:
/// fsync of a file (1034) or of a directory (1290).
const FSYNC_FAILED: [&str; 2] = ["1034", "1290"];
/// SQLITE_FULL, and PostgreSQL's `disk_full`.
const FULL: [&str; 2] = ["13", "53100"];

impl Error {
    /// May the process go on? After a failed fsync SQLite goes on committing frames that recovery drops.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Sql(sqlx::Error::Database(e)) if e.code().is_some_and(|c| FSYNC_FAILED.contains(&c.as_ref())))
    }

    /// Is it about what was to be written, and not about the store? A repeat would fail, too.
    pub fn is_of_content(&self) -> bool {
        match self {
            Self::Sql(sqlx::Error::Encode(_)) => true,
            Self::Sql(sqlx::Error::Database(error)) => error.code().is_some_and(|code| match code.len() {
                5 => CONTENT_CLASSES.iter().any(|class| code.starts_with(class)),
                _ => code
                    .parse::<u32>()
                    .is_ok_and(|code| CONTENT_CODES.contains(&(code & 0xff))),
            }),
            _ => false,
        }
    }
}

/// PostgreSQL's classes of SQLSTATE for data, constraints, and limits.
const CONTENT_CLASSES: [&str; 3] = ["22", "23", "54"];
/// SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_MISMATCH, in the low byte of an extended code.
const CONTENT_CODES: [u32; 3] = [18, 19, 20];

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let full = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .is_some_and(|c| FULL.contains(&c.as_ref()));
        if full { Self::Full(error) } else { Self::Sql(error) }
    }
}
