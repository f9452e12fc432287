//! The token endpoint: one request, one answer, one judgement. A token leaves the answer's memory as a `Secret`; of an
//! error only its code is kept, never its description: that is the provider's text, and may be anybody's.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::AUTHORIZATION;
use serde_json::Value as Json;
use strongroom_crypto::Secret;
use zeroize::Zeroize;

use super::app::Registration;
use super::egress::{Answer, Call, Egress, EgressError};
use crate::fields::{Value, Values};
use crate::provider::{Body, ClientAuth};

/// Longer than any token lives; what claims more is taken for this.
const LONGEST: f64 = 365.0 * 24.0 * 3600.0;
/// No provider's `Retry-After` keeps a credential from being tried for longer.
const PATIENCE: Duration = Duration::from_secs(3600);

/// What is asked of the token endpoint.
pub(crate) enum Ask<'a> {
    Code {
        code: &'a Secret<String>,
        verifier: Option<&'a Secret<String>>,
        redirect: &'a str,
    },
    Refresh {
        token: &'a Secret<String>,
    },
    /// The client itself, for nobody (RFC 6749 4.4).
    Client {
        scopes: &'a str,
    },
}

/// What a token endpoint gave.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) access_token: Secret<String>,
    /// Absent: the one that was used stays (RFC 6749 6).
    pub(crate) refresh_token: Option<Secret<String>>,
    pub(crate) expires_at: Option<Timestamp>,
    /// Absent: what was asked for was granted (RFC 6749 5.1).
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) refresh_expires_at: Option<Timestamp>,
    pub(crate) kept: Vec<(String, Secret<String>)>,
    /// Whose account, where the answer says it: id and label.
    pub(crate) account: Option<(String, Option<String>)>,
}

/// Why there are no tokens. `cause` is a code, fit to be stored and shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The grant is gone: only the user can help.
    Terminal { cause: String },
    /// The registration is wrong: only the operator can help.
    Config { cause: String },
    /// It may work later.
    Transient {
        cause: String,
        retry_after: Option<Duration>,
        may_have_arrived: bool,
        /// A refusal of a kind that no standard has.
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

impl Registration {
    /// Asks the token endpoint.
    pub(crate) async fn ask(
        &self,
        egress: &Egress,
        secret: Option<&Secret<String>>,
        ask: Ask<'_>,
        now: Timestamp,
    ) -> Result<Tokens, Failure> {
        let call = self.token_call(secret, &ask)?;
        match egress.send(call).await {
            // Expiry counts from before the request left: the answer may have been long on its way.
            Ok(answer) => self.judge(&answer, now),
            Err(error) => {
                tracing::info!(app = %self.row.id, %error, "a token endpoint did not answer");
                Err(match error {
                    EgressError::Forbidden(_) => Failure::Config { cause: "address-forbidden".to_owned() },
                    EgressError::Unreachable { .. } => Failure::transient("unreachable", false),
                    EgressError::Unanswered { .. } => Failure::transient("no-answer", true),
                })
            }
        }
    }

    fn token_call(&self, secret: Option<&Secret<String>>, ask: &Ask<'_>) -> Result<Call, Failure> {
        let endpoint = &self.provider.token;
        let (url, extra) = match ask {
            Ask::Code { .. } | Ask::Client { .. } => (&endpoint.url, &endpoint.params),
            Ask::Refresh { .. } => (endpoint.refresh_url.as_ref().unwrap_or(&endpoint.url), &endpoint.refresh_params),
        };
        let url = self.address(url)?;
        let mut members: Vec<(&str, &str)> = match ask {
            Ask::Code { code, verifier, redirect } => {
                let mut members = vec![
                    ("grant_type", "authorization_code"),
                    ("code", code.expose().as_str()),
                    ("redirect_uri", *redirect),
                ];
                members.extend(verifier.map(|verifier| ("code_verifier", verifier.expose().as_str())));
                members
            }
            Ask::Refresh { token } => vec![("grant_type", "refresh_token"), ("refresh_token", token.expose())],
            Ask::Client { scopes: "" } => vec![("grant_type", "client_credentials")],
            Ask::Client { scopes } => vec![("grant_type", "client_credentials"), ("scope", *scopes)],
        };
        let basic = self.authenticate(secret, &mut members);
        members.extend(extra.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let mut call = Call::new(reqwest::Method::POST, url).headers(endpoint.headers.iter());
        if let Some(basic) = basic {
            call = call.header(AUTHORIZATION, basic.expose());
        }
        Ok(match endpoint.body {
            Body::Form => call.form(members),
            Body::Json => call.json(members),
        })
    }

    pub(crate) fn address(&self, template: &str) -> Result<url::Url, Failure> {
        let mut values = self.parameters.clone();
        values.insert("client_id".to_owned(), self.row.client_id.clone());
        let address = self.provider.address(template, &values);
        address
            .map(|address| address.url().clone())
            .map_err(|_| Failure::Config { cause: "address-invalid".to_owned() })
    }

    /// Says who the client is: among the members, or in the header that comes back. Never two ways in one request
    /// (RFC 6749 2.3).
    pub(crate) fn authenticate<'a>(
        &'a self,
        secret: Option<&'a Secret<String>>,
        members: &mut Vec<(&'a str, &'a str)>,
    ) -> Option<Secret<String>> {
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let id = self.row.client_id.as_str();
        match (self.provider.token.client_auth, secret) {
            // Each part is form-encoded first (RFC 6749 2.3.1) ...
            (ClientAuth::Basic, Some(secret)) => {
                return Some(basic(&encode(id), Secret::new(encode(secret.expose())).expose()));
            }
            // ... which many servers do not undo.
            (ClientAuth::BasicRaw, Some(secret)) => return Some(basic(id, secret.expose())),
            (ClientAuth::Post, Some(secret)) => members.extend([("client_id", id), ("client_secret", secret.expose())]),
            (_, None) | (ClientAuth::None, _) => members.push(("client_id", id)),
        }
        None
    }

    /// Success is not a status: some answer an error with 200, and some a revoked grant with 403.
    fn judge(&self, answer: &Answer, asked_at: Timestamp) -> Result<Tokens, Failure> {
        let places = &self.provider.token.answer;
        let Some(mut json) = answer.json() else { return Err(self.failure(answer, None)) };
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
                        .filter_map(|(name, place)| Some((name.clone(), Secret::new(word(&json, place)?))))
                        .collect(),
                    refresh_token: text(&mut json, &places.refresh_token),
                })
            }
            (error, _) => Err(self.failure(answer, error)),
        };
        wipe(&mut json);
        tokens
    }

    fn failure(&self, answer: &Answer, error: Option<String>) -> Failure {
        let code = error.filter(|code| is_code(code));
        let cause = code.clone().unwrap_or_else(|| format!("http-{}", answer.status));
        let retry_after = answer.retry_after.as_deref().and_then(retry_after);
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
            // Everything else may pass: a code nobody knows must not end a grant. A gateway that gave up waiting does not know
            // what became of the request behind it.
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
    /// Puts what came over what there is, and gives back the refresh token that was spent, if there is another one now.
    pub(crate) fn lay_over(self, values: &mut Values) -> Option<Value> {
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
    fn transient(cause: &str, may_have_arrived: bool) -> Self {
        Self::Transient { cause: cause.to_owned(), retry_after: None, may_have_arrived, unknown: false }
    }
}

/// HTTP Basic, of parts as they are.
pub(crate) fn basic(id: &str, secret: &str) -> Secret<String> {
    let pair = Secret::new(format!("{id}:{secret}"));
    Secret::new(format!("Basic {}", data_encoding::BASE64.encode(pair.expose().as_bytes())))
}

/// A token whose type is not understood must not be used (RFC 6749 7.1). Case does not matter; absent means bearer.
fn is_bearer(json: &Json) -> bool {
    match json.get("token_type").and_then(Json::as_str) {
        Some(kind) => ["bearer", "bot", "user"].iter().any(|known| kind.eq_ignore_ascii_case(known)),
        None => true,
    }
}

/// Moves a text out, so that no copy of it stays behind. An empty one is none.
fn text(json: &mut Json, pointer: &str) -> Option<Secret<String>> {
    match json.pointer_mut(pointer)?.take() {
        Json::String(text) if !text.is_empty() => Some(Secret::new(text)),
        _ => None,
    }
}

pub(crate) fn word(json: &Json, pointer: &str) -> Option<String> {
    match json.pointer(pointer)? {
        Json::String(text) if !text.is_empty() && text.len() <= 1000 => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Numbers, and texts of numbers. None of nothing and of what is not in the future: unknown is not expired.
fn seconds(value: Option<&Json>) -> Option<f64> {
    let seconds = match value? {
        Json::Number(number) => number.as_f64()?,
        Json::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (seconds >= 1.0).then(|| seconds.min(LONGEST).floor())
}

#[expect(clippy::cast_possible_truncation, reason = "at most a year of milliseconds")]
fn after(at: Timestamp, seconds: f64) -> Option<Timestamp> {
    Timestamp::from_millisecond(at.as_millisecond() + (seconds * 1000.0) as i64).ok()
}

fn seconds_at(json: &Json, pointer: &str, at: Timestamp) -> Option<Timestamp> {
    seconds(json.pointer(pointer)).and_then(|seconds| after(at, seconds))
}

/// One text, as the standard has it, or a list of them.
fn scopes(value: Option<&Json>, separator: &str) -> Option<Vec<String>> {
    let mut scopes = match value? {
        Json::String(text) => split(text, separator),
        Json::Array(items) => items.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        _ => return None,
    };
    // They go into every list: a provider does not get to fill it.
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

/// Seconds, or an HTTP date (RFC 9110 10.2.3); the date is left to the ordinary backoff.
fn retry_after(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs).map(|wait| wait.min(PATIENCE))
}

fn wipe(json: &mut Json) {
    match json {
        Json::String(text) => text.zeroize(),
        Json::Array(items) => items.iter_mut().for_each(wipe),
        Json::Object(members) => members.values_mut().for_each(wipe),
        _ => {}
    }
}
