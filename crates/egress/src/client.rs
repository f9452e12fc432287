//! The HTTP client for all outgoing calls: token endpoints, discovery, accounts, revocations and tests. The connector
//! resolves a name once and connects to the address that was checked. This prevents SSRF by DNS rebinding. The client
//! follows no redirects and uses no proxy from the environment. Size and time are limited.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, RETRY_AFTER};
use strongroom_crypto::SecretBuf;
use url::{Host, Url};

use crate::call::{Answer, Call};
use crate::error::EgressError;
use crate::policy::EgressPolicy;

/// Maximum size of a body. Answers of token endpoints are much smaller.
const MAX_BODY_BYTES: usize = 1 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit of a call, from the connection to the end of the body.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// Maximum idle time of a reused connection. The server may be closing an older one at that moment. Some do so after
/// two seconds. It is then unknown whether the server has used a refresh token.
const MAX_IDLE: Duration = Duration::from_secs(1);

/// The HTTP client for outgoing calls.
pub struct Egress {
    client: reqwest::Client,
    egress_policy: Arc<EgressPolicy>,
}

impl Egress {
    /// A client with this policy.
    ///
    /// # Errors
    /// If TLS cannot be set up: the machine has no certificate store.
    pub fn new(egress_policy: EgressPolicy) -> Result<Self, reqwest::Error> {
        Self::with(egress_policy, Arc::new(|name| Box::pin(lookup(name))))
    }

    fn with(egress_policy: EgressPolicy, lookup: Lookup) -> Result<Self, reqwest::Error> {
        let egress_policy = Arc::new(egress_policy);
        let client = reqwest::Client::builder()
            .dns_resolver(Checked { egress_policy: egress_policy.clone(), lookup })
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .pool_idle_timeout(MAX_IDLE)
            .user_agent(concat!("strongroom/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, egress_policy })
    }

    /// Sends a call and reads the answer, in at most [`CALL_TIMEOUT`].
    ///
    /// # Errors
    /// [`EgressError::Forbidden`] and [`EgressError::Unreachable`] if nothing was sent; [`EgressError::Unanswered`] if the
    /// request may have arrived.
    pub async fn send(&self, call: Call) -> Result<Answer, EgressError> {
        self.check(&call.url)?;
        let host = call.url.host_str().unwrap_or_default().to_owned();
        let mut request = self.client.request(call.method, call.url).headers(call.headers);
        request = request.header(ACCEPT, "application/json");
        if let Some(mut body) = call.body {
            request = request.body(std::mem::take(body.expose_mut()));
        }
        // The address is not in the message, because it may contain a client id.
        let unanswered = |error: &reqwest::Error| EgressError::Unanswered { host: host.clone(), what: cause(error) };
        let mut response = request.send().await.map_err(|error| {
            if error.is_connect() {
                return EgressError::Unreachable { host: host.clone(), what: cause(&error) };
            }
            unanswered(&error)
        })?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut body = SecretBuf::with_capacity(16 * 1024);
        while let Some(chunk) = response.chunk().await.map_err(|error| unanswered(&error))? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                let what = format!("the answer is longer than {MAX_BODY_BYTES} bytes");
                return Err(EgressError::Unanswered { host, what });
            }
            body.push(&chunk);
        }
        Ok(Answer { status, retry_after, body: body.into_secret() })
    }

    /// Numeric addresses are never resolved, so they are checked here. Names are checked when connecting.
    fn check(&self, url: &Url) -> Result<(), EgressError> {
        let forbidden = || EgressError::Forbidden(url.host_str().unwrap_or_default().to_owned());
        let allowed = match url.host().ok_or_else(forbidden)? {
            Host::Ipv4(address) => self.egress_policy.allows(address.into()),
            Host::Ipv6(address) => self.egress_policy.allows(address.into()),
            Host::Domain(name) => !name.ends_with('.') && name != "metadata.google.internal",
        };
        let local = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        let plain = url.scheme() == "http" && self.egress_policy.loopback && local;
        let port =
            url.port().is_none_or(|port| port == 443) || self.egress_policy.loopback && local || self.is_internal(url);
        let bare = url.username().is_empty() && url.password().is_none();
        if allowed && (url.scheme() == "https" || plain) && port && bare { Ok(()) } else { Err(forbidden()) }
    }

    fn is_internal(&self, url: &Url) -> bool {
        match url.host() {
            Some(Host::Ipv4(address)) => self.egress_policy.names(address.into()),
            Some(Host::Ipv6(address)) => self.egress_policy.names(address.into()),
            // The addresses of an internal name are checked when connecting. The operator chooses its port.
            Some(Host::Domain(_)) => !self.egress_policy.networks.is_empty(),
            None => false,
        }
    }
}

/// The innermost cause. The messages of reqwest contain the address.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if error.is_timeout() { "the call timed out".to_owned() } else { cause.to_string() }
}

type Found = Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>>;
type Lookup = Arc<dyn Fn(String) -> Found + Send + Sync>;

async fn lookup(name: String) -> std::io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((name, 0)).await?.collect())
}

/// Resolves a name once. Refuses it if any of its addresses is forbidden, so that an attacker cannot choose among them.
struct Checked {
    egress_policy: Arc<EgressPolicy>,
    lookup: Lookup,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (egress_policy, found) = (self.egress_policy.clone(), (self.lookup)(name.as_str().to_owned()));
        Box::pin(async move {
            let found = found.await?;
            if found.is_empty() || found.iter().any(|address| !egress_policy.allows(address.ip())) {
                return Err(EgressError::Forbidden(name.as_str().to_owned()).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Calls a name whose addresses change with each lookup. Returns the number of lookups and of connections.
    async fn call(
        answers: &'static [&'static [&'static str]],
        egress_policy: EgressPolicy,
    ) -> (usize, usize, Result<u16, String>) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let (knocks, lookups) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counted = knocks.clone();
        std::thread::spawn(move || {
            while listener.accept().is_ok() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        let looked = lookups.clone();
        let lookup: Lookup = Arc::new(move |_| {
            let at = looked.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
            let found = answers[at].iter().map(|ip| SocketAddr::new(ip.parse().expect("an address"), port)).collect();
            Box::pin(std::future::ready(Ok(found)))
        });
        let egress = Egress::with(egress_policy, lookup).expect("a client");
        let url = Url::parse(&format!("https://rebind.example:{port}/")).expect("an address");
        let answer = egress.send(Call::new(reqwest::Method::GET, url)).await;
        let answer = answer.map(|answer| answer.status).map_err(|error| error.to_string());
        (lookups.load(Ordering::SeqCst), knocks.load(Ordering::SeqCst), answer)
    }

    fn internal_network() -> EgressPolicy {
        EgressPolicy { loopback: false, networks: vec!["192.0.2.0/24".parse().expect("a network")] }
    }

    #[tokio::test]
    async fn name_with_one_forbidden_address_is_not_called() {
        for answers in
            [&["127.0.0.1"][..], &["8.8.8.8", "127.0.0.1"], &["::ffff:127.0.0.1"], &["192.0.2.1", "10.0.0.1"], &[]]
        {
            let answers: &'static [&'static [&'static str]] = Box::leak(Box::new([answers]));
            let (lookups, knocks, answer) = call(answers, internal_network()).await;
            assert_eq!((lookups, knocks), (1, 0), "{answers:?}");
            assert!(answer.is_err());
        }
        // Control: if the network is allowed, there is a connection.
        let egress_policy = EgressPolicy { loopback: false, networks: vec!["127.0.0.0/8".parse().expect("a network")] };
        assert_eq!(call(&[&["127.0.0.1"]], egress_policy).await.1, 1);
    }

    /// DNS rebinding: the address is allowed at the check and forbidden at the connection. There is only one lookup.
    #[tokio::test]
    async fn name_is_resolved_once_per_call() {
        let egress_policy =
            EgressPolicy { loopback: false, networks: vec!["127.0.0.2/32".parse().expect("a network")] };
        let (lookups, knocks, _) = call(&[&["127.0.0.2"], &["127.0.0.1"]], egress_policy).await;
        assert_eq!((lookups, knocks), (1, 0), "127.0.0.1 is not asked, whatever a second lookup would say");
    }

    /// A server that answers one request on each connection and closes the connection at the second.
    fn answers_once() -> Url {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request);
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                    let _ = stream.read(&mut request);
                });
            }
        });
        Url::parse(&format!("http://127.0.0.1:{port}/")).expect("an address")
    }

    #[tokio::test]
    async fn idle_connection_is_not_reused_for_tokens() {
        let egress = Egress::new(EgressPolicy { loopback: true, networks: Vec::new() }).expect("a client");
        let url = answers_once();
        let ask = async || egress.send(Call::new(reqwest::Method::POST, url.clone())).await.map(|answer| answer.status);
        assert_eq!(ask().await.ok(), Some(200));
        tokio::time::sleep(MAX_IDLE + Duration::from_millis(200)).await;
        assert_eq!(ask().await.ok(), Some(200), "on a new connection");
        // Control: the previous connection is reused at once, so the outcome of the request is unknown.
        assert!(ask().await.is_err());
    }
}
