//! What every request shares.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use strongroom::Vault;

use crate::config::Config;
use crate::limits::Limiters;
use crate::metrics::Metrics;

/// The vault, the settings, the limits, the counters.
pub struct App {
    pub(crate) vault: Arc<Vault>,
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    pub(crate) principals: Limiters,
    pub(crate) addresses: Limiters,
    /// Request ids: what this process drew at its start, then a count. Unique, and no secret.
    pub(crate) process: [u8; 8],
    pub(crate) requests: AtomicU64,
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
            metrics: Metrics::default(),
            process,
            requests: AtomicU64::new(0),
            vault,
            config,
        }
    }
}
