//! The evaluation of a token endpoint's answer. Tokens leave the answer as `Secret`.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value as Json;
use strongroom_crypto::Secret;
use strongroom_egress::Answer;
use zeroize::Zeroize;

use crate::client::Client;
use crate::failure::Failure;

/// Maximum lifetime of a token in seconds. Longer values are reduced to it.
const MAX_TOKEN_LIFETIME_SECONDS: f64 = 365.0 * 24.0 * 3600.0;
/// Maximum delay that a `Retry-After` header can cause.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Larger than an ID token, which is the largest value that is kept with the tokens.
const MAX_KEPT_RESPONSE_BYTES: usize = 16 * 1024;

/// The tokens of a successful answer.
#[derive(Debug)]
pub struct Tokens {
    /// The access token.
    pub access_token: Secret<String>,
    /// If absent, the old refresh token remains valid (RFC 6749 6).
    pub refresh_token: Option<Secret<String>>,
    /// When the access token expires. `None` if unknown.
    pub expires_at: Option<Timestamp>,
    /// If absent, the requested scopes were granted (RFC 6749 5.1).
    pub scopes: Option<Vec<String>>,
    /// When the grant ends, if the answer says so.
    pub refresh_expires_at: Option<Timestamp>,
    /// Further values that calls need, by name.
    pub kept: Vec<(String, Secret<String>)>,
    /// The id and name of the account, if the answer contains them.
    pub account: Option<(String, Option<String>)>,
}

impl Client {
    /// The status alone does not show success. Some providers send an error with 200, and some a revoked grant with
    /// 403.
    ///
    /// # Errors
    /// [`Failure`] with its cause.
    pub fn tokens(&self, answer: &Answer, asked_at: Timestamp) -> Result<Tokens, Failure> {
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
    #[must_use]
    pub fn refusal(&self, answer: &Answer, asked_at: Timestamp) -> Failure {
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

/// A text or number at this place, if it is short enough to show.
#[must_use]
pub fn word(json: &Json, pointer: &str) -> Option<String> {
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

/// The scopes of a text.
#[must_use]
pub fn split(text: &str, separator: &str) -> Vec<String> {
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
