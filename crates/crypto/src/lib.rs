//! The only code of Strongroom that touches keys.
//!
//! [`Secret`] types a value from its first byte to the seal. [`Key::seal`] and [`Key::open`] make and read the
//! record that `docs/FORMAT.md` specifies; [`Keyring`] holds the root key and everything derived from it;
//! [`Token`] is a bearer token of Strongroom's own. Nothing in this crate reads a clock, a file or the environment.
#![deny(missing_docs)]

mod context;
mod entropy;
mod hkdf;
mod key;
mod keyring;
mod record;
mod secret;
mod signing;
mod token;

pub use context::{Context, Kind};
pub use entropy::{Entropy, OsEntropy};
pub use key::{Key, KeyId, KeyTextError};
pub use keyring::{Keyring, UnlockError};
pub use record::{OpenError, Sealed, Unlocked};
pub use secret::Secret;
pub use signing::{SigningKey, SigningKeyError};
pub use token::{Token, TokenError, TokenHash, TokenKind};

/// SHA-256 of length-prefixed parts, so that no two lists of parts share a digest.
#[must_use]
pub fn digest(domain: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(256);
    context::put(&mut bytes, domain.as_bytes());
    for part in parts {
        context::put(&mut bytes, part);
    }
    sha256(&bytes)
}

/// SHA-256, for what a standard asks it of.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    out
}
