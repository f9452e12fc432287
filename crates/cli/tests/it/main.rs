//! The binary as it is run: the tour of the README, keys that are wrong, crashes, full disks, two servers on one file, and
//! a decoder in another language.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

mod commands;
mod crash;
mod disk;
mod format;
mod process;
#[path = "../../../../tests/support/mod.rs"]
mod support;
mod tour;
