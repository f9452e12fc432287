//! What the server does for every request, whatever its route. The layers, from the outside in:
//!
//! 1. `request_id`: the id, the log line, the metrics, and the body of a problem.
//! 2. `SetResponseHeaderLayer`: default headers, unless the handler set its own.
//! 3. `authenticate`: host name, principal, rate limit.
//! 4. Timeout and panic: both become a problem like any other.

mod authenticate;
mod client_address;
mod host;
mod request_id;

use std::any::Any;
use std::sync::Arc;

use axum::error_handling::HandleErrorLayer;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::{BoxError, Router};
use tower::ServiceBuilder;
use tower::timeout::TimeoutLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::app::App;
use crate::problem::Problem;

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const CONTENT_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// Wraps the routes in the layers that every request passes.
pub(crate) fn apply(app: &Arc<App>, routes: Router) -> Router {
    let default = SetResponseHeaderLayer::if_not_present;
    let hsts = app.config.tls.is_some().then_some(HSTS);
    let layers = ServiceBuilder::new()
        .layer(from_fn_with_state(app.clone(), request_id::handle))
        .layer(default(header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .layer(default(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .layer(default(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")))
        .layer(default(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin")))
        .layer(default(header::CONTENT_SECURITY_POLICY, CONTENT_POLICY))
        .layer(SetResponseHeaderLayer::if_not_present(header::STRICT_TRANSPORT_SECURITY, hsts))
        .layer(from_fn_with_state(app.clone(), authenticate::handle))
        .layer(HandleErrorLayer::new(|_: BoxError| async { timed_out() }))
        .layer(TimeoutLayer::new(app.config.limits.request_timeout))
        .layer(CatchPanicLayer::custom(panicked));
    routes.layer(layers)
}

fn timed_out() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the request timed out; send it again")
}

/// The panic's message may contain a secret, so the log does not get it.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Problem::internal().into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use axum::routing::get;
    use strongroom::request::RequestId;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn panics_become_problems_without_the_message() {
        async fn fail() {
            tokio::task::yield_now().await;
            panic!("with a secret in it")
        }
        let routes = Router::new().route("/", get(fail)).layer(CatchPanicLayer::custom(panicked));
        let answer = routes.oneshot(Request::new(Body::empty())).await.expect("infallible");
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let problem = answer.extensions().get::<Problem>().expect("a problem").body(&RequestId::of([0; 16]));
        let problem = String::from_utf8_lossy(&problem);
        assert!(problem.contains("urn:strongroom:problem:internal") && !problem.contains("secret"), "{problem}");
    }
}
