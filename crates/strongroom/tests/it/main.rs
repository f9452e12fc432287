//! The library from outside: every verb, the contract of a database, tampering, the audit chain.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at what it did not expect")]

mod again;
#[path = "../../../../tests/support/ambient.rs"]
mod ambient;
mod audit;
mod catalog;
mod connect;
mod egress;
mod endings;
mod last_used;
mod leave;
mod meanwhile;
mod migrate;
mod probe;
mod processes;
#[path = "../../../../tests/support/provider.rs"]
mod provider;
mod refresh;
mod room;
mod store;
mod studio;
#[path = "../../../../tests/support/mod.rs"]
mod support;
mod tamper;
mod verbs;
mod ways;
