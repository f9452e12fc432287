//! The proof of a client's identity: a header, or members of the body.

use data_encoding::BASE64;
use reqwest::header::AUTHORIZATION;
use strongroom_crypto::Secret;
use strongroom_egress::Call;

/// The client's authentication at a provider's endpoints.
#[derive(Default)]
pub struct ClientProof {
    pub(crate) basic: Option<Secret<String>>,
    pub(crate) members: Vec<(&'static str, Secret<String>)>,
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
