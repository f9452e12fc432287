//! `/livez`, `/readyz` and the OpenAPI file. They need no token and reveal no details.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(live)).routes(routes!(ready)).routes(routes!(openapi))
}

/// Check that the process runs
#[utoipa::path(get, path = "/livez", operation_id = "live", tag = "health", responses((status = 204)))]
async fn live() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Check that a credential can be saved now
#[utoipa::path(get, path = "/readyz", operation_id = "ready", tag = "health", responses((status = 204)))]
async fn ready(State(app): State<Arc<App>>) -> Result<StatusCode, Problem> {
    app.vault.ready().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Get this OpenAPI description
#[utoipa::path(get, path = "/v1/openapi.json", operation_id = "openapi", tag = "health", responses((status = 200, body = Object)))]
async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], crate::openapi::text()).into_response()
}
