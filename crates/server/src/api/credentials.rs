//! `/v1/credentials`: a user saves, lists, changes and deletes; a plugin lists its own and reads a secret.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer, Serialize};
use strongroom::clock::rfc3339;
use strongroom::{Change, Credential, CredentialFilter, CredentialId, Draft, Fields, Verdict};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Page;
use crate::app::App;
use crate::extract::{InPath, Json, Precondition, Query, after, cursor, member, page_size, tagged};
use crate::principal::{Plugin, Reader, User};
use crate::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, save))
        .routes(routes!(show, update, delete))
        .routes(routes!(open))
        .routes(routes!(test))
        .routes(routes!(test_draft))
        .routes(routes!(refresh))
        .routes(routes!(report_unauthorized))
}

/// A credential, without anything that could hold a secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Credential)]
pub(super) struct CredentialView {
    #[schema(example = "cred_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f")]
    id: String,
    plugin: String,
    /// `api-key`, `oauth2` or `custom`.
    r#type: &'static str,
    name: String,
    /// The provider it is connected at.
    provider: Option<String>,
    /// Whose account it is, as far as the provider said.
    account: Option<String>,
    /// `active`, `refreshing`, `degraded`, `ambiguous`, `reauth-required` or `undecryptable`.
    state: &'static str,
    /// Why, where there is something to say: a code.
    cause: Option<String>,
    /// The fields that are not secret.
    settings: serde_json::Map<String, serde_json::Value>,
    /// The names of the secret fields that have a value.
    configured: Vec<String>,
    scopes: Vec<String>,
    expires_at: Option<String>,
    /// When the grant itself ends: then the user has to connect again. A week before, `cause` is `grant-ends-soon`.
    grant_expires_at: Option<String>,
    /// Counts the changes; also the `ETag`.
    revision: u64,
    created_at: String,
    updated_at: String,
    /// When a plugin last read it; minutes late in a busy time.
    last_used_at: Option<String>,
}

impl From<Credential> for CredentialView {
    fn from(credential: Credential) -> Self {
        Self {
            id: credential.id.to_string(),
            plugin: credential.plugin.to_string(),
            r#type: credential.kind.as_str(),
            name: credential.name.to_string(),
            provider: credential.provider,
            account: credential.account,
            state: credential.state.as_str(),
            cause: credential.cause,
            settings: credential.settings,
            configured: credential.configured,
            scopes: credential.scopes,
            expires_at: credential.expires_at.map(rfc3339),
            grant_expires_at: credential.grant_expires_at.map(rfc3339),
            revision: credential.revision,
            created_at: rfc3339(credential.created_at),
            updated_at: rfc3339(credential.updated_at),
            last_used_at: credential.last_used_at.map(rfc3339),
        }
    }
}

/// A credential to be saved.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SaveCredential {
    /// A registered plugin's name.
    #[schema(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    plugin: String,
    /// `api-key`, `oauth2` or `custom`: what the plugin's manifest takes.
    #[schema(pattern = "^(api-key|oauth2|custom)$")]
    r#type: String,
    /// What the user calls it; unique among their credentials for this plugin.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f\\s]([^\\u0000-\\u001f\\u007f-\\u009f]{0,98}[^\\u0000-\\u001f\\u007f-\\u009f\\s])?$"
    )]
    name: String,
    /// The values, by field, as the plugin's schema says.
    #[schema(value_type = std::collections::BTreeMap<String, FieldInput>)]
    fields: Fields,
}

/// A change: what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateCredential {
    /// A new name.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f\\s]([^\\u0000-\\u001f\\u007f-\\u009f]{0,98}[^\\u0000-\\u001f\\u007f-\\u009f\\s])?$",
        nullable = false
    )]
    #[serde(default, deserialize_with = "given")]
    name: Option<String>,
    /// New values; an absent field keeps its value, `null` clears it.
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeMap<String, FieldInput>, required = false)]
    fields: Fields,
}

/// What is about to be saved, to be tried out before.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TestCredential {
    /// A registered plugin's name.
    #[schema(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    plugin: String,
    /// `api-key`, `oauth2` or `custom`: what the plugin's manifest takes.
    #[schema(pattern = "^(api-key|oauth2|custom)$")]
    r#type: String,
    /// The stored credential that is being changed: its values count where a field is absent.
    #[serde(default)]
    #[schema(pattern = "^cred_[0-9a-f]{32}$")]
    credential: Option<String>,
    /// The values, by field, as the plugin's schema says.
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeMap<String, FieldInput>, required = false)]
    fields: Fields,
}

/// What a test found out.
#[derive(Serialize, ToSchema)]
struct TestResult {
    /// `accepted`, `rejected` or `unverified`: then nobody can say.
    status: &'static str,
    /// Why: a code, such as `http-401`, `no-test` or `unreachable`.
    cause: Option<String>,
}

impl From<Verdict> for TestResult {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accepted => Self { status: "accepted", cause: None },
            Verdict::Rejected(cause) => Self { status: "rejected", cause: Some(cause) },
            Verdict::Unverified(cause) => Self { status: "unverified", cause: Some(cause) },
        }
    }
}

/// A member that may be absent, but not `null`: here `null` would look like clearing.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// A text, a number, true or false, or a list of texts.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "a description of what strongroom::Fields reads, never a value")]
pub(crate) enum FieldValue {
    Text(String),
    Number(f64),
    Flag(bool),
    List(Vec<String>),
}

/// A value, or `null` for none.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "a description of what strongroom::Fields reads, never a value")]
pub(crate) enum FieldInput {
    Value(FieldValue),
    None,
}

/// A credential's secrets, for the plugin that it was given to.
/// `open` writes this body by hand, so that no secret is copied into a `String` that nobody wipes.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(crate) struct OpenedCredential {
    id: String,
    r#type: String,
    revision: u64,
    expires_at: Option<String>,
    /// Every field, secret and not.
    fields: std::collections::BTreeMap<String, FieldValue>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListCredentials {
    /// Only this plugin's.
    #[param(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    plugin: Option<String>,
    /// Only this type.
    #[param(pattern = "^(api-key|oauth2|custom)$")]
    r#type: Option<String>,
    /// From the page before.
    cursor: Option<String>,
    /// How many to a page; 50 unless told.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// For a plugin: whose; it must say so. A session has no use for it.
    #[serde(rename = "user_id")]
    #[param(min_length = 1, max_length = 255, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$")]
    _user_id: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OfUser {
    /// For a plugin: whose; it must say so. A session has no use for it.
    #[serde(rename = "user_id")]
    #[param(min_length = 1, max_length = 255, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$")]
    _user_id: Option<String>,
}

/// What [`Plugin`] reads from the query.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description, never a value")]
struct ForUser {
    /// The user on whose behalf the plugin asks.
    #[param(min_length = 1, max_length = 255, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$")]
    user_id: String,
}

/// List credentials
///
/// A user's own; or, for a plugin, those that the named user gave it.
#[utoipa::path(get, path = "/v1/credentials", operation_id = "listCredentials", tag = "credentials", params(ListCredentials),
    responses((status = 200, body = Page<CredentialView>)), security(("session" = []), ("plugin_key" = [])))]
async fn list(
    State(app): State<Arc<App>>,
    reader: Reader,
    Query(query): Query<ListCredentials>,
) -> Result<Response, Problem> {
    let limit = page_size(query.limit)?;
    let filter = CredentialFilter {
        plugin: query.plugin.as_deref().map(|text| member("plugin", text)).transpose()?,
        kind: query.r#type.as_deref().map(|text| member("type", text)).transpose()?,
        after: after(query.cursor.as_deref())?,
        limit,
    };
    let page = app.vault.list(&reader.actor, &reader.owner, filter).await?;
    let items: Vec<_> = page.credentials.into_iter().map(CredentialView::from).collect();
    Ok(axum::Json(Page { items, next_cursor: page.next.map(|id| cursor(&id)) }).into_response())
}

/// Save a credential
#[utoipa::path(post, path = "/v1/credentials", operation_id = "saveCredential", tag = "credentials", request_body = SaveCredential,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request saves once", pattern = "^(\"[!#-\\[\\]-~]{1,255}\"|[!#-\\[\\]-~]{1,255})$")),
    responses((status = 201, body = CredentialView, headers(("ETag" = String), ("Location" = String)))), security(("session" = [])))]
async fn save(State(app): State<Arc<App>>, user: User, json: Json<SaveCredential>) -> Result<Response, Problem> {
    let draft = Draft {
        plugin: member("plugin", &json.body.plugin)?,
        kind: member("type", &json.body.r#type)?,
        name: member("name", &json.body.name)?,
        fields: json.body.fields,
    };
    let saved = app.vault.save(&user.actor, &user.owner, draft, json.idempotency.as_ref()).await?;
    let location = HeaderValue::try_from(format!("/v1/credentials/{}", saved.id));
    let mut response = (StatusCode::CREATED, axum::Json(CredentialView::from(saved.clone()))).into_response();
    response.headers_mut().extend(location.map(|value| (header::LOCATION, value)));
    Ok(tagged(saved.revision, response))
}

/// Show a credential
#[utoipa::path(get, path = "/v1/credentials/{id}", operation_id = "showCredential", tag = "credentials",
    params(("id" = String, Path, pattern = "^cred_[0-9a-f]{32}$"), OfUser),
    responses((status = 200, body = CredentialView, headers(("ETag" = String)))), security(("session" = []), ("plugin_key" = [])))]
async fn show(
    State(app): State<Arc<App>>,
    reader: Reader,
    InPath((id,)): InPath<(CredentialId,)>,
    _: Query<OfUser>,
) -> Result<Response, Problem> {
    let credential = app.vault.show(&reader.actor, &reader.owner, id).await?;
    Ok(tagged(credential.revision, axum::Json(CredentialView::from(credential)).into_response()))
}

/// Change a credential
///
/// An absent field keeps its value, `null` clears it. Needs `If-Match`, so that no change is lost to another.
#[utoipa::path(patch, path = "/v1/credentials/{id}", operation_id = "updateCredential", tag = "credentials", request_body = UpdateCredential,
    params(("id" = String, Path, pattern = "^cred_[0-9a-f]{32}$"), ("If-Match" = String, Header, description = "The ETag that was read, or *")),
    responses((status = 200, body = CredentialView, headers(("ETag" = String)))), security(("session" = [])))]
async fn update(
    State(app): State<Arc<App>>,
    user: User,
    InPath((id,)): InPath<(CredentialId,)>,
    precondition: Precondition,
    json: Json<UpdateCredential>,
) -> Result<Response, Problem> {
    let name = json.body.name.as_deref().map(|text| member("name", text)).transpose()?;
    let change = Change { name, fields: json.body.fields };
    let changed = app.vault.update(&user.actor, &user.owner, id, precondition.required()?, change).await?;
    Ok(tagged(changed.revision, axum::Json(CredentialView::from(changed)).into_response()))
}

/// Delete a credential
#[utoipa::path(delete, path = "/v1/credentials/{id}", operation_id = "deleteCredential", tag = "credentials",
    params(("id" = String, Path, pattern = "^cred_[0-9a-f]{32}$"), ("If-Match" = String, Header, description = "The ETag that was read, or *")),
    responses((status = 204)), security(("session" = [])))]
async fn delete(
    State(app): State<Arc<App>>,
    user: User,
    InPath((id,)): InPath<(CredentialId,)>,
    precondition: Precondition,
) -> Result<StatusCode, Problem> {
    app.vault.delete(&user.actor, &user.owner, id, precondition.required()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Read a credential's secrets
///
/// For the plugin that the credential was given to, on behalf of the user it belongs to. The event that says so is
/// durable before the answer leaves.
#[utoipa::path(get, path = "/v1/credentials/{id}/secret", operation_id = "openCredential", tag = "credentials",
    params(("id" = String, Path, pattern = "^cred_[0-9a-f]{32}$"), ForUser),
    responses((status = 200, body = OpenedCredential)), security(("plugin_key" = [])))]
async fn open(
    State(app): State<Arc<App>>,
    plugin: Plugin,
    InPath((id,)): InPath<(CredentialId,)>,
) -> Result<Response, Problem> {
    let permit = app.vault.authorize(&plugin.actor, &plugin.owner, id).await?;
    let opened = app.vault.open(permit).await?;
    let fields = opened.json().expose();
    // At once as long as it gets: growing would leave a copy of the secret behind that nobody wipes.
    let mut body = Vec::with_capacity(192 + fields.len());
    let expires = opened.expires_at.map(|at| format!("\"{}\"", rfc3339(at)));
    let (id, revision) = (String::from(opened.id), opened.revision.to_string());
    let (kind, expires) = (opened.kind.as_str(), expires.as_deref().unwrap_or("null"));
    for part in [r#"{"id":""#, &id, r#"","type":""#, kind, r#"","revision":"#, &revision, r#","expires_at":"#, expires]
    {
        body.extend_from_slice(part.as_bytes());
    }
    body.extend_from_slice(br#","fields":"#);
    body.extend_from_slice(fields);
    body.push(b'}');
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// A call with the token was answered 401.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReportUnauthorized {
    /// The revision that came with the token.
    #[schema(minimum = 1)]
    revision: u64,
}

/// Refresh a connected account
///
/// Now, whether or not it is due. It is refreshed by itself; this is for whoever does not want to wait.
#[utoipa::path(post, path = "/v1/credentials/{id}/refresh", operation_id = "refreshCredential", tag = "credentials",
    params(("id" = String, Path, pattern = "^cred_[0-9a-f]{32}$"), OfUser),
    responses((status = 200, body = CredentialView, headers(("ETag" = String)))), security(("session" = []), ("plugin_key" = [])))]
async fn refresh(
    State(app): State<Arc<App>>,
    reader: Reader,
    InPath((id,)): InPath<(CredentialId,)>,
    _: Query<OfUser>,
) -> Result<Response, Problem> {
    let check_limit = || app.may_refresh(&reader.actor, &reader.owner);
    let credential = app.vault.refresh(&reader.actor, &reader.owner, id, &check_limit).await?;
    Ok(tagged(credential.revision, axum::Json(CredentialView::from(credential)).into_response()))
}

/// Report a 401
///
/// If the token that was used is still the present one, it is refreshed, once for all who report it.
#[utoipa::path(post, path = "/v1/credentials/{id}/report-unauthorized", operation_id = "reportUnauthorized", tag = "credentials",
    request_body = ReportUnauthorized, params(("id" = String, Path, pattern = "^cred_[0-9a-f]{32}$"), ForUser),
    responses((status = 204)), security(("plugin_key" = [])))]
async fn report_unauthorized(
    State(app): State<Arc<App>>,
    plugin: Plugin,
    InPath((id,)): InPath<(CredentialId,)>,
    json: Json<ReportUnauthorized>,
) -> Result<StatusCode, Problem> {
    let check_limit = || app.may_refresh(&plugin.actor, &plugin.owner);
    app.vault.report_unauthorized(&plugin.actor, &plugin.owner, (id, json.body.revision), &check_limit).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Test a credential
///
/// With the call that the plugin's manifest names, or its provider's file.
#[utoipa::path(post, path = "/v1/credentials/{id}/test", operation_id = "testCredential", tag = "credentials",
    params(("id" = String, Path, pattern = "^cred_[0-9a-f]{32}$")),
    responses((status = 200, body = TestResult)), security(("session" = [])))]
async fn test(
    State(app): State<Arc<App>>,
    user: User,
    InPath((id,)): InPath<(CredentialId,)>,
) -> Result<Response, Problem> {
    app.may_call(&user.actor)?;
    let verdict = app.vault.test(&user.actor, &user.owner, id).await?;
    Ok(axum::Json(TestResult::from(verdict)).into_response())
}

/// Test what is about to be saved
///
/// Nothing is kept of it.
#[utoipa::path(post, path = "/v1/credentials/test", operation_id = "testDraft", tag = "credentials", request_body = TestCredential,
    responses((status = 200, body = TestResult), (status = 404, description = "The credential that it names is not there")),
    security(("session" = [])))]
async fn test_draft(State(app): State<Arc<App>>, user: User, json: Json<TestCredential>) -> Result<Response, Problem> {
    app.may_call(&user.actor)?;
    let TestCredential { plugin, r#type, credential, fields } = json.body;
    let (plugin, kind) = (member("plugin", &plugin)?, member("type", &r#type)?);
    let stored = credential.as_deref().map(|text| member("credential", text)).transpose()?;
    let verdict = app.vault.test_draft(&user.actor, &user.owner, (&plugin, kind), stored, fields).await?;
    Ok(axum::Json(TestResult::from(verdict)).into_response())
}
