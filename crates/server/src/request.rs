//! The outermost layer: what is done to every request, whatever its route. Names it, judges its host, finds out who
//! sent it, takes it from their allowance, bounds its time; and writes the headers and the problem's body on the way out.
//! What is logged meanwhile is logged under its name; a handler's panic is an answer like another.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::Route;
use data_encoding::HEXLOWER;
use strongroom::{Token, TokenKind};
use tower::{Layer, Service};

use crate::app::App;
use crate::console;
use crate::limits::Allowance;
use crate::origin::{Page, preflight};
use crate::page;
use crate::principal::{Caller, Came, Seen};
use crate::problem::Problem;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// On every answer: it is kept nowhere, framed nowhere, and taken for nothing but what it is.
const ALWAYS: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    ),
];

/// Puts [`Handled`] around each route.
#[derive(Clone)]
pub(crate) struct Handling(pub(crate) Arc<App>);

/// A route, and what is done to each of its requests.
#[derive(Clone)]
pub(crate) struct Handled {
    app: Arc<App>,
    route: Route,
}

impl Layer<Route> for Handling {
    type Service = Handled;

    fn layer(&self, route: Route) -> Handled {
        Handled { app: self.0.clone(), route }
    }
}

impl Service<Request> for Handled {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (app, route) = (self.app.clone(), self.route.clone());
        let id = request_id(&app, request.headers());
        Box::pin(strongroom::request::answer(id.clone(), async move { Ok(handle(&app, route, request, id).await) }))
    }
}

async fn handle(app: &App, route: Route, request: Request, id: Arc<str>) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let path = path.as_ref().map_or("none", MatchedPath::as_str);
    let page = Page::of(request.uri(), request.headers());
    let for_a_person = page::is_for_a_person(request.uri().path(), request.headers());
    let (mut response, allowance) = answer(app, route, request, &page, &id).await;
    finish(app, &mut response, &id, allowance);
    if for_a_person && response.status() == StatusCode::NOT_FOUND {
        page::show(&mut response, &id);
    }
    if path.starts_with("/v1/") {
        page.let_read(response.headers_mut());
    }
    let (status, took) = (response.status(), began.elapsed());
    app.metrics.answered(&method, path, status.as_u16(), took);
    let milliseconds = took.as_millis();
    if status.is_server_error() {
        tracing::error!(%method, route = path, status = status.as_u16(), %milliseconds, "answered");
    } else if status.is_client_error() {
        tracing::info!(%method, route = path, status = status.as_u16(), %milliseconds, "answered");
    } else {
        tracing::debug!(%method, route = path, status = status.as_u16(), %milliseconds, "answered");
    }
    response
}

async fn answer(
    app: &App,
    mut route: Route,
    mut request: Request,
    page: &Page,
    id: &Arc<str>,
) -> (Response, Option<Allowance>) {
    if let Some(answer) = preflight(&request) {
        return (answer, None);
    }
    let address = address(app, &request);
    let head = (request.method(), request.uri(), request.headers());
    let (seen, allowance) = match admit(app, head, address, page, id).await {
        Ok(admitted) => admitted,
        Err(problem) => return (problem.into_response(), None),
    };
    // Whoever is known has both in the actor already.
    if !matches!(seen, Seen::Known(_)) {
        request.extensions_mut().insert(Came { address, request_id: id.clone() });
    }
    request.extensions_mut().insert(seen);
    let answer = tokio::time::timeout(app.config.limits.request_timeout, unpanicked(route.call(request))).await;
    let late = || {
        Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the request took too long; send it again").into_response()
    };
    (answer.unwrap_or_else(|_| late()), allowance)
}

async fn unpanicked(answer: impl Future<Output = Result<Response, Infallible>>) -> Response {
    let mut answer = pin!(answer);
    let poll = |context: &mut Context<'_>| match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
        Ok(poll) => poll.map(|Ok(response)| response),
        // What the panic says may hold anything: only that there was one is logged here.
        Err(_) => {
            tracing::error!("a handler panicked");
            Poll::Ready(Problem::internal().into_response())
        }
    };
    std::future::poll_fn(poll).await
}

/// Who sent it, if it may be answered at all. Whoever carries a valid token draws on the token's allowance; everybody
/// else, wrong tokens included, on the address's.
async fn admit(
    app: &App,
    (method, uri, headers): (&Method, &Uri, &HeaderMap),
    address: Option<IpAddr>,
    page: &Page,
    id: &Arc<str>,
) -> Result<(Seen, Option<Allowance>), Problem> {
    // Probes come by address. Only the one that costs nothing is free: readiness is a durable write.
    let health = matches!(uri.path(), "/livez" | "/readyz");
    if !health && !host_is_known(app, uri, headers) {
        let detail = "this server does not answer to that host name; add it to `hosts` in the configuration";
        return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "host-unknown", detail));
    }
    let carried = headers.get(header::AUTHORIZATION);
    let token = match carried {
        Some(value) => value.to_str().ok().and_then(bearer),
        // A cookie that does not count is somebody else's doing: it draws on their address.
        None => match console::token(method, uri, headers) {
            Ok(token) => token,
            Err(problem) => {
                app.addresses.take(&address.map(network)).map_err(Problem::too_many)?;
                return Err(problem);
            }
        },
    };
    if let Some(token) = &token
        && let Some(principal) = app.vault.authenticate(token).await?
    {
        let allowance = app.principals.take(&principal.who).map_err(Problem::too_many)?;
        page.may_use(&principal.origins)?;
        let actor = principal.actor(address, Some(id.clone()));
        let recent = principal.console.is_none_or(|console| console.recent_until > app.vault.clock().now());
        return Ok((Seen::Known(Arc::new(Caller { principal, actor, recent })), Some(allowance)));
    }
    if !costs_nothing(uri.path()) {
        app.addresses.take(&address.map(network)).map_err(Problem::too_many)?;
    }
    Ok((if carried.is_some() { Seen::Invalid } else { Seen::Anonymous }, None))
}

/// What is in the program itself: a page that loads twenty files at once must not use up its address's allowance.
fn costs_nothing(path: &str) -> bool {
    matches!(path, "/livez" | "/" | "/demo") || path.starts_with("/elements/") || path.starts_with("/console/console")
}

fn bearer(value: &str) -> Option<Token> {
    let (scheme, token) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    // The console's is for its cookie: as a bearer it would get around what is asked of cookies.
    Token::parse(token.trim()).ok().filter(|token| token.kind() != TokenKind::Console)
}

/// HTTP/1.1 has the name in `Host`, HTTP/2 in the address; where both are, they must agree.
fn host_is_known(app: &App, uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter().map(|host| host.to_str().unwrap_or(""));
    let host = match (hosts.next(), hosts.next(), uri.authority()) {
        (Some(host), None, None) => host,
        (None, None, Some(authority)) => authority.as_str(),
        (Some(host), None, Some(authority)) if authority.as_str() == host => host,
        _ => return false,
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    app.config.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The caller's address: the peer's, or, if the peer is a trusted proxy, the last one in `X-Forwarded-For` that is not.
fn address(app: &App, request: &Request) -> Option<IpAddr> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?.0.ip().to_canonical();
    let trusted = |address: &IpAddr| app.config.trusted_proxies.iter().any(|network| network.contains(address));
    if !trusted(&peer) {
        return Some(peer);
    }
    let forwarded = request.headers().get_all("x-forwarded-for");
    let hops: Vec<&str> =
        forwarded.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
    for hop in hops.iter().rev() {
        match hop.trim().parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(address) if trusted(&address) => {}
            Ok(address) => return Some(address),
            Err(_) => break,
        }
    }
    Some(peer)
}

/// One subscriber of IPv6 has a /64 at least: an allowance for each address would be none.
fn network(address: IpAddr) -> [u8; 8] {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            [0, 0, 0, 0, a, b, c, d]
        }
        IpAddr::V6(address) => address.octets().first_chunk().copied().unwrap_or_default(),
    }
}

/// The caller's id for the request, if it is a plain one; else one of ours.
fn request_id(app: &App, headers: &HeaderMap) -> Arc<str> {
    let plain =
        |text: &&str| (8..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(plain) {
        Some(text) => text.into(),
        None => {
            let number = app.requests.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            let mut text = String::with_capacity(2 * (app.process.len() + number.len()));
            HEXLOWER.encode_append(&app.process, &mut text);
            HEXLOWER.encode_append(&number, &mut text);
            text.into()
        }
    }
}

fn finish(app: &App, response: &mut Response, id: &str, allowance: Option<Allowance>) {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        app.metrics.refused(problem.slug());
        *response.body_mut() = Body::from(problem.body(id));
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    let headers = response.headers_mut();
    headers.reserve(ALWAYS.len() + 4);
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(Allowance { policy, remaining }) = allowance {
        headers.insert(RATE_LIMIT_POLICY, policy);
        let left = HeaderValue::try_from(format!("\"principal\";r={remaining};t=1"));
        headers.extend(left.map(|value| (RATE_LIMIT, value)));
    }
    for (name, value) in ALWAYS {
        // What is nobody's secret says so itself.
        headers.entry(name).or_insert(value);
    }
    if app.config.tls.is_some() {
        headers
            .insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_answer_that_says_nothing_of_it() {
        async fn hurt() -> Result<Response, Infallible> {
            tokio::task::yield_now().await;
            panic!("with a secret in it")
        }
        let answer = unpanicked(hurt()).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let problem = answer.extensions().get::<Problem>().map(|problem| problem.body("id")).unwrap_or_default();
        let problem = String::from_utf8_lossy(&problem);
        assert!(problem.contains("urn:strongroom:problem:internal") && !problem.contains("secret"), "{problem}");
    }
}
