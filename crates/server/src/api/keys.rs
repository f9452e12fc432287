//! `/v1/host-keys` and `/v1/plugins/{name}/keys`: the host creates, lists and revokes API keys. A key is shown only
//! once.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use strongroom::clock::rfc3339;
use strongroom::key::ApiKeyRow;
use strongroom::{ApiKeyId, KeyOwner, PluginName};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::extract::{InPath, Json, member};
use crate::principal::Host;
use crate::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_host_keys, create_host_key))
        .routes(routes!(revoke_host_key))
        .routes(routes!(list_plugin_keys, create_plugin_key))
        .routes(routes!(revoke_plugin_key))
}

/// An API key, without its token.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
struct KeyView {
    #[schema(example = "key_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f")]
    id: String,
    label: String,
    created_at: String,
}

impl From<ApiKeyRow> for KeyView {
    fn from(row: ApiKeyRow) -> Self {
        Self { id: row.id.to_string(), label: row.label.to_string(), created_at: rfc3339(row.created_at) }
    }
}

/// A new API key with its token, which is shown only once.
#[derive(Serialize, ToSchema)]
struct NewKey {
    #[serde(flatten)]
    key: KeyView,
    /// Store the token: it is not shown again.
    token: String,
}

#[derive(Serialize, ToSchema)]
struct KeyList {
    items: Vec<KeyView>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateKey {
    /// Label that describes the use of the key.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f\\s]([^\\u0000-\\u001f\\u007f-\\u009f]{0,98}[^\\u0000-\\u001f\\u007f-\\u009f\\s])?$"
    )]
    label: String,
}

async fn list(app: &App, host: &Host, owner: &KeyOwner) -> Result<Response, Problem> {
    let items = app.vault.api_keys(host.tenant).list(owner).await?.into_iter().map(KeyView::from).collect();
    Ok(axum::Json(KeyList { items }).into_response())
}

async fn create(app: &App, host: &Host, owner: KeyOwner, json: Json<CreateKey>) -> Result<Response, Problem> {
    let label = member("label", &json.body.label)?;
    let (row, token) =
        app.vault.api_keys(host.tenant).create(&host.actor, owner, label, json.idempotency.as_ref()).await?;
    let body = NewKey { key: row.into(), token: token.expose().to_owned() };
    Ok((StatusCode::CREATED, axum::Json(body)).into_response())
}

async fn revoke(app: &App, host: &Host, owner: &KeyOwner, id: ApiKeyId) -> Result<StatusCode, Problem> {
    app.vault.api_keys(host.tenant).revoke(&host.actor, owner, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List host keys
#[utoipa::path(get, path = "/v1/host-keys", operation_id = "listHostKeys", tag = "keys",
    responses((status = 200, body = KeyList)), security(("host_key" = [])))]
async fn list_host_keys(State(app): State<Arc<App>>, host: Host) -> Result<Response, Problem> {
    list(&app, &host, &KeyOwner::Host).await
}

/// Create a host key
#[utoipa::path(post, path = "/v1/host-keys", operation_id = "createHostKey", tag = "keys", request_body = CreateKey,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request creates once", pattern = "^(\"[!#-\\[\\]-~]{1,255}\"|[!#-\\[\\]-~]{1,255})$")),
    responses((status = 201, body = NewKey)), security(("host_key" = [])))]
async fn create_host_key(State(app): State<Arc<App>>, host: Host, json: Json<CreateKey>) -> Result<Response, Problem> {
    create(&app, &host, KeyOwner::Host, json).await
}

/// Revoke a host key
#[utoipa::path(delete, path = "/v1/host-keys/{id}", operation_id = "revokeHostKey", tag = "keys",
    params(("id" = String, Path, pattern = "^key_[0-9a-f]{32}$")), responses((status = 204)), security(("host_key" = [])))]
async fn revoke_host_key(
    State(app): State<Arc<App>>,
    host: Host,
    InPath((id,)): InPath<(ApiKeyId,)>,
) -> Result<StatusCode, Problem> {
    revoke(&app, &host, &KeyOwner::Host, id).await
}

/// List the keys of a plugin
#[utoipa::path(get, path = "/v1/plugins/{name}/keys", operation_id = "listPluginKeys", tag = "keys",
    params(("name" = String, Path, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")),
    responses((status = 200, body = KeyList)), security(("host_key" = [])))]
async fn list_plugin_keys(
    State(app): State<Arc<App>>,
    host: Host,
    InPath((name,)): InPath<(PluginName,)>,
) -> Result<Response, Problem> {
    list(&app, &host, &KeyOwner::Plugin(name)).await
}

/// Create a key for a plugin
#[utoipa::path(post, path = "/v1/plugins/{name}/keys", operation_id = "createPluginKey", tag = "keys", request_body = CreateKey,
    params(("name" = String, Path, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request creates once", pattern = "^(\"[!#-\\[\\]-~]{1,255}\"|[!#-\\[\\]-~]{1,255})$")),
    responses((status = 201, body = NewKey)), security(("host_key" = [])))]
async fn create_plugin_key(
    State(app): State<Arc<App>>,
    host: Host,
    InPath((name,)): InPath<(PluginName,)>,
    json: Json<CreateKey>,
) -> Result<Response, Problem> {
    create(&app, &host, KeyOwner::Plugin(name), json).await
}

/// Revoke a key of a plugin
#[utoipa::path(delete, path = "/v1/plugins/{name}/keys/{id}", operation_id = "revokePluginKey", tag = "keys",
    params(("name" = String, Path, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"), ("id" = String, Path, pattern = "^key_[0-9a-f]{32}$")),
    responses((status = 204)), security(("host_key" = [])))]
async fn revoke_plugin_key(
    State(app): State<Arc<App>>,
    host: Host,
    InPath((name, id)): InPath<(PluginName, ApiKeyId)>,
) -> Result<StatusCode, Problem> {
    revoke(&app, &host, &KeyOwner::Plugin(name), id).await
}
