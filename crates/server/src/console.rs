//! The console's cookie. Whatever a browser sends carries it, so a request that does counts only if the browser says that a
//! page of ours made it (Fetch Metadata), or, from a browser that does not say, if its `Origin` is ours to the letter.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use strongroom::{Secret, Token};

use crate::origin::Page;
use crate::problem::Problem;

/// `__Host-`: no subdomain can set it, no plain connection carries it (RFC 6265bis 4.1.3.2).
const SESSION_COOKIE: &str = "__Host-strongroom-console";

/// The token in the cookie of a request, if it may count. It is looked at under `/v1/` alone: elsewhere browsers come by
/// links and redirects of others, for which nobody has to be signed in.
pub(crate) fn token(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Option<Token>, Problem> {
    let carried = cookie(headers, SESSION_COOKIE).filter(|_| uri.path().starts_with("/v1/"));
    let Some(token) = carried.and_then(|value| Token::parse(&value).ok()) else { return Ok(None) };
    made_by_our_page(method, uri, headers)?;
    Ok(Some(token))
}

/// Refuses what another site's page made a browser send.
pub(crate) fn made_by_our_page(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let safe = matches!(*method, Method::GET | Method::HEAD);
    let ours = match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
        Some(b"same-origin") => true,
        // Typed in, or followed from a bookmark.
        Some(b"none") => safe,
        Some(_) => false,
        None => safe || headers.contains_key(header::ORIGIN) && Page::of(uri, headers) == Page::Own,
    };
    let detail = "this was not sent by a page of the console; open the console and do it there";
    if ours { Ok(()) } else { Err(Problem::new(StatusCode::FORBIDDEN, "cross-site", detail)) }
}

/// The header that gives a browser the cookie: for this session of the browser, to no script, to no other site.
pub(crate) fn set(token: &Token) -> String {
    format!("{SESSION_COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Strict", token.expose())
}

/// The header that takes it away.
pub(crate) fn clear() -> String {
    format!("{SESSION_COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0")
}

/// What a sign-in at an OpenID provider hangs on, until the browser is back: Lax, for it comes from another site.
pub(crate) const SIGN_IN_COOKIE: &str = "__Host-strongroom-sign-in";

/// The header that gives a browser the sign-in's cookie, or takes it away.
pub(crate) fn signing_in(browser: Option<&Secret<String>>) -> String {
    let (value, age) = browser.map_or(("", 0), |browser| (browser.expose().as_str(), 600));
    format!("{SIGN_IN_COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={age}")
}

/// A cookie of a request, by its name.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let pairs = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    let mut values = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(key, _)| *key == name);
    values.next().map(|(_, value)| value.to_owned())
}
