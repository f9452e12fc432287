//! The console's session cookie. Browsers attach it to every request, so the sender must also be a page of the console
//! (CSRF). Fetch Metadata proves that. For browsers without it, `Origin` of an unsafe request must match exactly.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use strongroom::Token;

use crate::cookie;
use crate::origin::Page;
use crate::problem::Problem;

/// Returns the token in the session cookie. Only paths under `/v1/` use it: other paths are targets of links and
/// redirects from other sites and need no session.
pub(crate) fn token(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Option<Token>, Problem> {
    let carried = cookie::value(headers, cookie::SESSION).filter(|_| uri.path().starts_with("/v1/"));
    let Some(token) = carried.and_then(|value| Token::parse(value.expose()).ok()) else { return Ok(None) };
    made_by_our_page(method, uri, headers)?;
    Ok(Some(token))
}

/// Rejects requests that a page of another site made the browser send.
pub(crate) fn made_by_our_page(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let safe = matches!(*method, Method::GET | Method::HEAD);
    let ours = match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
        Some(b"same-origin") => true,
        // The user typed the address or opened a bookmark.
        Some(b"none") => safe,
        Some(_) => false,
        None => safe || headers.contains_key(header::ORIGIN) && Page::of(uri, headers) == Page::Own,
    };
    let detail = "the request does not come from a page of the console; repeat it in the console";
    if ours { Ok(()) } else { Err(Problem::new(StatusCode::FORBIDDEN, "cross-site", detail)) }
}
