//! The outermost layer: what is done to every request, whatever its route. Names it, judges its host, finds out who
//! sent it, takes it from their allowance, bounds its time; and writes the headers and the problem's body on the way out.
//! What is logged meanwhile is logged under its name; a handler's panic is an answer like another.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{BoxError, Router};
use strongroom::request::RequestId;
use strongroom::session::Authenticated;
use strongroom::{Token, TokenKind};
use tokio::time::timeout;
use tower::Service;

use crate::app::App;
use crate::config::Config;
use crate::console;
use crate::limits::Allowance;
use crate::metrics::Route;
use crate::origin::{Page, preflight};
use crate::page;
use crate::principal::{Authentication, Caller, ClientInfo};
use crate::problem::Problem;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// On every answer: it is kept nowhere, framed nowhere, and taken for nothing but what it is.
const DEFAULT_HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    ),
];

/// So many join them, or fewer; more are no fault.
const TYPICAL_HEADERS: usize = 8;
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// The router, and what is done to each of its requests.
#[derive(Clone)]
pub struct Gateway {
    router: Arc<Shared>,
    peer: Option<IpAddr>,
}

/// The router, and what is known of all requests to it.
struct Shared {
    app: Arc<App>,
    router: Router,
    routes: Routes,
}

/// The paths that are routed, each by its pattern: requests are counted and logged by those, for a path may hold anything.
struct Routes {
    known: matchit::Router<Route>,
    none: Route,
}

impl Routes {
    fn at(&self, path: &str) -> &Route {
        self.known.at(path).map_or(&self.none, |found| found.value)
    }
}

impl Gateway {
    /// Around a router of these routes. They are those that it knows, so none of them is in another's way.
    pub(crate) fn new(app: Arc<App>, router: Router, routed: impl Iterator<Item = Route>) -> Self {
        let mut known = matchit::Router::new();
        for route in routed {
            let _ = known.insert(route.pattern().to_owned(), route);
        }
        let routes = Routes { known, none: Route::of("none".to_owned()) };
        Self { router: Arc::new(Shared { app, router, routes }), peer: None }
    }

    /// For the requests of one connection.
    #[must_use]
    pub fn of_peer(&self, peer: SocketAddr) -> Self {
        Self { peer: Some(peer.ip().to_canonical()), ..self.clone() }
    }
}

impl<B> Service<axum::http::Request<B>> for Gateway
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: axum::http::Request<B>) -> Self::Future {
        let (handled, request) = (self.clone(), request.map(Body::new));
        let id = request_id(&handled.router.app, request.headers());
        Box::pin(strongroom::request::answer(id.clone(), handled.handle(request, id)))
    }
}

impl Gateway {
    async fn handle(self, mut request: Request, id: RequestId) -> Result<Response, Infallible> {
        let Shared { app, router, routes } = &*self.router;
        let (info, began) = (RequestInfo::of(routes, &request), Instant::now());
        let (mut response, allowance) = match admit(app, head(&request), self.peer, &info.page, &id).await {
            Ok((seen, came, allowance)) => {
                let limit = app.config.limits.request_timeout;
                let extensions = request.extensions_mut();
                came.map(|came| extensions.insert(came));
                extensions.insert(seen);
                let answer = timeout(limit, catch_panic(router.clone().call(request))).await;
                (answer.unwrap_or_else(|_| timeout_response()), allowance)
            }
            Err(answer) => (answer, None),
        };
        finish(app, &mut response, &id, allowance);
        if info.wants_html && response.status() == StatusCode::NOT_FOUND {
            page::show(&mut response, &id);
        }
        if info.route.pattern().starts_with("/v1/") {
            info.page.add_cors_headers(response.headers_mut());
        }
        if info.method == Method::HEAD {
            strip_body(&mut response);
        }
        info.answered(app, response.status(), began.elapsed());
        Ok(response)
    }
}

/// A request without its body, which nobody looks at here, and which no two threads may.
pub(crate) type Head<'a> = (&'a Method, &'a Uri, &'a HeaderMap);

fn head(request: &Request) -> Head<'_> {
    (request.method(), request.uri(), request.headers())
}

/// What is to be known of a request after it is gone.
struct RequestInfo<'a> {
    method: Method,
    route: &'a Route,
    page: Page,
    wants_html: bool,
}

impl<'a> RequestInfo<'a> {
    fn of(routes: &'a Routes, request: &Request) -> Self {
        let (path, headers) = (request.uri().path(), request.headers());
        Self {
            method: request.method().clone(),
            route: routes.at(path),
            page: Page::of(request.uri(), headers),
            wants_html: page::wants_html(path, headers),
        }
    }

    fn answered(&self, app: &App, status: StatusCode, took: Duration) {
        app.metrics.answered(&self.method, self.route, status.as_u16(), took);
        let (method, route, milliseconds) = (&self.method, self.route.pattern(), took.as_millis());
        if status.is_server_error() {
            tracing::error!(%method, route, status = status.as_u16(), %milliseconds, "answered");
        } else if status.is_client_error() {
            tracing::info!(%method, route, status = status.as_u16(), %milliseconds, "answered");
        } else {
            tracing::debug!(%method, route, status = status.as_u16(), %milliseconds, "answered");
        }
    }
}

/// The router has done so, but not with what was put into its answer's place. Over HTTP/2 nobody else would (RFC 9113 8.1.1).
fn strip_body(response: &mut Response) {
    let length = response.body().size_hint().exact().filter(|length| *length > 0);
    if let Some(length) = length {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        *response.body_mut() = Body::empty();
    }
}

fn timeout_response() -> Response {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the request took too long; send it again").into_response()
}

fn catch_panic<Answer: IntoResponse>(
    mut answer: impl Future<Output = Answer> + Unpin,
) -> impl Future<Output = Response> {
    let poll =
        move |context: &mut Context<'_>| match catch_unwind(AssertUnwindSafe(|| Pin::new(&mut answer).poll(context))) {
            Ok(poll) => poll.map(IntoResponse::into_response),
            // What the panic says may hold anything: only that there was one is logged here.
            Err(_) => {
                tracing::error!("a handler panicked");
                Poll::Ready(Problem::internal().into_response())
            }
        };
    std::future::poll_fn(poll)
}

/// Who sent it, and from where it came if that is nobody known; or the answer, if that needs no handler.
async fn admit(
    app: &App,
    head: Head<'_>,
    peer: Option<IpAddr>,
    page: &Page,
    id: &RequestId,
) -> Result<(Authentication, Option<ClientInfo>, Option<Allowance>), Response> {
    if let Some(answer) = preflight(head) {
        return Err(answer);
    }
    let (_, _, headers) = head;
    let address = peer.map(|peer| address(app, peer, headers));
    let (seen, allowance) = judge(app, head, address, page, id).await.map_err(IntoResponse::into_response)?;
    // Whoever is known has both in the actor already.
    let known = matches!(seen, Authentication::Known(_));
    let came = (!known).then(|| ClientInfo { address, request_id: id.clone() });
    Ok((seen, came, allowance))
}

/// Who sent it, if it may be answered at all. Whoever carries a valid token draws on the token's allowance; everybody
/// else, wrong tokens included, on the address's.
async fn judge(
    app: &App,
    (method, uri, headers): Head<'_>,
    address: Option<IpAddr>,
    page: &Page,
    id: &RequestId,
) -> Result<(Authentication, Option<Allowance>), Problem> {
    // Probes come by address. Only the one that costs nothing is free: readiness is a durable write.
    let health = matches!(uri.path(), "/livez" | "/readyz");
    if !health && !host_is_known(app, uri, headers) {
        let detail = "this server does not answer to that host name; add it to `hosts` in the configuration";
        return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "host-unknown", detail));
    }
    let carried = headers.get(header::AUTHORIZATION);
    let authenticated = match carried.map(|value| value.to_str().ok().and_then(bearer)) {
        Some(Some(text)) => bearer_of(app, text).await?,
        Some(None) => None,
        None => match console::token(method, uri, headers) {
            Ok(Some(token)) => app.vault.authenticate(&token).await?,
            Ok(None) => None,
            // A cookie that does not count is somebody else's doing: it draws on their address.
            Err(problem) => {
                app.addresses.take(&address.map(network)).map_err(Problem::too_many)?;
                return Err(problem);
            }
        },
    };
    if let Some(authenticated) = authenticated {
        let allowance = app.principals.take(&authenticated.principal).map_err(Problem::too_many)?;
        page.may_use(&authenticated.origins)?;
        let actor = authenticated.actor(address, Some(id.clone()));
        let recent = authenticated.console.is_none_or(|console| console.recent_until > app.vault.clock().now());
        return Ok((Authentication::Known(Arc::new(Caller { authenticated, actor, recent })), Some(allowance)));
    }
    if !is_exempt(uri.path()) {
        app.addresses.take(&address.map(network)).map_err(Problem::too_many)?;
    }
    Ok((if carried.is_some() { Authentication::Invalid } else { Authentication::Anonymous }, None))
}

/// What is in the program itself: a page that loads twenty files at once must not use up its address's allowance.
fn is_exempt(path: &str) -> bool {
    matches!(path, "/livez" | "/" | "/demo") || path.starts_with("/elements/") || path.starts_with("/console/console")
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

async fn bearer_of(app: &App, text: &str) -> Result<Option<Authenticated>, Problem> {
    if let Some(plugin) = app.vault.cached_principal(text) {
        return Ok(Some(plugin));
    }
    match Token::parse(text) {
        // The console's is for its cookie: as a bearer it would get around what is asked of cookies.
        Ok(token) if token.kind() != TokenKind::Console => Ok(app.vault.authenticate(&token).await?),
        _ => Ok(None),
    }
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
fn address(app: &App, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let trusted = |address: &IpAddr| app.config.trusted_proxies.iter().any(|network| network.contains(address));
    if !trusted(&peer) {
        return peer;
    }
    let forwarded = headers.get_all("x-forwarded-for");
    let hops: Vec<&str> =
        forwarded.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
    for hop in hops.iter().rev() {
        match hop.trim().parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(address) if trusted(&address) => {}
            Ok(address) => return address,
            Err(_) => break,
        }
    }
    peer
}

/// One subscriber of IPv6 has a /64 at least: an allowance for each address would be none.
pub(crate) fn network(address: IpAddr) -> [u8; 8] {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            [0, 0, 0, 0, a, b, c, d]
        }
        IpAddr::V6(address) => address.octets().first_chunk().copied().unwrap_or_default(),
    }
}

/// The caller's id for the request, if it is a plain one; else one of ours.
fn request_id(app: &App, headers: &HeaderMap) -> RequestId {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()?.parse().ok());
    given.unwrap_or_else(|| {
        let mut id = [0; 16];
        let (process, count) = id.split_at_mut(app.process.len());
        process.copy_from_slice(&app.process);
        count.copy_from_slice(&app.requests.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        RequestId::of(id)
    })
}

fn finish(app: &App, response: &mut Response, id: &RequestId, allowance: Option<Allowance>) {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        app.metrics.refused(problem.slug());
        *response.body_mut() = Body::from(problem.body(id));
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    // What is nobody's secret says so itself: its own take their place.
    let own = std::mem::replace(response.headers_mut(), app.default_headers.clone());
    let headers = response.headers_mut();
    headers.extend(own);
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(allowance) = allowance {
        headers.insert(RATE_LIMIT_POLICY, app.principals.policy().clone());
        headers.extend(allowance.header().map(|value| (RATE_LIMIT, value)));
    }
}

/// The headers that every answer of this server begins with.
pub(crate) fn default_headers(config: &Config) -> HeaderMap {
    // A copy of it has as large an index, which is not built anew when others join.
    let mut headers = HeaderMap::with_capacity(DEFAULT_HEADERS.len() + TYPICAL_HEADERS);
    headers.extend(DEFAULT_HEADERS);
    if config.tls.is_some() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    headers
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
        let answer = catch_panic(Box::pin(hurt())).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let problem = answer
            .extensions()
            .get::<Problem>()
            .map(|problem| problem.body(&RequestId::of([0; 16])))
            .unwrap_or_default();
        let problem = String::from_utf8_lossy(&problem);
        assert!(problem.contains("urn:strongroom:problem:internal") && !problem.contains("secret"), "{problem}");
    }
}
