//! OAuth 2: connecting an account, keeping its token fresh, giving it back. Everything that depends on the provider is data
//! (`crate::provider`); everything that goes out goes through one client (`egress`).

pub mod app;
pub(crate) mod breaker;
pub mod connection;
mod discovery;
pub(crate) mod egress;
mod keep;
pub mod refresh;
pub mod revoke;
mod token;

pub use egress::{EgressError, Reach};
