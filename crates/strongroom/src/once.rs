//! Idempotency: a create that is sent twice under one key is carried out once. The key's row is written in the
//! create's own transaction, so there is no moment in which one exists without the other.

use jiff::Timestamp;
use strongroom_crypto::{Context, Kind, Sealed, Secret, Token};

use crate::error::Error;
use crate::id::TenantId;
use crate::vault::Vault;

/// An idempotency key as a caller sent it, with the request it came with.
#[derive(Debug)]
pub struct Once {
    /// Who sent it and for what; two principals never share a key.
    pub scope: String,
    /// The caller's key.
    pub key: String,
    /// The whole request; only a keyed fingerprint of it is stored.
    pub request: Secret<Vec<u8>>,
}

/// An idempotency key as it is stored. Rows are dropped after a day.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns of the table `idempotency`")]
pub struct OnceRow {
    pub tenant: TenantId,
    pub scope: String,
    pub key: String,
    pub fingerprint: [u8; 32],
    pub target: String,
    pub sealed: Option<Sealed>,
    pub created_at: Timestamp,
}

impl Vault {
    pub(crate) fn once_row(&self, tenant: TenantId, once: &Once, target: String, token: Option<&Token>) -> OnceRow {
        let sealed = token.map(|token| {
            self.in_once_context(tenant, once, |context| {
                self.keyring.seal(&*self.entropy, Kind::Reply, context, token.expose().as_bytes())
            })
        });
        OnceRow {
            tenant,
            scope: once.scope.clone(),
            key: once.key.clone(),
            fingerprint: self.fingerprint(once),
            target,
            sealed,
            created_at: self.clock.now(),
        }
    }

    /// What the first request under this key created: its id, and its token if it had one.
    pub(crate) async fn replayed<Id: std::str::FromStr>(
        &self,
        tenant: TenantId,
        once: Option<&Once>,
    ) -> Result<(Id, Option<Token>), Error> {
        let once = once.ok_or(Error::OnceSpent)?;
        let row = self.store.once(tenant, &once.scope, &once.key).await?.ok_or(Error::OnceSpent)?;
        if row.fingerprint != self.fingerprint(once) {
            return Err(Error::OnceMismatch);
        }
        let token = row.sealed.and_then(|sealed| {
            let text = self.in_once_context(tenant, once, |context| self.keyring.open(Kind::Reply, context, &sealed));
            Token::parse(text.ok()?.into_text().ok()?.expose()).ok()
        });
        Ok((row.target.parse().map_err(|_| Error::OnceSpent)?, token))
    }

    fn fingerprint(&self, once: &Once) -> [u8; 32] {
        self.keyring.row_mac("idempotency", &[once.scope.as_bytes(), once.request.expose()])
    }

    fn in_once_context<T>(&self, tenant: TenantId, once: &Once, then: impl FnOnce(&Context<'_>) -> T) -> T {
        then(&Context {
            instance: self.keyring.instance(),
            tenant: &tenant.to_string(),
            user: &once.scope,
            object: &once.key,
            field: "sealed",
            generation: 1,
            binding: &[],
        })
    }
}
