//! Sign-in at the console through an OpenID provider. State, nonce and PKCE verifier are derived from one random text
//! that only the browser has, so nothing is stored. The ID token comes directly from the token endpoint over TLS. That
//! replaces the check of its signature (OpenID Connect Core 3.1.3.7).

use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde::Deserialize;
use strongroom_crypto::{Secret, Token, digest, sha256};
use url::Url;

use super::RECENT_SIGN_IN;
use super::issuer::Issuer;
use crate::authenticated::ConsoleSession;
use crate::error::Error;
use crate::handles::Console;
use crate::oauth::app::Registration;
use crate::vault::Vault;
use strongroom_oauth::{Client, Parameters, Provider, TokenRequest, discover};
use strongroom_store::{Actor, AppId, AppRow, ConsoleUser, TenantId, UserId};

/// Tolerated clock difference of the provider in seconds.
const CLOCK_SKEW_SECONDS: i64 = 60;
/// How long an issuer's metadata is cached.
const DISCOVERY_LIFETIME: Duration = Duration::from_secs(3600);
/// The name of the ID token among the values that are kept with the tokens.
const ID_TOKEN: &str = "id_token";

/// The sign-in page stores a text in a cookie and redirects to the provider.
#[derive(Debug)]
pub struct SignIn {
    /// The provider's authorization address.
    pub authorize: Url,
    /// The text for the cookie.
    pub browser: Secret<String>,
}

/// The claims of an ID token that are used.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
    nonce: Option<String>,
    auth_time: Option<i64>,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Derives a text for one purpose. Texts of different purposes do not reveal each other.
fn derived(purpose: &str, browser: &Secret<String>) -> Secret<String> {
    Secret::new(BASE64URL_NOPAD.encode(&digest(purpose, &[browser.expose().as_bytes()])))
}

impl Console<'_> {
    /// Whether sign-in through an OpenID provider is configured.
    #[must_use]
    pub fn has_issuer(self) -> bool {
        let Self { vault } = self;
        vault.inner.issuer.is_some()
    }

    /// Starts a sign-in.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no issuer. [`Error::Provider`] if discovery fails.
    pub async fn begin_sign_in(self, tenant: TenantId) -> Result<SignIn, Error> {
        let Self { vault } = self;
        let (_, registration, redirect) = vault.console_registration(tenant).await?;
        let browser = vault.inner.sealer.random_text();
        let gone = || Error::NotFound { what: "issuer" };
        let template = &registration.client.provider.authorize.as_ref().ok_or_else(gone)?.url;
        let mut authorize =
            registration.client.address(template).map_err(|failure| Error::Provider(failure.cause().to_owned()))?;
        let verifier = derived("oidc-verifier", &browser);
        let challenge = BASE64URL_NOPAD.encode(&sha256(verifier.expose().as_bytes()));
        authorize
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &registration.client.id)
            .append_pair("redirect_uri", &redirect)
            .append_pair("scope", "openid email")
            .append_pair("state", derived("oidc-state", &browser).expose())
            .append_pair("nonce", derived("oidc-nonce", &browser).expose())
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            // Otherwise a person who finds the browser could become an operator while the provider's session lasts.
            .append_pair("max_age", &RECENT_SIGN_IN.as_secs().to_string());
        Ok(SignIn { authorize, browser })
    }

    /// Completes a sign-in: exchanges the code, checks the ID token and opens a session.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an invalid answer, or if the person is no operator and no user. [`Error::Provider`].
    pub async fn finish_sign_in(
        self,
        actor: &Actor,
        tenant: TenantId,
        browser: &Secret<String>,
        (state, code, iss): (&str, &Secret<String>, Option<&str>),
    ) -> Result<(ConsoleSession, Token), Error> {
        let Self { vault } = self;
        let gone = || Error::NotFound { what: "sign-in" };
        let (issuer, registration, redirect) = vault.console_registration(tenant).await?;
        let other_issuer = iss.map_or(registration.client.provider.iss_required, |iss| iss != issuer.issuer);
        if state != derived("oidc-state", browser).expose() || other_issuer {
            return Err(gone());
        }
        let verifier = derived("oidc-verifier", browser);
        let ask = TokenRequest::Code { code, verifier: Some(&verifier), redirect: &redirect };
        let tokens = match vault.ask(&registration, ask).await {
            Ok(tokens) => tokens,
            Err(failure) => {
                // The endpoint may have changed since discovery.
                *vault.inner.issuer_provider.lock().await = None;
                return Err(Error::Provider(failure.cause().to_owned()));
            }
        };
        let token = tokens.kept.iter().find(|(name, _)| name == ID_TOKEN).map(|(_, token)| token);
        let claims = token.and_then(claims).ok_or_else(gone)?;
        let for_us = match &claims.aud {
            Audience::One(audience) => *audience == issuer.client_id,
            Audience::Many(all) => {
                all.contains(&issuer.client_id) && claims.azp.as_ref().is_none_or(|azp| *azp == issuer.client_id)
            }
        };
        let fresh = claims.exp + CLOCK_SKEW_SECONDS > vault.inner.clock.now().as_second();
        let ours = claims.nonce.as_deref() == Some(derived("oidc-nonce", browser).expose());
        if claims.iss != issuer.issuer || !for_us || !fresh || !ours {
            return Err(gone());
        }
        let user = issuer.user(&claims).ok_or_else(gone)?;
        // Without `auth_time` the sign-in does not count as recent, so an operator cannot make changes (OpenID Connect
        // Core 3.1.2.1).
        let proven_at = claims.auth_time.and_then(|seconds| Timestamp::from_second(seconds).ok());
        let proven_at = proven_at.unwrap_or(Timestamp::UNIX_EPOCH).min(vault.inner.clock.now());
        vault.open_console(actor, tenant, user, proven_at).await
    }
}

impl Vault {
    /// Cached, because anonymous requests can start a sign-in. Each would otherwise cause an outgoing call.
    async fn discovered(&self, issuer: &Issuer) -> Result<Arc<Provider>, Error> {
        let now = self.inner.clock.now();
        let mut known = self.inner.issuer_provider.lock().await;
        if let Some((_, provider)) = known.as_ref().filter(|(until, _)| *until > now) {
            return Ok(provider.clone());
        }
        let mut provider = discover(&self.inner.egress, &issuer.issuer, false).await?;
        if provider.authorize.is_none() {
            return Err(Error::Provider("the issuer's metadata has no authorization endpoint".to_owned()));
        }
        provider.keep.answer.insert(ID_TOKEN.to_owned(), "/id_token".to_owned());
        let provider = Arc::new(provider);
        *known = Some((now.saturating_add(DISCOVERY_LIFETIME).unwrap_or(now), provider.clone()));
        Ok(provider)
    }

    /// The registration is built from the settings each time. It is not stored.
    async fn console_registration(&self, tenant: TenantId) -> Result<(Arc<Issuer>, Registration, String), Error> {
        let issuer = self.inner.issuer.clone().ok_or(Error::NotFound { what: "issuer" })?;
        let base = self.inner.public_url.as_ref().ok_or(Error::NoPublicAddress)?;
        let provider = self.discovered(&issuer).await?;
        let now = self.inner.clock.now();
        let mut row = AppRow {
            id: AppId::generate(now, &*self.inner.entropy),
            tenant,
            provider: issuer.issuer.clone(),
            definition: None,
            parameters: String::new(),
            client_id: issuer.client_id.clone(),
            client_secret: None,
            created_at: now,
            mac: [0; 32],
        };
        row.client_secret = issuer.client_secret.as_ref().map(|secret| self.inner.sealer.seal_app_secret(&row, secret));
        let redirect = format!("{}/console/callback", base.as_str().trim_end_matches('/'));
        let client = Client { id: issuer.client_id.clone(), provider, parameters: Parameters::default() };
        Ok((issuer, Registration { row, client }, redirect))
    }
}

impl Issuer {
    fn user(&self, claims: &Claims) -> Option<ConsoleUser> {
        let verified = claims.email.as_ref().filter(|_| claims.email_verified);
        let is_operator = |entry: &String| match entry.strip_prefix("sub:") {
            Some(sub) => sub == claims.sub,
            None => verified.is_some_and(|email| email.eq_ignore_ascii_case(entry)),
        };
        if self.operators.iter().any(is_operator) {
            return Some(ConsoleUser::Operator);
        }
        let user = claims.sub.parse::<UserId>().ok().filter(|_| self.users)?;
        Some(ConsoleUser::User(user))
    }
}

fn claims(token: &Secret<String>) -> Option<Claims> {
    let payload = token.expose().split('.').nth(1)?;
    serde_json::from_slice(&BASE64URL_NOPAD.decode(payload.as_bytes()).ok()?).ok()
}
