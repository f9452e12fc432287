//! Private keys that sign assertions (RFC 7523): RSA or P-256, with SHA-256, read from PEM. This crate exposes
//! signatures, never the key.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use data_encoding::BASE64;

use crate::Secret;

/// A private key for signatures.
pub struct SigningKey(Pair);

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
}

/// The text is not a usable private key. The message does not contain the text.
#[derive(Debug, thiserror::Error)]
#[error("must be an RSA or P-256 private key in PEM, without a passphrase")]
pub struct SigningKeyError;

impl SigningKey {
    /// Reads a PEM key: PKCS#8, PKCS#1 (RSA) or SEC 1 (EC).
    ///
    /// # Errors
    /// [`SigningKeyError`] for any other text, including encrypted keys.
    pub fn from_pem(text: &Secret<String>) -> Result<Self, SigningKeyError> {
        let begin = text.expose().split_once("-----BEGIN ").ok_or(SigningKeyError)?.1;
        let (label, rest) = begin.split_once("-----").ok_or(SigningKeyError)?;
        let body = rest.split_once("-----END ").ok_or(SigningKeyError)?.0;
        let mut packed = Secret::new(Vec::with_capacity(body.len()));
        packed.expose_mut().extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
        let der = Secret::new(BASE64.decode(packed.expose()).map_err(|_| SigningKeyError)?);
        let der = der.expose().as_slice();
        let rsa = |pair: RsaKeyPair| Self(Pair::Rsa(pair));
        let p256 = |pair: EcdsaKeyPair| Self(Pair::P256(pair));
        match label {
            "PRIVATE KEY" => RsaKeyPair::from_pkcs8(der)
                .map(rsa)
                .or_else(|_| EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map(p256))
                .map_err(|_| SigningKeyError),
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(der).map(rsa).map_err(|_| SigningKeyError),
            "EC PRIVATE KEY" => EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
                .map(p256)
                .map_err(|_| SigningKeyError),
            _ => Err(SigningKeyError),
        }
    }

    /// The JOSE name of the algorithm (RFC 7518 3.1).
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match self.0 {
            Pair::Rsa(_) => "RS256",
            Pair::P256(_) => "ES256",
        }
    }

    /// Signs a message. A P-256 signature is the concatenation of its two numbers (RFC 7518 3.4).
    ///
    /// # Errors
    /// [`SigningKeyError`] if the library fails: out of memory, or the key is too small.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningKeyError> {
        // Always the library's own randomness: a predictable nonce would reveal the private key (FIPS 186-5 6.3).
        let random = SystemRandom::new();
        match &self.0 {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let signed = pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature);
                signed.map(|()| signature).map_err(|_| SigningKeyError)
            }
            Pair::P256(pair) => {
                pair.sign(&random, message).map(|signature| signature.as_ref().to_vec()).map_err(|_| SigningKeyError)
            }
        }
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({}, [redacted])", self.algorithm())
    }
}
