//! The browser's part of a connection: the start link, the provider's callback and the completion.
//! Each step consumes its secret, so a start link, a state and a completing code each work once.

use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use strongroom_crypto::{Secret, sha256};
use url::Url;

use super::phases::hash;
use super::secrets::ConnectionSecrets;
use super::task::run_to_completion;
use crate::credential::Credential;
use crate::error::Error;
use crate::fields::Value;
use crate::handles::Connections;
use crate::oauth::app::Registration;
use crate::oauth::store_tokens::Granted;
use crate::vault::Vault;
use strongroom_oauth::{Failure, TokenRequest, Tokens};
use strongroom_store::{Action, Actor, AppId, ConnectionId, ConnectionRow, NameError, Phase, Principal, Reason};

/// The last path segment of a start address: 256 bits in base64url.
#[derive(Debug)]
pub struct StartLink(Secret<String>);

impl FromStr for StartLink {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let fits = text.len() == 43 && BASE64URL_NOPAD.decode(text.as_bytes()).is_ok();
        if fits { Ok(Self(Secret::from(text))) } else { Err(NameError("must be a start link".to_owned())) }
    }
}

/// The start page sets the cookie and redirects to the provider.
#[derive(Debug)]
pub struct Start {
    /// The provider's authorization address with all parameters.
    pub authorize: Url,
    /// Binds the browser to the state. For a `__Host-` cookie.
    pub browser: Secret<String>,
}

/// The parameters of a callback. It has no `Debug`, because it holds the code.
pub struct Callback {
    /// `state`.
    pub state: Secret<String>,
    /// `code`.
    pub code: Option<Secret<String>>,
    /// `error`.
    pub error: Option<String>,
    /// `iss` (RFC 9207).
    pub iss: Option<String>,
    /// The browser's cookie.
    pub browser: Option<Secret<String>>,
    /// The other parameters of the query. Some providers send the account there.
    pub query: Vec<(String, Secret<String>)>,
}

impl Connections<'_> {
    /// Completes a connection. The user who started it sends the completing code, and only now the code is exchanged.
    ///
    /// # Errors
    /// [`Error::NotFound`] for another user, or if the code is unknown, used or expired. [`Error::Provider`] if the
    /// exchange fails. [`Error::OtherAccount`] if a reconnection was authorized for a different account.
    pub async fn complete(
        self,
        actor: &Actor,
        id: ConnectionId,
        completing: &Secret<String>,
    ) -> Result<Credential, Error> {
        let Self { vault, owner } = self;
        let (mut row, secrets) = vault.connection(Phase::Returned, hash("complete", completing)).await?;
        let entry = vault.entry(actor, owner.tenant, Action::ConnectionComplete).with_user(&owner.user);
        let entry = entry.with_plugin(&row.plugin).with_target(row.id);
        if row.owner != *owner || row.id != id || !matches!(actor.principal, Principal::User { .. }) {
            vault.record(entry.denied(Reason::OtherUser)).await?;
            return Err(Error::NotFound { what: "connection" });
        }
        let (vault, actor) = (vault.clone(), actor.clone());
        run_to_completion(async move {
            // Consume the code first. Of two concurrent calls the second finds nothing, and a code is never sent twice.
            vault.take(&mut row, entry).await?;
            let outcome = vault.finish(&actor, &row, secrets).await;
            vault.settle(&actor, &mut row, &outcome).await;
            outcome
        })
        .await
    }
}

impl Vault {
    /// Opens the start link once. It binds the state to this browser.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the link is unknown, used or expired.
    pub async fn start(&self, actor: &Actor, link: &StartLink) -> Result<Start, Error> {
        let (mut row, mut secrets) = self.connection(Phase::Begun, hash("start", &link.0)).await?;
        let registration = self.registration(row.owner.tenant, row.app).await?;
        let (state, browser) = (self.inner.sealer.random_text(), self.inner.sealer.random_text());
        secrets.browser = Some(hash("browser", &browser));
        let authorize = self.authorize_address(&registration, &row, &secrets, &state)?;
        self.advance(actor, &mut row, Phase::Started, hash("state", &state), &secrets).await?;
        Ok(Start { authorize, browser })
    }

    /// Handles the provider's callback. Returns the address for the redirect to the plugin's page, with a completing
    /// code or an error code. The code is not exchanged yet.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the state is unknown, used or expired, or if the registration, browser or issuer differs.
    /// A callback that differs is an event with its reason.
    pub async fn handle_callback(&self, actor: &Actor, app: AppId, callback: Callback) -> Result<Url, Error> {
        let (mut row, mut secrets) = self.connection(Phase::Started, hash("state", &callback.state)).await?;
        let registration = self.registration(row.owner.tenant, row.app).await?;
        let provider = &registration.client.provider;
        let browser = callback.browser.as_ref().map(|browser| hash("browser", browser));
        let refused = if row.app != app {
            Some(Reason::OtherApp)
        } else if browser.is_none() || browser != secrets.browser {
            Some(Reason::OtherBrowser)
        } else {
            // Compare exactly, also in an error response (RFC 9207 2.4).
            match (&provider.issuer, &callback.iss) {
                (Some(issuer), Some(iss)) if issuer != iss => Some(Reason::OtherIssuer),
                (Some(_), None) if provider.iss_required => Some(Reason::OtherIssuer),
                _ => None,
            }
        };
        if let Some(reason) = refused {
            self.record(self.entry_of(actor, &row, Action::ConnectionReturn).denied(reason)).await?;
            return Err(Error::NotFound { what: "connection" });
        }
        let mut back = Url::parse(&row.return_address).map_err(|_| Error::NotFound { what: "connection" })?;
        back.query_pairs_mut().append_pair("connection", &row.id.to_string());
        let Some(code) = callback.code.filter(|_| callback.error.is_none()) else {
            // An attacker can forge an error response, so pass on only codes of the standard (RFC 6749 4.1.2.1).
            let known = ["access_denied", "invalid_scope", "server_error", "temporarily_unavailable"];
            let error = callback.error.as_deref().filter(|error| known.contains(error)).unwrap_or("failed");
            row.cause = Some(error.to_owned());
            let entry = self.entry_of(actor, &row, Action::ConnectionReturn).denied(Reason::Provider);
            self.finish_with(&mut row, Phase::Failed, entry).await?;
            back.query_pairs_mut().append_pair("error", error);
            return Ok(back);
        };
        secrets.code = Some(code);
        for (field, parameter) in &provider.keep.callback {
            let value = callback.query.iter().find(|(name, _)| name == parameter);
            secrets.kept.extend(value.map(|(_, value)| (field.clone(), Secret::from(value.expose().as_str()))));
        }
        let completing = self.inner.sealer.random_text();
        self.advance(actor, &mut row, Phase::Returned, hash("complete", &completing), &secrets).await?;
        back.query_pairs_mut().append_pair("code", completing.expose());
        Ok(back)
    }

    async fn finish(
        &self,
        actor: &Actor,
        row: &ConnectionRow,
        secrets: ConnectionSecrets,
    ) -> Result<Credential, Error> {
        let registration = self.registration(row.owner.tenant, row.app).await?;
        let tokens = self.exchange(&registration, &secrets).await?;
        let kept = secrets.kept.into_iter().map(|(name, value)| (name, Value::Text(value)));
        let granted = Granted { tokens, kept: kept.collect(), account: None, if_connected: secrets.if_connected };
        self.keep_granted(actor, row, &registration, granted).await
    }

    async fn exchange(&self, registration: &Registration, secrets: &ConnectionSecrets) -> Result<Tokens, Error> {
        let redirect = self.redirect_address(registration.row.id).ok_or(Error::NoPublicAddress)?;
        let code = secrets.code.as_ref().ok_or(Error::NotFound { what: "connection" })?;
        let pkce = registration.client.provider.authorize.as_ref().is_some_and(|authorize| authorize.pkce);
        let ask = TokenRequest::Code { code, verifier: pkce.then_some(&secrets.verifier), redirect: &redirect };
        self.ask(registration, ask).await.map_err(|failure| Error::Provider(failure.cause().to_owned()))
    }

    fn authorize_address(
        &self,
        registration: &Registration,
        row: &ConnectionRow,
        secrets: &ConnectionSecrets,
        state: &Secret<String>,
    ) -> Result<Url, Error> {
        let gone = || Error::NotFound { what: "connection" };
        let authorize = registration.client.provider.authorize.as_ref().ok_or_else(gone)?;
        let mut url = registration
            .client
            .address(&authorize.url)
            .map_err(|failure: Failure| Error::Provider(failure.cause().to_owned()))?;
        let redirect = self.redirect_address(row.app).ok_or(Error::NoPublicAddress)?;
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("response_type", "code");
            query.append_pair("client_id", &registration.client.id);
            query.append_pair("redirect_uri", &redirect);
            query.append_pair("state", state.expose());
            if !row.scopes.is_empty() {
                query.append_pair(&authorize.scope_param, &row.scopes.replace(' ', &authorize.scope_separator));
            }
            if authorize.pkce {
                let challenge = BASE64URL_NOPAD.encode(&sha256(secrets.verifier.expose().as_bytes()));
                query.append_pair("code_challenge", &challenge).append_pair("code_challenge_method", "S256");
            }
            for (name, value) in &authorize.params {
                query.append_pair(name, value);
            }
        }
        Ok(url)
    }
}
