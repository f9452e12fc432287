//! Answers a preflight, checks the host name, finds the principal and takes the request from a rate limit: a valid token's
//! own, otherwise the one of the client's network. Handlers get the result as an extension, which the extractors read.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use strongroom::request::RequestId;
use strongroom::session::Authenticated;
use strongroom::{Token, TokenKind};

use super::client_address::client_address;
use super::host;
use crate::app::App;
use crate::caller::{Authentication, Caller, ClientInfo};
use crate::console;
use crate::limits::{Allowance, network};
use crate::origin::{Page, preflight};
use crate::problem::Problem;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

pub(super) async fn handle(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    if let Some(answer) = preflight(&parts) {
        return answer;
    }
    let Some(request_id) = parts.extensions.get::<RequestId>().cloned() else {
        return Problem::internal().into_response();
    };
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_canonical());
    let address = peer.map(|peer| client_address(&app, peer, &parts.headers));
    let client = ClientInfo { address, request_id };
    let (authentication, allowance) = match authenticate(&app, &parts, &client).await {
        Ok(found) => found,
        Err(problem) => return problem.into_response(),
    };
    parts.extensions.insert(client);
    parts.extensions.insert(authentication);
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if let Some(allowance) = allowance {
        let headers = response.headers_mut();
        headers.insert(RATE_LIMIT_POLICY, app.principals.policy().clone());
        headers.extend(allowance.header().map(|value| (RATE_LIMIT, value)));
    }
    response
}

async fn authenticate(
    app: &App,
    request: &Parts,
    client: &ClientInfo,
) -> Result<(Authentication, Option<Allowance>), Problem> {
    // Probes use the address as the host name. Only /livez is exempt from the rate limit: readiness is a durable write.
    let path = request.uri.path();
    if !matches!(path, "/livez" | "/readyz") && !host::is_known(app, request) {
        let detail = "this host name is not allowed; add it to `server.hosts` in the configuration";
        return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "host-unknown", detail));
    }
    let header = request.headers.get(header::AUTHORIZATION);
    let authenticated = match header.map(|value| value.to_str().ok().and_then(bearer)) {
        Some(Some(text)) => bearer_of(app, text).await?,
        Some(None) => None,
        None => cookie_of(app, request, client.address).await?,
    };
    if let Some(authenticated) = authenticated {
        let allowance = app.principals.take(&authenticated.principal).map_err(Problem::too_many)?;
        Page::of(&request.uri, &request.headers).may_use(&authenticated.origins)?;
        let actor = authenticated.actor(client.address, Some(client.request_id.clone()));
        let recent = authenticated.console.is_none_or(|console| console.recent_until > app.vault.clock().now());
        let caller = Arc::new(Caller { authenticated, actor, recent });
        return Ok((Authentication::Known(caller), Some(allowance)));
    }
    if !is_exempt(path) {
        app.addresses.take(&client.address.map(network)).map_err(Problem::too_many)?;
    }
    Ok((if header.is_some() { Authentication::Invalid } else { Authentication::Anonymous }, None))
}

/// Static files: a page loads twenty at once, which must not use up the rate limit of its address.
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
        // A console token is valid in its cookie only: as a bearer token it would avoid the checks on cookies.
        Ok(token) if token.kind() != TokenKind::Console => Ok(app.vault.authenticate(&token).await?),
        _ => Ok(None),
    }
}

async fn cookie_of(app: &App, request: &Parts, address: Option<IpAddr>) -> Result<Option<Authenticated>, Problem> {
    match console::token(&request.method, &request.uri, &request.headers) {
        Ok(Some(token)) => Ok(app.vault.authenticate(&token).await?),
        Ok(None) => Ok(None),
        // Another site may have caused this request, so it counts for the address and not for the console session.
        Err(problem) => {
            app.addresses.take(&address.map(network)).map_err(Problem::too_many)?;
            Err(problem)
        }
    }
}
