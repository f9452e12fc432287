//! What the server is told: plain values, judged by whoever reads them from files and the environment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

/// The server's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where metrics listen; a listener of their own, so that the API's address never shows them.
    pub metrics_listen: Option<SocketAddr>,
    /// The names that requests may be addressed to, without ports. Stops DNS rebinding against local servers.
    pub hosts: Vec<String>,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Certificate chain and key, PEM; without them TLS is the operator's proxy's business.
    pub tls: Option<Tls>,
    /// Where the demo is, in development: `/demo` goes there.
    pub demo: Option<String>,
    /// Limits.
    pub limits: Limits,
}

/// A certificate chain and its key.
#[derive(Clone, Debug)]
pub struct Tls {
    /// PEM file of the chain.
    pub certificate: PathBuf,
    /// PEM file of the key.
    pub key: PathBuf,
}

/// What bounds a caller.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Requests a second for each key or session.
    pub principal_per_second: u32,
    /// Requests a second for each address that carries no valid token.
    pub address_per_second: u32,
    /// Tests and connections a second for each session, and refreshes that somebody asks for, for each user and
    /// plugin: each calls somebody else.
    pub calls_per_second: u32,
    /// The longest body, in bytes.
    pub body_bytes: usize,
    /// The longest that a request may take, body included.
    pub request_timeout: Duration,
    /// How long requests under way may take after a signal to stop.
    pub shutdown_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            principal_per_second: 200,
            address_per_second: 20,
            calls_per_second: 5,
            body_bytes: 256 * 1024,
            request_timeout: Duration::from_secs(10),
            shutdown_grace: Duration::from_secs(10),
        }
    }
}
