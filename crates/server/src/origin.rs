//! Pages of other origins (the Fetch standard's CORS). A session names the origins of the pages that may use it. A page of
//! another origin is refused, also with a valid token. Cookies work for no other origin, so a preflight reveals nothing.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PATCH, PUT, DELETE");
const HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-type, if-match, if-none-match, idempotency-key, x-request-id");
const EXPOSED: HeaderValue =
    HeaderValue::from_static("etag, location, retry-after, x-request-id, ratelimit, ratelimit-policy");
const TEN_MINUTES: HeaderValue = HeaderValue::from_static("600");

/// The page that sent the request, as the browser states it in `Origin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// No page, or a page of this server.
    Own,
    /// A page of this origin.
    Other(HeaderValue),
}

impl Page {
    pub(crate) fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        let Some(origin) = headers.get(header::ORIGIN) else { return Self::Own };
        let (scheme, own) = origin.to_str().ok().and_then(|origin| origin.split_once("://")).unwrap_or_default();
        // HTTP/2 has the host in the URI.
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| uri.authority().map(Authority::as_str));
        let ours = matches!(scheme, "http" | "https") && host == Some(own);
        if ours { Self::Own } else { Self::Other(origin.clone()) }
    }

    /// Checks that the page may use a token with these origins. An API key has none, so no page may use it.
    pub(crate) fn may_use(&self, origins: &[String]) -> Result<(), Problem> {
        let known = |page: &HeaderValue| origins.iter().any(|origin| origin.as_bytes() == page.as_bytes());
        match self {
            Self::Other(page) if !known(page) => {
                let detail = "this token is not valid for pages of this origin; the host sets the `origins` of a session when it creates one";
                Err(Problem::new(StatusCode::FORBIDDEN, "origin-unknown", detail))
            }
            _ => Ok(()),
        }
    }

    /// Lets the page read the response. A page that may not use the token reads a problem, which reveals nothing.
    pub(crate) fn add_cors_headers(&self, headers: &mut HeaderMap) {
        if let Self::Other(page) = self {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, page.clone());
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
}

/// The answer to a CORS preflight.
pub(crate) fn preflight(request: &Parts) -> Option<Response> {
    let headers = &request.headers;
    let asks = request.method == Method::OPTIONS
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        && request.uri.path().starts_with("/v1/");
    let origin = headers.get(header::ORIGIN).filter(|_| asks)?;
    let answers: [(HeaderName, HeaderValue); 5] = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone()),
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, TEN_MINUTES),
        (header::VARY, HeaderValue::from_static("origin")),
    ];
    Some((StatusCode::NO_CONTENT, axum::response::AppendHeaders(answers), Body::empty()).into_response())
}
