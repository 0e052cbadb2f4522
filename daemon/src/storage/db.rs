//! The waist where two engines meet: one SQL text, typed values, native drivers.
//!
//! SQL is `&'static str`, lower case, with `$1` parameters; columns are text, bigint, double precision, boolean.
//! Write transactions are serialised: by the one writer connection on SQLite, by the revision row on PostgreSQL. Who is
//! next is decided before that, in `turns`.

use std::path::Path;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::error::{Error, Result};
use super::turns::{Turn, Turns};
use crate::domain::shares::Share;

/// Older versions can corrupt the write-ahead log when it is reset.
pub const LEAST_SQLITE: &str = "3.51.3";

/// Transactions that may write at once on PostgreSQL; most wait for the revision row, and readers need connections, too.
const PG_WRITERS: usize = 4;

/// Schema files in order; the position is the version.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_resources.sql"),
    include_str!("migrations/0002_series.sql"),
    include_str!("migrations/0003_devices.sql"),
    include_str!("migrations/0004_ownership.sql"),
    include_str!("migrations/0005_access.sql"),
    include_str!("migrations/0006_certificates.sql"),
    include_str!("migrations/0007_sessions.sql"),
    include_str!("migrations/0008_avatars.sql"),
    include_str!("migrations/0009_audit.sql"),
    include_str!("migrations/0010_log.sql"),
    include_str!("migrations/0011_log_search.sql"),
    include_str!("migrations/0012_change_by_org.sql"),
];

/// An open database.
#[derive(Clone, Debug)]
pub enum Db {
    /// Embedded.
    Sqlite {
        /// One connection: SQLite has one writer.
        write: SqlitePool,
        /// Short readers beside it.
        read: SqlitePool,
        /// Who is next at the one that writes.
        turns: Turns,
    },
    /// Server.
    Postgres {
        /// Its connections.
        pool: PgPool,
        /// Who is next at those that write.
        turns: Turns,
    },
}

/// A transaction; dropped without `commit` it leaves nothing.
#[derive(Debug)]
pub enum Tx {
    #[expect(missing_docs, reason = "the engine's name says it")]
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>, Option<Turn>),
    #[expect(missing_docs, reason = "the engine's name says it")]
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>, Option<Turn>),
}

/// A row of a result.
#[derive(Debug)]
pub enum Row {
    #[expect(missing_docs, reason = "the engine's name says it")]
    Sqlite(SqliteRow),
    #[expect(missing_docs, reason = "the engine's name says it")]
    Postgres(PgRow),
}

/// A typed parameter; nulls keep their type, which PostgreSQL insists on.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the column types that both engines have")]
pub enum Bind {
    Text(Option<String>),
    Int(Option<i64>),
    Real(Option<f64>),
    Bool(Option<bool>),
}

macro_rules! binds {
    ($($from:ty => $arm:ident: $make:expr;)+) => {$(
        impl From<$from> for Bind {
            fn from(value: $from) -> Self {
                let make: fn($from) -> _ = $make;
                Self::$arm(make(value))
            }
        }
    )+};
}
binds! {
    &str => Text: |v| Some(v.to_owned());
    String => Text: Some;
    &String => Text: |v| Some(v.clone());
    Option<&str> => Text: |v| v.map(str::to_owned);
    Option<String> => Text: |v| v;
    uuid::Uuid => Text: |v| Some(v.to_string());
    i64 => Int: Some;
    Option<i64> => Int: |v| v;
    u32 => Int: |v| Some(i64::from(v));
    u64 => Int: |v| Some(i64::try_from(v).unwrap_or(i64::MAX));
    f64 => Real: Some;
    Option<f64> => Real: |v| v;
    bool => Bool: Some;
}

/// A statement with its parameters.
#[derive(Debug)]
pub struct Query {
    sql: &'static str,
    binds: Vec<Bind>,
}

/// Begins a statement.
pub fn query(sql: &'static str) -> Query {
    Query { sql, binds: Vec::new() }
}

macro_rules! bound {
    ($query:expr) => {{
        #[expect(clippy::disallowed_methods, reason = "the one place that hands SQL to the drivers")]
        let mut query = sqlx::query($query.sql);
        for bind in $query.binds {
            query = match bind {
                Bind::Text(v) => query.bind(v),
                Bind::Int(v) => query.bind(v),
                Bind::Real(v) => query.bind(v),
                Bind::Bool(v) => query.bind(v),
            };
        }
        query
    }};
}

impl Query {
    /// Adds the next parameter.
    pub fn bind(mut self, value: impl Into<Bind>) -> Self {
        self.binds.push(value.into());
        self
    }

    /// Runs it; gives the number of rows that it touched.
    pub async fn execute(self, tx: &mut Tx) -> Result<u64> {
        Ok(match tx {
            Tx::Sqlite(tx, _) => bound!(self).execute(&mut **tx).await?.rows_affected(),
            Tx::Postgres(tx, _) => bound!(self).execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// Every row of the result.
    pub async fn fetch_all(self, tx: &mut Tx) -> Result<Vec<Row>> {
        Ok(match tx {
            Tx::Sqlite(tx, _) => bound!(self)
                .fetch_all(&mut **tx)
                .await?
                .into_iter()
                .map(Row::Sqlite)
                .collect(),
            Tx::Postgres(tx, _) => bound!(self)
                .fetch_all(&mut **tx)
                .await?
                .into_iter()
                .map(Row::Postgres)
                .collect(),
        })
    }

    /// The first row, where there is one.
    pub async fn fetch_optional(self, tx: &mut Tx) -> Result<Option<Row>> {
        Ok(match tx {
            Tx::Sqlite(tx, _) => bound!(self).fetch_optional(&mut **tx).await?.map(Row::Sqlite),
            Tx::Postgres(tx, _) => bound!(self).fetch_optional(&mut **tx).await?.map(Row::Postgres),
        })
    }

    /// The only row of a statement that always has one.
    pub async fn fetch_one(self, tx: &mut Tx) -> Result<Row> {
        Ok(match tx {
            Tx::Sqlite(tx, _) => Row::Sqlite(bound!(self).fetch_one(&mut **tx).await?),
            Tx::Postgres(tx, _) => Row::Postgres(bound!(self).fetch_one(&mut **tx).await?),
        })
    }
}

macro_rules! get {
    ($row:expr, $column:expr) => {
        match $row {
            Row::Sqlite(row) => row.try_get($column).map_err(Error::from),
            Row::Postgres(row) => row.try_get($column).map_err(Error::from),
        }
    };
}

impl Row {
    /// A text column.
    pub fn text(&self, column: &str) -> Result<String> {
        get!(self, column)
    }
    /// A text column that may be null.
    pub fn opt_text(&self, column: &str) -> Result<Option<String>> {
        get!(self, column)
    }
    /// A bigint column.
    pub fn int(&self, column: &str) -> Result<i64> {
        get!(self, column)
    }
    /// A bigint column that may be null.
    pub fn opt_int(&self, column: &str) -> Result<Option<i64>> {
        get!(self, column)
    }
    /// A bigint column that is never negative.
    pub fn count(&self, column: &str) -> Result<u64> {
        Ok(u64::try_from(self.int(column)?).unwrap_or(0))
    }
    /// A double precision column that may be null.
    pub fn opt_real(&self, column: &str) -> Result<Option<f64>> {
        get!(self, column)
    }
    /// A boolean column.
    pub fn flag(&self, column: &str) -> Result<bool> {
        get!(self, column)
    }
    /// A text column that holds a UUID.
    pub fn uuid(&self, table: &'static str, column: &str) -> Result<uuid::Uuid> {
        let text = self.text(column)?;
        text.parse().map_err(|_| Error::Corrupt {
            table,
            column: column.to_owned(),
            detail: format!("`{text}` is no UUID"),
        })
    }
}

impl Tx {
    /// Makes it durable.
    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx, _turn) => tx.commit().await?,
            Self::Postgres(tx, _turn) => tx.commit().await?,
        }
        Ok(())
    }
}

/// Options for a SQLite file as fleetd keeps them: write-ahead log, fsync at every commit.
pub fn sqlite_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(10))
        .foreign_keys(true)
        .disable_statement_logging()
}

/// A pool that keeps no connection whose transaction is lost. On a full disk SQLite itself takes a transaction back;
/// the driver's rollback then fails, and it would refuse every later transaction on that connection.
fn sound() -> SqlitePoolOptions {
    SqlitePoolOptions::new().after_release(|connection, _| {
        Box::pin(async move {
            // The rollback of a dropped transaction is queued: what comes after it is answered after it.
            connection.ping().await?;
            Ok(!connection.is_in_transaction())
        })
    })
}

impl Db {
    /// Opens the embedded database at `path`, creating it where it is missing, and brings its schema up to date.
    pub async fn open_sqlite(path: &Path) -> Result<Self> {
        let write = sound()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_with(sqlite_options(path))
            .await?;
        let read = sound()
            .max_connections(4)
            .connect_with(sqlite_options(path).pragma("query_only", "on"))
            .await?;
        let db = Self::Sqlite {
            write,
            read,
            turns: Turns::new(1),
        };
        db.check_engine().await?;
        db.migrate().await?;
        Ok(db)
    }

    /// Connects to a PostgreSQL server and brings the schema up to date.
    pub async fn open_postgres(url: &str) -> Result<Self> {
        // The driver's own message may repeat the URL with its password.
        let options: PgConnectOptions = url.parse().map_err(|_| Error::Url("it cannot be read".to_owned()))?;
        let pool = PgPoolOptions::new()
            .max_connections(10)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(options.disable_statement_logging())
            .await?;
        let db = Self::Postgres {
            pool,
            turns: Turns::new(PG_WRITERS),
        };
        db.migrate().await?;
        Ok(db)
    }

    /// Begins a transaction of the platform's own that may write.
    pub async fn begin(&self) -> Result<Tx> {
        self.begin_for(Share::PLATFORM).await
    }

    /// Begins a transaction that may write, when it is the organization's turn. Whoever holds one must not begin another.
    pub async fn begin_for(&self, share: Share) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite { write, turns, .. } => {
                let turn = turns.take(share).await?;
                Tx::Sqlite(write.begin_with("begin immediate").await?, Some(turn))
            }
            Self::Postgres { pool, turns } => {
                let turn = turns.take(share).await?;
                Tx::Postgres(pool.begin().await?, Some(turn))
            }
        })
    }

    /// Begins a transaction that only reads, all of it from one moment.
    pub async fn read(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite { read, .. } => Tx::Sqlite(read.begin().await?, None),
            Self::Postgres { pool, .. } => Tx::Postgres(
                pool.begin_with("begin isolation level repeatable read read only")
                    .await?,
                None,
            ),
        })
    }

    /// Engine and version, such as `sqlite 3.51.3`.
    pub async fn engine(&self) -> Result<String> {
        let mut tx = self.read().await?;
        Ok(match self {
            Self::Sqlite { .. } => {
                format!(
                    "sqlite {}",
                    query("select sqlite_version() as v")
                        .fetch_one(&mut tx)
                        .await?
                        .text("v")?
                )
            }
            Self::Postgres { .. } => {
                format!(
                    "postgres {}",
                    query("select current_setting('server_version') as v")
                        .fetch_one(&mut tx)
                        .await?
                        .text("v")?
                )
            }
        })
    }

    /// Closes every connection, after which SQLite's log is folded into the file.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { write, read, .. } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres { pool, .. } => pool.close().await,
        }
    }

    async fn check_engine(&self) -> Result<()> {
        let numbers = |text: &str| text.split('.').map(|n| n.parse().unwrap_or(0)).collect::<Vec<u32>>();
        let engine = self.engine().await?;
        let found = engine.trim_start_matches("sqlite ");
        if numbers(found) < numbers(LEAST_SQLITE) {
            return Err(Error::OldEngine {
                found: found.to_owned(),
                least: LEAST_SQLITE,
            });
        }
        Ok(())
    }

    async fn migrate(&self) -> Result<()> {
        let known = MIGRATIONS.len() as i64;
        let mut tx = self.begin().await?;
        if let Tx::Postgres(..) = tx {
            // Two replicas that start at once must not both create the tables.
            query("select pg_advisory_xact_lock(7070)").execute(&mut tx).await?;
        }
        query("create table if not exists schema_version (version bigint not null)")
            .execute(&mut tx)
            .await?;
        let found = match query("select version from schema_version")
            .fetch_optional(&mut tx)
            .await?
        {
            Some(row) => row.int("version")?,
            None => {
                query("insert into schema_version (version) values (0)")
                    .execute(&mut tx)
                    .await?;
                0
            }
        };
        if found > known {
            return Err(Error::NewerSchema { found, known });
        }
        for script in &MIGRATIONS[usize::try_from(found).unwrap_or(0)..] {
            match &mut tx {
                Tx::Sqlite(tx, _) => sqlx::raw_sql(*script).execute(&mut **tx).await.map(|_| ())?,
                Tx::Postgres(tx, _) => sqlx::raw_sql(*script).execute(&mut **tx).await.map(|_| ())?,
            }
        }
        query("update schema_version set version = $1")
            .bind(known)
            .execute(&mut tx)
            .await?;
        tx.commit().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_bundled_engine_is_the_one_that_was_chosen() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open_sqlite(&dir.path().join("fleetd.db")).await.unwrap();
        assert_eq!(db.engine().await.unwrap(), "sqlite 3.51.3");
    }

    #[tokio::test]
    async fn a_transaction_that_the_engine_took_back_costs_no_later_one() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open_sqlite(&dir.path().join("fleetd.db")).await.unwrap();
        for _ in 0..3 {
            let mut tx = db.begin().await.unwrap();
            // What SQLite does by itself when the disk is full.
            query("rollback").execute(&mut tx).await.unwrap();
            drop(tx);
            let mut tx = db.begin().await.unwrap();
            let schema = query("update schema_version set version = version");
            assert_eq!(schema.execute(&mut tx).await.unwrap(), 1);
            tx.commit().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_newer_schema_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fleetd.db");
        let db = Db::open_sqlite(&path).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        query("update schema_version set version = 99")
            .execute(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        db.close().await;
        assert!(matches!(
            Db::open_sqlite(&path).await,
            Err(Error::NewerSchema { found: 99, .. })
        ));
    }
}
