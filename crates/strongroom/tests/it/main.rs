//! The library from outside: every verb, the contract of a database, tampering, the audit chain.

mod audit;
mod room;
mod store;
#[path = "../../../../tests/support/mod.rs"]
mod support;
mod tamper;
mod verbs;
