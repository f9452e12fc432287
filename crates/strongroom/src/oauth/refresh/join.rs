//! At most one refresh of a credential runs in this process. Callers join the running one and wait for its end. The
//! refresh runs in a task of its own, so it finishes even if every caller disconnects.

use std::collections::hash_map::Entry;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;

use crate::error::Error;
use crate::request;
use crate::vault::{RunningRefresh, Vault};
use strongroom_store::{CredentialId, CredentialRow};

/// How long closing the vault waits for running refreshes.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Decides whether the caller may start a call to a provider. `Err` holds the seconds until it may. The check runs only
/// when a new refresh starts: a hundred reports of one 401 join one call. It runs under a lock, so it must return at
/// once and must not call the vault.
pub type RateLimitCheck<'a> = &'a (dyn Fn() -> Result<(), u64> + Send + Sync);

impl Vault {
    /// Joins the running refresh of this credential, or starts one, and waits for its end.
    pub(super) async fn join_refresh(&self, row: &CredentialRow) {
        // Without a rate limit check there is no error.
        let _ = self.join_or_spawn(row, None).await;
    }

    /// A refresh on request, also if none is due. `check_limit` may refuse to start one.
    pub(super) async fn force(&self, row: &CredentialRow, check_limit: RateLimitCheck<'_>) -> Result<(), Error> {
        // The joined refresh may have been for an older token, or not forced. Then this starts a second one.
        for _ in 0..2 {
            if self.is_settled(row).await? {
                break;
            }
            match self.join_or_spawn(row, Some(check_limit)).await {
                Ok(true) => break,
                Ok(false) => {}
                // The refresh that it needed ended in this moment.
                Err(_) if self.is_settled(row).await? => break,
                Err(retry_after) => return Err(Error::TooManyCalls { retry_after }),
            }
        }
        Ok(())
    }

    /// Waits for the running refresh, or for a new one, which is forced if there is a `check_limit`. Returns whether it
    /// was new.
    async fn join_or_spawn(&self, row: &CredentialRow, check_limit: Option<RateLimitCheck<'_>>) -> Result<bool, u64> {
        let (finish, finished) = watch::channel(false);
        let under_way = match self.inner.running_refreshes.lock().unwrap_or_else(PoisonError::into_inner).entry(row.id)
        {
            Entry::Occupied(running) => Some(running.get().clone()),
            Entry::Vacant(place) => {
                if let Some(check_limit) = check_limit {
                    check_limit()?;
                }
                place.insert(finished.clone());
                None
            }
        };
        let is_new = under_way.is_none();
        let mut finished = under_way.unwrap_or_else(|| {
            // Without the lock: a runtime that shuts down drops the task, and its guard takes the lock.
            self.spawn_refresh(row, check_limit.is_some(), finish);
            finished
        });
        let _ = finished.wait_for(|finished| *finished).await;
        Ok(is_new)
    }

    fn spawn_refresh(&self, row: &CredentialRow, forced: bool, finish: watch::Sender<bool>) {
        let (owner, id, generation) = (row.owner.clone(), row.id, row.generation);
        let (vault, guard) = (self.clone(), FinishGuard { vault: self.clone(), id, finish });
        request::spawn(async move {
            let _guard = guard;
            if vault.inner.closing.load(Ordering::Acquire) {
                return;
            }
            if let Err(error) = vault.refresh_once(&owner, id, generation, forced).await {
                tracing::warn!(credential = %id, %error, "a refresh was not started");
            }
        });
    }

    /// Starts no new refresh and waits for the running ones, so that no new token is lost.
    pub(crate) async fn drain_refreshes(&self) {
        self.inner.closing.store(true, Ordering::Release);
        let running: Vec<RunningRefresh> =
            self.inner.running_refreshes.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let all = async {
            for mut running in running {
                let _ = running.wait_for(|finished| *finished).await;
            }
        };
        if tokio::time::timeout(DRAIN_TIMEOUT, all).await.is_err() {
            tracing::error!("a refresh was still running when the vault was closed");
        }
    }
}

/// Ends the refresh however its task ends, so a panic does not leave callers waiting.
struct FinishGuard {
    vault: Vault,
    id: CredentialId,
    finish: watch::Sender<bool>,
}

impl Drop for FinishGuard {
    fn drop(&mut self) {
        self.vault.inner.running_refreshes.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        let _ = self.finish.send(true);
    }
}
