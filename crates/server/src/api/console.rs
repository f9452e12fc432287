//! `/v1/console`: sign-in with a link or at an OpenID provider, the current console session, and sign-out.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use strongroom::clock::rfc3339;
use strongroom::console::ConsoleSession;
use strongroom::{Secret, TenantId, Token};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::redirect;
use crate::app::App;
use crate::console;
use crate::cookie;
use crate::extract::Json;
use crate::principal::{ConsolePrincipal, Unauthenticated};
use crate::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(show, sign_out))
        .routes(routes!(sign_out_everywhere))
        .routes(routes!(ways, sign_in))
        .routes(routes!(begin))
        .routes(routes!(finish))
}

/// Sign-in methods, in addition to a link.
#[derive(Serialize, ToSchema)]
struct SignInWays {
    /// Whether an OpenID provider is configured. `/console/sign-in` redirects to it.
    issuer: bool,
}

/// Query parameters of the OpenID provider's callback.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SignInCallback {
    #[serde(default)]
    state: String,
    /// Authorization code.
    #[serde(default)]
    #[param(value_type = String)]
    code: String,
    /// Issuer of the response (RFC 9207).
    iss: Option<String>,
}

/// The current console session.
#[derive(Serialize, ToSchema)]
#[schema(as = Console)]
struct ConsoleView {
    /// `operator` or `user`.
    role: &'static str,
    user_id: Option<String>,
    /// When the session ends at the latest. It also ends after half an hour without use.
    expires_at: String,
    /// Until when an operator may make changes. After that, a new sign-in is needed.
    recent_until: String,
}

impl ConsoleView {
    fn of(console: &ConsoleSession, user: Option<String>) -> Self {
        Self {
            role: if user.is_some() { "user" } else { "operator" },
            user_id: user,
            expires_at: rfc3339(console.expires_at),
            recent_until: rfc3339(console.recent_until),
        }
    }
}

/// Token of a sign-in link: the text after `#sign-in=`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignIn {
    #[schema(value_type = String, max_length = 200)]
    link: Secret<String>,
}

/// Sign in
///
/// Uses a link from `strongroom console link`, which works once. Only pages of this server may call it. The response
/// sets the console cookie.
#[utoipa::path(post, path = "/v1/console/sign-in", operation_id = "signIn", tag = "console", request_body = SignIn,
    responses((status = 204, description = "Signed in"), (status = 403, description = "Not from a page of the console"),
        (status = 404, description = "The link is unknown, used or too old")))]
async fn sign_in(
    State(app): State<Arc<App>>,
    caller: Unauthenticated,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    json: Json<SignIn>,
) -> Result<Response, Problem> {
    // Prevents login CSRF: another site could sign the user in to the attacker's account and collect what the user
    // enters.
    console::made_by_our_page(&method, &uri, &headers)?;
    let link = Token::parse(json.body.link.expose()).map_err(|_| Problem::not_found("link"))?;
    let (_, token) = app.vault.console().sign_in(&caller.actor, &link).await?;
    Ok(cookie::with_cookies(StatusCode::NO_CONTENT, &[cookie::session(&token)]))
}

/// Show the sign-in methods
#[utoipa::path(get, path = "/v1/console/sign-in", operation_id = "showSignIn", tag = "console",
    responses((status = 200, body = SignInWays)))]
async fn ways(State(app): State<Arc<App>>) -> Response {
    axum::Json(SignInWays { issuer: app.vault.console().has_issuer() }).into_response()
}

/// Sign in at the OpenID provider
///
/// Opened by the browser. Sets a cookie and redirects to the provider.
#[utoipa::path(get, path = "/console/sign-in", operation_id = "beginSignIn", tag = "console",
    responses((status = 303, description = "To the provider"), (status = 404, description = "There is none")))]
async fn begin(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let begun = app.vault.console().begin_sign_in(default_tenant(&app).await?).await?;
    Ok(redirect(begun.authorize.as_str(), &[cookie::round_trip(cookie::SIGN_IN, &begun.browser)]))
}

/// Complete a sign-in at the OpenID provider
#[utoipa::path(get, path = "/console/callback", operation_id = "finishSignIn", tag = "console", params(SignInCallback),
    responses((status = 303, description = "To the console"), (status = 404, description = "It does not fit")))]
async fn finish(
    State(app): State<Arc<App>>,
    caller: Unauthenticated,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let unfit = || Problem::not_found("sign-in");
    let axum::extract::Query(query): axum::extract::Query<SignInCallback> =
        axum::extract::Query::try_from_uri(&uri).map_err(|_| unfit())?;
    let browser =
        cookie::value(&headers, cookie::SIGN_IN).filter(|text| text.expose().len() == 43).ok_or_else(unfit)?;
    let code = Secret::new(query.code);
    let brought = (query.state.as_str(), &code, query.iss.as_deref());
    // A valid callback causes a call to the provider, also when it is repeated.
    app.may_call(&caller.actor)?;
    let tenant = default_tenant(&app).await?;
    let (_, token) = app.vault.console().finish_sign_in(&caller.actor, tenant, &browser, brought).await?;
    Ok(redirect("/", &[cookie::end_round_trip(cookie::SIGN_IN), cookie::session(&token)]))
}

async fn default_tenant(app: &App) -> Result<TenantId, Problem> {
    let name = "default".parse().map_err(|_| Problem::internal())?;
    Ok(app.vault.tenants().get(&name).await?.id)
}

/// Show the current console session
#[utoipa::path(get, path = "/v1/console", operation_id = "showConsole", tag = "console",
    responses((status = 200, body = ConsoleView)), security(("console" = [])))]
async fn show(session: ConsolePrincipal) -> Response {
    let user = session.authenticated.owner.as_ref().map(|owner| owner.user.to_string());
    axum::Json(ConsoleView::of(&session.console, user)).into_response()
}

/// Sign out
#[utoipa::path(delete, path = "/v1/console", operation_id = "signOut", tag = "console",
    responses((status = 204)), security(("console" = [])))]
async fn sign_out(State(app): State<Arc<App>>, session: ConsolePrincipal) -> Result<Response, Problem> {
    app.vault.console().sign_out(&session.actor, &session.authenticated, false).await?;
    Ok(cookie::with_cookies(StatusCode::NO_CONTENT, &[cookie::end_session()]))
}

/// Sign out everywhere
#[utoipa::path(delete, path = "/v1/console/all", operation_id = "signOutEverywhere", tag = "console",
    responses((status = 204)), security(("console" = [])))]
async fn sign_out_everywhere(State(app): State<Arc<App>>, session: ConsolePrincipal) -> Result<Response, Problem> {
    app.vault.console().sign_out(&session.actor, &session.authenticated, true).await?;
    Ok(cookie::with_cookies(StatusCode::NO_CONTENT, &[cookie::end_session()]))
}
