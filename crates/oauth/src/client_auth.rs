//! The client's authentication at a provider's endpoints (RFC 6749 2.3, RFC 7523 2.2).

use jiff::Timestamp;
use strongroom_crypto::{Entropy, Secret};

use crate::assertion::{AssertionClaims, KeyFile};
use crate::client::Client;
use crate::failure::Failure;
use crate::proof::{ClientProof, basic};
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
