//! The console's session cookie. Browsers attach it to every request, so the sender must also be a page of the console
//! (CSRF). Fetch Metadata proves that. For browsers without it, `Origin` of an unsafe request must match exactly.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use strongroom::{Secret, Token};

use crate::origin::Page;
use crate::problem::Problem;

/// `__Host-`: no subdomain can set it, and no unencrypted connection carries it (RFC 6265bis 4.1.3.2).
const SESSION_COOKIE: &str = "__Host-strongroom-console";

/// Returns the token in the session cookie. Only paths under `/v1/` use it: other paths are targets of links and
/// redirects from other sites and need no session.
pub(crate) fn token(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Option<Token>, Problem> {
    let carried = cookie(headers, SESSION_COOKIE).filter(|_| uri.path().starts_with("/v1/"));
    let Some(token) = carried.and_then(|value| Token::parse(&value).ok()) else { return Ok(None) };
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

/// `Set-Cookie` value for a session cookie: until the browser closes, no script access, same site only.
pub(crate) fn set(token: &Token) -> String {
    format!("{SESSION_COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Strict", token.expose())
}

/// `Set-Cookie` value that deletes the session cookie.
pub(crate) fn clear() -> String {
    format!("{SESSION_COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0")
}

/// Binds a sign-in at an OpenID provider to the browser. `SameSite=Lax`, because the callback is a navigation from
/// another site.
pub(crate) const SIGN_IN_COOKIE: &str = "__Host-strongroom-sign-in";

/// `Set-Cookie` value that sets or deletes the sign-in cookie.
pub(crate) fn signing_in(browser: Option<&Secret<String>>) -> String {
    let (value, age) = browser.map_or(("", 0), |browser| (browser.expose().as_str(), 600));
    format!("{SIGN_IN_COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={age}")
}

/// Returns the first cookie with this name.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let pairs = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    let mut values = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(key, _)| *key == name);
    values.next().map(|(_, value)| value.to_owned())
}
