//! Cookies: every one that the server sets, with its attributes. The prefix `__Host-` keeps subdomains from setting them.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::cookie::{Cookie, SameSite};
use strongroom::{Secret, Token};

/// Holds a console session.
pub(crate) const SESSION: &str = "__Host-strongroom-console";
/// Binds a sign-in at an OpenID provider to the browser.
pub(crate) const SIGN_IN: &str = "__Host-strongroom-sign-in";
/// A browser must come back from a provider within this time.
const ROUND_TRIP: Duration = Duration::from_secs(10 * 60);

/// Sets the session cookie. It lasts until the browser closes, and only pages of the same site send it.
pub(crate) fn session(token: &Token) -> Cookie<'static> {
    strict(SESSION, token.expose().to_owned(), SameSite::Strict)
}

/// Deletes the session cookie.
pub(crate) fn end_session() -> Cookie<'static> {
    deleted(strict(SESSION, String::new(), SameSite::Strict))
}

/// Binds a browser to a sign-in or a connection. `Lax`, because the provider's answer is a navigation from another site.
pub(crate) fn round_trip(name: &str, browser: &Secret<String>) -> Cookie<'static> {
    let mut cookie = strict(name, browser.expose().clone(), SameSite::Lax);
    cookie.set_max_age(ROUND_TRIP.try_into().ok());
    cookie
}

/// Deletes the cookie of a round trip.
pub(crate) fn end_round_trip(name: &str) -> Cookie<'static> {
    deleted(strict(name, String::new(), SameSite::Lax))
}

/// The name of a connection's cookie. Each connection has its own, so that concurrent connections in one browser do not
/// overwrite each other.
pub(crate) fn connection_name(state: &str) -> String {
    let hash = strongroom::digest("cookie", &[state.as_bytes()]);
    format!("__Host-strongroom-{}", data_encoding::HEXLOWER.encode(hash.first_chunk::<8>().unwrap_or(&[0; 8])))
}

/// The value of the first cookie of the request with this name.
pub(crate) fn value(headers: &HeaderMap, name: &str) -> Option<Secret<String>> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(Cookie::split_parse).flatten();
    cookies.find(|cookie| cookie.name() == name).map(|cookie| Secret::from(cookie.value()))
}

/// An empty answer that sets these cookies.
pub(crate) fn with_cookies(status: StatusCode, cookies: &[Cookie<'_>]) -> Response {
    let mut response = status.into_response();
    for cookie in cookies {
        if let Ok(cookie) = HeaderValue::try_from(cookie.to_string()) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// No script reads the cookie, it is sent by TLS only, and it belongs to this host only.
fn strict(name: &str, value: String, same_site: SameSite) -> Cookie<'static> {
    Cookie::build((name.to_owned(), value)).path("/").secure(true).http_only(true).same_site(same_site).build()
}

fn deleted(mut cookie: Cookie<'static>) -> Cookie<'static> {
    cookie.set_max_age(Duration::ZERO.try_into().ok());
    cookie
}
