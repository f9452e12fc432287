//! Principals and the authorization check. The vault releases plaintext only for a [`Permit`], and only
//! [`Credentials::authorize`] creates one.

use std::sync::Arc;

use crate::error::Error;
use crate::handles::Credentials;
use crate::manifest::Access;
use crate::vault::Vault;
use strongroom_store::{Action, CachedCredential, CredentialId, Entry, Owner, Reason};
pub use strongroom_store::{Actor, Principal};

/// Authorization to read one credential once. Only [`Credentials::authorize`] creates it, and [`Vault::open`] consumes it.
#[derive(Debug)]
pub struct Permit {
    pub(crate) owner: Owner,
    pub(crate) row: Arc<CachedCredential>,
    pub(crate) entry: Box<Entry>,
    pub(crate) epoch: u64,
}

impl Credentials<'_> {
    /// The authorization check for reading a secret. It succeeds if all of these hold:
    ///
    /// - The plugin is registered and its row is genuine.
    /// - Its manifest has the access `read`.
    /// - The credential exists, belongs to this user and is for this plugin.
    ///
    /// It refreshes an access token that expires soon. Every refusal is an event.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the credential does not exist. The error is the same if it belongs to another user or
    /// plugin.
    ///
    /// [`Error::AccessIsInject`] if the manifest does not have the access `read`.
    pub async fn authorize(self, actor: &Actor, id: CredentialId) -> Result<Permit, Error> {
        let Self { vault, owner } = self;
        let entry =
            Box::new(vault.entry(actor, owner.tenant, Action::CredentialOpen).with_user(&owner.user).with_target(id));
        let epoch = vault.inner.store.epoch();
        let row = match vault.inner.store.kept_credential(owner, id) {
            None => vault.fetched(owner, id).await?,
            kept => kept,
        };
        let refused = match vault.judge(&actor.principal, owner, row).await? {
            Ok(row) => {
                let row = vault.ensure_fresh(row).await?;
                return Ok(Permit { owner: owner.clone(), row, entry, epoch });
            }
            Err(reason) => reason,
        };
        vault.record(entry.denied(refused)).await?;
        Err(match refused {
            Reason::AccessIsInject => Error::AccessIsInject,
            _ => Error::NotFound { what: "credential" },
        })
    }
}

impl Vault {
    async fn fetched(&self, owner: &Owner, id: CredentialId) -> Result<Option<Arc<CachedCredential>>, Error> {
        Ok(match self.inner.store.recent_credential(owner, id).await? {
            // The cached view can miss a credential that another process has just saved.
            None => self.inner.store.credential(owner, id).await?.map(|row| Arc::new(row.into())),
            found => found,
        })
    }

    /// Runs after the event is durable. It repeats the check with the current row if the epoch has changed since the
    /// permit was made. The epoch changes with plugins and keys, and when another process has written.
    pub(crate) async fn recheck(
        &self,
        principal: &Principal,
        owner: &Owner,
        row: Arc<CachedCredential>,
        epoch: u64,
    ) -> Result<Arc<CachedCredential>, Error> {
        if self.inner.store.epoch() == epoch { Ok(row) } else { self.authorize_again(principal, owner, row.id).await }
    }

    async fn authorize_again(
        &self,
        principal: &Principal,
        owner: &Owner,
        id: CredentialId,
    ) -> Result<Arc<CachedCredential>, Error> {
        let row = self.inner.store.credential(owner, id).await?.map(|row| Arc::new(row.into()));
        match self.judge(principal, owner, row).await? {
            Ok(row) => Ok(row),
            Err(Reason::AccessIsInject) => Err(Error::AccessIsInject),
            Err(_) => Err(Error::NotFound { what: "credential" }),
        }
    }

    async fn judge(
        &self,
        principal: &Principal,
        owner: &Owner,
        row: Option<Arc<CachedCredential>>,
    ) -> Result<Result<Arc<CachedCredential>, Reason>, Error> {
        let Principal::Plugin { name, .. } = principal else { return Ok(Err(Reason::NoPlugin)) };
        let Some(manifest) = self.genuine_manifest(owner.tenant, name).await? else {
            return Ok(Err(Reason::NoPlugin));
        };
        let Some(row) = row else { return Ok(Err(Reason::NotFound)) };
        Ok(if &row.plugin != name {
            Err(Reason::OtherPlugin)
        } else if manifest.access != Access::Read {
            Err(Reason::AccessIsInject)
        } else {
            Ok(row)
        })
    }
}
