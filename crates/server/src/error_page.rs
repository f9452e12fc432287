//! HTML error page for browser navigations: the start link, a provider's callback, signing in at the console. It says what to
//! do next and nothing about the cause, because its visitor may be an attacker. The cause is in the log.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use strongroom::request::RequestId;

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;margin:15vh auto;max-width:32rem;padding:0 1rem;color:#1c2024;\
background:#fff}h1{font-size:1.25rem}small{color:#60646c}@media(prefers-color-scheme:dark){body{color:#edeef0;background:#111113}\
small{color:#b0b4ba}}";

/// Allows the style by its hash, and nothing else.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = data_encoding::BASE64.encode(&strongroom::sha256(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// What a browser was about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorPage {
    Connect,
    SignIn,
}

impl ErrorPage {
    /// The page for this request, if a browser navigates to a path that people see.
    pub(crate) fn of(path: &str, headers: &HeaderMap) -> Option<Self> {
        let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        let page = if path.starts_with("/connect/") || path.starts_with("/api/auth/oauth/callback/") {
            Self::Connect
        } else if path.starts_with("/console/") {
            Self::SignIn
        } else {
            return None;
        };
        accepts.contains("text/html").then_some(page)
    }

    fn title(self) -> &'static str {
        match self {
            Self::Connect => "Nothing was connected",
            Self::SignIn => "You are not signed in",
        }
    }

    fn advice(self, status: StatusCode) -> [&'static str; 2] {
        match (self, status) {
            (_, StatusCode::TOO_MANY_REQUESTS) => ["There were too many requests.", "Wait one minute. Then try again."],
            (_, status) if status.is_server_error() => {
                ["The server is not available at the moment.", "Wait one minute. Then try again."]
            }
            (Self::Connect, _) => [
                "This link was used already, belongs to another browser, or is older than ten minutes.",
                "Close this window, return to the page where you started, and connect again.",
            ],
            (Self::SignIn, _) => [
                "This sign-in was used already, belongs to another browser, is older than ten minutes, or was refused.",
                "Open the console, and sign in again.",
            ],
        }
    }

    /// Replaces a problem by the page.
    pub(crate) fn show(self, response: &mut Response<Body>, request_id: &RequestId) {
        let (title, [why, what]) = (self.title(), self.advice(response.status()));
        let page = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
             <title>{title}</title><style>{STYLE}</style><main><h1>{title}</h1><p>{why}</p><p>{what}</p>\
             <p><small>Request {request_id}</small></p></main></html>"
        );
        *response.body_mut() = Body::from(page);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    }
}
