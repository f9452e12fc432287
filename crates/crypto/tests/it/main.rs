//! Tests through the public API: published test vectors, and all cases in which a sealed record must not open.

mod record;
mod signing;
mod vectors;
