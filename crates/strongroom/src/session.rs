//! Sessions. The host mints a session for one user, for at most 30 minutes.
//! The row holds only a hash of the token and carries a MAC. A row that is not genuine counts as absent.

use std::time::Duration;

use strongroom_crypto::{Token, TokenHash, TokenKind};

pub use crate::authenticated::Authenticated;
use crate::error::Error;
use crate::handles::Sessions;
use crate::idempotency::IdempotencyKey;
use crate::vault::Vault;
pub use strongroom_store::SessionRow;
use strongroom_store::{Action, Actor, ApiKeyRow, CachedKey, Conflict, Principal, SessionId, StoreError, Target};

/// The maximum lifetime of a session.
pub const MAX_SESSION_LIFETIME: Duration = Duration::from_secs(30 * 60);

impl Sessions<'_> {
    /// Mints a session for a user. Only pages of these origins can use the token, so a leaked token does not work
    /// elsewhere.
    ///
    /// # Errors
    /// [`Error::Fields`] if the lifetime is not 1 s to [`MAX_SESSION_LIFETIME`], or if an origin is not valid.
    pub async fn create(
        self,
        actor: &Actor,
        lifetime: Duration,
        origins: Vec<String>,
        idempotency: Option<&IdempotencyKey>,
    ) -> Result<(SessionRow, Token), Error> {
        let Self { vault, owner } = self;
        if !(Duration::from_secs(1)..=MAX_SESSION_LIFETIME).contains(&lifetime) {
            return Err(Error::field("expires_in", "range", "must be 1 to 1800 seconds"));
        }
        if origins.len() > 10 || !origins.iter().all(|origin| is_origin(origin)) {
            let message =
                "must be at most ten origins such as https://app.example.com, without a path (http only for localhost)";
            return Err(Error::field("origins", "format", message));
        }
        let now = vault.inner.clock.now();
        let token = Token::generate(TokenKind::Session, &*vault.inner.entropy);
        let mut row = SessionRow {
            id: SessionId::generate(now, &*vault.inner.entropy),
            owner: owner.clone(),
            hash: token.hash(),
            created_at: now,
            expires_at: now.saturating_add(lifetime).unwrap_or(now),
            origins,
            mac: [0; 32],
        };
        vault.inner.sealer.set_mac(&mut row);
        let entry = vault.entry(actor, owner.tenant, Action::SessionCreate).with_user(&owner.user).with_target(row.id);
        let idempotency_row = idempotency
            .map(|idempotency| vault.idempotency_row(owner.tenant, idempotency, row.id.to_string(), Some(&token)));
        match vault.within_deadline(vault.inner.store.insert_session(&row, idempotency_row.as_ref(), entry)).await {
            Ok(()) => Ok((row, token)),
            Err(Error::Store(StoreError::Conflict(Conflict::IdempotencyKey))) => {
                let (id, token) = vault.replayed::<SessionId>(owner.tenant, idempotency).await?;
                let row = vault.sessions(owner).list().await?.into_iter().find(|row| row.id == id);
                row.zip(token).ok_or(Error::IdempotencyKeyUsed)
            }
            Err(error) => Err(error),
        }
    }

    /// A user's sessions that have not expired.
    ///
    /// # Errors
    /// Storage errors only.
    pub async fn list(self) -> Result<Vec<SessionRow>, Error> {
        let Self { vault, owner } = self;
        let now = vault.inner.clock.now();
        Ok(vault.inner.store.sessions(owner).await?.into_iter().filter(|row| row.expires_at > now).collect())
    }

    /// Ends one session of a user, or all of them. The next request with such a session is refused.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the user does not have the session `id`.
    pub async fn revoke(self, actor: &Actor, id: Option<SessionId>) -> Result<(), Error> {
        let Self { vault, owner } = self;
        let mut entry = vault.entry(actor, owner.tenant, Action::SessionRevoke).with_user(&owner.user);
        entry.target = id.map(Target::from);
        match vault.within_deadline(vault.inner.store.delete_sessions(owner, id, entry)).await {
            Err(Error::Store(StoreError::Conflict(_))) => Err(Error::NotFound { what: "session" }),
            other => other,
        }
    }
}

impl Vault {
    /// The plugin whose key this text is, from the cache. It does not parse the text, because plugins send many
    /// requests.
    ///
    /// A cached key alone never releases a secret. Each operation of a plugin waits until its event is durable. If the
    /// epoch has changed by then, Strongroom looks the key up again and detects a revocation by any process.
    #[must_use]
    pub fn cached_principal(&self, text: &str) -> Option<Authenticated> {
        let cached_key = CachedKey { hash: TokenHash::of(text), epoch: self.inner.store.epoch() };
        self.inner.plugin_keys.get(&cached_key.hash).filter(|known| known.cached_key == Some(cached_key))
    }

    /// The principal of this token. `None` if the token is unknown, expired or revoked, or if its row is not genuine. A
    /// plugin key is then cached for [`Vault::cached_principal`].
    ///
    /// # Errors
    /// Storage errors only.
    pub async fn authenticate(&self, token: &Token) -> Result<Option<Authenticated>, Error> {
        let hash = token.hash();
        match token.kind() {
            TokenKind::Session => self.authenticate_session(&hash).await,
            TokenKind::Console => self.authenticate_console(&hash).await,
            TokenKind::Link => Ok(None),
            TokenKind::Host => Ok(self.genuine_key(TokenKind::Host, &hash).await?.map(|row| Authenticated {
                tenant: row.tenant,
                principal: Principal::Host { key: Some(row.id) },
                owner: None,
                origins: Vec::new(),
                cached_key: None,
                console: None,
            })),
            TokenKind::Plugin => {
                let cached_key = CachedKey { hash, epoch: self.inner.store.epoch() };
                let row = self.genuine_key(TokenKind::Plugin, &hash).await?;
                let principal = row.and_then(|row| {
                    let principal = Principal::Plugin { name: row.owner.plugin()?.clone(), key: Some(row.id) };
                    Some(Authenticated {
                        tenant: row.tenant,
                        principal,
                        owner: None,
                        origins: Vec::new(),
                        cached_key: Some(cached_key),
                        console: None,
                    })
                });
                if let Some(principal) = &principal {
                    self.inner.plugin_keys.insert(hash, principal.clone());
                }
                Ok(principal)
            }
        }
    }

    /// Looks up a plugin key that was recognised from the cache.
    pub(crate) async fn is_still_valid(&self, cached_key: CachedKey) -> Result<(), Error> {
        match self.genuine_key(TokenKind::Plugin, &cached_key.hash).await? {
            Some(_) => Ok(()),
            None => Err(Error::Revoked),
        }
    }

    async fn genuine_key(&self, kind: TokenKind, hash: &TokenHash) -> Result<Option<ApiKeyRow>, Error> {
        Ok(self.inner.store.key(kind, hash).await?.filter(|row| self.inner.sealer.is_genuine(row)))
    }

    async fn authenticate_session(&self, hash: &TokenHash) -> Result<Option<Authenticated>, Error> {
        let row = self
            .inner
            .store
            .session(hash)
            .await?
            .filter(|row| row.expires_at > self.inner.clock.now() && self.inner.sealer.is_genuine(row));
        Ok(row.map(|row| Authenticated {
            tenant: row.owner.tenant,
            principal: Principal::User { session: Some(row.id) },
            owner: Some(row.owner),
            origins: row.origins,
            cached_key: None,
            console: None,
        }))
    }
}

/// Whether the text is an origin as a browser sends it in `Origin` (RFC 6454 6.1): scheme, host, and port unless
/// default.
fn is_origin(text: &str) -> bool {
    let origin = url::Url::parse(text).map(|url| url.origin().ascii_serialization());
    crate::manifest::is_plain_address(text) && origin.is_ok_and(|origin| origin == text)
}
