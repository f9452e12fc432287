//! A connection as it is stored: found by the hash of what a browser or a page carries, sealed to every column that decides
//! something, and moved from phase to phase so that whoever comes late finds nothing under the old hash.

use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strongroom_crypto::{Context, Kind, Sealed, Secret};
use zeroize::Zeroize;

use crate::access::Actor;
use crate::audit::{Action, Entry};
use crate::error::Error;
use crate::id::{AppId, ConnectionId, CredentialId, CredentialName, NameError, Owner, PluginName};
use crate::store::StoreError;
use crate::vault::Vault;

/// The steps of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The start link is out.
    Begun,
    /// The browser is at the provider.
    Started,
    /// The code is here; the user has yet to complete it.
    Returned,
}

impl Phase {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Started => "started",
            Self::Returned => "returned",
        }
    }

    fn generation(self) -> u64 {
        match self {
            Self::Begun => 1,
            Self::Started => 2,
            Self::Returned => 3,
        }
    }
}

impl FromStr for Phase {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let all = [Self::Begun, Self::Started, Self::Returned];
        all.into_iter().find(|phase| phase.as_str() == text).ok_or_else(|| NameError("must be a phase".to_owned()))
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
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// What a row must not lose and nobody may read.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Carried {
    pub(super) verifier: String,
    pub(super) browser: Option<[u8; 32]>,
    pub(super) code: Option<String>,
    pub(super) kept: Vec<(String, String)>,
}

impl Drop for Carried {
    fn drop(&mut self) {
        self.verifier.zeroize();
        self.code.zeroize();
        self.kept.iter_mut().for_each(|(_, value)| value.zeroize());
    }
}

impl Vault {
    /// The row of a phase, if it is there, has not expired, and opens: every column that decides something is sealed to.
    pub(super) async fn connection(&self, phase: Phase, hash: [u8; 32]) -> Result<(ConnectionRow, Carried), Error> {
        let gone = || Error::NotFound { what: "connection" };
        let row = self.store.connection(&hash).await?.ok_or_else(gone)?;
        if row.phase != phase || row.expires_at <= self.clock.now() {
            return Err(gone());
        }
        let bytes =
            self.in_connection_context(&row, |context| self.keyring.open(Kind::Connection, context, &row.sealed));
        let bytes = bytes.map_err(|error| {
            tracing::error!(connection = %row.id, %error, "a connection's row was altered");
            gone()
        })?;
        let carried = serde_json::from_slice(bytes.expose()).map_err(|_| gone())?;
        Ok((row, carried))
    }

    pub(super) async fn advance(
        &self,
        actor: &Actor,
        row: &mut ConnectionRow,
        phase: Phase,
        hash: [u8; 32],
        carried: &Carried,
    ) -> Result<(), Error> {
        let from = std::mem::replace(&mut row.hash, hash);
        row.phase = phase;
        row.sealed = self.seal_carried(row, carried);
        let action = if phase == Phase::Started { Action::ConnectionStart } else { Action::ConnectionReturn };
        let entry = self.entry_of(actor, row, action);
        moved(self.within_deadline(self.store.advance_connection(from, row, entry)).await)
    }

    /// Takes the row out: whoever comes second finds nothing.
    pub(super) async fn take(&self, row: &ConnectionRow, entry: Entry) -> Result<(), Error> {
        moved(self.within_deadline(self.store.take_connection(row.id, row.hash, entry)).await)
    }

    pub(super) fn entry_of(&self, actor: &Actor, row: &ConnectionRow, action: Action) -> Entry {
        self.entry(actor, row.owner.tenant, action).of_user(&row.owner.user).of_plugin(&row.plugin).on(&row.id)
    }

    pub(super) fn seal_carried(&self, row: &ConnectionRow, carried: &Carried) -> Sealed {
        let bytes = Secret::new(serde_json::to_vec(carried).unwrap_or_default());
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
            generation: row.phase.generation(),
            binding: &[
                row.plugin.as_str(),
                &row.app.to_string(),
                &row.credential.map(|id| id.to_string()).unwrap_or_default(),
                row.name.as_str(),
                &row.scopes,
                &row.return_address,
                &row.expires_at.as_millisecond().to_string(),
                // Else whoever writes to the database could lay a link or a state of their own under somebody's row.
                &data_encoding::HEXLOWER.encode(&row.hash),
            ],
        })
    }

    /// 256 bits, as text: a state, a verifier (RFC 7636 4.1: 43 characters), a link.
    pub(crate) fn random_text(&self) -> Secret<String> {
        let mut bytes = Secret::new([0_u8; 32]);
        self.entropy.fill(bytes.expose_mut());
        Secret::new(BASE64URL_NOPAD.encode(bytes.expose()))
    }
}

/// A row that has moved on, or is gone, was never there for whoever comes late.
fn moved(written: Result<(), Error>) -> Result<(), Error> {
    match written {
        Err(Error::Store(StoreError::Conflict(_))) => Err(Error::NotFound { what: "connection" }),
        other => other,
    }
}

/// A hash for each use: a state is never taken for a completing code.
pub(super) fn hash(purpose: &str, text: &Secret<String>) -> [u8; 32] {
    strongroom_crypto::digest(purpose, &[text.expose().as_bytes()])
}
