//! The row of a session. It holds only the hash of the token.

use jiff::Timestamp;
use strongroom_crypto::TokenHash;

use crate::model::{MacRow, Owner, SessionId};

/// A session as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the table `session`")]
pub struct SessionRow {
    pub id: SessionId,
    pub owner: Owner,
    pub hash: TokenHash,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// The origins of the pages that may use the session. If empty, only the vault's own origin may.
    pub origins: Vec<String>,
    pub mac: [u8; 32],
}

impl MacRow for SessionRow {
    fn table(&self) -> &'static str {
        "session"
    }

    fn columns<T>(&self, then: impl FnOnce(&[&[u8]]) -> T) -> T {
        then(&[
            self.id.to_string().as_bytes(),
            self.owner.tenant.to_string().as_bytes(),
            self.owner.user.as_str().as_bytes(),
            self.hash.as_bytes(),
            &self.created_at.as_millisecond().to_be_bytes(),
            &self.expires_at.as_millisecond().to_be_bytes(),
            self.origins.join(" ").as_bytes(),
        ])
    }

    fn mac(&self) -> &[u8; 32] {
        &self.mac
    }

    fn mac_mut(&mut self) -> &mut [u8; 32] {
        &mut self.mac
    }
}
