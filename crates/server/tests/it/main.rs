//! Tests through the real router, with a manual clock and seeded entropy.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it did not expect")]

#[path = "../../../../tests/support/ambient.rs"]
mod ambient;
mod bad_input;
mod connections;
mod console;
mod console_oidc;
mod credentials;
mod harness;
mod matrix;
mod openapi;
mod origins;
#[expect(dead_code, reason = "the library's tests use all of it")]
#[path = "../../../../tests/support/provider.rs"]
mod provider;
mod requests;
#[path = "../../../../tests/support/mod.rs"]
mod support;
