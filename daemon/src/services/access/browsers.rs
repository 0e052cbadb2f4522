//! What browsers need besides credentials: the tenant of a host name, and tokens that other sites' pages do not know.

use fleet_proto::kinds::Kind;
use subtle::ConstantTimeEq as _;

use super::{Access, read, write};
use crate::domain::caller::Who;
use crate::domain::tokens::{self as texts, TokenKind};
use crate::domain::{Caller, Org};
use crate::services::error::Result;
use crate::storage::resources;

/// Host names that are remembered: anybody may send any.
const MOST_HOSTS: usize = 1_000;

impl Access {
    /// The organization that a host name selects: lower case, without port.
    pub async fn tenant(&self, host: &str) -> Result<Option<Org>> {
        let revision = *self.resources.revisions().borrow();
        let known = read(&self.tenants)
            .get(host)
            .filter(|known| known.0 == revision)
            .cloned();
        if let Some((_, org)) = known {
            return Ok(org);
        }
        let org = self.tenant_of(host).await?;
        let mut tenants = write(&self.tenants);
        if tenants.len() >= MOST_HOSTS {
            tenants.clear();
        }
        tenants.insert(host.to_owned(), (revision, org.clone()));
        Ok(org)
    }

    async fn tenant_of(&self, host: &str) -> Result<Option<Org>> {
        let mut tx = self.resources.db().read().await?;
        let holder = resources::holder_of_unique(&mut tx, "", Kind::Organization, "spec.domains.host", host).await?;
        let Some(uid) = holder else { return Ok(None) };
        let found = resources::find_by_uid(&mut tx, uid).await?;
        Ok(found.map(|object| Org {
            uid: object.uid,
            name: object.name,
        }))
    }

    /// What a page shows with each change that it asks for in a session.
    pub fn form_token(&self, session: &str) -> String {
        self.resources.sealer().form_token(session)
    }

    /// Does a page that a session was opened in ask?
    pub fn is_own_form(&self, session: &str, shown: &str) -> bool {
        self.form_token(session).as_bytes().ct_eq(shown.as_bytes()).into()
    }

    /// The session that a refresh token belongs to.
    pub fn session_of(refresh: &str) -> Option<&str> {
        texts::id(TokenKind::Refresh, refresh)
    }
}

/// The session that a caller is in.
pub fn session(caller: &Caller) -> Option<&str> {
    match caller.who() {
        Who::User { session, .. } => Some(session),
        _ => None,
    }
}
