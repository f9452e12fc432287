//! Rate limits in constant memory: a fixed number of limiters, selected by a keyed hash of the caller. Callers with the
//! same slot share a limit. The hash key is secret, so a caller cannot choose that slot.

use std::hash::{BuildHasher, Hash, RandomState};
use std::io::Write;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::http::HeaderValue;
use governor::clock::{Clock as Time, Reference};
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use strongroom::Clock;

/// The limiters for one kind of caller.
pub(crate) struct Limiters {
    slots: Box<[RateLimiter<NotKeyed, InMemoryState, VaultTime, StateInformationMiddleware>]>,
    hash: RandomState,
    time: VaultTime,
    policy: HeaderValue,
}

/// Requests that a caller may still send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    remaining: u32,
}

impl Allowance {
    /// Value of the `RateLimit` header.
    pub(crate) fn header(self) -> Option<HeaderValue> {
        let mut room = [0; 32];
        let mut rest = &mut room[..];
        write!(rest, "\"principal\";r={};t=1", self.remaining).ok()?;
        let unused = rest.len();
        HeaderValue::from_bytes(room.get(..room.len() - unused)?).ok()
    }
}

impl Limiters {
    pub(crate) fn new(slots: usize, per_second: u32, clock: Arc<dyn Clock>) -> Self {
        let quota = Quota::per_second(NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN));
        let time = VaultTime(clock);
        let slot = |_| RateLimiter::direct_with_clock(quota, time.clone()).with_middleware();
        let policy = HeaderValue::try_from(format!("\"principal\";q={per_second};w=1"));
        let policy = policy.unwrap_or_else(|_| HeaderValue::from_static("\"principal\""));
        Self { slots: (0..slots).map(slot).collect(), hash: RandomState::new(), time, policy }
    }

    /// Value of the `RateLimit-Policy` header.
    pub(crate) fn policy(&self) -> &HeaderValue {
        &self.policy
    }

    /// Counts one request of the caller. If the limit is reached, returns the seconds to wait.
    pub(crate) fn take(&self, caller: &impl Hash) -> Result<Allowance, u64> {
        let slot = self.hash.hash_one(caller) % (self.slots.len().max(1) as u64);
        let limiter = usize::try_from(slot).ok().and_then(|slot| self.slots.get(slot));
        let left = |remaining| Allowance { remaining };
        let Some(limiter) = limiter else { return Ok(left(0)) };
        match limiter.check() {
            Ok(state) => Ok(left(state.remaining_burst_capacity())),
            Err(not_until) => Err(not_until.wait_time_from(self.time.now()).as_secs() + 1),
        }
    }
}

/// Adapter: the vault's clock for governor.
#[derive(Clone)]
struct VaultTime(Arc<dyn Clock>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

impl Time for VaultTime {
    type Instant = Moment;

    fn now(&self) -> Moment {
        Moment(u64::try_from(self.0.now().as_nanosecond()).unwrap_or(0))
    }
}

impl std::ops::Add<Nanos> for Moment {
    type Output = Self;

    fn add(self, nanos: Nanos) -> Self {
        Self(self.0.saturating_add(nanos.as_u64()))
    }
}

impl Reference for Moment {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.saturating_sub(duration.as_u64()))
    }
}

/// The key of an address in a rate limit. An IPv6 subscriber has at least a /64, so single addresses would be no limit.
pub(crate) fn network(address: IpAddr) -> [u8; 8] {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            [0, 0, 0, 0, a, b, c, d]
        }
        IpAddr::V6(address) => address.octets().first_chunk().copied().unwrap_or_default(),
    }
}
