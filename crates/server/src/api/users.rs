//! `/v1/users`: the host lists users who have a data key, and deletes a user with all data.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use strongroom::UserId;
use strongroom::clock::rfc3339;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Page;
use crate::app::App;
use crate::extract::{InPath, Query, after, cursor, page_size};
use crate::principal::Host;
use crate::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(delete))
}

/// A user who has, or had, credentials.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
struct UserView {
    /// User id, given by the host.
    id: String,
    /// Number of credentials.
    credentials: u64,
    created_at: String,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListUsers {
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
    /// Page size. Default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// List users
#[utoipa::path(get, path = "/v1/users", operation_id = "listUsers", tag = "users", params(ListUsers),
    responses((status = 200, body = Page<UserView>)), security(("host_key" = [])))]
async fn list(State(app): State<Arc<App>>, host: Host, Query(query): Query<ListUsers>) -> Result<Response, Problem> {
    let limit = page_size(query.limit)?;
    let after: Option<UserId> = after(query.cursor.as_deref())?;
    let found = app.vault.users(host.tenant).list(after.as_ref(), limit + 1).await?;
    let show = |user: strongroom::user::User| UserView {
        id: user.id.to_string(),
        credentials: user.credentials,
        created_at: rfc3339(user.created_at),
    };
    Ok(Page::of(found, limit, |user| cursor(&user.id), show))
}

/// Delete a user
///
/// Deletes all credentials, all sessions and the user's data key. Without the key, copies of the rows cannot be
/// decrypted.
#[utoipa::path(delete, path = "/v1/users/{user_id}", operation_id = "deleteUser", tag = "users",
    params(("user_id" = String, Path, min_length = 1, max_length = 255, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$")), responses((status = 204)), security(("host_key" = [])))]
async fn delete(
    State(app): State<Arc<App>>,
    host: Host,
    InPath((user,)): InPath<(UserId,)>,
) -> Result<StatusCode, Problem> {
    app.vault.users(host.tenant).delete(&host.actor, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}
