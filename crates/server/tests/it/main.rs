//! The server through its real router, with a clock that the test moves and entropy from a seed.

mod bad_input;
mod credentials;
mod harness;
mod matrix;
mod openapi;
mod requests;
#[path = "../../../../tests/support/mod.rs"]
mod support;
