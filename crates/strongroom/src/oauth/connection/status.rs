//! What becomes of a connection, for the user who began it: the one authority on it, whatever a window of theirs believes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::row::{ConnectionRow, Phase};
use super::run_to_completion;
use crate::access::Actor;
use crate::error::Error;
use crate::id::{ConnectionId, CredentialId, Owner};
use crate::vault::Vault;

/// A connection, as the user who began it sees it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// How far it is.
    pub status: Status,
    /// Why it failed: a code.
    pub cause: Option<String>,
    /// What was connected.
    pub credential: Option<CredentialId>,
    /// What the user types in, and where.
    pub prompt: Option<Prompt>,
    /// Until when it can be finished, and asked about.
    pub expires_at: Timestamp,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The user has yet to consent.
    Waiting,
    /// They have; the user's page has yet to complete it, or it is being completed.
    Returned,
    /// There is a credential.
    Connected,
    /// There will be none.
    Failed,
    /// The time is over.
    Expired,
}

impl Status {
    /// The shown form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Returned => "returned",
            Self::Connected => "connected",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
}

/// What a user types in at the provider, and where (RFC 8628 3.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// The code, as it is shown.
    pub user_code: String,
    /// The page to open.
    pub address: String,
    /// The same with the code in it, for a link or a QR code.
    pub complete_address: Option<String>,
}

impl Vault {
    /// How a connection of this user stands. One that waits for a code to be typed in is asked about at the provider, as
    /// often as that allows.
    ///
    /// # Errors
    /// [`Error::NotFound`] for another user's, and for one that is long over.
    pub async fn connection_status(&self, actor: &Actor, owner: &Owner, id: ConnectionId) -> Result<Connection, Error> {
        let row = self.store.connection_of(owner, id).await?.ok_or(Error::NotFound { what: "connection" })?;
        if row.phase == Phase::Prompted && row.expires_at > self.clock.now() {
            let (vault, actor) = (self.clone(), actor.clone());
            return run_to_completion(async move { vault.poll(&actor, row).await }).await;
        }
        Ok(self.shown_connection(&row))
    }

    pub(super) fn shown_connection(&self, row: &ConnectionRow) -> Connection {
        let over = row.expires_at <= self.clock.now();
        let status = match row.phase {
            Phase::Connected => Status::Connected,
            Phase::Failed => Status::Failed,
            _ if over => Status::Expired,
            Phase::Begun | Phase::Started | Phase::Prompted => Status::Waiting,
            Phase::Returned | Phase::Settling => Status::Returned,
        };
        Connection {
            id: row.id,
            status,
            cause: row.cause.clone(),
            // Before the end it is the one to be connected again.
            credential: row.credential.filter(|_| status == Status::Connected),
            prompt: None,
            expires_at: row.expires_at,
        }
    }
}
