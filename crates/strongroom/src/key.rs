//! Host keys and plugin keys. Only the SHA-256 of a key is stored. The row carries a MAC, so a key that an attacker
//! inserts into the database is not accepted. Revoking deletes the row, so no flag can be reset to restore the key.

use jiff::Timestamp;
use strongroom_crypto::{Token, TokenHash, TokenKind, digest};

use crate::access::Actor;
use crate::audit::Action;
use crate::error::Error;
use crate::id::{ApiKeyId, Label, PluginName, TenantId};
use crate::idempotency::IdempotencyKey;
use crate::store::{Conflict, MacRow, StoreError};
use crate::vault::Vault;

/// The owner of an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyOwner {
    /// The application's backend.
    Host,
    /// One plugin.
    Plugin(PluginName),
}

impl KeyOwner {
    /// The prefix kind of its tokens.
    #[must_use]
    pub fn token_kind(&self) -> TokenKind {
        match self {
            Self::Host => TokenKind::Host,
            Self::Plugin(_) => TokenKind::Plugin,
        }
    }

    pub(crate) fn plugin(&self) -> Option<&PluginName> {
        match self {
            Self::Host => None,
            Self::Plugin(name) => Some(name),
        }
    }

    fn noun(&self) -> &'static str {
        match self {
            Self::Host => "host key",
            Self::Plugin(_) => "plugin key",
        }
    }
}

/// An API key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the tables `host_key` and `plugin_key`")]
pub struct ApiKeyRow {
    pub id: ApiKeyId,
    pub tenant: TenantId,
    pub owner: KeyOwner,
    pub label: Label,
    pub hash: TokenHash,
    pub created_at: Timestamp,
    pub mac: [u8; 32],
}

impl ApiKeyRow {
    /// SHA-256 of every column.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.columns(|columns| digest("key", columns))
    }
}

impl MacRow for ApiKeyRow {
    fn table(&self) -> &'static str {
        match self.owner {
            KeyOwner::Host => "host_key",
            KeyOwner::Plugin(_) => "plugin_key",
        }
    }

    fn columns<T>(&self, then: impl FnOnce(&[&[u8]]) -> T) -> T {
        then(&[
            self.id.to_string().as_bytes(),
            self.tenant.to_string().as_bytes(),
            self.owner.plugin().map_or("", PluginName::as_str).as_bytes(),
            self.label.as_str().as_bytes(),
            self.hash.as_bytes(),
            &self.created_at.as_millisecond().to_be_bytes(),
        ])
    }

    fn mac(&self) -> &[u8; 32] {
        &self.mac
    }

    fn mac_mut(&mut self) -> &mut [u8; 32] {
        &mut self.mac
    }
}

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
        let now = self.clock.now();
        let token = Token::generate(owner.token_kind(), &*self.entropy);
        let mut row = ApiKeyRow {
            id: ApiKeyId::generate(now, &*self.entropy),
            tenant,
            owner,
            label,
            hash: token.hash(),
            created_at: now,
            mac: [0; 32],
        };
        self.sealer.set_mac(&mut row);
        let action = if row.owner == KeyOwner::Host { Action::HostKeyCreate } else { Action::PluginKeyCreate };
        let mut entry = self.entry(actor, tenant, action).with_target(row.id).with_digest(row.digest());
        entry.plugin = row.owner.plugin().cloned();
        let idempotency_row =
            idempotency.map(|idempotency| self.idempotency_row(tenant, idempotency, row.id.to_string(), Some(&token)));
        match self.within_deadline(self.store.insert_key(&row, idempotency_row.as_ref(), entry)).await {
            Ok(()) => Ok((row, token)),
            Err(Error::Store(StoreError::Conflict(Conflict::IdempotencyKey))) => {
                let (id, token) = self.replayed::<ApiKeyId>(tenant, idempotency).await?;
                let row = self.store.keys(tenant, &row.owner).await?.into_iter().find(|row| row.id == id);
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
        Ok(self.store.keys(tenant, owner).await?)
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
        match self.within_deadline(self.store.delete_key(tenant, owner, id, entry)).await {
            Err(Error::Store(StoreError::Conflict(_))) => Err(Error::NotFound { what: owner.noun() }),
            other => other,
        }
    }
}
