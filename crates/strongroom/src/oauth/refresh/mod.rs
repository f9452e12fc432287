//! Refreshes. A rotated refresh token is never lost and never sent twice. A lease with a fence in the database lets one
//! caller of all processes send the request. The intent is durable before the request, which also proves that the
//! answer can be written. The answer is durable before a caller sees it. The refresh runs in its own task, so a
//! disconnected caller loses nothing. A crash leaves an open intent. The provider's rotation policy decides how to
//! resolve it.

mod join;
mod lease;
mod outcome;

use std::sync::Arc;
use std::time::Duration;

pub use join::RateLimitCheck;

use crate::credential::Credential;
use crate::error::Error;
use crate::handles::Credentials;
use crate::oauth::run_bounded;
use crate::vault::Vault;
use strongroom_store::{Action, Actor, CachedCredential, CredentialId, CredentialRow, RefreshState};

/// After this time, a token that is still valid is served even if its refresh is not done.
const SERVE_STALE_AFTER: Duration = Duration::from_secs(2);
/// A token that expires within this time is not served.
const EXPIRY_LEEWAY: Duration = Duration::from_secs(2);
/// Maximum number of refreshes in one sweep.
const SWEEP_BATCH_SIZE: u32 = 200;

impl Credentials<'_> {
    /// Refreshes now, even if it is not due.
    ///
    /// # Errors
    /// [`Error::NotFound`]. [`Error::TooManyCalls`] if `check_limit` refuses. [`Error::ReauthRequired`].
    /// [`Error::Refresh`] with the cause if the refresh failed.
    pub async fn refresh(
        self,
        actor: &Actor,
        id: CredentialId,
        check_limit: RateLimitCheck<'_>,
    ) -> Result<Credential, Error> {
        let Self { vault, owner } = self;
        let (row, entry) = vault.find(actor, owner, id, Action::CredentialRefresh).await?;
        if row.app.is_none() {
            return Err(Error::field("id", "unsupported", "only a connected account can be refreshed"));
        }
        vault.record(entry).await?;
        let generation = row.generation;
        vault.force(&row, check_limit).await?;
        let row = vault.inner.store.credential(owner, id).await?.ok_or(Error::NotFound { what: "credential" })?;
        if row.generation == generation {
            return Err(vault.unavailable_cause(&row).await?);
        }
        vault.view(row).await
    }

    /// Reports that a plugin's call got a 401. If the token is still the current one, it is refreshed once.
    ///
    /// # Errors
    /// [`Error::NotFound`] as for reading. [`Error::TooManyCalls`] if `check_limit` refuses. [`Error::ReauthRequired`].
    /// [`Error::Refresh`] with the cause if the refresh failed.
    pub async fn report_unauthorized(
        self,
        actor: &Actor,
        (id, revision): (CredentialId, u64),
        check_limit: RateLimitCheck<'_>,
    ) -> Result<(), Error> {
        let Self { vault, owner } = self;
        let (row, entry) = vault.find(actor, owner, id, Action::CredentialReportUnauthorized).await?;
        vault.record(entry).await?;
        if row.app.is_none() || row.revision != revision {
            return Ok(());
        }
        vault.force(&row, check_limit).await?;
        let row = vault.inner.store.credential(owner, id).await?.ok_or(Error::NotFound { what: "credential" })?;
        if row.revision == revision { Err(vault.unavailable_cause(&row).await?) } else { Ok(()) }
    }
}

impl Vault {
    /// Runs due refreshes and pending revocations, and returns their number. It uses an index, not a scan.
    ///
    /// # Errors
    /// Storage errors only. Failures at a provider become the state of the credential.
    pub async fn sweep(&self) -> Result<usize, Error> {
        let (refreshed, revoked) = tokio::join!(self.refresh_due(), self.settle_due_revocations());
        Ok(refreshed? + revoked?)
    }

    async fn refresh_due(&self) -> Result<usize, Error> {
        let now = self.inner.clock.now();
        let due = self.inner.store.due_refreshes(now, SWEEP_BATCH_SIZE).await?;
        let count = due.len();
        let refreshed = due.into_iter().map(|row| {
            let vault = self.clone();
            async move {
                match vault.inner.store.credential(&row.owner, row.credential).await {
                    Ok(Some(credential)) => vault.join_refresh(&credential).await,
                    Ok(None) => {}
                    // One row that cannot be read must not block the others.
                    Err(error) => {
                        tracing::error!(credential = %row.credential, %error, "a due credential cannot be read");
                    }
                }
            }
        });
        run_bounded(refreshed).await;
        Ok(count)
    }

    /// Returns a row whose token can be served. Refreshes it if it expires soon.
    pub(crate) async fn ensure_fresh(&self, row: Arc<CachedCredential>) -> Result<Arc<CachedCredential>, Error> {
        let (Some(_), Some(expires_at)) = (row.app, row.expires_at) else { return Ok(row) };
        let now = self.inner.clock.now();
        let left = now.duration_until(expires_at);
        let life = row.updated_at.duration_until(expires_at);
        if left.as_millis() > outcome::margin(life.as_millis()) {
            return Ok(row);
        }
        let is_alive = left > EXPIRY_LEEWAY.try_into().unwrap_or_default();
        self.refresh_in_time(&row, is_alive).await
    }

    async fn refresh_in_time(&self, row: &CredentialRow, is_alive: bool) -> Result<Arc<CachedCredential>, Error> {
        let running = self.join_refresh(row);
        if is_alive {
            // The refresh continues in its own task.
            let _ = tokio::time::timeout(SERVE_STALE_AFTER, running).await;
        } else {
            running.await;
        }
        let gone = || Error::NotFound { what: "credential" };
        let alive = |row: &CredentialRow| {
            row.expires_at.is_none_or(|at| at > self.inner.clock.now().saturating_add(EXPIRY_LEEWAY).unwrap_or(at))
        };
        let mut found = self.inner.store.credential(&row.owner, row.id).await?.ok_or_else(gone)?;
        if !alive(&found) && self.has_not_failed(found.id).await? {
            // The row was older than the last refresh of another process, which has also expired. Or the result was too
            // late and was dropped, and another caller now has the lease.
            self.join_refresh(&found).await;
            found = self.inner.store.credential(&row.owner, row.id).await?.ok_or_else(gone)?;
        }
        if alive(&found) { Ok(Arc::new(found.into())) } else { Err(self.unavailable_cause(&found).await?) }
    }

    async fn has_not_failed(&self, id: CredentialId) -> Result<bool, Error> {
        let state = self.inner.store.refresh(id).await?.map(|refresh| refresh.state);
        Ok(matches!(state, Some(RefreshState::Refreshing | RefreshState::Active)))
    }

    /// The error for a missing fresh token, from the refresh row.
    async fn unavailable_cause(&self, row: &CredentialRow) -> Result<Error, Error> {
        let refresh = self.inner.store.refresh(row.id).await?;
        let cause = refresh.as_ref().and_then(|refresh| refresh.cause.clone());
        let none = if row.refresh_token.is_some() { "temporarily_unavailable" } else { "no-refresh-token" };
        let cause = cause.unwrap_or_else(|| none.to_owned());
        Ok(match refresh.map(|refresh| refresh.state) {
            Some(RefreshState::ReauthRequired) | None => Error::ReauthRequired { cause },
            Some(RefreshState::Active) if row.refresh_token.is_none() => Error::ReauthRequired { cause },
            Some(_) => Error::Refresh { cause },
        })
    }
}
