//! Refreshing: a rotated refresh token is never lost and never spent twice. A lease with a fence, in the database, makes
//! one caller of all processes the one who asks; its intent is durable before the request leaves (which proves, too, that
//! the answer can be written); the answer is durable before anybody sees it. It runs in a task of its own: a caller who
//! hangs up loses nothing. What a crash leaves open is resolved by what the provider does with a used token.

use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use strongroom_crypto::Secret;
use tokio::sync::watch;

use super::app::Registration;
use super::token::{Ask, Failure, Tokens};
use crate::access::Actor;
use crate::audit::{Action, Reason};
use crate::credential::{Credential, CredentialRow};
use crate::error::Error;
use crate::fields::{Value, Values};
use crate::id::{CredentialId, NameError, Owner};
use crate::provider::{Refresh, Rotation};
use crate::store::StoreError;
use crate::vault::Vault;

/// Longer than a call may take, and its commit.
const LEASE: Duration = Duration::from_secs(60);
/// How often somebody who waits for another process's lease looks again, and for how long.
const LOOK: Duration = Duration::from_millis(100);
const WAIT: Duration = Duration::from_secs(30);
/// A token is refreshed when a fifth of its life is left, or this much.
const MARGIN: Duration = Duration::from_secs(300);
/// After the first failure; doubled with each, up to the longest.
const BACKOFF: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// A registration that is refused is the operator's to mend: it is tried now and then.
const CONFIG: Duration = Duration::from_secs(3600);
/// So many refusals in a row, of a kind that no standard has, are an end.
const UNKNOWN: u64 = 12;
/// A token this close to its end is not handed out.
const LEEWAY: Duration = Duration::from_secs(2);
/// At most so many in one sweep, and at once.
const SWEEP: u32 = 200;
const AT_ONCE: usize = 16;

/// How a connected account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshState {
    /// The last refresh went well.
    Active,
    /// Somebody has the lease.
    Refreshing,
    /// The last refresh failed; it is tried again.
    Degraded,
    /// A refresh was interrupted: nobody knows whether the token was spent.
    Ambiguous,
    /// The grant is gone: the user has to connect again.
    ReauthRequired,
}

impl RefreshState {
    pub(crate) const ALL: [Self; 5] =
        [Self::Active, Self::Refreshing, Self::Degraded, Self::Ambiguous, Self::ReauthRequired];

    /// The stored and shown form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Refreshing => "refreshing",
            Self::Degraded => "degraded",
            Self::Ambiguous => "ambiguous",
            Self::ReauthRequired => "reauth-required",
        }
    }
}

impl FromStr for RefreshState {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| NameError("must be a state".to_owned()))
    }
}

/// How a token is kept fresh, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the table `refresh`")]
pub struct RefreshRow {
    pub credential: CredentialId,
    pub owner: Owner,
    pub state: RefreshState,
    pub cause: Option<String>,
    pub due_at: Option<Timestamp>,
    pub fence: u64,
    pub lease_until: Option<Timestamp>,
    pub intent_at: Option<Timestamp>,
    pub failures: u64,
    pub refreshed_at: Timestamp,
    pub refresh_expires_at: Option<Timestamp>,
}

/// A lease to be taken: under this fence, of a credential that is still at this generation.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Claim {
    pub credential: CredentialId,
    pub fence: u64,
    pub generation: u64,
    pub state: RefreshState,
    pub at: Timestamp,
    pub until: Timestamp,
    /// When the refresh token was first sent: an interrupted refresh keeps its beginning.
    pub intent_at: Timestamp,
}

/// A refresh under way in this process: everybody who wants the same one waits for it.
pub(crate) type Flight = watch::Receiver<bool>;

impl Vault {
    /// Refreshes now, whether or not it is due.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::ReauthRequired`]; [`Error::Refresh`] with the cause, when it failed.
    pub async fn refresh(&self, actor: &Actor, owner: &Owner, id: CredentialId) -> Result<Credential, Error> {
        let (row, entry) = self.find(actor, owner, id, Action::CredentialRefresh).await?;
        if row.app.is_none() {
            return Err(Error::field("id", "unsupported", "only a connected account can be refreshed"));
        }
        self.record(entry).await?;
        let generation = row.generation;
        self.fly(&row, true).await;
        let row = self.store.credential(owner, id).await?.ok_or(Error::NotFound { what: "credential" })?;
        if row.generation == generation {
            return Err(self.why_not(&row).await?);
        }
        self.view(row).await
    }

    /// A plugin's call was answered 401. If the token it used is still the present one, it is refreshed, once.
    ///
    /// # Errors
    /// [`Error::NotFound`], as for reading; [`Error::ReauthRequired`].
    pub async fn report_unauthorized(
        &self,
        actor: &Actor,
        owner: &Owner,
        id: CredentialId,
        revision: u64,
    ) -> Result<(), Error> {
        let (row, entry) = self.find(actor, owner, id, Action::CredentialReportUnauthorized).await?;
        self.record(entry).await?;
        if row.app.is_none() || row.revision != revision {
            return Ok(());
        }
        self.fly(&row, true).await;
        let row = self.store.credential(owner, id).await?.ok_or(Error::NotFound { what: "credential" })?;
        if row.revision == revision { Err(self.why_not(&row).await?) } else { Ok(()) }
    }

    /// Refreshes what is due, and revokes what is owed; says how much there was. Driven by an index, not by a scan.
    ///
    /// # Errors
    /// Storage errors only; what fails upstream is the credential's state.
    pub async fn sweep(&self) -> Result<usize, Error> {
        let now = self.clock.now();
        let due = self.store.due(now, SWEEP).await?;
        let mut under_way = tokio::task::JoinSet::new();
        for row in &due {
            while under_way.len() >= AT_ONCE {
                under_way.join_next().await;
            }
            if let Some(credential) = self.store.credential(&row.owner, row.credential).await? {
                let vault = self.clone();
                under_way.spawn(async move { vault.fly(&credential, false).await });
            }
        }
        under_way.join_all().await;
        Ok(due.len() + self.settle_owed(now).await?)
    }

    /// A row whose token can be handed out: refreshed if it is close to its end, and as it is while it lives.
    pub(crate) async fn freshened(
        &self,
        row: std::sync::Arc<CredentialRow>,
    ) -> Result<std::sync::Arc<CredentialRow>, Error> {
        let (Some(_), Some(expires_at)) = (row.app, row.expires_at) else { return Ok(row) };
        let now = self.clock.now();
        let left = now.duration_until(expires_at);
        let life = row.updated_at.duration_until(expires_at);
        if left.as_millis() > margin(life.as_millis()) {
            return Ok(row);
        }
        self.fly(&row, false).await;
        let row = self.store.credential(&row.owner, row.id).await?.ok_or(Error::NotFound { what: "credential" })?;
        let alive = row.expires_at.is_none_or(|at| at > self.clock.now().saturating_add(LEEWAY).unwrap_or(at));
        if alive { Ok(std::sync::Arc::new(row)) } else { Err(self.why_not(&row).await?) }
    }

    /// Why there is no fresh token, from the row that says so.
    async fn why_not(&self, row: &CredentialRow) -> Result<Error, Error> {
        let refresh = self.store.refresh(row.id).await?;
        let cause = refresh.as_ref().and_then(|refresh| refresh.cause.clone());
        let cause = cause.unwrap_or_else(|| "no-refresh-token".to_owned());
        Ok(match refresh.map(|refresh| refresh.state) {
            Some(RefreshState::ReauthRequired) | None => Error::ReauthRequired { cause },
            Some(_) if row.refresh_token.is_none() => Error::ReauthRequired { cause },
            Some(_) => Error::Refresh { cause },
        })
    }

    /// Joins the refresh of this credential that is under way here, or begins one, in a task of its own.
    async fn fly(&self, row: &CredentialRow, forced: bool) {
        let (owner, id, generation) = (row.owner.clone(), row.id, row.generation);
        let mut landed = {
            let mut flights = self.flights.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(flight) = flights.get(&id) {
                flight.clone()
            } else {
                let (land, landed) = watch::channel(false);
                flights.insert(id, landed.clone());
                let vault = self.clone();
                let landing = Landing { vault: self.clone(), id, land };
                tokio::spawn(async move {
                    let _landing = landing;
                    if let Err(error) = vault.refresh_once(&owner, id, generation, forced).await {
                        tracing::warn!(credential = %id, %error, "a refresh was not carried out");
                    }
                });
                landed
            }
        };
        let _ = landed.wait_for(|landed| *landed).await;
    }

    /// `seen` is the generation that the caller found wanting: if it has moved, somebody else did it.
    async fn refresh_once(&self, owner: &Owner, id: CredentialId, seen: u64, forced: bool) -> Result<(), Error> {
        let give_up = tokio::time::Instant::now() + WAIT;
        let mut again = true;
        loop {
            let Some(row) = self.store.credential(owner, id).await? else { return Ok(()) };
            let Some(mut refresh) = self.store.refresh(id).await? else { return Ok(()) };
            let Some(app) = row.app.filter(|_| row.refresh_token.is_some() && row.generation == seen) else {
                return self.nothing_to_refresh(&row, refresh).await;
            };
            let now = self.clock.now();
            if refresh.state == RefreshState::ReauthRequired && !forced {
                return Ok(());
            }
            // The database's rows outlive a clock that jumped back: a lease further off than any lease is none.
            let longest = now.saturating_add(LEASE * 2).unwrap_or(now);
            if refresh.lease_until.is_some_and(|until| until > now && until <= longest) {
                if tokio::time::Instant::now() >= give_up {
                    return Ok(());
                }
                tokio::time::sleep(LOOK).await;
                continue;
            }
            let registration = self.registration(owner.tenant, app).await?;
            if let Some(until) = self.breakers.open_until(&registration.endpoint(), now).filter(|_| !forced) {
                return self.put_off(&row, refresh, until).await;
            }
            let claim = match self.next_step(&row, &refresh, &registration.provider.refresh, now, forced) {
                Step::Claim(claim) => claim,
                Step::Settle(settled) => return self.settle_state(&row, *settled, Reason::Interrupted).await,
                Step::Nothing => return Ok(()),
            };
            let entry = self.sweeper_entry(&row, Action::CredentialRefreshBegin);
            match self.within_deadline(self.store.claim_refresh(&claim, entry)).await {
                Err(Error::Store(StoreError::Conflict(_))) if tokio::time::Instant::now() < give_up => continue,
                Err(Error::Store(StoreError::Conflict(_))) => return Ok(()),
                other => other?,
            }
            refresh.fence = claim.fence + 1;
            refresh.lease_until = Some(claim.until);
            refresh.intent_at = Some(claim.intent_at);
            refresh.state = claim.state;
            let values = self.values(owner, &row).await?;
            let asked = self.ask_refresh(&registration, &values, now).await;
            self.breakers.saw(&registration.endpoint(), &asked, self.clock.now());
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
        values: &Values,
        now: Timestamp,
    ) -> Result<Tokens, Failure> {
        let config = |cause: &str| Failure::Config { cause: cause.to_owned() };
        let secret = self.app_secret(&registration.row).map_err(|_| config("app-undecryptable"))?;
        let Some(Value::Text(token)) = values.get("refresh_token") else { return Err(config("no-refresh-token")) };
        registration.ask(&self.egress, secret.as_ref(), Ask::Refresh { token }, now).await
    }

    async fn has_moved(&self, owner: &Owner, id: CredentialId, seen: u64) -> Result<bool, Error> {
        Ok(self.store.credential(owner, id).await?.is_some_and(|row| row.generation != seen))
    }

    /// What an intent that was left open allows (see `Rotation`); without one, the ordinary claim.
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
                at: now,
                until: now.saturating_add(LEASE).unwrap_or(now),
                intent_at,
            })
        };
        let Some(intent_at) = refresh.intent_at else { return claim(RefreshState::Refreshing, now) };
        if policy.rotation == Rotation::None {
            return claim(RefreshState::Refreshing, now);
        }
        let dead = |cause: &str| {
            let (state, cause) = (RefreshState::ReauthRequired, Some(cause.to_owned()));
            Step::Settle(Box::new(RefreshRow { state, cause, due_at: None, ..refresh.clone() }))
        };
        // The one replay was interrupted as well: a third time would be a loop.
        if refresh.state == RefreshState::Ambiguous && refresh.failures > 0 {
            return dead("interrupted-twice");
        }
        let grace = policy.grace_seconds.map(u64::from).map(Duration::from_secs).unwrap_or_default();
        let window = intent_at.saturating_add(grace).unwrap_or(intent_at);
        if policy.rotation == Rotation::Grace && now < window {
            return claim(RefreshState::Ambiguous, intent_at);
        }
        match row.expires_at {
            // The access token still lives: it is used to its end before the refresh token is risked.
            Some(at) if at > now && !forced => {
                if refresh.due_at == Some(at) {
                    return Step::Nothing;
                }
                let state = RefreshState::Ambiguous;
                let cause = Some("interrupted".to_owned());
                Step::Settle(Box::new(RefreshRow { state, cause, due_at: Some(at), failures: 0, ..refresh.clone() }))
            }
            _ => claim(RefreshState::Ambiguous, intent_at),
        }
    }

    /// Keeps what came, whatever it takes: the old token may be spent. Whoever renamed the credential meanwhile keeps the
    /// name; whoever replaced its tokens keeps them.
    async fn keep_refreshed(
        &self,
        mut row: CredentialRow,
        refresh: RefreshRow,
        registration: &Registration,
        mut values: Values,
        tokens: Tokens,
    ) -> Result<(), Error> {
        let generation = row.generation;
        let now = self.clock.now();
        let spent =
            tokens.refresh_token.and_then(|token| values.insert("refresh_token".to_owned(), Value::Text(token)));
        values.insert("access_token".to_owned(), Value::Text(tokens.access_token));
        match tokens.expires_at {
            Some(at) => values.insert("expires_at".to_owned(), Value::Text(Secret::new(at.to_string()))),
            None => values.remove("expires_at"),
        };
        if let Some(scopes) = tokens.scopes {
            let scopes = scopes.iter().map(|scope| Secret::from(scope.as_str())).collect();
            values.insert("scopes".to_owned(), Value::List(scopes));
        }
        values.extend(tokens.kept.into_iter().map(|(name, value)| (name, Value::Text(value))));
        let settled = RefreshRow {
            state: RefreshState::Active,
            cause: None,
            lease_until: None,
            intent_at: None,
            failures: 0,
            refreshed_at: now,
            refresh_expires_at: tokens.refresh_expires_at.or(refresh.refresh_expires_at),
            due_at: self.due_at(&registration.provider.refresh, now, tokens.expires_at),
            ..refresh
        };
        let mut wait = Duration::from_millis(100);
        loop {
            let read_at = row.revision;
            let key = self.user_key(&row.owner, &row.encrypted_data).await?.ok_or(Error::Undecryptable)?;
            row.seal(self, &key, &|_| true, &values);
            if let Some(Value::Text(spent)) = &spent {
                row.keep_previous(self, &key, spent);
            }
            row.revision += 1;
            row.updated_at = now;
            let entry = self.sweeper_entry(&row, Action::CredentialRefreshed).leaving(row.digest());
            match self.within_deadline(self.store.settle_refresh(Some((&row, read_at)), &settled, entry)).await {
                Ok(()) => return Ok(()),
                Err(Error::Store(StoreError::Conflict(_))) => {}
                // The disk is full, the database locked: what came is held until it can be written.
                Err(error) if wait < LEASE => {
                    tracing::error!(credential = %row.id, %error, "a refreshed token cannot be written; trying again");
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
                Err(error) => return Err(error),
            }
            let Some(newer) = self.store.credential(&row.owner, row.id).await? else { return Ok(()) };
            let fence = self.store.refresh(row.id).await?.map(|refresh| refresh.fence);
            if newer.generation != generation || fence != Some(settled.fence) {
                tracing::warn!(credential = %row.id, "a refresh came too late; what it brought is dropped");
                return Ok(());
            }
            row = newer;
        }
    }

    async fn settle_failure(&self, row: &CredentialRow, refresh: RefreshRow, failure: Failure) -> Result<(), Error> {
        let now = self.clock.now();
        let later = |wait: Duration| now.saturating_add(wait).ok();
        let was_open = refresh.state == RefreshState::Ambiguous;
        let failures = refresh.failures + 1;
        let cause = Some(failure.cause().to_owned());
        let base = RefreshRow { lease_until: None, failures, ..refresh };
        let settled = match failure {
            Failure::Terminal { cause } => {
                let cause = Some(if was_open { format!("interrupted, then {cause}") } else { cause });
                RefreshRow { state: RefreshState::ReauthRequired, cause, due_at: None, intent_at: None, ..base }
            }
            Failure::Config { .. } => {
                tracing::error!(credential = %row.id, app = ?row.app, ?cause, "the provider refuses the registration");
                RefreshRow { state: RefreshState::Degraded, cause, due_at: later(CONFIG), intent_at: None, ..base }
            }
            // The token may have been spent and its successor lost on the way: the intent stays open.
            Failure::Transient { may_have_arrived: true, .. } => {
                let failures = if was_open { failures } else { 0 };
                RefreshRow { state: RefreshState::Ambiguous, cause, due_at: later(BACKOFF), failures, ..base }
            }
            // An answer that nobody understands, again and again: the grant is taken for gone, so that somebody looks.
            Failure::Transient { unknown: true, .. } if failures >= UNKNOWN => {
                RefreshRow { state: RefreshState::ReauthRequired, cause, due_at: None, intent_at: None, ..base }
            }
            Failure::Transient { retry_after, .. } => {
                let state = if was_open { RefreshState::Ambiguous } else { RefreshState::Degraded };
                let intent_at = if was_open { base.intent_at } else { None };
                let failures = if was_open { 0 } else { failures };
                let due_at = later(retry_after.unwrap_or_else(|| self.backoff(failures)));
                RefreshRow { state, cause, due_at, intent_at, failures, ..base }
            }
        };
        self.settle_state(row, settled, Reason::Provider).await
    }

    async fn settle_state(&self, row: &CredentialRow, settled: RefreshRow, reason: Reason) -> Result<(), Error> {
        let settled = RefreshRow { lease_until: None, ..settled };
        let entry = self.sweeper_entry(row, Action::CredentialRefreshed).denied(reason);
        match self.within_deadline(self.store.settle_refresh(None, &settled, entry)).await {
            // Somebody else has the lease by now: what they find out counts.
            Err(Error::Store(StoreError::Conflict(_))) => Ok(()),
            other => other,
        }
    }

    /// The token endpoint is not asked at the moment; this credential is due again when it is.
    async fn put_off(&self, row: &CredentialRow, refresh: RefreshRow, until: Timestamp) -> Result<(), Error> {
        if refresh.due_at.is_none_or(|due| due >= until) {
            return Ok(());
        }
        let spread = self.jitter(i128::from(10_000_u32));
        let due_at =
            Timestamp::from_millisecond(until.as_millisecond() + i64::try_from(spread).unwrap_or_default()).ok();
        self.settle_state(row, RefreshRow { due_at, ..refresh }, Reason::Provider).await
    }

    /// Due, but there is nothing to do: it must not be due for ever.
    async fn nothing_to_refresh(&self, row: &CredentialRow, refresh: RefreshRow) -> Result<(), Error> {
        if row.refresh_token.is_none() && refresh.due_at.is_some() {
            let state = RefreshState::ReauthRequired;
            let cause = Some("no-refresh-token".to_owned());
            return self
                .settle_state(row, RefreshRow { state, cause, due_at: None, ..refresh }, Reason::Provider)
                .await;
        }
        Ok(())
    }

    /// When a token is to be refreshed: before its end, each at another moment; without an end, often enough to keep the
    /// grant alive.
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
        let doubled = BACKOFF.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST).as_millis();
        let doubled = i128::try_from(doubled).unwrap_or(i128::MAX);
        // Full jitter, but never at once.
        Duration::from_millis(u64::try_from(1_000 + self.jitter(doubled)).unwrap_or_default())
    }

    fn jitter(&self, most: i128) -> i128 {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        i128::from(u64::from_le_bytes(bytes)) % most.max(1)
    }

    /// Strongroom itself acts here, for the credential's owner.
    pub(crate) fn sweeper_entry(&self, row: &CredentialRow, action: Action) -> crate::audit::Entry {
        self.entry(&Actor::strongroom(), row.owner.tenant, action)
            .of_user(&row.owner.user)
            .of_plugin(&row.plugin)
            .on(&row.id)
    }
}

/// A flight lands however it ends: also when its task panics, nobody waits for ever.
struct Landing {
    vault: Vault,
    id: CredentialId,
    land: watch::Sender<bool>,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.vault.flights.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&self.id);
        let _ = self.land.send(true);
    }
}

enum Step {
    Claim(Claim),
    Settle(Box<RefreshRow>),
    Nothing,
}

/// A fifth of the life, but no more than is sensible: five-minute tokens exist, and they are not refreshed at each use.
fn margin(life: i128) -> i128 {
    let most = i128::try_from(MARGIN.as_millis()).unwrap_or(i128::MAX);
    (life / 5).clamp(0, most)
}
