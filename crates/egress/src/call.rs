//! A call and its answer.

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use strongroom_crypto::Secret;
use url::Url;

use crate::encode;

/// A call to be sent.
pub struct Call {
    /// The HTTP method.
    pub method: reqwest::Method,
    /// The address. [`crate::Egress::send`] checks it.
    pub url: Url,
    /// Headers, apart from those that the client sets.
    pub headers: HeaderMap,
    /// The body, if there is one.
    pub body: Option<Secret<Vec<u8>>>,
}

impl Call {
    /// A call without headers and body.
    #[must_use]
    pub fn new(method: reqwest::Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: None }
    }

    /// Adds a header whose value is hidden in debug output. An invalid value comes from a token and is skipped. The
    /// call then fails as unauthorized.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            self.headers.insert(name, value);
        }
        self
    }

    /// Adds headers from a provider's file. An invalid name is skipped.
    #[must_use]
    pub fn headers<'a>(self, headers: impl Iterator<Item = (&'a String, &'a String)>) -> Self {
        headers.fold(self, |call, (name, value)| match HeaderName::try_from(name) {
            Ok(name) => call.header(name, value),
            Err(_) => call,
        })
    }

    /// A form (`application/x-www-form-urlencoded`) as the body.
    #[must_use]
    pub fn form(self, members: Vec<(&str, &str)>) -> Self {
        self.body("application/x-www-form-urlencoded", encode::form(members.into_iter()))
    }

    /// A JSON object of strings as the body.
    #[must_use]
    pub fn json(self, members: Vec<(&str, &str)>) -> Self {
        self.json_text(encode::json(members.into_iter()))
    }

    /// JSON text as the body.
    #[must_use]
    pub fn json_text(self, text: Secret<Vec<u8>>) -> Self {
        self.body("application/json", text)
    }

    fn body(self, kind: &str, body: Secret<Vec<u8>>) -> Self {
        Self { body: Some(body), ..self.header(CONTENT_TYPE, kind) }
    }
}

/// An answer with any status.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`, as received.
    pub retry_after: Option<String>,
    /// The body, at most 1 MiB.
    pub body: Secret<Vec<u8>>,
}

impl Answer {
    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON. Some providers send a form-encoded body, which becomes an object of strings.
    #[must_use]
    pub fn json(&self) -> Option<serde_json::Value> {
        if let Ok(value) = serde_json::from_slice(self.body.expose()) {
            return Some(value);
        }
        let text = std::str::from_utf8(self.body.expose()).ok()?;
        let is_form = text.contains('=') && !text.contains(['<', '{', '\n']);
        let pairs = url::form_urlencoded::parse(text.as_bytes());
        let member = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
            (name.into_owned(), serde_json::Value::String(value.into_owned()))
        };
        is_form.then(|| serde_json::Value::Object(pairs.map(member).collect()))
    }
}
