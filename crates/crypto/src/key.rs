//! A 32-byte key. Records name it by its id and version.

use std::fmt;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};

use crate::entropy::{Entropy, random};
use crate::{Secret, sha256};

/// Identifies a key. It reveals nothing about the key bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub(crate) [u8; 16]);

impl KeyId {
    /// The 16 bytes of the id, as in a record's header.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A key for sealing: 32 bytes, an id and a version.
#[derive(Debug)]
pub struct Key {
    pub(crate) id: KeyId,
    pub(crate) version: u32,
    pub(crate) bytes: Secret<[u8; 32]>,
}

/// Why a text is not a valid key. No message contains the text.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyTextError {
    /// The text is empty or only white space.
    #[error("is empty")]
    Empty,
    /// The text is neither base64 nor hexadecimal.
    #[error("is neither base64 nor hexadecimal")]
    Encoding,
    /// The decoded key does not have 32 bytes.
    #[error("has {0} bytes after decoding, but a key has exactly 32")]
    Length(usize),
    /// All bytes are equal: a placeholder, not a key.
    #[error("repeats a single byte: this is a placeholder, not a key")]
    Placeholder,
}

impl Key {
    /// Parses the encryption key: 32 bytes in base64 (either alphabet, padded or not) or hexadecimal. The id is derived
    /// from the key bytes, so a record can name the key it needs.
    ///
    /// # Errors
    /// [`KeyTextError`] names the problem without repeating the text.
    pub fn from_text(text: &Secret<String>) -> Result<Self, KeyTextError> {
        let text = text.expose().trim();
        if text.is_empty() {
            return Err(KeyTextError::Empty);
        }
        let bytes = Secret::new(decode(text).ok_or(KeyTextError::Encoding)?);
        let key: [u8; 32] =
            bytes.expose().as_slice().try_into().map_err(|_| KeyTextError::Length(bytes.expose().len()))?;
        if key.iter().all(|byte| Some(byte) == key.first()) {
            return Err(KeyTextError::Placeholder);
        }
        Ok(Self::from_environment(Secret::new(key)))
    }

    /// Generates an encryption key, as base64 text.
    #[must_use]
    pub fn generate_text(entropy: &dyn Entropy) -> Secret<String> {
        Secret::new(BASE64.encode(Secret::new(random::<32>(entropy)).expose()))
    }

    /// The id of the key.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn generate(entropy: &dyn Entropy) -> Self {
        Self { id: KeyId(random(entropy)), version: 1, bytes: Secret::new(random(entropy)) }
    }

    fn from_environment(bytes: Secret<[u8; 32]>) -> Self {
        let mut input = Secret::new(b"strongroom/v1/key-id".to_vec());
        input.expose_mut().extend_from_slice(bytes.expose());
        let mut id = [0; 16];
        id.copy_from_slice(sha256(input.expose()).first_chunk::<16>().unwrap_or(&[0; 16]));
        Self { id: KeyId(id), version: 1, bytes }
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    // Try hexadecimal first: 64 hexadecimal digits are also valid base64 (of 48 bytes).
    HEXLOWER_PERMISSIVE
        .decode(text.as_bytes())
        .or_else(|_| BASE64.decode(text.as_bytes()))
        .or_else(|_| BASE64_NOPAD.decode(text.as_bytes()))
        .or_else(|_| BASE64URL.decode(text.as_bytes()))
        .or_else(|_| BASE64URL_NOPAD.decode(text.as_bytes()))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, KeyTextError> {
        Key::from_text(&Secret::from(text)).map(|key| key.id().to_string())
    }

    #[test]
    fn base64_and_hexadecimal_give_the_same_key() {
        let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff";
        let base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv8=";
        let url = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv8";
        assert_eq!(read(hex), read(base64));
        assert_eq!(read(&format!(" {url}\n")), read(&hex.to_uppercase()));
    }

    #[test]
    fn keys_of_other_lengths_are_refused() {
        assert_eq!(read("  "), Err(KeyTextError::Empty));
        assert_eq!(read("not a key!"), Err(KeyTextError::Encoding));
        assert_eq!(read("AAECAwQ="), Err(KeyTextError::Length(5)));
        assert_eq!(read(&"ab".repeat(31)), Err(KeyTextError::Length(31)));
        assert_eq!(read(&"ab".repeat(33)), Err(KeyTextError::Length(33)));
        assert_eq!(read(&"00".repeat(32)), Err(KeyTextError::Placeholder));
    }
}
