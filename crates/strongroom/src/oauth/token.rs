//! Requests to token endpoints: the vault opens the client's secret, sends the message and keeps the tokens.

use strongroom_crypto::Secret;
use strongroom_oauth::{ClientAuth, ClientProof, Failure, TokenRequest, Tokens};

use super::app::Registration;
use crate::fields::{Value, Values};
use crate::vault::Vault;

impl Vault {
    /// Sends a request to a registration's token endpoint.
    pub(crate) async fn ask(&self, registration: &Registration, ask: TokenRequest<'_>) -> Result<Tokens, Failure> {
        let now = self.inner.clock.now();
        let client = &registration.client;
        let secret = match ask {
            // The assertion identifies the account, so the client's secret is not needed (RFC 7523 3.1).
            TokenRequest::Account { .. } if client.provider.token.client_auth == ClientAuth::None => None,
            _ => self.client_secret(registration)?,
        };
        let call = client.token_call(&ask, secret, now, self.inner.sealer.entropy())?;
        match self.inner.egress.send(call).await {
            // The lifetime counts from before the request, because the answer may have taken long.
            Ok(answer) => client.tokens(&answer, now),
            Err(error) => {
                tracing::info!(app = %registration.row.id, %error, "a token endpoint did not answer");
                Err(error.into())
            }
        }
    }

    /// The client's authentication for another endpoint of the provider.
    pub(crate) fn authenticate_client(&self, registration: &Registration) -> Result<ClientProof, Failure> {
        let secret = self.client_secret(registration)?;
        registration.client.authenticate(secret, self.inner.clock.now(), self.inner.sealer.entropy())
    }

    fn client_secret(&self, registration: &Registration) -> Result<Option<Secret<String>>, Failure> {
        self.inner.sealer.app_secret(&registration.row).map_err(|_| Failure::config("app-undecryptable"))
    }
}

/// Merges the tokens into the values. Returns the old refresh token if there is a new one.
pub(crate) fn merge_tokens(tokens: Tokens, values: &mut Values) -> Option<Value> {
    values.extend(tokens.kept.into_iter().map(|(name, value)| (name, Value::Text(value))));
    values.insert("access_token".to_owned(), Value::Text(tokens.access_token));
    match tokens.expires_at {
        Some(at) => values.insert("expires_at".to_owned(), Value::Text(Secret::new(at.to_string()))),
        None => values.remove("expires_at"),
    };
    if let Some(scopes) = tokens.scopes {
        values.insert("scopes".to_owned(), Value::list(&scopes));
    }
    tokens.refresh_token.and_then(|token| values.insert("refresh_token".to_owned(), Value::Text(token)))
}
