//! `/v1/console`: a person signs in with a link, sees who they are, and signs out.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use strongroom::clock::rfc3339;
use strongroom::console::Console;
use strongroom::{Secret, TenantId, Token};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{redirect, with_cookies};
use crate::app::App;
use crate::console;
use crate::extract::Json;
use crate::principal::{ConsoleSession, Unauthenticated};
use crate::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(show, sign_out))
        .routes(routes!(sign_out_everywhere))
        .routes(routes!(ways, sign_in))
        .routes(routes!(begin))
        .routes(routes!(finish))
}

/// How people can sign in, beside a link.
#[derive(Serialize, ToSchema)]
struct SignInWays {
    /// Whether there is an OpenID provider: `/console/sign-in` leads there.
    issuer: bool,
}

/// What an OpenID provider sends a browser back with.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SignInCallback {
    #[serde(default)]
    state: String,
    /// The authorization code.
    #[serde(default)]
    #[param(value_type = String)]
    code: String,
    /// Who answers (RFC 9207).
    iss: Option<String>,
}

/// Who is signed in at the console.
#[derive(Serialize, ToSchema)]
#[schema(as = Console)]
struct ConsoleView {
    /// `operator` or `user`.
    role: &'static str,
    user_id: Option<String>,
    /// When the session ends, whatever happens; half an hour without use ends it before.
    expires_at: String,
    /// Until when an operator may change things; then a new link is needed.
    recent_until: String,
}

impl ConsoleView {
    fn of(console: &Console, user: Option<String>) -> Self {
        Self {
            role: if user.is_some() { "user" } else { "operator" },
            user_id: user,
            expires_at: rfc3339(console.expires_at),
            recent_until: rfc3339(console.recent_until),
        }
    }
}

/// The link's token: what stands behind `#sign-in=`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignIn {
    #[schema(value_type = String, max_length = 200)]
    link: Secret<String>,
}

/// Sign in
///
/// With a link of `strongroom console link`, which works once. For pages of this server alone; the answer sets the console's cookie.
#[utoipa::path(post, path = "/v1/console/sign-in", operation_id = "signIn", tag = "console", request_body = SignIn,
    responses((status = 204, description = "Signed in"), (status = 403, description = "Not from a page of the console"),
        (status = 404, description = "The link is unknown, used or too old")))]
async fn sign_in(
    State(app): State<Arc<App>>,
    anybody: Unauthenticated,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    json: Json<SignIn>,
) -> Result<Response, Problem> {
    // Else another site could sign somebody in as somebody else, and wait for what they enter.
    console::made_by_our_page(&method, &uri, &headers)?;
    let link = Token::parse(json.body.link.expose()).map_err(|_| Problem::not_found("link"))?;
    let (_, token) = app.vault.sign_in(&anybody.actor, &link).await?;
    Ok(with_cookies(StatusCode::NO_CONTENT, &[console::set(&token)]))
}

/// Show how people can sign in
#[utoipa::path(get, path = "/v1/console/sign-in", operation_id = "showSignIn", tag = "console",
    responses((status = 200, body = SignInWays)))]
async fn ways(State(app): State<Arc<App>>) -> Response {
    axum::Json(SignInWays { issuer: app.vault.has_issuer() }).into_response()
}

/// Sign in at the OpenID provider
///
/// The page that a browser is sent to. It sets a cookie and goes on to the provider.
#[utoipa::path(get, path = "/console/sign-in", operation_id = "beginSignIn", tag = "console",
    responses((status = 303, description = "To the provider"), (status = 404, description = "There is none")))]
async fn begin(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let begun = app.vault.begin_sign_in(default_tenant(&app).await?).await?;
    Ok(redirect(begun.authorize.as_str(), &[console::signing_in(Some(&begun.browser))]))
}

/// Come back from the OpenID provider
#[utoipa::path(get, path = "/console/callback", operation_id = "finishSignIn", tag = "console", params(SignInCallback),
    responses((status = 303, description = "To the console"), (status = 404, description = "It does not fit")))]
async fn finish(
    State(app): State<Arc<App>>,
    anybody: Unauthenticated,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let unfit = || Problem::not_found("sign-in");
    let axum::extract::Query(query): axum::extract::Query<SignInCallback> =
        axum::extract::Query::try_from_uri(&uri).map_err(|_| unfit())?;
    let browser =
        console::cookie(&headers, console::SIGN_IN_COOKIE).filter(|text| text.len() == 43).ok_or_else(unfit)?;
    let (browser, code) = (Secret::new(browser), Secret::new(query.code));
    let brought = (query.state.as_str(), &code, query.iss.as_deref());
    // What fits is asked at the provider, also when it comes again.
    app.may_call(&anybody.actor)?;
    let tenant = default_tenant(&app).await?;
    let (_, token) = app.vault.finish_sign_in(&anybody.actor, tenant, &browser, brought).await?;
    Ok(redirect("/", &[console::signing_in(None), console::set(&token)]))
}

async fn default_tenant(app: &App) -> Result<TenantId, Problem> {
    let name = "default".parse().map_err(|_| Problem::internal())?;
    Ok(app.vault.tenant(&name).await?.id)
}

/// Show who is signed in
#[utoipa::path(get, path = "/v1/console", operation_id = "showConsole", tag = "console",
    responses((status = 200, body = ConsoleView)), security(("console" = [])))]
async fn show(session: ConsoleSession) -> Response {
    let user = session.authenticated.owner.as_ref().map(|owner| owner.user.to_string());
    axum::Json(ConsoleView::of(&session.console, user)).into_response()
}

/// Sign out
#[utoipa::path(delete, path = "/v1/console", operation_id = "signOut", tag = "console",
    responses((status = 204)), security(("console" = [])))]
async fn sign_out(State(app): State<Arc<App>>, session: ConsoleSession) -> Result<Response, Problem> {
    app.vault.sign_out(&session.actor, &session.authenticated, false).await?;
    Ok(with_cookies(StatusCode::NO_CONTENT, &[console::clear()]))
}

/// Sign out everywhere
#[utoipa::path(delete, path = "/v1/console/all", operation_id = "signOutEverywhere", tag = "console",
    responses((status = 204)), security(("console" = [])))]
async fn sign_out_everywhere(State(app): State<Arc<App>>, session: ConsoleSession) -> Result<Response, Problem> {
    app.vault.sign_out(&session.actor, &session.authenticated, true).await?;
    Ok(with_cookies(StatusCode::NO_CONTENT, &[console::clear()]))
}
