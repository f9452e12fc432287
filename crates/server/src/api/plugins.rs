//! `/v1/plugins`: the host registers and removes plugins. Every token may read them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use strongroom::clock::rfc3339;
use strongroom::oauth::app::Connectable;
use strongroom::{Expected, Manifest, PluginName, TenantId};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Page;
use crate::app::App;
use crate::extract::{InPath, Json, Precondition, Query, after, cursor, page_size, tagged};
use crate::principal::{AnyPrincipal, Host};
use crate::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, register, remove))
}

/// A registered plugin.
#[derive(Serialize, ToSchema)]
#[schema(as = Plugin)]
struct PluginView {
    id: String,
    name: String,
    manifest: Manifest,
    /// How to connect an account, for a plugin that connects accounts.
    connect: Option<ConnectView>,
    /// Rises with each change. Also the `ETag`.
    revision: u64,
    created_at: String,
    updated_at: String,
}

/// What a page shows before a user connects an account.
#[derive(Serialize, ToSchema)]
struct ConnectView {
    /// Display name of the provider.
    title: String,
    /// What the user should know before connecting.
    notices: Vec<String>,
    /// Whether an OAuth app exists. Without one, the operator must create it.
    registered: bool,
    /// Whether the provider supports the device flow.
    device: bool,
    /// Whether no user consent is needed: the client connects for itself or for a service account.
    unattended: bool,
}

impl From<Connectable> for ConnectView {
    fn from(at: Connectable) -> Self {
        let Connectable { title, notices, registered, device, unattended } = at;
        Self { title, notices, registered, device, unattended }
    }
}

impl PluginView {
    async fn of(app: &App, tenant: TenantId, plugin: strongroom::plugin::Plugin) -> Result<Self, Problem> {
        let connect = app.vault.apps(tenant).connectable(&[&plugin.manifest]).await?.pop().flatten();
        Ok(Self::new(&plugin, connect))
    }

    fn new(plugin: &strongroom::plugin::Plugin, connect: Option<Connectable>) -> Self {
        Self {
            connect: connect.map(ConnectView::from),
            id: plugin.id.to_string(),
            name: plugin.name.to_string(),
            manifest: (*plugin.manifest).clone(),
            revision: plugin.revision,
            created_at: rfc3339(plugin.created_at),
            updated_at: rfc3339(plugin.updated_at),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListPlugins {
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
    /// Page size. Default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RemovePlugin {
    /// Also delete the plugin's credentials. Otherwise a plugin with credentials cannot be removed.
    #[serde(default)]
    credentials: bool,
}

/// List plugins
#[utoipa::path(get, path = "/v1/plugins", operation_id = "listPlugins", tag = "plugins", params(ListPlugins),
    responses((status = 200, body = Page<PluginView>)), security(("host_key" = []), ("session" = []), ("plugin_key" = [])))]
async fn list(
    State(app): State<Arc<App>>,
    caller: AnyPrincipal,
    Query(query): Query<ListPlugins>,
) -> Result<Response, Problem> {
    let limit = page_size(query.limit)?;
    let after: Option<PluginName> = after(query.cursor.as_deref())?;
    let (found, next) = app.vault.plugins(caller.tenant).list(after.as_ref(), limit).await?;
    let manifests: Vec<&Manifest> = found.iter().map(|plugin| &*plugin.manifest).collect();
    let connect = app.vault.apps(caller.tenant).connectable(&manifests).await?;
    let items = found.iter().zip(connect).map(|(plugin, connect)| PluginView::new(plugin, connect)).collect();
    Ok(axum::Json(Page { items, next_cursor: next.map(|name| cursor(&name)) }).into_response())
}

/// Show a plugin
#[utoipa::path(get, path = "/v1/plugins/{name}", operation_id = "showPlugin", tag = "plugins",
    params(("name" = String, Path, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")),
    responses((status = 200, body = PluginView, headers(("ETag" = String)))), security(("host_key" = []), ("session" = []), ("plugin_key" = [])))]
async fn show(
    State(app): State<Arc<App>>,
    caller: AnyPrincipal,
    InPath((name,)): InPath<(PluginName,)>,
) -> Result<Response, Problem> {
    let plugin = app.vault.plugins(caller.tenant).get(&name).await?;
    let view = PluginView::of(&app, caller.tenant, plugin).await?;
    Ok(tagged(view.revision, axum::Json(view).into_response()))
}

/// Register a plugin or replace its manifest
///
/// An unchanged manifest changes nothing. `If-None-Match: *` only registers a new plugin. `If-Match` only replaces the
/// named revision.
#[utoipa::path(put, path = "/v1/plugins/{name}", operation_id = "registerPlugin", tag = "plugins", request_body = Manifest,
    params(("name" = String, Path, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read, or *"),
        ("If-None-Match" = Option<String>, Header, description = "* to register only")),
    responses((status = 200, body = PluginView, description = "Replaced", headers(("ETag" = String))),
        (status = 201, body = PluginView, description = "Registered", headers(("ETag" = String)))), security(("host_key" = [])))]
async fn register(
    State(app): State<Arc<App>>,
    host: Host,
    InPath((name,)): InPath<(PluginName,)>,
    precondition: Precondition,
    json: Json<Manifest>,
) -> Result<Response, Problem> {
    let expected = match precondition {
        Precondition::None => Expected::Any,
        Precondition::IfMatchAny => Expected::Present,
        Precondition::IfMatch(revision) => Expected::Revision(revision),
        Precondition::IfNoneMatchAny => Expected::Absent,
    };
    let (plugin, was_there) = app.vault.plugins(host.tenant).register(&host.actor, &name, json.body, expected).await?;
    let status = if was_there { StatusCode::OK } else { StatusCode::CREATED };
    let view = PluginView::of(&app, host.tenant, plugin).await?;
    Ok(tagged(view.revision, (status, axum::Json(view)).into_response()))
}

/// Remove a plugin and its keys
#[utoipa::path(delete, path = "/v1/plugins/{name}", operation_id = "removePlugin", tag = "plugins",
    params(("name" = String, Path, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"), RemovePlugin),
    responses((status = 204)), security(("host_key" = [])))]
async fn remove(
    State(app): State<Arc<App>>,
    host: Host,
    InPath((name,)): InPath<(PluginName,)>,
    Query(query): Query<RemovePlugin>,
) -> Result<StatusCode, Problem> {
    app.vault.plugins(host.tenant).remove(&host.actor, &name, query.credentials).await?;
    Ok(StatusCode::NO_CONTENT)
}
