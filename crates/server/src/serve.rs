//! Listening: the API, the metrics on a listener of their own, TLS when a certificate is given, and an orderly stop.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use axum_server::tls_rustls::RustlsConfig;
use axum_server::{Handle, Server};

use crate::api;
use crate::app::App;
use crate::middleware;
use crate::problem::Problem;

/// The longest that a client may take to send its headers; slower ones hold a connection for nothing.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How often it is looked whether a token is due, or a revocation owed.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The API as a service: what the tests call and the listener serves.
///
/// Requests need the extension `ConnectInfo<SocketAddr>` for rate limits by address: see
/// [`Router::into_make_service_with_connect_info`].
pub fn service(app: &Arc<App>) -> Router {
    let (routes, _) = api::routes().split_for_parts();
    let method_unknown = || async {
        Problem::new(
            axum::http::StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "this path does not support the method; the Allow header lists the supported methods",
        )
    };
    #[cfg(feature = "console")]
    let routes = routes.merge(crate::assets::routes());
    let router = routes
        .fallback(|| async { Problem::not_found("path") })
        .method_not_allowed_fallback(method_unknown)
        .with_state(app.clone());
    middleware::apply(app, router)
}

/// A server that has its addresses and has not begun to answer.
pub struct Bound {
    app: Arc<App>,
    api: TcpListener,
    metrics: Option<TcpListener>,
    tls: Option<RustlsConfig>,
}

impl Bound {
    /// Takes the addresses and reads the certificate.
    ///
    /// # Errors
    /// Says which address or file, and why.
    pub async fn bind(app: App) -> io::Result<Self> {
        let tls = match &app.config.tls {
            None => None,
            Some(tls) => Some(RustlsConfig::from_pem_file(&tls.certificate, &tls.key).await.map_err(|error| {
                io::Error::other(format!(
                    "the certificate {} and key {} cannot be used: {error}",
                    tls.certificate.display(),
                    tls.key.display()
                ))
            })?),
        };
        let api = listen(app.config.listen)?;
        let metrics = app.config.metrics_listen.map(listen).transpose()?;
        Ok(Self { app: Arc::new(app), api, metrics, tls })
    }

    /// Where the API answers.
    ///
    /// # Errors
    /// If the operating system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.api.local_addr()
    }

    /// Answers until `stop` ends, then lets the requests under way finish, and closes the vault.
    ///
    /// # Errors
    /// If a listener fails.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let handle = Handle::new();
        let service = service(&self.app).into_make_service_with_connect_info::<SocketAddr>();
        if let Some(listener) = self.metrics {
            let app = self.app.clone();
            let metrics = Router::new().route("/metrics", get(|| async move { app.metrics.text() }));
            tokio::spawn(limited(axum_server::from_tcp(listener)?).serve(metrics.into_make_service()));
        }
        let api = async {
            match self.tls {
                Some(tls) => {
                    limited(axum_server::from_tcp_rustls(self.api, tls)?.handle(handle.clone())).serve(service).await
                }
                None => limited(axum_server::from_tcp(self.api)?.handle(handle.clone())).serve(service).await,
            }
        };
        let sweeper = tokio::spawn(sweep(self.app.clone()));
        let grace = self.app.config.limits.shutdown_grace;
        let stopped = async {
            stop.await;
            tracing::info!("stopping; waiting for running requests");
            handle.graceful_shutdown(Some(grace));
            std::future::pending::<()>().await;
        };
        let served = tokio::select! {
            served = api => served,
            () = stopped => Ok(()),
        };
        // A refresh that is under way has a task of its own, and is not ended by this.
        sweeper.abort();
        self.app.vault.close().await;
        served
    }
}

async fn sweep(app: Arc<App>) {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        if let Err(error) = app.vault.sweep().await {
            tracing::warn!(%error, "a sweep did not finish; the next sweep continues");
        }
    }
}

/// Closes a connection whose client sends no request, or no longer answers.
fn limited<A: axum_server::Address, Acceptor>(server: Server<A, Acceptor>) -> Server<A, Acceptor> {
    // Which protocol it is, is found out before HTTP/1's own limit begins to count.
    let mut server = server.first_request_timeout(HEADER_TIMEOUT);
    let timer = hyper_util::rt::TokioTimer::new;
    let http = server.http_builder();
    http.http1().timer(timer()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(64 * 1024);
    http.http2().timer(timer()).keep_alive_interval(HEADER_TIMEOUT).keep_alive_timeout(HEADER_TIMEOUT);
    server
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let named = |error: io::Error| {
        let hint = "set another address in `server.listen`, STRONGROOM_SERVER_LISTEN or `dev --listen`";
        io::Error::new(error.kind(), format!("cannot listen on {address}: {error}; {hint}"))
    };
    let listener = TcpListener::bind(address).map_err(named)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
