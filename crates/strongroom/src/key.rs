//! Host keys and plugin keys. Only the SHA-256 of a key is stored. The row carries a MAC, so a key that an attacker
//! inserts into the database is not accepted. Revoking deletes the row, so no flag can be reset to restore the key.

use strongroom_crypto::Token;

use crate::error::Error;
use crate::handles::ApiKeys;
use crate::idempotency::IdempotencyKey;
use strongroom_store::{Action, Actor, ApiKeyId, Conflict, Label, StoreError};
pub use strongroom_store::{ApiKeyRow, KeyOwner};

impl ApiKeys<'_> {
    /// Creates a key. The token is only available from this call. With `idempotency`, a repeated request returns the
    /// same key and token.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a key of a plugin that is not registered.
    pub async fn create(
        self,
        actor: &Actor,
        owner: KeyOwner,
        label: Label,
        idempotency: Option<&IdempotencyKey>,
    ) -> Result<(ApiKeyRow, Token), Error> {
        let Self { vault, tenant } = self;
        if let KeyOwner::Plugin(name) = &owner {
            vault.plugins(tenant).get(name).await?;
        }
        let now = vault.inner.clock.now();
        let token = Token::generate(owner.token_kind(), &*vault.inner.entropy);
        let mut row = ApiKeyRow {
            id: ApiKeyId::generate(now, &*vault.inner.entropy),
            tenant,
            owner,
            label,
            hash: token.hash(),
            created_at: now,
            mac: [0; 32],
        };
        vault.inner.sealer.set_mac(&mut row);
        let action = if row.owner == KeyOwner::Host { Action::HostKeyCreate } else { Action::PluginKeyCreate };
        let mut entry = vault.entry(actor, tenant, action).with_target(row.id).with_digest(row.digest());
        entry.plugin = row.owner.plugin().cloned();
        let idempotency_row =
            idempotency.map(|idempotency| vault.idempotency_row(tenant, idempotency, row.id.to_string(), Some(&token)));
        match vault.within_deadline(vault.inner.store.insert_key(&row, idempotency_row.as_ref(), entry)).await {
            Ok(()) => Ok((row, token)),
            Err(Error::Store(StoreError::Conflict(Conflict::IdempotencyKey))) => {
                let (id, token) = vault.replayed::<ApiKeyId>(tenant, idempotency).await?;
                let row = vault.inner.store.keys(tenant, &row.owner).await?.into_iter().find(|row| row.id == id);
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
    pub async fn list(self, owner: &KeyOwner) -> Result<Vec<ApiKeyRow>, Error> {
        let Self { vault, tenant } = self;
        if let KeyOwner::Plugin(name) = owner {
            vault.plugins(tenant).get(name).await?;
        }
        Ok(vault.inner.store.keys(tenant, owner).await?)
    }

    /// Revokes a key. The next request with this key is refused.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revoke(self, actor: &Actor, owner: &KeyOwner, id: ApiKeyId) -> Result<(), Error> {
        let Self { vault, tenant } = self;
        let action = if *owner == KeyOwner::Host { Action::HostKeyRevoke } else { Action::PluginKeyRevoke };
        let mut entry = vault.entry(actor, tenant, action).with_target(id);
        entry.plugin = owner.plugin().cloned();
        match vault.within_deadline(vault.inner.store.delete_key(tenant, owner, id, entry)).await {
            Err(Error::Store(StoreError::Conflict(_))) => Err(Error::NotFound { what: owner.noun() }),
            other => other,
        }
    }
}
