//! A connection as it is stored. Its key is the hash of a secret that a browser or a page has. Its secrets are sealed
//! with all columns that decide something as associated data. Each phase has a new hash, so a late caller finds no row.

use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strongroom_crypto::{Context, Kind, Sealed, Secret};
use zeroize::Zeroize;

use super::IfConnected;
use super::status::Prompt;
use crate::access::Actor;
use crate::audit::{Action, Entry, Reason};
use crate::credential::Credential;
use crate::error::Error;
use crate::id::{AppId, ConnectionId, CredentialId, CredentialName, NameError, Owner, PluginName};
use crate::store::StoreError;
use crate::vault::Vault;

/// The phases of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The start link exists.
    Begun,
    /// The browser is at the provider.
    Started,
    /// The code has arrived. The user must still complete the connection.
    Returned,
    /// The user enters a code at the provider.
    Prompted,
    /// The code is being exchanged. A second caller with the same code finds no row.
    Settling,
    /// The account is connected.
    Connected,
    /// The connection failed, and `cause` says why.
    Failed,
}

impl Phase {
    const ALL: [(Self, &str); 7] = [
        (Self::Begun, "begun"),
        (Self::Started, "started"),
        (Self::Returned, "returned"),
        (Self::Prompted, "prompted"),
        (Self::Settling, "settling"),
        (Self::Connected, "connected"),
        (Self::Failed, "failed"),
    ];

    pub(crate) fn as_str(self) -> &'static str {
        Self::ALL.into_iter().find(|(phase, _)| *phase == self).map_or("", |(_, text)| text)
    }
}

impl FromStr for Phase {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let found = Self::ALL.into_iter().find(|(_, known)| *known == text);
        found.map(|(phase, _)| phase).ok_or_else(|| NameError("must be a phase".to_owned()))
    }
}

/// A connection as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the table `connection`")]
pub struct ConnectionRow {
    pub id: ConnectionId,
    pub owner: Owner,
    pub plugin: PluginName,
    pub app: AppId,
    pub credential: Option<CredentialId>,
    pub name: CredentialName,
    pub scopes: String,
    pub return_address: String,
    pub phase: Phase,
    pub hash: [u8; 32],
    pub sealed: Sealed,
    pub cause: Option<String>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// The secrets of a connection. They are stored sealed.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct ConnectionSecrets {
    pub(super) verifier: String,
    pub(super) browser: Option<[u8; 32]>,
    pub(super) code: Option<String>,
    pub(super) kept: Vec<(String, String)>,
    #[serde(default)]
    pub(super) device: Option<Device>,
    #[serde(default)]
    pub(super) if_connected: IfConnected,
}

/// The data for polling a device authorization (RFC 8628 3.2).
#[derive(Serialize, Deserialize)]
pub(super) struct Device {
    pub(super) code: String,
    pub(super) prompt: Prompt,
    /// Polling interval in milliseconds.
    pub(super) interval: i64,
    /// The time of the next poll, in milliseconds since 1970.
    pub(super) next_at: i64,
}

impl Drop for ConnectionSecrets {
    fn drop(&mut self) {
        self.verifier.zeroize();
        self.code.zeroize();
        if let Some(device) = &mut self.device {
            device.code.zeroize();
        }
        self.kept.iter_mut().for_each(|(_, value)| value.zeroize());
    }
}

impl Vault {
    /// The row of a phase, if it exists, has not expired and can be decrypted. All deciding columns are associated
    /// data.
    pub(super) async fn connection(
        &self,
        phase: Phase,
        hash: [u8; 32],
    ) -> Result<(ConnectionRow, ConnectionSecrets), Error> {
        let gone = || Error::NotFound { what: "connection" };
        let row = self.store.connection(&hash).await?.ok_or_else(gone)?;
        if row.phase != phase || row.expires_at <= self.clock.now() {
            return Err(gone());
        }
        let secrets = self.unseal_secrets(&row)?;
        Ok((row, secrets))
    }

    pub(super) fn unseal_secrets(&self, row: &ConnectionRow) -> Result<ConnectionSecrets, Error> {
        let gone = || Error::NotFound { what: "connection" };
        let bytes =
            self.in_connection_context(row, |context| self.keyring.open(Kind::Connection, context, &row.sealed));
        let bytes = bytes.map_err(|error| {
            tracing::error!(connection = %row.id, %error, "a connection's row was altered");
            gone()
        })?;
        serde_json::from_slice(bytes.expose()).map_err(|_| gone())
    }

    pub(super) async fn advance(
        &self,
        actor: &Actor,
        row: &mut ConnectionRow,
        phase: Phase,
        hash: [u8; 32],
        secrets: &ConnectionSecrets,
    ) -> Result<(), Error> {
        let from = std::mem::replace(&mut row.hash, hash);
        row.phase = phase;
        row.sealed = self.seal_secrets(row, secrets);
        let action = match phase {
            Phase::Started => Action::ConnectionStart,
            Phase::Prompted => Action::ConnectionPoll,
            _ => Action::ConnectionReturn,
        };
        let entry = self.entry_of(actor, row, action);
        moved(self.within_deadline(self.store.advance_connection(from, row, entry)).await)
    }

    /// Consumes the secrets of the row. A second caller finds no row with the old hash.
    pub(super) async fn take(&self, row: &mut ConnectionRow, entry: Entry) -> Result<(), Error> {
        self.finish_with(row, Phase::Settling, entry).await
    }

    /// Writes the outcome of a connection, for status requests until it expires. The credential already exists or does
    /// not, so a failure here is only logged.
    pub(super) async fn settle(&self, actor: &Actor, row: &mut ConnectionRow, outcome: &Result<Credential, Error>) {
        let entry = self.entry_of(actor, row, Action::ConnectionSettled);
        let (phase, entry) = match outcome {
            Ok(credential) => {
                row.credential = Some(credential.id);
                (Phase::Connected, entry)
            }
            Err(error) => {
                row.cause = Some(match error {
                    Error::Provider(cause) if !cause.contains(' ') => cause.clone(),
                    Error::Provider(_) => "account-unknown".to_owned(),
                    Error::OtherAccount => "other-account".to_owned(),
                    _ => "internal".to_owned(),
                });
                (Phase::Failed, entry.denied(Reason::Provider))
            }
        };
        if let Err(error) = self.finish_with(row, phase, entry).await {
            tracing::warn!(connection = %row.id, %error, "the result of a connection could not be written");
        }
    }

    pub(super) async fn finish_with(&self, row: &mut ConnectionRow, phase: Phase, entry: Entry) -> Result<(), Error> {
        let next = ConnectionRow {
            hash: hash("settled", &self.random_text()),
            phase,
            sealed: Sealed::from_bytes(Vec::new()),
            ..row.clone()
        };
        moved(self.within_deadline(self.store.advance_connection(row.hash, &next, entry)).await)?;
        *row = next;
        Ok(())
    }

    pub(super) fn entry_of(&self, actor: &Actor, row: &ConnectionRow, action: Action) -> Entry {
        self.entry(actor, row.owner.tenant, action)
            .with_user(&row.owner.user)
            .with_plugin(&row.plugin)
            .with_target(row.id)
    }

    pub(super) fn seal_secrets(&self, row: &ConnectionRow, secrets: &ConnectionSecrets) -> Sealed {
        let bytes = Secret::new(serde_json::to_vec(secrets).unwrap_or_default());
        self.in_connection_context(row, |context| {
            self.keyring.seal(&*self.entropy, Kind::Connection, context, bytes.expose())
        })
    }

    fn in_connection_context<T>(&self, row: &ConnectionRow, then: impl FnOnce(&Context<'_>) -> T) -> T {
        then(&Context {
            instance: self.keyring.instance(),
            tenant: &row.owner.tenant.to_string(),
            user: row.owner.user.as_str(),
            object: &row.id.to_string(),
            field: "sealed",
            generation: 1,
            binding: &[
                row.phase.as_str(),
                row.plugin.as_str(),
                &row.app.to_string(),
                &row.credential.map(|id| id.to_string()).unwrap_or_default(),
                row.name.as_str(),
                &row.scopes,
                &row.return_address,
                &row.expires_at.as_millisecond().to_string(),
                // Otherwise an attacker with write access to the database could attach another link or state to it.
                &data_encoding::HEXLOWER.encode(&row.hash),
            ],
        })
    }

    /// 256 random bits as text: a state, a verifier (RFC 7636 4.1: 43 characters) or a link.
    pub(crate) fn random_text(&self) -> Secret<String> {
        let mut bytes = Secret::new([0_u8; 32]);
        self.entropy.fill(bytes.expose_mut());
        Secret::new(BASE64URL_NOPAD.encode(bytes.expose()))
    }
}

/// A caller who is too late gets the same error as for a connection that never existed.
fn moved(written: Result<(), Error>) -> Result<(), Error> {
    match written {
        Err(Error::Store(StoreError::Conflict(_))) => Err(Error::NotFound { what: "connection" }),
        other => other,
    }
}

/// A hash with a purpose, so that a state is never accepted as a completing code.
pub(super) fn hash(purpose: &str, text: &Secret<String>) -> [u8; 32] {
    strongroom_crypto::digest(purpose, &[text.expose().as_bytes()])
}
