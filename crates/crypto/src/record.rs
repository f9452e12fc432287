//! The sealed record: `version | suite | key id | key version | salt | iv | commitment | ciphertext | tag`.
//!
//! Each record has its own message key, derived from a fresh 256-bit salt. The number of records therefore stays far
//! below the limits of SP 800-38D 8.3, and a repeated IV alone is harmless. The commitment is compared before
//! decryption, because with GCM alone one ciphertext can open under two keys.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::context::{Context, Kind};
use crate::entropy::{Entropy, random};
use crate::hkdf::Extracted;
use crate::key::{Key, KeyId};
use crate::secret::Secret;

const VERSION: u8 = 1;
/// HKDF-SHA-512 for the message key and the commitment, AES-256-GCM for the message.
const SUITE: u8 = 1;

const HEADER_BYTES: usize = 1 + 1 + 16 + 4;
const SALT_BYTES: usize = 32;
const IV_BYTES: usize = 12;
const COMMITMENT_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
const PREFIX_BYTES: usize = HEADER_BYTES + SALT_BYTES + IV_BYTES + COMMITMENT_BYTES;
const OVERHEAD_BYTES: usize = PREFIX_BYTES + TAG_BYTES;

const MESSAGE_KEY: &[u8] = b"strongroom/v1/message-key";
const COMMIT: &[u8] = b"strongroom/v1/commitment";

/// A sealed record. It reveals no plaintext and can be stored and backed up.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Wraps stored bytes without a check. [`Key::open`] validates them.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The id of the key in the header, or `None` if the bytes are not a record.
    #[must_use]
    pub fn key_id(&self) -> Option<KeyId> {
        Parts::parse(&self.0).ok().and_then(|parts| parts.key_id())
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// Why a record did not open. For the log only: callers get one error for all cases.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OpenError {
    /// Too short, or an unknown version or suite.
    #[error("the record has an unknown format")]
    Format,
    /// The header names another key.
    #[error("the record is sealed with another key")]
    OtherKey,
    /// The commitment or tag does not match: the record was altered or moved, or another key has the same id.
    #[error("the record does not open; it was altered or moved")]
    Refused,
}

impl Key {
    /// Encrypts `plaintext` and binds it to `context`. Uses a fresh salt and a fresh IV.
    #[must_use]
    #[expect(clippy::expect_used, reason = "AES-GCM fails only above 64 GiB, and a body is limited to megabytes")]
    pub fn seal(&self, entropy: &dyn Entropy, kind: Kind, context: &Context<'_>, plaintext: &[u8]) -> Sealed {
        let header = self.header();
        let salt: [u8; SALT_BYTES] = random(entropy);
        let iv: [u8; IV_BYTES] = random(entropy);
        let (cipher, commitment) = self.derive(&header, &salt);

        let mut record = Vec::with_capacity(OVERHEAD_BYTES + plaintext.len());
        for part in [&header[..], &salt, &iv, commitment.expose()] {
            record.extend_from_slice(part);
        }
        let mut message = Secret::new(plaintext.to_vec());
        let aad = Aad::from(context.associated_data(kind, &header));
        let tag = cipher
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(iv), aad, message.expose_mut())
            .expect("AES-256-GCM seals");
        record.extend_from_slice(message.expose());
        record.extend_from_slice(tag.as_ref());
        Sealed(record)
    }

    /// Decrypts a record that was sealed under this key for this context.
    ///
    /// # Errors
    /// [`OpenError`]. Returns plaintext only if the whole record is genuine.
    pub fn open(&self, kind: Kind, context: &Context<'_>, sealed: &Sealed) -> Result<Secret<Vec<u8>>, OpenError> {
        self.unlock(kind, context, sealed)?.open()
    }

    /// Derives the message key of a record. Use it for repeated reads: the derivation is most of the work of opening.
    ///
    /// # Errors
    /// [`OpenError`], if the record is not sealed under this key.
    pub fn unlock(&self, kind: Kind, context: &Context<'_>, sealed: &Sealed) -> Result<Unlocked, OpenError> {
        let parts = Parts::parse(&sealed.0)?;
        if parts.header != self.header().as_slice() {
            return Err(OpenError::OtherKey);
        }
        let (cipher, commitment) = self.derive(parts.header, parts.salt);
        verify_slices_are_equal(commitment.expose(), parts.commitment).map_err(|_| OpenError::Refused)?;
        let iv = *parts.iv.first_chunk().ok_or(OpenError::Format)?;
        let place = context.associated_data(kind, parts.header);
        Ok(Unlocked { iv, place: place.len(), bytes: [&place, parts.message].concat().into(), cipher })
    }

    fn header(&self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        let source = [VERSION, SUITE].into_iter().chain(self.id.0).chain(self.version.to_be_bytes());
        for (slot, byte) in header.iter_mut().zip(source) {
            *slot = byte;
        }
        header
    }

    #[expect(clippy::expect_used, reason = "the key has the length of an AES-256 key")]
    fn derive(&self, header: &[u8], salt: &[u8]) -> (LessSafeKey, Secret<[u8; COMMITMENT_BYTES]>) {
        let extracted = Extracted::of(salt, self.bytes.expose());
        let message_key = extracted.expand(&[MESSAGE_KEY, header]);
        let cipher = UnboundKey::new(&AES_256_GCM, message_key.expose()).expect("a 32-byte key for AES-256");
        (LessSafeKey::new(cipher), extracted.expand(&[COMMIT, header]))
    }
}

/// A record with its message key; its commitment has been verified. The parts are adjacent in memory, because a record
/// that was idle is in no processor cache.
#[derive(Debug)]
pub struct Unlocked {
    iv: [u8; IV_BYTES],
    /// Number of bytes of associated data.
    place: usize,
    /// Associated data, followed by the encrypted message.
    bytes: Box<[u8]>,
    /// The library wipes it on drop.
    cipher: LessSafeKey,
}

impl Unlocked {
    /// Decrypts the record, as [`Key::open`] does.
    ///
    /// # Errors
    /// [`OpenError::Refused`], if the record was altered or moved.
    pub fn open(&self) -> Result<Secret<Vec<u8>>, OpenError> {
        let (place, message) = self.bytes.split_at_checked(self.place).ok_or(OpenError::Format)?;
        let mut message = Secret::new(message.to_vec());
        let nonce = Nonce::assume_unique_for_key(self.iv);
        let opened = self.cipher.open_in_place(nonce, Aad::from(place), message.expose_mut());
        let length = opened.map_err(|_| OpenError::Refused)?.len();
        message.expose_mut().truncate(length);
        Ok(message)
    }
}

struct Parts<'a> {
    header: &'a [u8],
    salt: &'a [u8],
    iv: &'a [u8],
    commitment: &'a [u8],
    message: &'a [u8],
}

impl<'a> Parts<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, OpenError> {
        if bytes.len() < OVERHEAD_BYTES || bytes.first_chunk() != Some(&[VERSION, SUITE]) {
            return Err(OpenError::Format);
        }
        let (front, message) = bytes.split_at(PREFIX_BYTES);
        let (header, rest) = front.split_at(HEADER_BYTES);
        let (salt, rest) = rest.split_at(SALT_BYTES);
        let (iv, commitment) = rest.split_at(IV_BYTES);
        Ok(Self { header, salt, iv, commitment, message })
    }

    fn key_id(&self) -> Option<KeyId> {
        self.header.get(2..)?.first_chunk().map(|id| KeyId(*id))
    }
}
