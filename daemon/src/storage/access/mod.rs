//! Who may call: API tokens, people and their pictures, and how far the roles that are stored have changed.

pub mod avatars;
pub mod passwords;
pub mod sessions;
pub mod tokens;

use super::db::{Tx, query};
use super::error::Result;

/// The newest transaction behind `after` that may have changed what somebody may do; none: there was none.
pub async fn changed_after(tx: &mut Tx, after: u64) -> Result<Option<u64>> {
    let row = query(
        "select max(revision) as newest from change
          where revision > $1 and kind in ('organization', 'user', 'role', 'site', 'role-binding')",
    )
    .bind(after)
    .fetch_one(tx)
    .await?;
    Ok(row.opt_int("newest")?.and_then(|newest| u64::try_from(newest).ok()))
}
