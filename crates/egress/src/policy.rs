//! The addresses that calls may reach.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::public_address::is_public;

/// The addresses that calls may reach in addition to public https addresses.
#[derive(Clone, Debug, Default)]
pub struct EgressPolicy {
    /// Allows the local machine, also over plain http. For development and tests.
    pub loopback: bool,
    /// The operator's networks, for internal providers.
    pub networks: Vec<IpNet>,
}

impl EgressPolicy {
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        self.names(address) || self.loopback && address.is_loopback() || is_public(address)
    }

    pub(crate) fn names(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }
}
