//! A breaker for each registration's token endpoint: while a provider is down, not every credential has to find that out by
//! itself. Not one for all tenants: one of them must not be able to stop the others.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::token::{Failure, Tokens};
use crate::id::AppId;

/// So many failures in a row, of whichever credentials, open it.
const FAILURE_THRESHOLD: u32 = 5;
const OPEN_DURATION: Duration = Duration::from_secs(30);
/// More registrations than this have no breaker of their own.
const MAX_BREAKERS: usize = 1_000;

#[derive(Default)]
pub(crate) struct Breakers(Mutex<HashMap<AppId, Breaker>>);

#[derive(Default)]
struct Breaker {
    failures: u32,
    open_until: Option<Timestamp>,
}

impl Breakers {
    /// Until when the endpoint is left alone. When that is over, one failure opens it again.
    pub(crate) fn open_until(&self, app: &AppId, now: Timestamp) -> Option<Timestamp> {
        let breakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let until = breakers.get(app)?.open_until?;
        // A clock that jumped back does not keep it open for longer than it was meant to be.
        let longest = now.saturating_add(OPEN_DURATION).unwrap_or(now);
        (until > now && until <= longest).then_some(until)
    }

    pub(crate) fn record_outcome(&self, app: &AppId, asked: &Result<Tokens, Failure>, now: Timestamp) {
        let mut breakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // An answer that refuses one grant says that the endpoint works.
        if !matches!(asked, Err(Failure::Transient { unknown: false, .. })) {
            breakers.remove(app);
            return;
        }
        if breakers.len() >= MAX_BREAKERS && !breakers.contains_key(app) {
            return;
        }
        let breaker = breakers.entry(*app).or_default();
        breaker.failures += 1;
        if breaker.failures >= FAILURE_THRESHOLD {
            breaker.open_until = now.saturating_add(OPEN_DURATION).ok();
        }
    }
}
