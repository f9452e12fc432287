//! What every request shares.

use std::sync::Arc;

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
}

impl App {
    /// Puts a server together around a vault.
    #[must_use]
    pub fn new(vault: Arc<Vault>, config: Config) -> Self {
        let clock = vault.clock();
        Self {
            principals: Limiters::new(16_384, config.limits.principal_per_second, clock.clone()),
            addresses: Limiters::new(16_384, config.limits.address_per_second, clock.clone()),
            metrics: Metrics::default(),
            vault,
            config,
        }
    }
}
