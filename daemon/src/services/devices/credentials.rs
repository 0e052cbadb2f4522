//! Tokens of devices.

use uuid::Uuid;

use super::Devices;
use crate::domain::tokens::TokenKind;
use crate::services::error::Result;
use crate::storage::Tx;
use crate::storage::devices::credentials::{self, Token};

impl Devices {
    /// A new token, and its text.
    pub(super) async fn insert_token(&self, tx: &mut Tx, device: Uuid, by: &str) -> Result<(Token, String)> {
        let fresh = Self::fresh_token(TokenKind::Device);
        let token = Token {
            id: fresh.id,
            device,
            hash: fresh.hash,
            created_at: self.clock.now(),
            created_by: by.to_owned(),
        };
        credentials::insert(tx, &token).await?;
        Ok((token, fresh.text))
    }
}
