//! `/v1/oauth-apps` and `/v1/providers`: the host manages its registrations. Every token may list the providers.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use strongroom::Secret;
use strongroom::clock::rfc3339;
use strongroom::id::AppId;
use strongroom::oauth::app::{App as OauthApp, AppDraft};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::extract::{InPath, Json};
use crate::principal::{AnyPrincipal, Host};
use crate::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(providers)).routes(routes!(list, create)).routes(routes!(remove))
}

/// A provider in the catalog.
#[derive(Serialize, ToSchema)]
#[schema(as = Provider)]
struct ProviderView {
    name: String,
    title: String,
    /// What the user should know before connecting.
    notices: Vec<String>,
    /// Named sets of scopes.
    profiles: BTreeMap<String, Vec<String>>,
    /// Names of the parameters in the provider's addresses.
    parameters: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct ProviderList {
    items: Vec<ProviderView>,
}

/// A client registration at a provider, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = OauthApp)]
struct AppView {
    #[schema(example = "app_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f")]
    id: String,
    provider: String,
    title: String,
    client_id: String,
    parameters: BTreeMap<String, String>,
    /// Redirect address to register at the provider. `null` if the server has no public address.
    redirect_address: Option<String>,
    notices: Vec<String>,
    created_at: String,
}

impl From<OauthApp> for AppView {
    fn from(app: OauthApp) -> Self {
        Self {
            id: app.id.to_string(),
            provider: app.provider,
            title: app.title,
            client_id: app.client_id,
            parameters: app.parameters,
            redirect_address: app.redirect_address,
            notices: app.notices,
            created_at: rfc3339(app.created_at),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct AppList {
    items: Vec<AppView>,
}

/// A client registration to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateOauthApp {
    /// Provider name from the catalog, or the https address of an issuer that supports discovery.
    #[schema(min_length = 1, max_length = 500)]
    provider: String,
    /// Client id. Can be omitted for a service account, whose key file contains it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 500, nullable = false)]
    client_id: Option<String>,
    /// Client secret, or private key as PEM or as a JSON key file. Absent for a public client.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false)]
    client_secret: Option<Secret<String>>,
    /// Values of the parameters in the provider's addresses.
    #[serde(default)]
    #[schema(required = false)]
    parameters: BTreeMap<String, String>,
}

/// List providers
#[utoipa::path(get, path = "/v1/providers", operation_id = "listProviders", tag = "connections",
    responses((status = 200, body = ProviderList)), security(("host_key" = []), ("session" = []), ("plugin_key" = [])))]
async fn providers(State(app): State<Arc<App>>, _: AnyPrincipal) -> Response {
    let items = app.vault.catalog().iter().map(|(name, provider)| ProviderView {
        name: name.to_owned(),
        title: provider.title.clone(),
        notices: provider.notices.clone(),
        profiles: provider.profiles.clone(),
        parameters: provider.parameters.keys().cloned().collect(),
    });
    axum::Json(ProviderList { items: items.collect() }).into_response()
}

/// List OAuth apps
#[utoipa::path(get, path = "/v1/oauth-apps", operation_id = "listOauthApps", tag = "connections",
    responses((status = 200, body = AppList)), security(("host_key" = [])))]
async fn list(State(app): State<Arc<App>>, host: Host) -> Result<Response, Problem> {
    let items = app.vault.apps(host.tenant).list().await?.into_iter().map(AppView::from).collect();
    Ok(axum::Json(AppList { items }).into_response())
}

/// Create an OAuth app
#[utoipa::path(post, path = "/v1/oauth-apps", operation_id = "createOauthApp", tag = "connections", request_body = CreateOauthApp,
    responses((status = 201, body = AppView)), security(("host_key" = [])))]
async fn create(State(app): State<Arc<App>>, host: Host, json: Json<CreateOauthApp>) -> Result<Response, Problem> {
    let CreateOauthApp { provider, client_id, client_secret, parameters } = json.each_time()?;
    let draft = AppDraft { provider, client_id, client_secret, parameters };
    let created = app.vault.apps(host.tenant).create(&host.actor, draft).await?;
    Ok((StatusCode::CREATED, axum::Json(AppView::from(created))).into_response())
}

/// Remove an OAuth app
#[utoipa::path(delete, path = "/v1/oauth-apps/{id}", operation_id = "removeOauthApp", tag = "connections",
    params(("id" = String, Path, pattern = "^app_[0-9a-f]{32}$")), responses((status = 204)), security(("host_key" = [])))]
async fn remove(
    State(app): State<Arc<App>>,
    host: Host,
    InPath((id,)): InPath<(AppId,)>,
) -> Result<StatusCode, Problem> {
    app.vault.apps(host.tenant).remove(&host.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
