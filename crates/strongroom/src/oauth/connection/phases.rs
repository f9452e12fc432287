//! The phases of a connection as verbs: find a row in a phase, advance it, take its secrets, settle it.

use strongroom_crypto::{Sealed, Secret};

use super::secrets::ConnectionSecrets;
use crate::credential::Credential;
use crate::error::Error;
use crate::vault::Vault;
use strongroom_store::{Action, Actor, ConnectionRow, Entry, Phase, Reason, StoreError};

impl Vault {
    /// The row of a phase, if it exists, has not expired and can be decrypted. All deciding columns are associated
    /// data.
    pub(super) async fn connection(
        &self,
        phase: Phase,
        hash: [u8; 32],
    ) -> Result<(ConnectionRow, ConnectionSecrets), Error> {
        let gone = || Error::NotFound { what: "connection" };
        let row = self.inner.store.connection(&hash).await?.ok_or_else(gone)?;
        if row.phase != phase || row.expires_at <= self.inner.clock.now() {
            return Err(gone());
        }
        let secrets = self.inner.sealer.open_connection(&row)?;
        Ok((row, secrets))
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
        row.sealed = self.inner.sealer.seal_connection(row, secrets);
        let action = match phase {
            Phase::Started => Action::ConnectionStart,
            Phase::Prompted => Action::ConnectionPoll,
            _ => Action::ConnectionReturn,
        };
        let entry = self.entry_of(actor, row, action);
        moved(self.within_deadline(self.inner.store.advance_connection(from, row, entry)).await)
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
            hash: hash("settled", &self.inner.sealer.random_text()),
            phase,
            sealed: Sealed::from_bytes(Vec::new()),
            ..row.clone()
        };
        moved(self.within_deadline(self.inner.store.advance_connection(row.hash, &next, entry)).await)?;
        *row = next;
        Ok(())
    }

    pub(super) fn entry_of(&self, actor: &Actor, row: &ConnectionRow, action: Action) -> Entry {
        self.entry(actor, row.owner.tenant, action)
            .with_user(&row.owner.user)
            .with_plugin(&row.plugin)
            .with_target(row.id)
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
