//! Server configuration: plain values. The caller that reads them from files and the environment validates them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

/// Configuration of the server.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address of the API.
    pub listen: SocketAddr,
    /// Address of the metrics endpoint. It has its own listener, so the API address never serves metrics.
    pub metrics_listen: Option<SocketAddr>,
    /// Accepted host names, without ports. Prevents DNS rebinding against local servers.
    pub hosts: Vec<String>,
    /// Proxies whose `X-Forwarded-For` header is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Certificate chain and key, PEM. `None` if a proxy terminates TLS.
    pub tls: Option<Tls>,
    /// Address of the demo in development. `/demo` redirects there.
    pub demo: Option<String>,
    /// Limits for callers and requests.
    pub limits: Limits,
}

/// A certificate chain and its private key.
#[derive(Clone, Debug)]
pub struct Tls {
    /// PEM file of the chain.
    pub certificate: PathBuf,
    /// PEM file of the private key.
    pub key: PathBuf,
}

/// Limits for callers and requests.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Requests per second for each API key or session.
    pub principal_per_second: u32,
    /// Requests per second without a valid token, for each address.
    pub address_per_second: u32,
    /// Calls to other services per second. Tests and connections count for each session. Requested refreshes count for
    /// each user and plugin.
    pub calls_per_second: u32,
    /// Maximum request body, in bytes.
    pub body_bytes: usize,
    /// Maximum duration of a request, including the read of the body.
    pub request_timeout: Duration,
    /// Time for running requests to finish after a stop signal.
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
