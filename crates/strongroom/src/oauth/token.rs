//! Requests to token endpoints and the evaluation of their answers. Tokens leave the answer as `Secret`. Of an error,
//! only the code is kept. The description is untrusted text from the provider or an attacker.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::AUTHORIZATION;
use serde_json::Value as Json;
use strongroom_crypto::Secret;
use zeroize::Zeroize;

use super::app::Registration;
use super::assertion::{AssertionClaims, KeyFile};
use crate::fields::{Value, Values};
use crate::provider::{Body, ClientAuth, Subject};
use crate::vault::Vault;
use strongroom_egress::{Answer, Call, EgressError};

/// Maximum lifetime of a token in seconds. Longer values are reduced to it.
const MAX_TOKEN_LIFETIME_SECONDS: f64 = 365.0 * 24.0 * 3600.0;
/// Maximum delay that a `Retry-After` header can cause.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Larger than an ID token, which is the largest value that is kept with the tokens.
const MAX_KEPT_RESPONSE_BYTES: usize = 16 * 1024;

/// The request to a token endpoint.
pub(crate) enum TokenRequest<'a> {
    Code {
        code: &'a Secret<String>,
        verifier: Option<&'a Secret<String>>,
        redirect: &'a str,
    },
    Refresh {
        token: &'a Secret<String>,
    },
    /// The client itself, without a user (RFC 6749 4.4).
    Client {
        scopes: &'a str,
    },
    /// A code that the user confirms on another device (RFC 8628 3.4).
    Device {
        code: &'a Secret<String>,
    },
    /// A service account with its key file (RFC 7523 2.1).
    Account {
        key: &'a Secret<String>,
        scopes: &'a str,
    },
}

/// The tokens of a successful answer.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) access_token: Secret<String>,
    /// If absent, the old refresh token remains valid (RFC 6749 6).
    pub(crate) refresh_token: Option<Secret<String>>,
    pub(crate) expires_at: Option<Timestamp>,
    /// If absent, the requested scopes were granted (RFC 6749 5.1).
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) refresh_expires_at: Option<Timestamp>,
    pub(crate) kept: Vec<(String, Secret<String>)>,
    /// The id and name of the account, if the answer contains them.
    pub(crate) account: Option<(String, Option<String>)>,
}

/// Why there are no tokens. `cause` is a code that can be stored and shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The grant has ended. Only the user can fix this.
    Terminal { cause: String },
    /// The registration is wrong. Only the operator can fix this.
    Config { cause: String },
    /// A later attempt may succeed.
    Transient {
        cause: String,
        retry_after: Option<Duration>,
        may_have_arrived: bool,
        /// The refusal is of a kind that no standard defines.
        unknown: bool,
    },
}

impl Failure {
    pub(crate) fn cause(&self) -> &str {
        match self {
            Self::Terminal { cause } | Self::Config { cause } | Self::Transient { cause, .. } => cause,
        }
    }
}

impl Vault {
    /// Sends a request to a registration's token endpoint.
    pub(crate) async fn ask(&self, registration: &Registration, ask: TokenRequest<'_>) -> Result<Tokens, Failure> {
        let now = self.clock.now();
        let call = self.token_call(registration, &ask, now)?;
        match self.egress.send(call).await {
            // The lifetime counts from before the request, because the answer may have taken long.
            Ok(answer) => registration.judge(&answer, now),
            Err(error) => {
                tracing::info!(app = %registration.row.id, %error, "a token endpoint did not answer");
                Err(error.into())
            }
        }
    }

    fn token_call(&self, registration: &Registration, ask: &TokenRequest<'_>, now: Timestamp) -> Result<Call, Failure> {
        let endpoint = &registration.provider.token;
        let (url, extra) = match ask {
            TokenRequest::Refresh { .. } => {
                (endpoint.refresh_url.as_ref().unwrap_or(&endpoint.url), &endpoint.refresh_params)
            }
            _ => (&endpoint.url, &endpoint.params),
        };
        let url = registration.address(url)?;
        let assertion = match ask {
            TokenRequest::Account { key, scopes } => Some(self.account_assertion(registration, key, scopes, now)?),
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
            _ => self.authenticate_client(registration, now)?,
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
        registration: &Registration,
        key: &Secret<String>,
        scopes: &str,
        now: Timestamp,
    ) -> Result<Secret<String>, Failure> {
        let key = KeyFile::read(key).ok_or_else(|| Failure::config("key-file-invalid"))?;
        let account = key.account.as_deref().unwrap_or(&registration.row.client_id);
        // Name another account only if the provider's file has a `subject` parameter (Google's domain-wide delegation).
        let subject = registration.parameters.get("subject").filter(|subject| !subject.is_empty());
        let audience = registration.audience()?;
        let said = AssertionClaims {
            issuer: account,
            subject: match (subject, registration.provider.token.subject) {
                (Some(subject), _) => Some(subject),
                (None, Subject::Always) => Some(account),
                (None, Subject::Named) => None,
            },
            audience: &audience,
            scope: Some(scopes),
        };
        key.sign(&said, now, &*self.entropy).ok_or_else(|| Failure::config("key-file-invalid"))
    }

    /// Authenticates the client. Never uses two methods in one request (RFC 6749 2.3).
    pub(crate) fn authenticate_client(
        &self,
        registration: &Registration,
        now: Timestamp,
    ) -> Result<ClientProof, Failure> {
        let secret = self.sealer.app_secret(&registration.row).map_err(|_| Failure::config("app-undecryptable"))?;
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let id = &registration.row.client_id;
        let mut proof = ClientProof::default();
        // A private key is for signing. As a password, it would be sent whole.
        let is_key = secret.as_ref().is_some_and(|secret| secret.expose().contains("PRIVATE KEY-----"));
        if is_key && registration.provider.token.client_auth != ClientAuth::PrivateKeyJwt {
            return Err(Failure::config("client-auth-takes-no-key"));
        }
        match (registration.provider.token.client_auth, secret) {
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
                let audience = registration.audience()?;
                let said = AssertionClaims { issuer: id, subject: Some(id), audience: &audience, scope: None };
                let signed = key.sign(&said, now, &*self.entropy).ok_or_else(|| Failure::config("key-file-invalid"))?;
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
pub(crate) struct ClientProof {
    basic: Option<Secret<String>>,
    members: Vec<(&'static str, Secret<String>)>,
}

impl ClientProof {
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &str)> {
        self.members.iter().map(|(name, value)| (*name, value.expose().as_str()))
    }

    /// Moves the authentication to the header, for a call whose body cannot carry it.
    pub(crate) fn in_header(mut self, id: &str) -> Self {
        let secret = self.members.iter().find(|(name, _)| *name == "client_secret");
        self.basic = self.basic.or(secret.map(|(_, secret)| basic(id, secret.expose())));
        self
    }

    pub(crate) fn sign(&self, call: Call) -> Call {
        match &self.basic {
            Some(basic) => call.header(AUTHORIZATION, basic.expose()),
            None => call,
        }
    }
}

impl Registration {
    pub(crate) fn address(&self, template: &str) -> Result<url::Url, Failure> {
        let mut values = self.parameters.clone();
        values.insert("client_id".to_owned(), self.row.client_id.clone());
        let address = self.provider.address(template, &values);
        address.map(|address| address.url().clone()).map_err(|_| Failure::config("address-invalid"))
    }

    /// The audience of an assertion: exactly one (RFC 7523bis 4).
    fn audience(&self) -> Result<String, Failure> {
        let token = &self.provider.token;
        match &token.audience {
            // An issuer is compared exactly, so no URL parser may add a slash.
            Some(issuer) if !issuer.contains('{') => Ok(issuer.clone()),
            Some(template) => Ok(self.address(template)?.to_string()),
            None => Ok(self.address(&token.url)?.to_string()),
        }
    }

    /// The status alone does not show success. Some providers send an error with 200, and some a revoked grant with
    /// 403.
    fn judge(&self, answer: &Answer, asked_at: Timestamp) -> Result<Tokens, Failure> {
        let places = &self.provider.token.answer;
        let Some(mut json) = answer.json() else { return Err(self.failure(answer, None, asked_at)) };
        let error = json.pointer(&places.error).and_then(Json::as_str).map(str::to_owned);
        let access_token = text(&mut json, &places.access_token);
        let tokens = match (error, access_token) {
            (None, Some(access_token)) if answer.is_success() && is_bearer(&json) => {
                let seconds = seconds(json.pointer(&places.expires_in)).or(places.default_lifetime.map(f64::from));
                let account = self.provider.account.as_ref().filter(|account| account.url.is_none());
                Ok(Tokens {
                    access_token,
                    expires_at: seconds.and_then(|seconds| after(asked_at, seconds)),
                    scopes: scopes(json.pointer(&places.scope), &places.scope_separator),
                    refresh_expires_at: seconds_at(&json, &places.refresh_expires_in, asked_at),
                    account: account.and_then(|account| {
                        let label = account.label.as_ref().and_then(|place| word(&json, place));
                        Some((word(&json, &account.id)?, label))
                    }),
                    kept: self
                        .provider
                        .keep
                        .answer
                        .iter()
                        .filter_map(|(name, place)| {
                            Some((name.clone(), Secret::new(shown(&json, place, MAX_KEPT_RESPONSE_BYTES)?)))
                        })
                        .collect(),
                    refresh_token: text(&mut json, &places.refresh_token),
                })
            }
            (error, _) => Err(self.failure(answer, error, asked_at)),
        };
        wipe(&mut json);
        tokens
    }

    /// The meaning of an answer that is not a success.
    pub(crate) fn refusal(&self, answer: &Answer, asked_at: Timestamp) -> Failure {
        let error = answer.json().and_then(|json| Some(json.get("error")?.as_str()?.to_owned()));
        self.failure(answer, error, asked_at)
    }

    fn failure(&self, answer: &Answer, error: Option<String>, asked_at: Timestamp) -> Failure {
        let code = error.filter(|code| is_code(code));
        let cause = code.clone().unwrap_or_else(|| format!("http-{}", answer.status));
        let retry_after = answer.retry_after.as_deref().and_then(|text| retry_after(text, asked_at));
        match code.as_deref() {
            Some(code)
                if code == "invalid_grant" || self.provider.refresh.terminal.iter().any(|known| known == code) =>
            {
                Failure::Terminal { cause }
            }
            Some(
                "invalid_client"
                | "unauthorized_client"
                | "invalid_scope"
                | "invalid_target"
                | "invalid_request"
                | "unsupported_grant_type"
                | "redirect_uri_mismatch"
                | "incorrect_client_credentials",
            ) => Failure::Config { cause },
            // Treat all else as temporary: an unknown code must not end a grant. After a gateway timeout it is unknown
            // whether the request was processed.
            _ => {
                let unclear = answer.is_success() || matches!(answer.status, 500 | 502 | 504);
                let passing = ["temporarily_unavailable", "server_error", "slow_down"];
                let unknown = (400..500).contains(&answer.status)
                    && !matches!(answer.status, 408 | 429)
                    && !code.as_deref().is_some_and(|code| passing.contains(&code));
                Failure::Transient { cause, retry_after, may_have_arrived: code.is_none() && unclear, unknown }
            }
        }
    }
}

impl Tokens {
    /// Merges the tokens into the values. Returns the old refresh token if there is a new one.
    pub(crate) fn merge_into(self, values: &mut Values) -> Option<Value> {
        values.extend(self.kept.into_iter().map(|(name, value)| (name, Value::Text(value))));
        values.insert("access_token".to_owned(), Value::Text(self.access_token));
        match self.expires_at {
            Some(at) => values.insert("expires_at".to_owned(), Value::Text(Secret::new(at.to_string()))),
            None => values.remove("expires_at"),
        };
        if let Some(scopes) = self.scopes {
            values.insert("scopes".to_owned(), Value::list(&scopes));
        }
        self.refresh_token.and_then(|token| values.insert("refresh_token".to_owned(), Value::Text(token)))
    }
}

impl Failure {
    pub(crate) fn config(cause: &str) -> Self {
        Self::Config { cause: cause.to_owned() }
    }

    fn transient(cause: &str, may_have_arrived: bool) -> Self {
        Self::Transient { cause: cause.to_owned(), retry_after: None, may_have_arrived, unknown: false }
    }
}

impl From<EgressError> for Failure {
    fn from(error: EgressError) -> Self {
        match error {
            EgressError::Forbidden(_) => Self::config("address-forbidden"),
            EgressError::Unreachable { .. } => Self::transient("unreachable", false),
            EgressError::Unanswered { .. } => Self::transient("no-answer", true),
        }
    }
}

/// HTTP Basic without encoding of the parts.
pub(crate) fn basic(id: &str, secret: &str) -> Secret<String> {
    let pair = Secret::new(format!("{id}:{secret}"));
    Secret::new(format!("Basic {}", data_encoding::BASE64.encode(pair.expose().as_bytes())))
}

/// A token of an unknown type must not be used (RFC 6749 7.1). Case does not matter. An absent type means bearer.
fn is_bearer(json: &Json) -> bool {
    match json.get("token_type").and_then(Json::as_str) {
        Some(kind) => ["bearer", "bot", "user"].iter().any(|known| kind.eq_ignore_ascii_case(known)),
        None => true,
    }
}

/// Moves a text out of the JSON, so that no copy remains. Returns `None` if it is empty.
fn text(json: &mut Json, pointer: &str) -> Option<Secret<String>> {
    match json.pointer_mut(pointer)?.take() {
        Json::String(text) if !text.is_empty() => Some(Secret::new(text)),
        _ => None,
    }
}

pub(crate) fn word(json: &Json, pointer: &str) -> Option<String> {
    shown(json, pointer, 1000)
}

fn shown(json: &Json, pointer: &str, most: usize) -> Option<String> {
    match json.pointer(pointer)? {
        Json::String(text) if !text.is_empty() && text.len() <= most => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Reads a number, or a text with a number. `None` if it is missing or less than 1, because unknown is not expired.
fn seconds(value: Option<&Json>) -> Option<f64> {
    let seconds = match value? {
        Json::Number(number) => number.as_f64()?,
        Json::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (seconds >= 1.0).then(|| seconds.min(MAX_TOKEN_LIFETIME_SECONDS).floor())
}

#[expect(clippy::cast_possible_truncation, reason = "at most a year of milliseconds")]
fn after(at: Timestamp, seconds: f64) -> Option<Timestamp> {
    Timestamp::from_millisecond(at.as_millisecond() + (seconds * 1000.0) as i64).ok()
}

fn seconds_at(json: &Json, pointer: &str, at: Timestamp) -> Option<Timestamp> {
    seconds(json.pointer(pointer)).and_then(|seconds| after(at, seconds))
}

/// Reads one text, as in the standard, or a list of texts.
fn scopes(value: Option<&Json>, separator: &str) -> Option<Vec<String>> {
    let mut scopes = match value? {
        Json::String(text) => split(text, separator),
        Json::Array(items) => items.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        _ => return None,
    };
    // Scopes are part of every list, so limit how much a provider can add.
    scopes.retain(|scope| scope.len() <= 255);
    scopes.truncate(200);
    Some(scopes)
}

pub(crate) fn split(text: &str, separator: &str) -> Vec<String> {
    let is_separator = |c: char| c == ' ' || separator.contains(c);
    text.split(is_separator).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}

fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

/// Seconds or an HTTP date (RFC 9110 10.2.3).
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let seconds = text.parse().ok().map(Duration::from_secs);
    let wait = seconds.or_else(|| {
        let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
        Duration::try_from(now.duration_until(at)).ok()
    });
    wait.map(|wait| wait.min(MAX_RETRY_AFTER))
}

fn wipe(json: &mut Json) {
    match json {
        Json::String(text) => text.zeroize(),
        Json::Array(items) => items.iter_mut().for_each(wipe),
        Json::Object(members) => members.values_mut().for_each(wipe),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_accepts_seconds_or_date_and_is_bounded() {
        let now: Timestamp = "2026-11-06T08:49:00Z".parse().expect("an instant");
        let seconds = |text| retry_after(text, now).map(|wait| wait.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds("Fri, 06 Nov 2026 08:49:37 GMT"), Some(37));
        assert_eq!(seconds("Fri, 06 Nov 2026 08:48:00 GMT"), None, "it is over");
        assert_eq!(seconds("86400"), Some(3600));
        assert_eq!(seconds("Sat, 06 Nov 2027 08:49:37 GMT"), Some(3600));
        assert_eq!(seconds("soon"), None);
    }
}
