//! Tests through the public API: every method, the contract of a database, tampering and the audit chain.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at what it did not expect")]

#[path = "../../../../tests/support/ambient.rs"]
mod ambient;
mod audit;
mod caching;
mod catalog;
mod connect;
mod credentials;
mod egress;
mod fixture;
mod grant_end;
mod grant_types;
mod last_used;
mod migrate;
mod oauth_fixture;
mod probe;
mod processes;
#[path = "../../../../tests/support/provider.rs"]
mod provider;
mod races;
mod refresh;
mod refresh_limits;
mod store;
#[path = "../../../../tests/support/mod.rs"]
mod support;
mod tamper;
mod users;
mod vault;
