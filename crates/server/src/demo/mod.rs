//! The demo of `strongroom dev`: a small host application of an origin of its own, with a plugin's page that embeds the four
//! elements as a stranger's site would, and a provider to connect to. Its backend mints sessions; its page never sees a key.

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

use crate::web;

/// The user whom the application believes to be signed in.
const USER: &str = "ann@example.com";
const SESSION_LIFETIME: Duration = Duration::from_secs(900);

/// The application, before the vault is there.
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
    /// Takes an address; another free port if that one is taken.
    ///
    /// # Errors
    /// If there is none.
    pub fn bind(wanted: SocketAddr) -> io::Result<Self> {
        let any = SocketAddr::new(wanted.ip(), 0);
        let listener = TcpListener::bind(wanted).or_else(|_| TcpListener::bind(any))?;
        listener.set_nonblocking(true)?;
        let origin = format!("http://{}", listener.local_addr()?);
        Ok(Self { listener, origin })
    }

    /// Its provider's file for the catalogue, under the name `demo`.
    #[must_use]
    pub fn provider(&self) -> String {
        provider::file(&self.origin)
    }

    /// The client registration at its provider: id and secret. Both are known to everybody, and good for nothing.
    #[must_use]
    pub fn client() -> (&'static str, &'static str) {
        (provider::CLIENT, provider::SECRET)
    }

    /// The manifest of its plugin.
    #[must_use]
    pub fn manifest(&self) -> String {
        include_str!("mail.json").replace("{{origin}}", &self.origin)
    }

    /// Serves until the process ends. `endpoint` is where browsers reach the vault.
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
    let html = web::text("pages/demo.html").unwrap_or_default().replace("{{endpoint}}", endpoint);
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
    let found = web::show(&format!("pages/{name}"), &headers);
    found.unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
}

/// What a host's backend does for the user whom it knows: a session of a quarter of an hour, for pages of its own origin.
async fn session(State(application): State<Arc<Application>>, headers: HeaderMap) -> Response {
    // Another site's page must not have one minted, and a name that was bent to this address is no page of ours.
    let own = headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes() == application.origin.as_bytes());
    let Ok(user) = USER.parse() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    if !own {
        return StatusCode::FORBIDDEN.into_response();
    }
    let owner = Owner { tenant: application.tenant, user };
    let origins = vec![application.origin.clone()];
    match application.vault.create_session(&Actor::host(), &owner, SESSION_LIFETIME, origins, None).await {
        Ok((_, token)) => Json(serde_json::json!({ "token": token.expose() })).into_response(),
        Err(error) => {
            tracing::error!(%error, "the demo got no session");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}
