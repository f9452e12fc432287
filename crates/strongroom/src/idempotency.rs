//! Idempotency keys. A create request that is sent twice with one key creates one object. One transaction writes the
//! object and the row of its key, so neither exists without the other.

use strongroom_crypto::{Context, Kind, Secret, Token};

use crate::error::Error;
use crate::sealer::Sealer;
use crate::vault::Vault;
use strongroom_store::{IdempotencyRow, TenantId};

/// An idempotency key and the request that it came with.
#[derive(Debug)]
pub struct IdempotencyKey {
    /// The principal and the operation. Two principals never share a key.
    pub scope: String,
    /// The caller's key.
    pub key: String,
    /// The whole request. Only a keyed fingerprint of it is stored.
    pub request: Secret<Vec<u8>>,
}

impl Vault {
    pub(crate) fn idempotency_row(
        &self,
        tenant: TenantId,
        idempotency: &IdempotencyKey,
        target: String,
        token: Option<&Token>,
    ) -> IdempotencyRow {
        let sealed = token.map(|token| {
            self.inner.sealer.in_idempotency_context(tenant, idempotency, |context| {
                self.inner.sealer.seal(Kind::Reply, context, token.expose().as_bytes())
            })
        });
        IdempotencyRow {
            tenant,
            scope: idempotency.scope.clone(),
            key: idempotency.key.clone(),
            fingerprint: self.inner.sealer.fingerprint(idempotency),
            target,
            sealed,
            created_at: self.inner.clock.now(),
        }
    }

    /// The object that the first request with this key created: its id, and its token if it had one.
    pub(crate) async fn replayed<Id: std::str::FromStr>(
        &self,
        tenant: TenantId,
        idempotency: Option<&IdempotencyKey>,
    ) -> Result<(Id, Option<Token>), Error> {
        let idempotency = idempotency.ok_or(Error::IdempotencyKeyUsed)?;
        let row = self
            .inner
            .store
            .idempotency(tenant, &idempotency.scope, &idempotency.key)
            .await?
            .ok_or(Error::IdempotencyKeyUsed)?;
        if row.fingerprint != self.inner.sealer.fingerprint(idempotency) {
            return Err(Error::IdempotencyMismatch);
        }
        let token = row.sealed.and_then(|sealed| {
            let text = self.inner.sealer.in_idempotency_context(tenant, idempotency, |context| {
                self.inner.sealer.open(Kind::Reply, context, &sealed)
            });
            Token::parse(text.ok()?.into_text().ok()?.expose()).ok()
        });
        Ok((row.target.parse().map_err(|_| Error::IdempotencyKeyUsed)?, token))
    }
}

impl Sealer {
    fn fingerprint(&self, idempotency: &IdempotencyKey) -> [u8; 32] {
        self.keyring().row_mac("idempotency", &[idempotency.scope.as_bytes(), idempotency.request.expose()])
    }

    fn in_idempotency_context<T>(
        &self,
        tenant: TenantId,
        idempotency: &IdempotencyKey,
        then: impl FnOnce(&Context<'_>) -> T,
    ) -> T {
        then(&Context {
            instance: self.instance(),
            tenant: &tenant.to_string(),
            user: &idempotency.scope,
            object: &idempotency.key,
            field: "sealed",
            generation: 1,
            binding: &[],
        })
    }
}
