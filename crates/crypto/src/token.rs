//! Bearer tokens of Strongroom: a prefix for the kind, 256 random bits and a checksum. With the checksum, scanners
//! recognize leaked tokens and the parser rejects mistyped ones. Only the SHA-256 hash is stored.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::BASE32_NOPAD;

use crate::entropy::{Entropy, random};
use crate::{Secret, sha256};

/// The bearer of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// The application's backend, `srh_…`.
    Host,
    /// A plugin, `srp_…`.
    Plugin,
    /// A user's session, `srs_…`.
    Session,
    /// A console session, `src_…`. Accepted only as a cookie, never as a bearer token.
    Console,
    /// A sign-in link, `srl_…`. It opens one console session, once.
    Link,
}

impl TokenKind {
    /// The four characters that begin every token of this kind.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Host => "srh_",
            Self::Plugin => "srp_",
            Self::Session => "srs_",
            Self::Console => "src_",
            Self::Link => "srl_",
        }
    }
}

/// A token in plaintext. It exists until the one answer that returns it, and while a request is authenticated.
#[derive(Debug)]
pub struct Token {
    kind: TokenKind,
    text: Secret<String>,
}

/// The stored hash of a token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Wraps a stored hash.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// SHA-256 of the whole token text. 256 random bits need no slow hash (OWASP ASVS V11.4). The text may be invalid:
    /// only a valid token has a hash that is stored.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(sha256(text.as_bytes()))
    }

    /// The bytes to store and to look up.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// The text is not a token: wrong prefix, length, alphabet or checksum.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("this is not a Strongroom token")]
pub struct TokenError;

impl Token {
    const KINDS: [TokenKind; 5] =
        [TokenKind::Host, TokenKind::Plugin, TokenKind::Session, TokenKind::Console, TokenKind::Link];

    /// Generates a random token.
    #[must_use]
    pub fn generate(kind: TokenKind, entropy: &dyn Entropy) -> Self {
        let random = Secret::new(random::<32>(entropy));
        let mut bytes = Secret::new([0; 36]);
        if let Some((body, sum)) = bytes.expose_mut().split_first_chunk_mut::<32>() {
            *body = *random.expose();
            sum.copy_from_slice(&checksum(kind, random.expose()));
        }
        let mut body = Secret::new(BASE32_NOPAD.encode(bytes.expose()));
        body.expose_mut().make_ascii_lowercase();
        Self { kind, text: Secret::new(format!("{}{}", kind.prefix(), body.expose())) }
    }

    /// Parses a token and verifies its checksum without a database access.
    ///
    /// # Errors
    /// [`TokenError`] for any other text. It does not say which part is wrong.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let (kind, body) = Self::KINDS
            .into_iter()
            .find_map(|kind| Some((kind, text.strip_prefix(kind.prefix())?)))
            .ok_or(TokenError)?;
        let body: &[u8; 58] = body.as_bytes().try_into().map_err(|_| TokenError)?;
        if body.iter().any(u8::is_ascii_uppercase) {
            return Err(TokenError);
        }
        let mut upper = Secret::new(*body);
        upper.expose_mut().make_ascii_uppercase();
        let mut bytes = Secret::new([0; 36]);
        BASE32_NOPAD.decode_mut(upper.expose(), bytes.expose_mut()).map_err(|_| TokenError)?;
        let (random, sum) = bytes.expose().split_first_chunk::<32>().ok_or(TokenError)?;
        if checksum(kind, random) != sum {
            return Err(TokenError);
        }
        Ok(Self { kind, text: Secret::from(text) })
    }

    /// The kind of the token.
    #[must_use]
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The token text, as the bearer sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// The hash to store.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.text.expose())
    }
}

fn checksum(kind: TokenKind, random: &[u8; 32]) -> [u8; 4] {
    let mut sum = Context::new(&SHA256);
    sum.update(kind.prefix().as_bytes());
    sum.update(random);
    sum.finish().as_ref().first_chunk::<4>().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OsEntropy;

    #[test]
    fn tokens_parse_and_changed_characters_are_refused() {
        for kind in [TokenKind::Host, TokenKind::Plugin, TokenKind::Session] {
            let token = Token::generate(kind, &OsEntropy::default());
            let back = Token::parse(token.expose()).expect("own token");
            assert_eq!((back.kind(), back.hash()), (kind, token.hash()));
            for at in 0..token.expose().len() {
                let mut bytes = token.expose().as_bytes().to_vec();
                let byte = bytes.get_mut(at).expect("in range");
                *byte = if *byte == b'a' { b'b' } else { b'a' };
                let changed = String::from_utf8(bytes).expect("ascii");
                assert!(Token::parse(&changed).is_err(), "{at}");
            }
        }
    }

    #[test]
    fn malformed_tokens_are_refused() {
        for text in
            ["", "srh_", "srp_aaaa", "Bearer x", "srx_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
        {
            assert_eq!(Token::parse(text).err(), Some(TokenError));
        }
    }
}
