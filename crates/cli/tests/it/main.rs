//! End-to-end tests of the binary: the tour of the README, wrong keys, crashes and full disks. Also two servers on
//! one database, and a decoder in another language.
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
