//! The crate from outside: published vectors, and the ways in which a sealed record must not open.

mod record;
mod signing;
mod vectors;
