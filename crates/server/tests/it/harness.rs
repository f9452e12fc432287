//! A server for one test, and its principals. Every response except a plugin's own read is recorded for the canary
//! scan.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::{Value, json};
use strongroom::Builder;
use strongroom::{Actor, Expected, KeyOwner, Manifest, Owner, Secret, Vault};
use strongroom_server::{App, Config, service};
use tower::ServiceExt;

use crate::ambient::{FakeClock, SeededEntropy};
use crate::support::{Dir, KEY, canary};

pub(crate) struct Server {
    pub(crate) service: Router,
    pub(crate) vault: Arc<Vault>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) dir: Dir,
    pub(crate) host: String,
    pub(crate) alice: String,
    pub(crate) bob: String,
    pub(crate) plugin: String,
    pub(crate) other_plugin: String,
    /// The host key of another tenant.
    pub(crate) stranger: String,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Returns the problem's type and its field errors.
    pub(crate) fn problem(&self) -> (String, Vec<(String, String)>) {
        assert_eq!(
            self.headers[header::CONTENT_TYPE],
            "application/problem+json",
            "{}",
            String::from_utf8_lossy(&self.body)
        );
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16());
        assert!(!body["instance"].as_str().unwrap().is_empty());
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        let named =
            errors.iter().map(|e| (e["field"].as_str().unwrap().to_owned(), e["code"].as_str().unwrap().to_owned()));
        (body["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned(), named.collect())
    }

    pub(crate) fn etag(&self) -> String {
        self.headers[header::ETAG].to_str().unwrap().to_owned()
    }
}

/// Writes the logs of all crates to a file, at the most verbose level that an operator may select.
fn log_to_a_file() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let dir = Dir::new("logs");
        let file = std::fs::File::create(dir.path().join("server.log")).expect("a log file");
        tracing_subscriber::fmt()
            .with_env_filter("debug,strongroom=trace,strongroom_server=trace")
            .with_ansi(false)
            .with_writer(file)
            .init();
        std::mem::forget(dir);
    });
}

impl Server {
    pub(crate) async fn new(test: &str) -> Self {
        Self::with(test, |config| config).await
    }

    pub(crate) async fn with(test: &str, adjust: impl FnOnce(Config) -> Config) -> Self {
        Self::built(test, |builder| builder, adjust).await
    }

    pub(crate) async fn built(
        test: &str,
        build: impl FnOnce(Builder) -> Builder,
        adjust: impl FnOnce(Config) -> Config,
    ) -> Self {
        static SEED: AtomicU64 = AtomicU64::new(1);
        log_to_a_file();
        let (dir, clock) = (Dir::new(test), Arc::new(FakeClock::new()));
        let entropy = Arc::new(SeededEntropy::new(SEED.fetch_add(1, Ordering::SeqCst)));
        let builder = Vault::builder(&dir.database())
            .key(Secret::from(KEY))
            .clock(clock.clone())
            .entropy(entropy)
            .public_url("https://vault.example.com".parse().unwrap());
        let vault = Arc::new(build(builder).open().await.expect("a vault"));
        let host = Actor::host();
        let tenant = vault.tenants().get(&"default".parse().unwrap()).await.unwrap().id;
        for (name, text) in [
            ("openai", include_str!("../../../../examples/plugins/openai.json")),
            ("postgres", include_str!("../../../../examples/plugins/postgres.json")),
        ] {
            vault
                .plugins(tenant)
                .register(&host, &name.parse().unwrap(), Manifest::parse(text).unwrap(), Expected::Any)
                .await
                .unwrap();
        }
        let other = vault.tenants().create(&host, "other".parse().unwrap()).await.unwrap().id;
        let key = async |tenant, role| {
            let (_, token) = vault.api_keys(tenant).create(&host, role, "test".parse().unwrap(), None).await.unwrap();
            token.expose().to_owned()
        };
        let session = async |user: &str| {
            let owner = Owner { tenant, user: user.parse().unwrap() };
            let (_, token) =
                vault.sessions(&owner).create(&host, Duration::from_secs(900), Vec::new(), None).await.unwrap();
            token.expose().to_owned()
        };
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            metrics_listen: None,
            hosts: vec!["localhost".to_owned()],
            trusted_proxies: Vec::new(),
            tls: None,
            demo: None,
            limits: strongroom_server::config::Limits {
                principal_per_second: 10_000,
                address_per_second: 10_000,
                calls_per_second: 10_000,
                ..Default::default()
            },
        };
        Self {
            host: key(tenant, KeyOwner::Host).await,
            stranger: key(other, KeyOwner::Host).await,
            plugin: key(tenant, KeyOwner::Plugin("openai".parse().unwrap())).await,
            other_plugin: key(tenant, KeyOwner::Plugin("postgres".parse().unwrap())).await,
            alice: session("alice").await,
            bob: session("bob").await,
            service: service(&Arc::new(App::new(vault.clone(), adjust(config)))),
            vault,
            clock,
            dir,
        }
    }

    pub(crate) fn request(method: &str, path: &str, token: &str) -> axum::http::request::Builder {
        let builder = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(path)
            .header("host", "localhost");
        if token.is_empty() { builder } else { builder.header("authorization", format!("Bearer {token}")) }
    }

    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        let peer = request.extensions().get::<SocketAddr>().copied();
        let peer = peer.unwrap_or_else(|| "192.0.2.7:1234".parse().unwrap());
        request.extensions_mut().insert(ConnectInfo(peer));
        let own_read = request.uri().path().ends_with("/secret");
        let response = self.service.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body").to_vec();
        if !own_read || !parts.status.is_success() {
            let mut file =
                OpenOptions::new().create(true).append(true).open(self.dir.path().join("answers.txt")).unwrap();
            writeln!(file, "{} {:?}\n{}", parts.status, parts.headers, String::from_utf8_lossy(&body)).unwrap();
        }
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(Self::request("GET", path, token).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn delete(&self, path: &str, token: &str) -> Answer {
        self.send(Self::request("DELETE", path, token).header("if-match", "*").body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn with_json(&self, method: &str, path: &str, token: &str, body: &Value) -> Answer {
        self.raw(method, path, token, &[], body.to_string()).await
    }

    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Self::request(method, path, token).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Saves an API key for alice and returns its id.
    pub(crate) async fn saved(&self, name: &str) -> String {
        let answer = self.with_json("POST", "/v1/credentials", &self.alice, &draft(name)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()["id"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn draft(name: &str) -> Value {
    json!({"plugin": "openai", "type": "api-key", "name": name, "fields": {"api_key": canary(name)}})
}
