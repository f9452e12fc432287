//! What every request shares.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::http::HeaderMap;
use strongroom::{Actor, Owner, Principal, Vault};

use crate::config::Config;
use crate::limits::Limiters;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::request::{default_headers, network};

/// The vault, the settings, the limits, the counters.
pub struct App {
    pub(crate) vault: Arc<Vault>,
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    pub(crate) principals: Limiters,
    pub(crate) addresses: Limiters,
    /// Tests, connections and forced refreshes call somebody else: nobody must make a storm of them.
    calls: Limiters,
    /// Request ids: what this process drew at its start, then a count. Unique, and no secret.
    pub(crate) process: [u8; 8],
    pub(crate) requests: AtomicU64,
    /// The headers that every answer begins with.
    pub(crate) default_headers: HeaderMap,
}

impl App {
    /// Puts a server together around a vault.
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
            default_headers: default_headers(&config),
            vault,
            config,
        }
    }

    /// Takes a call to the outside from the caller's allowance; from the address's, where nobody is known.
    pub(crate) fn may_call(&self, actor: &Actor) -> Result<(), Problem> {
        let taken = match actor.principal {
            Principal::Anonymous => self.calls.take(&actor.address.map(network)),
            _ => self.calls.take(&actor.principal),
        };
        taken.map(drop).map_err(Problem::too_many)
    }

    /// The same for a refresh that somebody asks for: each plugin has an allowance for each user, since its key stands for all
    /// of them, and none of them must keep another waiting, nor a plugin the user or another plugin.
    pub(crate) fn may_refresh(&self, actor: &Actor, owner: &Owner) -> Result<(), u64> {
        self.calls.take(&(owner, actor.principal.plugin())).map(drop)
    }
}
