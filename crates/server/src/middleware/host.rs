//! The host name of a request must be configured: otherwise a page could reach the server through a name that its own
//! attacker controls (DNS rebinding).

use axum::http::header;
use axum::http::request::Parts;

use crate::app::App;

/// HTTP/1.1 has the name in `Host`, HTTP/2 in the URI. If both are present, they must agree.
pub(super) fn is_known(app: &App, request: &Parts) -> bool {
    let mut hosts = request.headers.get_all(header::HOST).iter().map(|host| host.to_str().unwrap_or(""));
    let host = match (hosts.next(), hosts.next(), request.uri.authority()) {
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
