//! A client of a provider, and the messages that it sends.

use std::sync::Arc;

use jiff::Timestamp;
use reqwest::header::AUTHORIZATION;
use strongroom_crypto::{Entropy, Secret};
use strongroom_egress::Call;

use crate::assertion::{AssertionClaims, KeyFile};
use crate::failure::Failure;
use crate::proof::ClientProof;
use crate::provider::{Body, ClientAuth, Method, Parameters, Provider, Refresh, RevokeStyle, Rotation, Subject};

/// A registered client and its provider. The client secret is not a member, because it stays sealed until it is needed.
#[derive(Clone, Debug)]
pub struct Client {
    /// The client id.
    pub id: String,
    /// The provider.
    pub provider: Arc<Provider>,
    /// The values of the provider's address parameters.
    pub parameters: Parameters,
}

/// The request to a token endpoint.
pub enum TokenRequest<'a> {
    /// An authorization code (RFC 6749 4.1.3).
    Code {
        /// The code.
        code: &'a Secret<String>,
        /// The PKCE verifier (RFC 7636 4.5).
        verifier: Option<&'a Secret<String>>,
        /// The redirect address of the authorization request.
        redirect: &'a str,
    },
    /// A refresh token (RFC 6749 6).
    Refresh {
        /// The token.
        token: &'a Secret<String>,
    },
    /// The client itself, without a user (RFC 6749 4.4).
    Client {
        /// The scopes, separated by spaces.
        scopes: &'a str,
    },
    /// A code that the user confirms on another device (RFC 8628 3.4).
    Device {
        /// The device code.
        code: &'a Secret<String>,
    },
    /// A service account with its key file (RFC 7523 2.1).
    Account {
        /// The key file.
        key: &'a Secret<String>,
        /// The scopes, separated by spaces.
        scopes: &'a str,
    },
}

impl Client {
    /// Without a user's consent, the provider issues tokens to the client itself (RFC 6749 4.4).
    #[must_use]
    pub fn acts_for_itself(&self) -> bool {
        self.provider.authorize.is_none()
    }

    /// A client that acts for itself can request tokens any number of times.
    #[must_use]
    pub fn refresh_policy(&self) -> Refresh {
        let policy = self.provider.refresh.clone();
        if self.acts_for_itself() { Refresh { rotation: Rotation::None, ..policy } } else { policy }
    }

    /// An address of the provider's file with its parameters filled in.
    ///
    /// # Errors
    /// [`Failure::Config`] if the address is not valid.
    pub fn address(&self, template: &str) -> Result<url::Url, Failure> {
        let mut values = self.parameters.clone();
        values.insert("client_id".to_owned(), self.id.clone());
        let address = self.provider.address(template, &values);
        address.map(|address| address.url().clone()).map_err(|_| Failure::config("address-invalid"))
    }

    /// The request to the token endpoint. `secret` is the client secret or private key, if there is one.
    ///
    /// # Errors
    /// [`Failure::Config`] if the registration cannot authenticate or an address is not valid.
    pub fn token_call(
        &self,
        ask: &TokenRequest<'_>,
        secret: Option<Secret<String>>,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Call, Failure> {
        let endpoint = &self.provider.token;
        let (url, extra) = match ask {
            TokenRequest::Refresh { .. } => {
                (endpoint.refresh_url.as_ref().unwrap_or(&endpoint.url), &endpoint.refresh_params)
            }
            _ => (&endpoint.url, &endpoint.params),
        };
        let url = self.address(url)?;
        let assertion = match ask {
            TokenRequest::Account { key, scopes } => Some(self.account_assertion(key, scopes, now, entropy)?),
            _ => None,
        };
        let mut members: Vec<(&str, &str)> = match ask {
            TokenRequest::Code { code, verifier, redirect } => {
                let mut members = vec![
                    ("grant_type", "authorization_code"),
                    ("code", code.expose().as_str()),
                    ("redirect_uri", *redirect),
                ];
                members.extend(verifier.map(|verifier| ("code_verifier", verifier.expose().as_str())));
                members
            }
            TokenRequest::Device { code } => vec![
                ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                ("device_code", code.expose().as_str()),
            ],
            TokenRequest::Refresh { token } => vec![("grant_type", "refresh_token"), ("refresh_token", token.expose())],
            TokenRequest::Client { scopes: "" } => vec![("grant_type", "client_credentials")],
            TokenRequest::Client { scopes } => vec![("grant_type", "client_credentials"), ("scope", *scopes)],
            TokenRequest::Account { .. } => vec![("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")],
        };
        members.extend(assertion.as_ref().map(|assertion| ("assertion", assertion.expose().as_str())));
        let proof = match ask {
            // The assertion identifies the account (RFC 7523 3.1). If the provider has client authentication, add it.
            TokenRequest::Account { .. } if endpoint.client_auth == ClientAuth::None => ClientProof::default(),
            _ => self.authenticate(secret, now, entropy)?,
        };
        members.extend(proof.members());
        members.extend(extra.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let call = Call::new(reqwest::Method::POST, url).headers(endpoint.headers.iter());
        let call = proof.sign(call);
        Ok(match endpoint.body {
            Body::Form => call.form(members),
            Body::Json => call.json(members),
        })
    }

    /// The assertion that names the service account (RFC 7523 2.1).
    fn account_assertion(
        &self,
        key: &Secret<String>,
        scopes: &str,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Secret<String>, Failure> {
        let key = KeyFile::read(key).ok_or_else(|| Failure::config("key-file-invalid"))?;
        let account = key.account.as_deref().unwrap_or(&self.id);
        // Name another account only if the provider's file has a `subject` parameter (Google's domain-wide delegation).
        let subject = self.parameters.get("subject").filter(|subject| !subject.is_empty());
        let audience = self.audience()?;
        let said = AssertionClaims {
            issuer: account,
            subject: match (subject, self.provider.token.subject) {
                (Some(subject), _) => Some(subject),
                (None, Subject::Always) => Some(account),
                (None, Subject::Named) => None,
            },
            audience: &audience,
            scope: Some(scopes),
        };
        key.sign(&said, now, entropy).ok_or_else(|| Failure::config("key-file-invalid"))
    }

    /// The audience of an assertion: exactly one (RFC 7523bis 4).
    pub(crate) fn audience(&self) -> Result<String, Failure> {
        let token = &self.provider.token;
        match &token.audience {
            // An issuer is compared exactly, so no URL parser may add a slash.
            Some(issuer) if !issuer.contains('{') => Ok(issuer.clone()),
            Some(template) => Ok(self.address(template)?.to_string()),
            None => Ok(self.address(&token.url)?.to_string()),
        }
    }

    /// The call that revokes a grant. `None` if the provider cannot revoke grants.
    #[must_use]
    pub fn revocation(&self, proof: ClientProof, token: &Secret<String>) -> Option<Call> {
        let revoke = self.provider.revoke.as_ref()?;
        let url = self.address(&revoke.url).ok()?;
        let call = Call::new(method(revoke.method), url);
        let members = vec![(revoke.token_param.as_str(), token.expose().as_str())];
        Some(match revoke.style {
            RevokeStyle::Bearer => {
                call.header(AUTHORIZATION, Secret::new(format!("Bearer {}", token.expose())).expose())
            }
            RevokeStyle::TokenOnly => call.form(members),
            RevokeStyle::BasicJson => proof.in_header(&self.id).sign(call).json(members),
            RevokeStyle::Rfc7009 => proof.sign(call).form(members.into_iter().chain(proof.members()).collect()),
        })
    }

    /// A call with the access token, sent in the form that the provider requires.
    pub fn call_with(
        &self,
        kind: Method,
        url: url::Url,
        headers: &std::collections::BTreeMap<String, String>,
        body: Option<&str>,
        token: &Secret<String>,
    ) -> Call {
        let inject = &self.provider.inject;
        let value = Secret::new(inject.template.replace("{{access_token}}", token.expose()));
        let call = Call::new(method(kind), url).headers(headers.iter().chain([(&inject.header, value.expose())]));
        match body {
            Some(body) => call.json_text(Secret::new(body.as_bytes().to_vec())),
            None => call,
        }
    }
}

fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Delete => reqwest::Method::DELETE,
    }
}
