//! One attempt to refresh: the due check, the resolution of an open intent, the lease and the request. Nothing is sent
//! before the intent is durable. No step of this module between the two can fail.

use std::time::Duration;

use jiff::Timestamp;

use super::outcome::CONFIGURATION_RETRY;
use crate::error::Error;
use crate::fields::{Value, Values};
use crate::oauth::app::Registration;
use crate::vault::Vault;
use strongroom_oauth::{Failure, Refresh, Rotation, TokenRequest, Tokens};
use strongroom_store::{
    Action, Claim, CredentialId, CredentialRow, Owner, Reason, RefreshRow, RefreshState, StoreError,
};

/// Longer than a call and its commit.
const LEASE_DURATION: Duration = Duration::from_secs(60);
const _: () = assert!(
    LEASE_DURATION.as_secs() > strongroom_egress::CALL_TIMEOUT.as_secs(),
    "another process would ask while an answer is on its way"
);
/// How often and how long a caller waits for the lease of another process.
const LEASE_POLL_INTERVAL: Duration = Duration::from_millis(100);
const LEASE_WAIT_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum delay after a failure. A later due date comes from a clock that was set back.
const MAX_BACKOFF: Duration = Duration::from_secs(24 * 3600);

impl Vault {
    /// `seen` is the generation that needs a refresh. If it has changed, another caller has refreshed.
    pub(super) async fn refresh_once(
        &self,
        owner: &Owner,
        id: CredentialId,
        seen: u64,
        forced: bool,
    ) -> Result<(), Error> {
        let give_up = tokio::time::Instant::now() + LEASE_WAIT_TIMEOUT;
        let mut again = true;
        loop {
            let Some(row) = self.inner.store.credential(owner, id).await? else { return Ok(()) };
            let Some(mut refresh) = self.inner.store.refresh(id).await? else { return Ok(()) };
            let Some(app) = row.app.filter(|_| row.generation == seen) else { return Ok(()) };
            let now = self.inner.clock.now();
            if is_backing_off(&refresh, now, forced) {
                return Ok(());
            }
            // After a clock was set back, a stored lease may end too far in the future. Such a lease does not count.
            let longest = now.saturating_add(LEASE_DURATION * 2).unwrap_or(now);
            if refresh.lease_until.is_some_and(|until| until > now && until <= longest) {
                if tokio::time::Instant::now() >= give_up {
                    return Ok(());
                }
                tokio::time::sleep(LEASE_POLL_INTERVAL).await;
                continue;
            }
            let registration = match self.registration(owner.tenant, app).await {
                Ok(registration) => registration,
                Err(error @ Error::Store(_)) => return Err(error),
                // The provider's file is missing or the row is not genuine. Postpone, so that it is not due at each
                // sweep.
                Err(error) => {
                    tracing::error!(credential = %id, %app, %error, "the OAuth app cannot be used");
                    let is_open = refresh.state == RefreshState::Ambiguous;
                    let state = if is_open { refresh.state } else { RefreshState::Degraded };
                    let cause = Some("app-unusable".to_owned());
                    let due_at = now.saturating_add(CONFIGURATION_RETRY).ok();
                    return self
                        .settle_state(&row, RefreshRow { state, cause, due_at, ..refresh }, Reason::Provider)
                        .await;
                }
            };
            let policy = registration.client.refresh_policy();
            if row.refresh_token.is_none() && !registration.client.acts_for_itself() {
                return self.nothing_to_refresh(&row, refresh).await;
            }
            if let Some(until) = self.inner.breakers.open_until(&registration.row.id, now) {
                return self.defer(&row, refresh, until).await;
            }
            let claim = match self.next_step(&row, &refresh, &policy, now, forced) {
                Step::Claim(claim) => claim,
                Step::Settle(settled) => return self.settle_state(&row, *settled, Reason::Interrupted).await,
                Step::Nothing => return Ok(()),
            };
            // Before the intent: a failure here has sent nothing.
            let values = match self.values(&row).await {
                Ok(values) => values,
                Err(Error::Undecryptable) => {
                    return self.settle_state(&row, refresh.ended("undecryptable"), Reason::Undecryptable).await;
                }
                Err(error) => return Err(error),
            };
            let entry = self.sweeper_entry(&row, Action::CredentialRefreshBegin);
            match self.within_deadline(self.inner.store.claim_refresh(&claim, entry)).await {
                Err(Error::Store(StoreError::Conflict(_))) if tokio::time::Instant::now() < give_up => continue,
                Err(Error::Store(StoreError::Conflict(_))) => return Ok(()),
                other => other?,
            }
            refresh.fence = claim.fence + 1;
            refresh.lease_until = Some(claim.until);
            refresh.intent_at = Some(claim.intent_at);
            refresh.state = claim.state;
            let asked = self.ask_refresh(&registration, &row, &values).await;
            self.inner.breakers.record_outcome(&registration.row.id, &asked, self.inner.clock.now());
            match asked {
                Ok(tokens) => return self.keep_refreshed(row, refresh, &registration, values, tokens).await,
                Err(Failure::Terminal { .. }) if again && self.has_moved(owner, id, seen).await? => {
                    again = false;
                }
                Err(failure) => return self.settle_failure(&row, refresh, failure).await,
            }
        }
    }

    async fn ask_refresh(
        &self,
        registration: &Registration,
        row: &CredentialRow,
        values: &Values,
    ) -> Result<Tokens, Failure> {
        if registration.client.acts_for_itself() {
            return self.request_own_token(registration, &row.scopes, values).await;
        }
        let Some(Value::Text(token)) = values.get("refresh_token") else {
            return Err(Failure::config("no-refresh-token"));
        };
        self.ask(registration, TokenRequest::Refresh { token }).await
    }

    /// Whether no refresh is needed: there is a newer token, or it is too early for another attempt.
    pub(super) async fn is_settled(&self, seen: &CredentialRow) -> Result<bool, Error> {
        if self.inner.store.credential(&seen.owner, seen.id).await?.is_none_or(|row| row.generation != seen.generation)
        {
            return Ok(true);
        }
        let refresh = self.inner.store.refresh(seen.id).await?;
        Ok(refresh.is_none_or(|refresh| is_backing_off(&refresh, self.inner.clock.now(), true)))
    }

    async fn has_moved(&self, owner: &Owner, id: CredentialId, seen: u64) -> Result<bool, Error> {
        Ok(self.inner.store.credential(owner, id).await?.is_some_and(|row| row.generation != seen))
    }

    /// The step that an open intent allows (see `Rotation`). Without an open intent, an ordinary claim.
    fn next_step(
        &self,
        row: &CredentialRow,
        refresh: &RefreshRow,
        policy: &Refresh,
        now: Timestamp,
        forced: bool,
    ) -> Step {
        let claim = |state, intent_at| {
            Step::Claim(Claim {
                credential: row.id,
                fence: refresh.fence,
                generation: row.generation,
                state,
                until: now.saturating_add(LEASE_DURATION).unwrap_or(now),
                intent_at,
            })
        };
        let Some(intent_at) = refresh.intent_at else { return claim(RefreshState::Refreshing, now) };
        if policy.rotation == Rotation::None {
            return claim(RefreshState::Refreshing, now);
        }
        // The replay was interrupted too, because its lease was left. A third attempt could repeat for ever.
        if refresh.state == RefreshState::Ambiguous && refresh.lease_until.is_some() {
            return Step::Settle(Box::new(refresh.clone().ended("interrupted-twice")));
        }
        let grace = policy.grace_seconds.map(u64::from).map(Duration::from_secs).unwrap_or_default();
        let window = intent_at.saturating_add(grace).unwrap_or(intent_at);
        if policy.rotation == Rotation::Grace && now < window {
            return claim(RefreshState::Ambiguous, intent_at);
        }
        match row.expires_at {
            // The access token is still valid. Use it to its end before the refresh token is risked.
            Some(at) if at > now && !forced => {
                if refresh.due_at == Some(at) {
                    return Step::Nothing;
                }
                let state = RefreshState::Ambiguous;
                let cause = Some("interrupted".to_owned());
                let settled = RefreshRow { state, cause, due_at: Some(at), lease_until: None, ..refresh.clone() };
                Step::Settle(Box::new(settled))
            }
            _ => claim(RefreshState::Ambiguous, intent_at),
        }
    }
}

/// Whether it is too early to retry after a failure. Otherwise a busy plugin would send many requests. A forced
/// refresh does not wait for the end of the access token whose refresh was interrupted.
fn is_backing_off(refresh: &RefreshRow, now: Timestamp, forced: bool) -> bool {
    let failed = match refresh.state {
        RefreshState::ReauthRequired => return true,
        RefreshState::Degraded => true,
        RefreshState::Ambiguous => !forced || refresh.cause.as_deref() != Some("interrupted"),
        RefreshState::Active | RefreshState::Refreshing => false,
    };
    let soon = now.saturating_add(MAX_BACKOFF).unwrap_or(now);
    failed && refresh.due_at.is_some_and(|due| due > now && due <= soon)
}

enum Step {
    Claim(Claim),
    Settle(Box<RefreshRow>),
    Nothing,
}
