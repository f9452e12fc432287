//! The demo provider: an OAuth 2 server (PKCE, rotation, revocation) with one account and a consent page. It shows a
//! connection without a registration at a real provider. It stores everything in memory and protects nothing. The
//! engine's tests use third-party providers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use strongroom::Vault;
use url::Url;

use crate::assets;

pub(super) const CLIENT: &str = "strongroom-demo";
pub(super) const SECRET: &str = "demo-client-secret";
/// Short, so that a refresh can be observed.
const TOKEN_LIFETIME_SECONDS: i64 = 120;

pub(super) fn file(origin: &str) -> String {
    format!(
        r#"title = "Demo provider"
docs = "https://example.com/docs"
notices = ["This provider is part of the demo. Nothing leaves this machine."]

[authorize]
url = "{origin}/provider/authorize"

[token]
url = "{origin}/provider/token"

[revoke]
url = "{origin}/provider/revoke"

[account]
url = "{origin}/provider/userinfo"
id = "/sub"
label = "/email"
"#
    )
}

struct Provider {
    vault: Arc<Vault>,
    granted: Mutex<Granted>,
}

#[derive(Default)]
struct Granted {
    /// Code -> PKCE challenge and scopes.
    codes: HashMap<String, (String, String)>,
    /// Access token -> expiry.
    access: HashMap<String, Timestamp>,
    /// Refresh token -> scopes.
    refresh: HashMap<String, String>,
}

pub(super) fn routes(vault: Arc<Vault>) -> Router {
    Router::new()
        .route("/authorize", get(ask).post(decide))
        .route("/token", post(token))
        .route("/revoke", post(revoke))
        .route("/userinfo", get(userinfo))
        .with_state(Arc::new(Provider { vault, granted: Mutex::default() }))
}

impl Provider {
    fn granted(&self) -> MutexGuard<'_, Granted> {
        self.granted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn word(&self, kind: &str) -> String {
        let mut bytes = [0; 24];
        self.vault.entropy().fill(&mut bytes);
        format!("demo-{kind}-{}", BASE64URL_NOPAD.encode(&bytes))
    }

    fn answer(&self, scopes: &str) -> Response {
        let now = self.vault.clock().now();
        let (access, refresh) = (self.word("access"), self.word("refresh"));
        let until = now.saturating_add(jiff::SignedDuration::from_secs(TOKEN_LIFETIME_SECONDS)).unwrap_or(now);
        let mut granted = self.granted();
        granted.access.retain(|_, until| *until > now);
        granted.access.insert(access.clone(), until);
        granted.refresh.insert(refresh.clone(), scopes.to_owned());
        Json(json!({
            "access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": TOKEN_LIFETIME_SECONDS, "scope": scopes,
        }))
        .into_response()
    }
}

/// Parameters of the authorization request. The consent form sends them again.
#[derive(Deserialize)]
struct Request {
    redirect_uri: String,
    state: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    code_challenge: String,
    #[serde(default)]
    decision: String,
}

async fn ask(Query(request): Query<Request>) -> Response {
    // The page reads the request from its own address. The server inserts nothing, so injection is not possible.
    let _ = request;
    let mut response = assets::text("pages/consent.html").unwrap_or_default().into_response();
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

async fn decide(State(provider): State<Arc<Provider>>, Form(request): Form<Request>) -> Response {
    let Ok(mut back) = Url::parse(&request.redirect_uri) else { return StatusCode::BAD_REQUEST.into_response() };
    {
        let mut query = back.query_pairs_mut();
        query.append_pair("state", &request.state);
        if request.decision == "allow" {
            let code = provider.word("code");
            query.append_pair("code", &code);
            provider.granted().codes.insert(code, (request.code_challenge, request.scope));
        } else {
            query.append_pair("error", "access_denied");
        }
    }
    Redirect::to(back.as_str()).into_response()
}

#[derive(Deserialize)]
struct Asked {
    grant_type: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    code_verifier: String,
    #[serde(default)]
    refresh_token: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    client_secret: String,
}

async fn token(State(provider): State<Arc<Provider>>, Form(asked): Form<Asked>) -> Response {
    let refused = |code: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": code }))).into_response();
    if asked.client_id != CLIENT || asked.client_secret != SECRET {
        return refused("invalid_client");
    }
    let scopes = match asked.grant_type.as_str() {
        "authorization_code" => {
            let found = provider.granted().codes.remove(&asked.code);
            let challenge = BASE64URL_NOPAD.encode(&strongroom::sha256(asked.code_verifier.as_bytes()));
            found.filter(|(bound, _)| *bound == challenge).map(|(_, scopes)| scopes)
        }
        "refresh_token" => provider.granted().refresh.remove(&asked.refresh_token),
        _ => return refused("unsupported_grant_type"),
    };
    scopes.map_or_else(|| refused("invalid_grant"), |scopes| provider.answer(&scopes))
}

#[derive(Deserialize)]
struct Revoked {
    token: String,
}

async fn revoke(State(provider): State<Arc<Provider>>, Form(revoked): Form<Revoked>) -> StatusCode {
    let mut granted = provider.granted();
    granted.refresh.remove(&revoked.token);
    // One account has one grant, so also revoke its access tokens.
    granted.access.clear();
    StatusCode::OK
}

async fn userinfo(State(provider): State<Arc<Provider>>, headers: HeaderMap) -> Response {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let now = provider.vault.clock().now();
    let known = |token: &str| match provider.granted().access.get(token) {
        Some(until) => *until > now,
        // An API key with the demo's prefix, not an access token.
        None => token.starts_with("demo-") && !token.starts_with("demo-access-"),
    };
    match bearer {
        Some(token) if known(token) => Json(json!({ "sub": "ann", "email": "ann@mail.example" })).into_response(),
        _ => StatusCode::UNAUTHORIZED.into_response(),
    }
}
