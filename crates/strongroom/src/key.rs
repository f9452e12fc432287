//! Host keys and plugin keys. Only the SHA-256 of a key is stored. The row carries a MAC, so a key that an attacker
//! inserts into the database is not accepted. Revoking deletes the row, so no flag can be reset to restore the key.

use strongroom_crypto::Token;

use crate::error::Error;
use crate::idempotency::IdempotencyKey;
use crate::vault::Vault;
use strongroom_store::{Action, Actor, ApiKeyId, Conflict, Label, StoreError, TenantId};
pub use strongroom_store::{ApiKeyRow, KeyOwner};

impl Vault {
    /// Creates a key. The token is only available from this call. With `idempotency`, a repeated request returns the
    /// same key and token.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a key of a plugin that is not registered.
    pub async fn create_key(
        &self,
        actor: &Actor,
        tenant: TenantId,
        owner: KeyOwner,
        label: Label,
        idempotency: Option<&IdempotencyKey>,
    ) -> Result<(ApiKeyRow, Token), Error> {
        if let KeyOwner::Plugin(name) = &owner {
            self.plugin(tenant, name).await?;
        }
        let now = self.inner.clock.now();
        let token = Token::generate(owner.token_kind(), &*self.inner.entropy);
        let mut row = ApiKeyRow {
            id: ApiKeyId::generate(now, &*self.inner.entropy),
            tenant,
            owner,
            label,
            hash: token.hash(),
            created_at: now,
            mac: [0; 32],
        };
        self.inner.sealer.set_mac(&mut row);
        let action = if row.owner == KeyOwner::Host { Action::HostKeyCreate } else { Action::PluginKeyCreate };
        let mut entry = self.entry(actor, tenant, action).with_target(row.id).with_digest(row.digest());
        entry.plugin = row.owner.plugin().cloned();
        let idempotency_row =
            idempotency.map(|idempotency| self.idempotency_row(tenant, idempotency, row.id.to_string(), Some(&token)));
        match self.within_deadline(self.inner.store.insert_key(&row, idempotency_row.as_ref(), entry)).await {
            Ok(()) => Ok((row, token)),
            Err(Error::Store(StoreError::Conflict(Conflict::IdempotencyKey))) => {
                let (id, token) = self.replayed::<ApiKeyId>(tenant, idempotency).await?;
                let row = self.inner.store.keys(tenant, &row.owner).await?.into_iter().find(|row| row.id == id);
                row.zip(token).ok_or(Error::IdempotencyKeyUsed)
            }
            Err(Error::Store(StoreError::Conflict(_))) => Err(Error::NotFound { what: "plugin" }),
            Err(error) => Err(error),
        }
    }

    /// The tenant's keys of this owner, oldest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a plugin that is not registered.
    pub async fn keys(&self, tenant: TenantId, owner: &KeyOwner) -> Result<Vec<ApiKeyRow>, Error> {
        if let KeyOwner::Plugin(name) = owner {
            self.plugin(tenant, name).await?;
        }
        Ok(self.inner.store.keys(tenant, owner).await?)
    }

    /// Revokes a key. The next request with this key is refused.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revoke_key(
        &self,
        actor: &Actor,
        tenant: TenantId,
        owner: &KeyOwner,
        id: ApiKeyId,
    ) -> Result<(), Error> {
        let action = if *owner == KeyOwner::Host { Action::HostKeyRevoke } else { Action::PluginKeyRevoke };
        let mut entry = self.entry(actor, tenant, action).with_target(id);
        entry.plugin = owner.plugin().cloned();
        match self.within_deadline(self.inner.store.delete_key(tenant, owner, id, entry)).await {
            Err(Error::Store(StoreError::Conflict(_))) => Err(Error::NotFound { what: owner.noun() }),
            other => other,
        }
    }
}
