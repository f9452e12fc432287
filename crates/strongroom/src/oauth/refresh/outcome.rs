//! Handles the result of a refresh. New tokens are stored even if that takes many attempts. A failure becomes a state
//! with its cause. Both set the time of the next refresh. A result is written only if its fence is current.

use std::time::Duration;

use jiff::Timestamp;

use crate::error::Error;
use crate::fields::{Value, Values};
use crate::oauth::app::Registration;
use crate::oauth::token::merge_tokens;
use crate::vault::Vault;
use strongroom_oauth::{Failure, Refresh, Tokens};
use strongroom_store::{Action, Actor, CredentialRow, Entry, Reason, RefreshRow, RefreshState, StoreError};

/// A token is refreshed when one fifth of its lifetime is left, and at most this long before its end.
const MAX_REFRESH_MARGIN: Duration = Duration::from_secs(300);
/// Maximum delay between attempts to write a result. It is short, so that the result is written before the lease ends
/// once the disk has space again.
const RETRY_HOLD: Duration = Duration::from_secs(1);
/// Delay after the first failure. It doubles with each failure up to the maximum.
const INITIAL_BACKOFF: Duration = Duration::from_secs(5);
const MAX_BACKOFF: Duration = Duration::from_secs(15 * 60);
/// Only the operator can fix a refused registration, so it is retried rarely.
pub(super) const CONFIGURATION_RETRY: Duration = Duration::from_secs(3600);
/// After this many consecutive refusals that no standard defines, the grant counts as ended.
const UNKNOWN_ATTEMPTS: u64 = 12;

impl Vault {
    /// Stores the new tokens, with retries, because the old token may be used up.
    pub(super) async fn keep_refreshed(
        &self,
        mut row: CredentialRow,
        refresh: RefreshRow,
        registration: &Registration,
        mut values: Values,
        tokens: Tokens,
    ) -> Result<(), Error> {
        let generation = row.generation;
        let now = self.inner.clock.now();
        let settled = RefreshRow {
            state: RefreshState::Active,
            cause: None,
            lease_until: None,
            intent_at: None,
            failures: 0,
            refreshed_at: now,
            refresh_expires_at: tokens.refresh_expires_at.or(refresh.refresh_expires_at),
            due_at: self.due_at(&registration.client.refresh_policy(), now, tokens.expires_at),
            ..refresh
        };
        let spent = merge_tokens(tokens, &mut values);
        let mut wait = Duration::from_millis(100);
        let is_there = loop {
            match self.write_refreshed(&mut row, &settled, &values, spent.as_ref(), generation).await {
                Ok(is_there) => break is_there,
                // Waiting does not help: the vault is closed, or the user's data key is gone.
                Err(error @ (Error::Store(StoreError::Closed) | Error::Undecryptable)) => return Err(error),
                // The disk is full or the database is locked. Hold the result until it can be written.
                Err(error) => {
                    tracing::error!(credential = %row.id, %error, "a refreshed token could not be written; retrying");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(RETRY_HOLD);
                }
            }
        };
        // The credential was deleted during the request. Its revocation had the old token, so revoke the new one too.
        if is_there { Ok(()) } else { self.revoke_orphaned(&row, registration, values).await }
    }

    /// Returns whether the credential still exists. It keeps a new name, and a new grant of a reconnection.
    async fn write_refreshed(
        &self,
        row: &mut CredentialRow,
        settled: &RefreshRow,
        values: &Values,
        spent: Option<&Value>,
        generation: u64,
    ) -> Result<bool, Error> {
        loop {
            let Some(newer) = self.inner.store.credential(&row.owner, row.id).await? else { return Ok(false) };
            let fence = self.inner.store.refresh(row.id).await?.map(|refresh| refresh.fence);
            if newer.generation != generation || fence != Some(settled.fence) {
                tracing::warn!(credential = %row.id, "a refresh finished after its lease ended; its result is discarded");
                return Ok(true);
            }
            *row = newer;
            let read_at = row.revision;
            let key = self.key_of(row).await?;
            self.inner.sealer.seal_credential(row, &key, &|_| true, None, values);
            if let Some(Value::Text(spent)) = spent {
                self.inner.sealer.keep_previous_refresh_token(row, &key, spent);
            }
            row.revision += 1;
            row.updated_at = settled.refreshed_at;
            let entry = self.sweeper_entry(row, Action::CredentialRefreshed).with_digest(row.digest());
            match self.within_deadline(self.inner.store.settle_refresh(Some((row, read_at)), settled, entry)).await {
                Err(Error::Store(StoreError::Conflict(_))) => {}
                other => return other.map(|()| true),
            }
        }
    }

    pub(super) async fn settle_failure(
        &self,
        row: &CredentialRow,
        refresh: RefreshRow,
        failure: Failure,
    ) -> Result<(), Error> {
        let now = self.inner.clock.now();
        let later = |wait: Duration| now.saturating_add(wait).ok();
        let was_open = refresh.state == RefreshState::Ambiguous;
        let failures = refresh.failures + 1;
        let cause = Some(failure.cause().to_owned());
        let base = RefreshRow { lease_until: None, failures, ..refresh };
        let settled = match failure {
            Failure::Terminal { cause } => {
                let cause = if was_open { format!("interrupted, then {cause}") } else { cause };
                RefreshRow { intent_at: None, ..base.ended(cause) }
            }
            Failure::Config { .. } => {
                tracing::error!(credential = %row.id, app = ?row.app, ?cause, "the provider refuses the registration");
                RefreshRow {
                    state: RefreshState::Degraded,
                    cause,
                    due_at: later(CONFIGURATION_RETRY),
                    intent_at: None,
                    ..base
                }
            }
            // The token may be used up and the new one lost. The intent stays open.
            Failure::Transient { may_have_arrived: true, .. } => {
                let due_at = later(self.backoff(failures));
                RefreshRow { state: RefreshState::Ambiguous, cause, due_at, ..base }
            }
            // After repeated unknown answers the grant counts as ended, so that the user notices.
            Failure::Transient { unknown: true, cause, .. } if failures >= UNKNOWN_ATTEMPTS => {
                RefreshRow { intent_at: None, ..base.ended(cause) }
            }
            Failure::Transient { retry_after, .. } => {
                let state = if was_open { RefreshState::Ambiguous } else { RefreshState::Degraded };
                let intent_at = if was_open { base.intent_at } else { None };
                let due_at = later(retry_after.unwrap_or_else(|| self.backoff(failures)));
                RefreshRow { state, cause, due_at, intent_at, ..base }
            }
        };
        self.settle_state(row, settled, Reason::Provider).await
    }

    pub(super) async fn settle_state(
        &self,
        row: &CredentialRow,
        settled: RefreshRow,
        reason: Reason,
    ) -> Result<(), Error> {
        let entry = self.sweeper_entry(row, Action::CredentialRefreshed).denied(reason);
        match self.within_deadline(self.inner.store.settle_refresh(None, &settled, entry)).await {
            // Another process has the lease now. Its result counts.
            Err(Error::Store(StoreError::Conflict(_))) => Ok(()),
            other => other,
        }
    }

    /// Postpones the refresh while the circuit breaker is open. A lease that was left is kept, because it shows that a
    /// replay was interrupted.
    pub(super) async fn defer(&self, row: &CredentialRow, refresh: RefreshRow, until: Timestamp) -> Result<(), Error> {
        if refresh.due_at.is_none_or(|due| due >= until) {
            return Ok(());
        }
        let spread = self.jitter(10_000);
        let due_at =
            Timestamp::from_millisecond(until.as_millisecond() + i64::try_from(spread).unwrap_or_default()).ok();
        self.settle_state(row, RefreshRow { due_at, ..refresh }, Reason::Provider).await
    }

    /// The refresh is due, but there is no refresh token. End it, so that it is not due for ever.
    pub(super) async fn nothing_to_refresh(&self, row: &CredentialRow, refresh: RefreshRow) -> Result<(), Error> {
        if refresh.due_at.is_some() {
            return self.settle_state(row, refresh.ended("no-refresh-token"), Reason::Provider).await;
        }
        Ok(())
    }

    /// When to refresh a token: before its end, with jitter. Without an end, often enough to keep the grant alive.
    pub(crate) fn due_at(&self, policy: &Refresh, now: Timestamp, expires_at: Option<Timestamp>) -> Option<Timestamp> {
        let idle = policy.idle_days.map(|days| now.as_millisecond() + i64::from(days) * 24 * 3_600_000 / 2);
        let due = match expires_at {
            Some(at) => {
                let margin = margin(now.duration_until(at).as_millis());
                let due = at.as_millisecond() - i64::try_from(margin + self.jitter(margin / 4)).unwrap_or_default();
                Some(idle.map_or(due, |idle| idle.min(due)))
            }
            None => idle,
        };
        Timestamp::from_millisecond(due?).ok()
    }

    fn backoff(&self, failures: u64) -> Duration {
        let doubled =
            INITIAL_BACKOFF.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(MAX_BACKOFF).as_millis();
        let doubled = i128::try_from(doubled).unwrap_or(i128::MAX);
        // Full jitter, but at least one second.
        Duration::from_millis(u64::try_from(1_000 + self.jitter(doubled)).unwrap_or_default())
    }

    fn jitter(&self, most: i128) -> i128 {
        let mut bytes = [0; 8];
        self.inner.entropy.fill(&mut bytes);
        i128::from(u64::from_le_bytes(bytes)) % most.max(1)
    }

    /// An entry whose actor is Strongroom, for the credential's owner.
    pub(crate) fn sweeper_entry(&self, row: &CredentialRow, action: Action) -> Entry {
        self.entry_for(&Actor::strongroom(), row, action)
    }
}

/// One fifth of the lifetime, at most `MAX_REFRESH_MARGIN`. A fixed margin would refresh 5-minute tokens at each use.
pub(super) fn margin(life: i128) -> i128 {
    let most = i128::try_from(MAX_REFRESH_MARGIN.as_millis()).unwrap_or(i128::MAX);
    (life / 5).clamp(0, most)
}
