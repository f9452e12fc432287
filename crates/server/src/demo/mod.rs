//! The demo of `strongroom dev`: a small host application on its own origin, and a provider. Its page embeds the four
//! elements cross-origin. Its backend creates sessions; the page never gets a host key.

mod provider;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use strongroom::{Actor, Owner, TenantId, Vault};

use crate::assets;

/// The user who is always signed in to the application.
const USER: &str = "ann@example.com";
const SESSION_LIFETIME: Duration = Duration::from_secs(900);

/// The bound application, before the vault is open.
pub struct Demo {
    listener: TcpListener,
    origin: String,
}

struct Application {
    vault: Arc<Vault>,
    tenant: TenantId,
    origin: String,
    endpoint: String,
}

impl Demo {
    /// Binds an address. If the port is in use, binds another free port.
    ///
    /// # Errors
    /// If no port can be bound.
    pub fn bind(wanted: SocketAddr) -> io::Result<Self> {
        let any = SocketAddr::new(wanted.ip(), 0);
        let listener = TcpListener::bind(wanted).or_else(|_| TcpListener::bind(any))?;
        listener.set_nonblocking(true)?;
        let origin = format!("http://{}", listener.local_addr()?);
        Ok(Self { listener, origin })
    }

    /// The provider's file for the catalog, with the name `demo`.
    #[must_use]
    pub fn provider(&self) -> String {
        provider::file(&self.origin)
    }

    /// Id and secret of the client registration. Both are public and valid only at the demo provider.
    #[must_use]
    pub fn client() -> (&'static str, &'static str) {
        (provider::CLIENT, provider::SECRET)
    }

    /// The manifest of the demo plugin.
    #[must_use]
    pub fn manifest(&self) -> String {
        include_str!("mail.json").replace("{{origin}}", &self.origin)
    }

    /// Serves until the process ends. `endpoint` is the address of the vault for browsers.
    ///
    /// # Errors
    /// If the listener cannot be used.
    pub fn serve(self, vault: Arc<Vault>, tenant: TenantId, endpoint: &str) -> io::Result<()> {
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        let application = Application { vault: vault.clone(), tenant, origin: self.origin, endpoint };
        let router = Router::new()
            .route("/", get(page))
            .route("/pages/{file}", get(file))
            .route("/session", post(session))
            .with_state(Arc::new(application))
            .nest("/provider", provider::routes(vault));
        let server = axum_server::from_tcp(self.listener)?;
        tokio::spawn(server.serve(router.into_make_service()));
        Ok(())
    }
}

impl fmt::Display for Demo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

async fn page(State(application): State<Arc<Application>>) -> Response {
    let Application { endpoint, .. } = &*application;
    let html = assets::text("pages/demo.html").unwrap_or_default().replace("{{endpoint}}", endpoint);
    let policy = format!(
        "default-src 'none'; script-src 'self' {endpoint}; connect-src 'self' {endpoint}; style-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let mut response = html.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.extend(HeaderValue::try_from(policy).map(|policy| (header::CONTENT_SECURITY_POLICY, policy)));
    response
}

async fn file(axum::extract::Path(name): axum::extract::Path<String>, headers: HeaderMap) -> Response {
    let found = assets::show(&format!("pages/{name}"), &headers);
    found.unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
}

/// As a host's backend does: creates a session of 15 minutes for the signed-in user, limited to the demo's origin.
async fn session(State(application): State<Arc<Application>>, headers: HeaderMap) -> Response {
    // Rejects pages of other sites (CSRF), and names that DNS rebinding points at this address.
    let own = headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes() == application.origin.as_bytes());
    let Ok(user) = USER.parse() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    if !own {
        return StatusCode::FORBIDDEN.into_response();
    }
    let owner = Owner { tenant: application.tenant, user };
    let origins = vec![application.origin.clone()];
    match application.vault.sessions(&owner).create(&Actor::host(), SESSION_LIFETIME, origins, None).await {
        Ok((_, token)) => Json(serde_json::json!({ "token": token.expose() })).into_response(),
        Err(error) => {
            tracing::error!(%error, "the demo could not create a session");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}
