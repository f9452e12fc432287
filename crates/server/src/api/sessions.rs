//! `/v1/sessions`: the host creates sessions for its users and ends any session. A user can end their own session.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use strongroom::clock::rfc3339;
use strongroom::session::SessionRow;
use strongroom::{Owner, Principal, SessionId, UserId};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::extract::{InPath, Json, member};
use crate::principal::{Host, User};
use crate::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(end))
        .routes(routes!(list, revoke_all))
        .routes(routes!(revoke))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateSession {
    /// User id, given by the host.
    #[schema(min_length = 1, max_length = 255, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$")]
    user_id: String,
    /// Lifetime in seconds. Default 900, maximum 1800.
    #[serde(default = "quarter_of_an_hour")]
    #[schema(minimum = 1, maximum = 1800)]
    expires_in: u32,
    /// Origins of the pages that may use the session, such as `https://app.example.com`. The server's own origin is
    /// always allowed. Requests from pages of other origins are rejected.
    #[serde(default)]
    #[schema(required = false, max_items = 10)]
    origins: Vec<String>,
}

fn quarter_of_an_hour() -> u32 {
    900
}

/// A session, without its token.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionView {
    #[schema(example = "sess_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f")]
    id: String,
    user_id: String,
    created_at: String,
    expires_at: String,
    /// Origins of the pages that may use the session.
    origins: Vec<String>,
}

impl From<SessionRow> for SessionView {
    fn from(row: SessionRow) -> Self {
        Self {
            id: row.id.to_string(),
            user_id: row.owner.user.to_string(),
            created_at: rfc3339(row.created_at),
            expires_at: rfc3339(row.expires_at),
            origins: row.origins,
        }
    }
}

/// A new session with its token, which is shown only once.
#[derive(Serialize, ToSchema)]
struct NewSession {
    #[serde(flatten)]
    session: SessionView,
    /// Bearer token for the user's page.
    token: String,
}

#[derive(Serialize, ToSchema)]
struct SessionList {
    items: Vec<SessionView>,
}

/// Create a session for a user
#[utoipa::path(post, path = "/v1/sessions", operation_id = "createSession", tag = "sessions", request_body = CreateSession,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request mints once", pattern = "^(\"[!#-\\[\\]-~]{1,255}\"|[!#-\\[\\]-~]{1,255})$")),
    responses((status = 201, body = NewSession)), security(("host_key" = [])))]
async fn create(State(app): State<Arc<App>>, host: Host, json: Json<CreateSession>) -> Result<Response, Problem> {
    let owner = Owner { tenant: host.tenant, user: member("user_id", &json.body.user_id)? };
    let lifetime = Duration::from_secs(json.body.expires_in.into());
    let (origins, idempotency) = (json.body.origins, json.idempotency.as_ref());
    let (row, token) = app.vault.sessions(&owner).create(&host.actor, lifetime, origins, idempotency).await?;
    let body = NewSession { session: row.into(), token: token.expose().to_owned() };
    Ok((StatusCode::CREATED, axum::Json(body)).into_response())
}

/// End the current session
#[utoipa::path(delete, path = "/v1/sessions/current", operation_id = "endSession", tag = "sessions",
    responses((status = 204)), security(("session" = [])))]
async fn end(State(app): State<Arc<App>>, user: User) -> Result<StatusCode, Problem> {
    let Principal::User { session } = user.actor.principal.clone() else { return Err(Problem::not_found("session")) };
    app.vault.sessions(&user.owner).revoke(&user.actor, session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the sessions of a user
#[utoipa::path(get, path = "/v1/users/{user_id}/sessions", operation_id = "listSessions", tag = "sessions",
    params(("user_id" = String, Path, min_length = 1, max_length = 255, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$")),
    responses((status = 200, body = SessionList)), security(("host_key" = [])))]
async fn list(
    State(app): State<Arc<App>>,
    host: Host,
    InPath((user,)): InPath<(UserId,)>,
) -> Result<Response, Problem> {
    let owner = Owner { tenant: host.tenant, user };
    let items = app.vault.sessions(&owner).list().await?.into_iter().map(SessionView::from).collect();
    Ok(axum::Json(SessionList { items }).into_response())
}

/// End all sessions of a user
#[utoipa::path(delete, path = "/v1/users/{user_id}/sessions", operation_id = "revokeSessions", tag = "sessions",
    params(("user_id" = String, Path, min_length = 1, max_length = 255, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$")), responses((status = 204)), security(("host_key" = [])))]
async fn revoke_all(
    State(app): State<Arc<App>>,
    host: Host,
    InPath((user,)): InPath<(UserId,)>,
) -> Result<StatusCode, Problem> {
    app.vault.sessions(&Owner { tenant: host.tenant, user }).revoke(&host.actor, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End one session of a user
#[utoipa::path(delete, path = "/v1/users/{user_id}/sessions/{id}", operation_id = "revokeSession", tag = "sessions",
    params(("user_id" = String, Path, min_length = 1, max_length = 255, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"), ("id" = String, Path, pattern = "^sess_[0-9a-f]{32}$")),
    responses((status = 204)), security(("host_key" = [])))]
async fn revoke(
    State(app): State<Arc<App>>,
    host: Host,
    InPath((user, id)): InPath<(UserId, SessionId)>,
) -> Result<StatusCode, Problem> {
    app.vault.sessions(&Owner { tenant: host.tenant, user }).revoke(&host.actor, Some(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
