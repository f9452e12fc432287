//! Signed assertions (RFC 7523). They authenticate the client (`private_key_jwt`) or name a service account. Each has
//! one audience, a short lifetime and a unique id, so a stolen assertion is useless elsewhere or later.

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strongroom_crypto::{Entropy, Secret, SigningKey};

/// Lifetime of an assertion in seconds.
const ASSERTION_LIFETIME_SECONDS: i64 = 300;
/// The provider's clock may be behind by this many seconds.
const CLOCK_SKEW_SECONDS: i64 = 30;

/// A private key, and the related members of its file.
#[derive(Debug)]
pub struct KeyFile {
    key: SigningKey,
    key_id: Option<String>,
    /// The name of the service account, if the file contains it.
    pub account: Option<String>,
}

/// The format of Google's key files: <https://developers.google.com/identity/protocols/oauth2/service-account>.
#[derive(Deserialize)]
struct Json {
    private_key: Secret<String>,
    private_key_id: Option<String>,
    client_email: Option<String>,
}

impl KeyFile {
    /// Reads a PEM key, or a downloaded JSON file with such a key. It ignores all other members of the file. Otherwise
    /// a `token_uri` in the file could choose where the assertion is sent.
    #[must_use]
    pub fn read(text: &Secret<String>) -> Option<Self> {
        if !text.expose().trim_start().starts_with('{') {
            return Some(Self { key: SigningKey::from_pem(text).ok()?, key_id: None, account: None });
        }
        let file: Json = serde_json::from_str(text.expose()).ok()?;
        let account = file.client_email.filter(|name| (1..=255).contains(&name.len()));
        Some(Self { key: SigningKey::from_pem(&file.private_key).ok()?, key_id: file.private_key_id, account })
    }

    /// Signs the claims.
    pub(crate) fn sign(
        &self,
        said: &AssertionClaims<'_>,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Option<Secret<String>> {
        let mut id = [0; 16];
        entropy.fill(&mut id);
        let now = now.as_second();
        let header = Header { alg: self.key.algorithm(), typ: "JWT", kid: self.key_id.as_deref() };
        let claims = Claims {
            iss: said.issuer,
            sub: said.subject,
            aud: said.audience,
            iat: now - CLOCK_SKEW_SECONDS,
            exp: now + ASSERTION_LIFETIME_SECONDS,
            jti: BASE64URL_NOPAD.encode(&id),
            scope: said.scope.filter(|scope| !scope.is_empty()),
        };
        let signed = format!("{}.{}", part(&header)?, part(&claims)?);
        let signature = self.key.sign(signed.as_bytes()).ok()?;
        Some(Secret::new(format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))))
    }
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
}

fn part(json: &impl Serialize) -> Option<String> {
    serde_json::to_vec(json).ok().map(|json| BASE64URL_NOPAD.encode(&json))
}

/// The claims of an assertion.
pub(crate) struct AssertionClaims<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) subject: Option<&'a str>,
    pub(crate) audience: &'a str,
    pub(crate) scope: Option<&'a str>,
}
