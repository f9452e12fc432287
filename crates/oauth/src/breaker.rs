//! Circuit breakers, one for each registration's token endpoint. While a provider is down, not every credential has to
//! send a request to find out. Breakers are not shared by tenants, so one tenant cannot stop the calls of another.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::answer::Tokens;
use crate::failure::Failure;

/// Number of consecutive failures that opens a breaker. The failures may be of different credentials.
const FAILURE_THRESHOLD: u32 = 5;
const OPEN_DURATION: Duration = Duration::from_secs(30);
/// Beyond this number, further registrations have no breaker.
const MAX_BREAKERS: usize = 1_000;

/// The breakers by registration.
pub struct Breakers<Id>(Mutex<HashMap<Id, Breaker>>);

impl<Id> Default for Breakers<Id> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[derive(Default)]
struct Breaker {
    failures: u32,
    open_until: Option<Timestamp>,
}

impl<Id: Copy + Eq + Hash> Breakers<Id> {
    /// The time until which no request is sent. After it, one more failure opens the breaker again.
    pub fn open_until(&self, app: &Id, now: Timestamp) -> Option<Timestamp> {
        let breakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let until = breakers.get(app)?.open_until?;
        // Ignore an end that is too far away. Otherwise a clock that was set back would keep the breaker open for too
        // long.
        let longest = now.saturating_add(OPEN_DURATION).unwrap_or(now);
        (until > now && until <= longest).then_some(until)
    }

    /// Counts the outcome of a request.
    pub fn record_outcome(&self, app: &Id, asked: &Result<Tokens, Failure>, now: Timestamp) {
        let mut breakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // An answer that refuses one grant shows that the endpoint works.
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
