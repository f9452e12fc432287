//! Static files from `web/dist`. Pages of any origin may load the elements as one module. Each file has its hash as
//! `ETag`, so a browser revalidates it and mostly gets 304.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Router, body::Body};

use crate::app::App;
use crate::problem::Problem;

/// The scripts, styles and pages of `web/dist`.
#[derive(rust_embed::RustEmbed)]
#[folder = "../../web/dist"]
#[include = "*.js"]
#[include = "*.css"]
#[include = "*.html"]
struct Files;

/// No inline script or style, no other origin, no frames, and no HTML from strings (Trusted Types).
const CONSOLE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types lit-html",
);

pub(crate) const PATHS: [&str; 4] = ["/elements/{file}", "/demo", "/", "/console/{file}"];

pub(crate) fn routes() -> Router<Arc<App>> {
    let [elements, start, root, pages] = PATHS;
    Router::new()
        .route(elements, get(element))
        .route(start, get(demo))
        .route(root, get(console))
        .route(pages, get(page))
}

/// The console: one page that reads all its data from the API.
async fn console(headers: HeaderMap) -> Result<Response, Problem> {
    let mut response = show("pages/console.html", &headers).ok_or_else(|| Problem::not_found("path"))?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, CONSOLE_POLICY);
    // A page that opened the console gets no reference to its window.
    let opener = (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    headers.extend([opener]);
    for name in [header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderName::from_static("cross-origin-resource-policy")] {
        headers.remove(name);
    }
    Ok(response)
}

async fn page(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    // The demo serves its own pages.
    let ours = name.starts_with("console");
    show(&format!("pages/{name}"), &headers).filter(|_| ours).ok_or_else(|| Problem::not_found("file"))
}

async fn demo(State(app): State<Arc<App>>) -> Result<Redirect, Problem> {
    let address = app.config.demo.as_ref();
    address.map(|address| Redirect::temporary(address)).ok_or_else(|| Problem::not_found("path"))
}

/// `v1.js` is the module. It loads the other scripts on demand.
async fn element(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let name = if name == "v1.js" { "elements.js" } else { name.as_str() };
    let is_script = name.ends_with(".js") && !name.contains('/');
    show(name, &headers).filter(|_| is_script).ok_or_else(|| Problem::not_found("file"))
}

/// Returns a page of `web/dist` as a template.
pub(crate) fn text(name: &str) -> Option<&'static str> {
    match Files::get(name)?.data {
        Cow::Borrowed(content) => std::str::from_utf8(content).ok(),
        // Embedded content is always borrowed.
        Cow::Owned(_) => None,
    }
}

/// Serves a file of `web/dist`. The files contain no user data, so every origin may read them.
pub(crate) fn show(name: &str, headers: &HeaderMap) -> Option<Response> {
    let file = Files::get(name)?;
    let kind = match name.rsplit('.').next()? {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        _ => return None,
    };
    let tag = format!("\"{}\"", data_encoding::HEXLOWER.encode(file.metadata.sha256_hash().first_chunk::<16>()?));
    let fresh = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let status = if fresh { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let body = if fresh { Body::empty() } else { Body::from(file.data) };
    let shown: [(HeaderName, HeaderValue); 5] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::ETAG, HeaderValue::from_str(&tag).ok()?),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, no-cache")),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin")),
    ];
    Some((status, shown, body).into_response())
}
