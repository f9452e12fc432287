//! The client's address: the peer's or, if the peer is a trusted proxy, the last address in `X-Forwarded-For` that is not
//! itself a trusted proxy. A client can write anything before that one.

use std::net::IpAddr;

use axum::http::HeaderMap;

use crate::app::App;

pub(super) fn client_address(app: &App, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
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

/// The key of an address in a rate limit. An IPv6 subscriber has at least a /64, so single addresses would be no limit.
pub(crate) fn network(address: IpAddr) -> [u8; 8] {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            [0, 0, 0, 0, a, b, c, d]
        }
        IpAddr::V6(address) => address.octets().first_chunk().copied().unwrap_or_default(),
    }
}
