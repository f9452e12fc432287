//! Cryptography of Strongroom. No other crate handles raw keys.
//!
//! A [`Secret`] holds a plaintext value until it is sealed. [`Key::seal`] and [`Key::open`] write and read the record
//! that `docs/FORMAT.md` specifies. [`Keyring`] holds the keys derived from the root key. [`Token`] is a bearer token
//! that Strongroom issues. This crate reads no clock, file or environment variable.
#![deny(missing_docs)]

mod context;
mod entropy;
mod hkdf;
mod key;
mod keyring;
mod record;
mod secret;
mod secret_buf;
mod signing;
mod token;

pub use context::{Context, Kind};
pub use entropy::{Entropy, OsEntropy};
pub use key::{Key, KeyId, KeyTextError};
pub use keyring::{Keyring, UnlockError};
pub use record::{OpenError, Sealed, Unlocked};
pub use secret::Secret;
pub use secret_buf::SecretBuf;
pub use signing::{SigningKey, SigningKeyError};
pub use token::{Token, TokenError, TokenHash, TokenKind};

/// SHA-256 of length-prefixed parts. Two different lists of parts never encode to the same input.
#[must_use]
pub fn digest(domain: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(256);
    context::put(&mut bytes, domain.as_bytes());
    for part in parts {
        context::put(&mut bytes, part);
    }
    sha256(&bytes)
}

/// Plain SHA-256, for standards that require it.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    out
}
