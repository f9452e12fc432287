//! The status of a connection for the user who started it. It is the only authority: windows of the browser may be
//! wrong.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::task::run_to_completion;
use crate::error::Error;
use crate::handles::Connections;
use crate::vault::Vault;
use strongroom_store::{Actor, ConnectionId, ConnectionRow, CredentialId, Phase};

/// A connection, for the user who started it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The id of the connection.
    pub id: ConnectionId,
    /// The current status.
    pub status: Status,
    /// Why it failed: a stable code.
    pub cause: Option<String>,
    /// The connected credential.
    pub credential: Option<CredentialId>,
    /// The code to enter, and where.
    pub prompt: Option<Prompt>,
    /// Until when the connection can be completed and its status requested.
    pub expires_at: Timestamp,
}

/// The status of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Status {
    /// The user has not consented yet.
    Waiting,
    /// The user has consented. The user's page must complete the connection, or that is in progress.
    Returned,
    /// The account is connected.
    Connected,
    /// The connection failed.
    Failed,
    /// The connection expired.
    Expired,
}

impl Status {
    /// The displayed form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The code that a user enters at the provider, and where (RFC 8628 3.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// The code, as displayed.
    pub user_code: String,
    /// The address of the page.
    pub address: String,
    /// The address with the code in it, for a link or a QR code.
    pub complete_address: Option<String>,
}

impl Connections<'_> {
    /// The status of a connection of this user. In the device flow, this polls the provider, at most as often as
    /// allowed.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a connection of another user, or if it expired long ago.
    pub async fn get(self, actor: &Actor, id: ConnectionId) -> Result<Connection, Error> {
        let Self { vault, owner } = self;
        let row = vault.inner.store.connection_of(owner, id).await?.ok_or(Error::NotFound { what: "connection" })?;
        if row.phase == Phase::Prompted && row.expires_at > vault.inner.clock.now() {
            let (vault, actor) = (vault.clone(), actor.clone());
            return run_to_completion(async move { vault.poll(&actor, row).await }).await;
        }
        Ok(vault.shown_connection(&row))
    }
}

impl Vault {
    pub(super) fn shown_connection(&self, row: &ConnectionRow) -> Connection {
        let over = row.expires_at <= self.inner.clock.now();
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
            // Before the end, `credential` is the one to reconnect.
            credential: row.credential.filter(|_| status == Status::Connected),
            prompt: None,
            expires_at: row.expires_at,
        }
    }
}
