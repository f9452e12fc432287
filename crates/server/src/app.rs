//! State that all requests share.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use strongroom::{Actor, Owner, Principal, Vault};

use crate::config::Config;
use crate::limits::{Limiters, network};
use crate::metrics::Metrics;
use crate::problem::Problem;

/// The vault, the settings, the limits, the counters.
pub struct App {
    pub(crate) vault: Arc<Vault>,
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    pub(crate) principals: Limiters,
    pub(crate) addresses: Limiters,
    /// For tests, connections and forced refreshes, which call providers.
    calls: Limiters,
    /// The first half of generated request ids: random, drawn at the start. A count follows. Unique, and not secret.
    pub(crate) process: [u8; 8],
    pub(crate) requests: AtomicU64,
}

impl App {
    /// Creates a server for a vault.
    #[must_use]
    pub fn new(vault: Arc<Vault>, config: Config) -> Self {
        let clock = vault.clock();
        let mut process = [0; 8];
        vault.entropy().fill(&mut process);
        Self {
            principals: Limiters::new(16_384, config.limits.principal_per_second, clock.clone()),
            addresses: Limiters::new(16_384, config.limits.address_per_second, clock.clone()),
            calls: Limiters::new(16_384, config.limits.calls_per_second, clock.clone()),
            metrics: Metrics::default(),
            process,
            requests: AtomicU64::new(0),
            vault,
            config,
        }
    }

    /// Counts a call to a provider against the caller's rate limit, or the address's if the caller is anonymous.
    pub(crate) fn may_call(&self, actor: &Actor) -> Result<(), Problem> {
        let taken = match actor.principal {
            Principal::Anonymous => self.calls.take(&actor.address.map(network)),
            _ => self.calls.take(&actor.principal),
        };
        taken.map(drop).map_err(Problem::too_many)
    }

    /// Counts a requested refresh. Each pair of owner and plugin has its own limit, so no user or plugin delays another.
    pub(crate) fn may_refresh(&self, actor: &Actor, owner: &Owner) -> Result<(), u64> {
        self.calls.take(&(owner, actor.principal.plugin())).map(drop)
    }
}
