//! The routes, one file for each resource. A handler parses the request, calls one method of the vault and converts the
//! result.

mod audit;
mod connections;
mod console;
mod credentials;
mod health;
mod keys;
mod oauth_apps;
mod plugins;
mod sessions;
mod users;

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::cookie::Cookie;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::cookie::with_cookies;

/// All routes. Each route has a description, because both come from the same declaration.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .merge(credentials::routes())
        .merge(connections::routes())
        .merge(console::routes())
        .merge(oauth_apps::routes())
        .merge(plugins::routes())
        .merge(keys::routes())
        .merge(sessions::routes())
        .merge(users::routes())
        .merge(audit::routes())
        .merge(health::routes())
}

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<T: ToSchema> {
    /// The items on this page.
    items: Vec<T>,
    /// Cursor of the next page, to send as `cursor`. `null` on the last page.
    next_cursor: Option<String>,
}

impl<T: Serialize + ToSchema> Page<T> {
    /// Builds a page from up to `limit + 1` rows. The extra row shows that another page follows.
    fn of<Row>(mut rows: Vec<Row>, limit: u32, cursor: impl Fn(&Row) -> String, show: impl Fn(Row) -> T) -> Response {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(cursor);
        axum::Json(Self { items: rows.into_iter().map(show).collect(), next_cursor }).into_response()
    }
}

/// 303, not 307: with 307 the browser would send a form again (RFC 9700 4.12).
fn redirect(to: &str, cookies: &[Cookie<'_>]) -> Response {
    let mut response = with_cookies(StatusCode::SEE_OTHER, cookies);
    response.headers_mut().extend(HeaderValue::try_from(to).map(|to| (header::LOCATION, to)));
    response
}
