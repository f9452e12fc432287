//! `/v1/connections`, the start link and the provider's callback. A browser opens the last two without a session. They
//! connect nothing: only the session of the user who started a connection can complete it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use strongroom::Secret;
use strongroom::clock::rfc3339;
use strongroom::id::{AppId, ConnectionId};
use strongroom::oauth::connection::{Callback, Connecting, Connection, ConnectionDraft, Prompt, StartLink};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::credentials::CredentialView;
use super::redirect;
use crate::app::App;
use crate::cookie;
use crate::extract::{InPath, Json, member, tagged};
use crate::principal::{Unauthenticated, User};
use crate::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(show))
        .routes(routes!(complete))
        .routes(routes!(start))
        .routes(routes!(callback))
}

/// A connection to start.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateConnection {
    /// Name of a registered plugin.
    #[schema(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    plugin: String,
    /// Name of the new credential. A reconnected credential keeps its name.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f\\s]([^\\u0000-\\u001f\\u007f-\\u009f]{0,98}[^\\u0000-\\u001f\\u007f-\\u009f\\s])?$"
    )]
    name: String,
    /// Id of a credential to reconnect.
    #[serde(default)]
    #[schema(pattern = "^cred_[0-9a-f]{32}$")]
    credential: Option<String>,
    /// Id of the OAuth app. Required if the plugin's provider has more than one.
    #[serde(default)]
    #[schema(pattern = "^app_[0-9a-f]{32}$")]
    app: Option<String>,
    /// Scopes in addition to the plugin's own.
    #[serde(default)]
    #[schema(required = false)]
    scopes: Vec<String>,
    /// Return address, exactly as in the plugin's manifest. Required if the manifest has more than one.
    #[serde(default)]
    return_address: Option<String>,
    /// `redirect`: the browser goes to the provider and back. `device`: the user enters a code at the provider.
    #[serde(default = "redirect_flow")]
    #[schema(pattern = "^(redirect|device)$")]
    flow: String,
    /// What to do if the account is already connected for the plugin. `create` creates a second credential. `reconnect`
    /// gives the new grant to the existing credential, which keeps its id and name.
    #[serde(default = "create_second")]
    #[schema(pattern = "^(create|reconnect)$")]
    if_connected: String,
    /// Key file of a service account, unchanged. For providers that accept one, if the OAuth app has none.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false)]
    key_file: Option<Secret<String>>,
}

fn redirect_flow() -> String {
    "redirect".to_owned()
}

fn create_second() -> String {
    "create".to_owned()
}

/// A started connection. If no user consent is needed, the connected credential instead.
#[derive(Default, Serialize, ToSchema)]
struct NewConnection {
    #[schema(example = "conn_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f")]
    id: Option<String>,
    /// Address to open in the user's browser.
    start_address: Option<String>,
    #[serde(flatten)]
    prompt: PromptView,
    expires_at: Option<String>,
    /// The connected credential, if no user consent was needed.
    credential: Option<CredentialView>,
}

/// Device flow: the code to enter, and the address at which to enter it.
#[derive(Default, Serialize, ToSchema)]
struct PromptView {
    user_code: Option<String>,
    verification_address: Option<String>,
    /// The address including the code, for a link or a QR code.
    verification_address_complete: Option<String>,
}

impl From<Option<Prompt>> for PromptView {
    fn from(prompt: Option<Prompt>) -> Self {
        let Some(prompt) = prompt else { return Self::default() };
        Self {
            user_code: Some(prompt.user_code),
            verification_address: Some(prompt.address),
            verification_address_complete: prompt.complete_address,
        }
    }
}

/// Status of a connection, for the user who started it.
#[derive(Serialize, ToSchema)]
#[schema(as = Connection)]
struct ConnectionView {
    #[schema(example = "conn_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f")]
    id: String,
    /// `waiting`, `returned`, `connected`, `failed` or `expired`.
    status: &'static str,
    /// Code for the reason of a failure.
    cause: Option<String>,
    /// Id of the connected credential.
    credential: Option<String>,
    #[serde(flatten)]
    prompt: PromptView,
    expires_at: String,
}

impl From<Connection> for ConnectionView {
    fn from(connection: Connection) -> Self {
        Self {
            id: connection.id.to_string(),
            status: connection.status.as_str(),
            cause: connection.cause,
            credential: connection.credential.map(|id| id.to_string()),
            prompt: connection.prompt.into(),
            expires_at: rfc3339(connection.expires_at),
        }
    }
}

/// The values from the query of the return address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CompleteConnection {
    /// The completing code.
    #[schema(value_type = String, max_length = 200)]
    code: Secret<String>,
}

/// Query parameters of a provider's callback. Other parameters are also passed to the vault.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description, never a value")]
struct CallbackQuery {
    /// `state`, as sent to the provider.
    state: Option<String>,
    /// Authorization code.
    code: Option<String>,
    /// Error code, if the provider issued no code.
    error: Option<String>,
    /// Issuer of the response (RFC 9207).
    iss: Option<String>,
}

/// Start a connection
#[utoipa::path(post, path = "/v1/connections", operation_id = "createConnection", tag = "connections", request_body = CreateConnection,
    responses((status = 201, body = NewConnection)), security(("session" = [])))]
async fn create(State(app): State<Arc<App>>, user: User, json: Json<CreateConnection>) -> Result<Response, Problem> {
    app.may_call(&user.actor)?;
    let body = json.each_time()?;
    let draft = ConnectionDraft {
        plugin: member("plugin", &body.plugin)?,
        name: member("name", &body.name)?,
        credential: body.credential.as_deref().map(|text| member("credential", text)).transpose()?,
        app: body.app.as_deref().map(|text| member("app", text)).transpose()?,
        scopes: body.scopes,
        return_address: body.return_address,
        flow: member("flow", &body.flow)?,
        if_connected: member("if_connected", &body.if_connected)?,
        key_file: body.key_file,
    };
    let body = match app.vault.connections(&user.owner).create(&user.actor, draft).await? {
        Connecting::Begun(begun) => NewConnection {
            id: Some(begun.id.to_string()),
            start_address: Some(begun.start_address),
            expires_at: Some(rfc3339(begun.expires_at)),
            ..NewConnection::default()
        },
        Connecting::Prompted(connection) => NewConnection {
            id: Some(connection.id.to_string()),
            prompt: connection.prompt.into(),
            expires_at: Some(rfc3339(connection.expires_at)),
            ..NewConnection::default()
        },
        Connecting::Connected(credential) => {
            NewConnection { credential: Some((*credential).into()), ..NewConnection::default() }
        }
    };
    Ok((StatusCode::CREATED, axum::Json(body)).into_response())
}

/// Show the status of a connection
///
/// Poll it until the connection ends; do not rely on messages of the opened window. In the device flow, this request
/// polls the provider.
#[utoipa::path(get, path = "/v1/connections/{id}", operation_id = "showConnection", tag = "connections",
    params(("id" = String, Path, pattern = "^conn_[0-9a-f]{32}$")),
    responses((status = 200, body = ConnectionView)), security(("session" = [])))]
async fn show(
    State(app): State<Arc<App>>,
    user: User,
    InPath((id,)): InPath<(ConnectionId,)>,
) -> Result<Response, Problem> {
    let connection = app.vault.connections(&user.owner).get(&user.actor, id).await?;
    Ok(axum::Json(ConnectionView::from(connection)).into_response())
}

/// Complete a connection
///
/// Needs a session of the user who started it, and the code from the return address. The account is connected only
/// after this request.
#[utoipa::path(post, path = "/v1/connections/{id}/complete", operation_id = "completeConnection", tag = "connections",
    request_body = CompleteConnection, params(("id" = String, Path, pattern = "^conn_[0-9a-f]{32}$")),
    responses((status = 200, body = CredentialView, headers(("ETag" = String)))), security(("session" = [])))]
async fn complete(
    State(app): State<Arc<App>>,
    user: User,
    InPath((id,)): InPath<(ConnectionId,)>,
    json: Json<CompleteConnection>,
) -> Result<Response, Problem> {
    let credential = app.vault.connections(&user.owner).complete(&user.actor, id, &json.body.code).await?;
    Ok(tagged(credential.revision, axum::Json(CredentialView::from(credential)).into_response()))
}

/// Redirect to the provider
///
/// Opened by the browser. Sets a cookie and redirects to the provider. The link works once.
#[utoipa::path(get, path = "/connect/{link}", operation_id = "startConnection", tag = "connections",
    params(("link" = String, Path, pattern = "^[A-Za-z0-9_-]{43}$")), responses((status = 303, description = "To the provider")))]
async fn start(
    State(app): State<Arc<App>>,
    caller: Unauthenticated,
    InPath((link,)): InPath<(StartLink,)>,
) -> Result<Response, Problem> {
    let started = app.vault.start(&caller.actor, &link).await?;
    let state = started.authorize.query_pairs().find(|(name, _)| name == "state").map(|(_, state)| state.into_owned());
    let cookie = cookie::round_trip(&cookie::connection_name(&state.unwrap_or_default()), &started.browser);
    Ok(redirect(started.authorize.as_str(), &[cookie]))
}

/// Receive the provider's response
///
/// The provider redirects the browser here. Redirects to the plugin's page, with a code that completes the connection.
#[utoipa::path(get, path = "/api/auth/oauth/callback/{app}", operation_id = "callback", tag = "connections",
    params(("app" = String, Path, pattern = "^app_[0-9a-f]{32}$"), CallbackQuery),
    responses((status = 303, description = "To the plugin's page")))]
async fn callback(
    State(app): State<Arc<App>>,
    caller: Unauthenticated,
    InPath((id,)): InPath<(AppId,)>,
    axum::extract::RawQuery(query): axum::extract::RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = Secret::new(query.unwrap_or_default());
    let mut query: Vec<(String, Secret<String>)> = url::form_urlencoded::parse(query.expose().as_bytes())
        .map(|(name, value)| (name.into_owned(), Secret::new(value.into_owned())))
        .collect();
    // A repeated parameter is ambiguous, so ignore all its values.
    let mut take = |name: &str| {
        let place = query.iter().position(|(key, _)| key == name)?;
        let repeated = query.iter().filter(|(key, _)| key == name).count() > 1;
        (!repeated).then(|| query.remove(place).1)
    };
    let text = |secret: Secret<String>| secret.expose().clone();
    let state = take("state").unwrap_or_else(|| Secret::from(""));
    let name = cookie::connection_name(state.expose());
    let callback = Callback {
        browser: cookie::value(&headers, &name),
        code: take("code"),
        error: take("error").map(text),
        iss: take("iss").map(text),
        state,
        query,
    };
    let back = app.vault.handle_callback(&caller.actor, id, callback).await?;
    Ok(redirect(back.as_str(), &[cookie::end_round_trip(&name)]))
}
