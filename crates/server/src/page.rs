//! The one page of plain words that people see of the server: what a browser is shown when a start link or a provider's answer does
//! not fit. It says the same whatever happened: the reason is in the log, for whoever may read it.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, header};
use strongroom::request::RequestId;

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;margin:15vh auto;max-width:32rem;padding:0 1rem;color:#1c2024;\
background:#fff}h1{font-size:1.25rem}small{color:#60646c}@media(prefers-color-scheme:dark){body{color:#edeef0;background:#111113}\
small{color:#b0b4ba}}";

/// Its style is allowed by its hash, and nothing else is.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = data_encoding::BASE64.encode(&strongroom::sha256(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// Whether a person is waiting for the answer to this request.
pub(crate) fn wants_html(path: &str, headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let ours =
        path.starts_with("/connect/") || path.starts_with("/api/auth/oauth/callback/") || path.starts_with("/console/");
    ours && accepts.contains("text/html")
}

/// Puts the page in the place of a problem.
pub(crate) fn show(response: &mut Response<Body>, request_id: &RequestId) {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Not connected</title><style>{STYLE}</style><main><h1>Nothing was connected</h1>\
         <p>This link was used already, belongs to another browser, or is older than ten minutes.</p>\
         <p>Close this window, go back to where you began, and connect again.</p>\
         <p><small>Request {request_id}</small></p></main></html>"
    );
    *response.body_mut() = Body::from(page);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
}
