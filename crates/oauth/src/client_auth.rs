//! The client's authentication at a provider's endpoints (RFC 6749 2.3, RFC 7523 2.2).

use data_encoding::BASE64;
use jiff::Timestamp;
use reqwest::header::AUTHORIZATION;
use strongroom_crypto::{Entropy, Secret};
use strongroom_egress::Call;

use crate::assertion::{AssertionClaims, KeyFile};
use crate::client::Client;
use crate::failure::Failure;
use crate::provider::ClientAuth;

impl Client {
    /// Authenticates the client. Never uses two methods in one request (RFC 6749 2.3).
    ///
    /// # Errors
    /// [`Failure::Config`] if the secret does not fit the method.
    pub fn authenticate(
        &self,
        secret: Option<Secret<String>>,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<ClientProof, Failure> {
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let id = &self.id;
        let mut proof = ClientProof::default();
        // A private key is for signing. As a password, it would be sent whole.
        let is_key = secret.as_ref().is_some_and(|secret| secret.expose().contains("PRIVATE KEY-----"));
        if is_key && self.provider.token.client_auth != ClientAuth::PrivateKeyJwt {
            return Err(Failure::config("client-auth-takes-no-key"));
        }
        match (self.provider.token.client_auth, secret) {
            // Each part is form-encoded first (RFC 6749 2.3.1).
            (ClientAuth::Basic, Some(secret)) => {
                proof.basic = Some(basic(&encode(id), Secret::new(encode(secret.expose())).expose()));
            }
            // Many servers do not decode the parts.
            (ClientAuth::BasicRaw, Some(secret)) => proof.basic = Some(basic(id, secret.expose())),
            (ClientAuth::Post, Some(secret)) => {
                proof.members.push(("client_id", Secret::from(id.as_str())));
                proof.members.push(("client_secret", secret));
            }
            (ClientAuth::PrivateKeyJwt, Some(secret)) => {
                let key = KeyFile::read(&secret).ok_or_else(|| Failure::config("key-file-invalid"))?;
                let audience = self.audience()?;
                let said = AssertionClaims { issuer: id, subject: Some(id), audience: &audience, scope: None };
                let signed = key.sign(&said, now, entropy).ok_or_else(|| Failure::config("key-file-invalid"))?;
                let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                proof.members.push(("client_id", Secret::from(id.as_str())));
                proof.members.push(("client_assertion_type", Secret::from(kind)));
                proof.members.push(("client_assertion", signed));
            }
            (_, None) | (ClientAuth::None, _) => proof.members.push(("client_id", Secret::from(id.as_str()))),
        }
        Ok(proof)
    }
}

/// The client's authentication at a provider's endpoints.
#[derive(Default)]
pub struct ClientProof {
    basic: Option<Secret<String>>,
    members: Vec<(&'static str, Secret<String>)>,
}

impl ClientProof {
    /// The members of the body.
    pub fn members(&self) -> impl Iterator<Item = (&str, &str)> {
        self.members.iter().map(|(name, value)| (*name, value.expose().as_str()))
    }

    /// Moves the authentication to the header, for a call whose body cannot carry it.
    #[must_use]
    pub fn in_header(mut self, id: &str) -> Self {
        let secret = self.members.iter().find(|(name, _)| *name == "client_secret");
        self.basic = self.basic.or(secret.map(|(_, secret)| basic(id, secret.expose())));
        self
    }

    /// Adds the header, if the method has one.
    #[must_use]
    pub fn sign(&self, call: Call) -> Call {
        match &self.basic {
            Some(basic) => call.header(AUTHORIZATION, basic.expose()),
            None => call,
        }
    }
}

/// HTTP Basic without encoding of the parts.
#[must_use]
pub fn basic(id: &str, secret: &str) -> Secret<String> {
    let pair = Secret::new(format!("{id}:{secret}"));
    Secret::new(format!("Basic {}", BASE64.encode(pair.expose().as_bytes())))
}
