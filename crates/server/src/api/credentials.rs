//! `/v1/credentials`: a user saves, lists, changes and deletes credentials. A plugin lists its credentials and reads
//! secrets.

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

/// A credential, without its secrets.
#[derive(Serialize, ToSchema)]
#[schema(as = Credential)]
pub(super) struct CredentialView {
    #[schema(example = "cred_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f")]
    id: String,
    plugin: String,
    /// `api-key`, `oauth2` or `custom`.
    r#type: &'static str,
    name: String,
    /// Name of the provider, for a connected account.
    provider: Option<String>,
    /// Label of the account, if the provider returned one.
    account: Option<String>,
    /// `active`, `refreshing`, `degraded`, `ambiguous`, `reauth-required` or `undecryptable`.
    state: &'static str,
    /// Code for the reason of the state, if there is one.
    cause: Option<String>,
    /// Values of the fields that are not secret.
    settings: serde_json::Map<String, serde_json::Value>,
    /// Names of the secret fields that have a value.
    configured: Vec<String>,
    scopes: Vec<String>,
    expires_at: Option<String>,
    /// When the grant ends. The user must then connect again. From one week before, `cause` is `grant-ends-soon`.
    grant_expires_at: Option<String>,
    /// Rises with each change. Also the `ETag`.
    revision: u64,
    created_at: String,
    updated_at: String,
    /// When a plugin last read the credential. Can be minutes late under load.
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

/// A credential to save.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SaveCredential {
    /// Name of a registered plugin.
    #[schema(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    plugin: String,
    /// `api-key`, `oauth2` or `custom`. The plugin's manifest must accept the type.
    #[schema(pattern = "^(api-key|oauth2|custom)$")]
    r#type: String,
    /// Name of the credential. Unique among the user's credentials for this plugin.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f\\s]([^\\u0000-\\u001f\\u007f-\\u009f]{0,98}[^\\u0000-\\u001f\\u007f-\\u009f\\s])?$"
    )]
    name: String,
    /// Values by field name, as the plugin's schema defines them.
    #[schema(value_type = std::collections::BTreeMap<String, FieldInput>)]
    fields: Fields,
}

/// A change. Absent members stay unchanged.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateCredential {
    /// New name.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f\\s]([^\\u0000-\\u001f\\u007f-\\u009f]{0,98}[^\\u0000-\\u001f\\u007f-\\u009f\\s])?$",
        nullable = false
    )]
    #[serde(default, deserialize_with = "given")]
    name: Option<String>,
    /// New values. An absent field keeps its value; `null` clears it.
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeMap<String, FieldInput>, required = false)]
    fields: Fields,
}

/// A draft to test before it is saved.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TestCredential {
    /// Name of a registered plugin.
    #[schema(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    plugin: String,
    /// `api-key`, `oauth2` or `custom`. The plugin's manifest must accept the type.
    #[schema(pattern = "^(api-key|oauth2|custom)$")]
    r#type: String,
    /// Id of the stored credential that is being changed. Its values replace absent fields.
    #[serde(default)]
    #[schema(pattern = "^cred_[0-9a-f]{32}$")]
    credential: Option<String>,
    /// Values by field name, as the plugin's schema defines them.
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeMap<String, FieldInput>, required = false)]
    fields: Fields,
}

/// Result of a test.
#[derive(Serialize, ToSchema)]
struct TestResult {
    /// `accepted`, `rejected` or `unverified`. `unverified` means that the test gave no result.
    status: &'static str,
    /// Reason code, such as `http-401`, `no-test` or `unreachable`.
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

/// Deserializes a member that may be absent but not `null`, because `null` means "clear" in `fields`.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// A string, a number, a boolean or a list of strings.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "a description of what strongroom::Fields reads, never a value")]
pub(crate) enum FieldValue {
    Text(String),
    Number(f64),
    Flag(bool),
    List(Vec<String>),
}

/// A value, or `null` to clear the field.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "a description of what strongroom::Fields reads, never a value")]
pub(crate) enum FieldInput {
    Value(FieldValue),
    None,
}

/// The secrets of a credential, for its plugin.
/// `open` writes this body by hand, because serialization would copy secrets into strings that are not wiped.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(crate) struct OpenedCredential {
    id: String,
    r#type: String,
    revision: u64,
    expires_at: Option<String>,
    /// All fields, including the secret ones.
    fields: std::collections::BTreeMap<String, FieldValue>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListCredentials {
    /// Only credentials for this plugin.
    #[param(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    plugin: Option<String>,
    /// Only credentials of this type.
    #[param(pattern = "^(api-key|oauth2|custom)$")]
    r#type: Option<String>,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
    /// Page size. Default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// User id. Required with a plugin key, ignored with a session.
    #[serde(rename = "user_id")]
    #[param(min_length = 1, max_length = 255, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$")]
    _user_id: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OfUser {
    /// User id. Required with a plugin key, ignored with a session.
    #[serde(rename = "user_id")]
    #[param(min_length = 1, max_length = 255, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$")]
    _user_id: Option<String>,
}

/// Query parameter that [`Plugin`] reads.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description, never a value")]
struct ForUser {
    /// User for whom the plugin acts.
    #[param(min_length = 1, max_length = 255, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$")]
    user_id: String,
}

/// List credentials
///
/// With a session, lists the user's own credentials. With a plugin key, lists the credentials of the named user for
/// this plugin.
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
    let page = app.vault.credentials(&reader.owner).list(&reader.actor, filter).await?;
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
    let saved = app.vault.credentials(&user.owner).create(&user.actor, draft, json.idempotency.as_ref()).await?;
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
    let credential = app.vault.credentials(&reader.owner).get(&reader.actor, id).await?;
    Ok(tagged(credential.revision, axum::Json(CredentialView::from(credential)).into_response()))
}

/// Change a credential
///
/// An absent field keeps its value; `null` clears it. `If-Match` is required, so concurrent changes do not overwrite
/// each other.
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
    let changed = app.vault.credentials(&user.owner).update(&user.actor, id, precondition.required()?, change).await?;
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
    app.vault.credentials(&user.owner).delete(&user.actor, id, precondition.required()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Read the secrets of a credential
///
/// Only the credential's plugin can read it, for the user who owns it. The audit event is durable before the response
/// is sent.
#[utoipa::path(get, path = "/v1/credentials/{id}/secret", operation_id = "openCredential", tag = "credentials",
    params(("id" = String, Path, pattern = "^cred_[0-9a-f]{32}$"), ForUser),
    responses((status = 200, body = OpenedCredential)), security(("plugin_key" = [])))]
async fn open(
    State(app): State<Arc<App>>,
    plugin: Plugin,
    InPath((id,)): InPath<(CredentialId,)>,
) -> Result<Response, Problem> {
    let permit = app.vault.credentials(&plugin.owner).authorize(&plugin.actor, id).await?;
    let opened = app.vault.open(permit).await?;
    let fields = opened.json().expose();
    // Allocate the full size: growth would keep a copy of the secret that is not wiped.
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

/// Report that a call with the token got a 401 response.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReportUnauthorized {
    /// Revision of the credential from which the token was read.
    #[schema(minimum = 1)]
    revision: u64,
}

/// Refresh a connected account
///
/// Refreshes the tokens now, even if they are not due. Strongroom also refreshes due tokens automatically.
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
    let credential = app.vault.credentials(&reader.owner).refresh(&reader.actor, id, &check_limit).await?;
    Ok(tagged(credential.revision, axum::Json(CredentialView::from(credential)).into_response()))
}

/// Report a 401 response
///
/// If the reported revision is still current, the token is refreshed. Concurrent reports cause one refresh.
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
    app.vault
        .credentials(&plugin.owner)
        .report_unauthorized(&plugin.actor, (id, json.body.revision), &check_limit)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Test a credential
///
/// Makes the test call that the plugin's manifest or the provider's file defines.
#[utoipa::path(post, path = "/v1/credentials/{id}/test", operation_id = "testCredential", tag = "credentials",
    params(("id" = String, Path, pattern = "^cred_[0-9a-f]{32}$")),
    responses((status = 200, body = TestResult)), security(("session" = [])))]
async fn test(
    State(app): State<Arc<App>>,
    user: User,
    InPath((id,)): InPath<(CredentialId,)>,
) -> Result<Response, Problem> {
    app.may_call(&user.actor)?;
    let verdict = app.vault.credentials(&user.owner).test(&user.actor, id).await?;
    Ok(axum::Json(TestResult::from(verdict)).into_response())
}

/// Test a draft
///
/// Makes the test call with values that are not stored.
#[utoipa::path(post, path = "/v1/credentials/test", operation_id = "testDraft", tag = "credentials", request_body = TestCredential,
    responses((status = 200, body = TestResult), (status = 404, description = "The credential that it names is not there")),
    security(("session" = [])))]
async fn test_draft(State(app): State<Arc<App>>, user: User, json: Json<TestCredential>) -> Result<Response, Problem> {
    app.may_call(&user.actor)?;
    let TestCredential { plugin, r#type, credential, fields } = json.body;
    let (plugin, kind) = (member("plugin", &plugin)?, member("type", &r#type)?);
    let stored = credential.as_deref().map(|text| member("credential", text)).transpose()?;
    let verdict = app.vault.credentials(&user.owner).test_draft(&user.actor, (&plugin, kind), stored, fields).await?;
    Ok(axum::Json(TestResult::from(verdict)).into_response())
}
