//! The outermost layer. Gives the request its id, which every log line and event of it carries, and finishes the response:
//! the problem's body, the page for browsers, the headers for pages of other origins, the log line and the metrics.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use strongroom::request::RequestId;

use crate::app::App;
use crate::error_page::ErrorPage;
use crate::origin::Page;
use crate::problem::Problem;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The route of a path that no route has. The path itself goes into no label and no log line: it may hold anything.
const NO_ROUTE: &str = "none";

pub(super) async fn handle(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let id = request_id(&app, request.headers());
    request.extensions_mut().insert(id.clone());
    strongroom::request::answer(id.clone(), respond(app, request, next, id)).await
}

async fn respond(app: Arc<App>, request: Request, next: Next, id: RequestId) -> Response {
    let (info, began) = (RequestInfo::of(&request), Instant::now());
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        app.metrics.refused(problem.slug());
        response.headers_mut().remove(header::CONTENT_LENGTH);
        match info.error_page {
            Some(page) => page.show(&mut response, &id),
            None => *response.body_mut() = Body::from(problem.body(&id)),
        }
    }
    if info.route().starts_with("/v1/") {
        info.page.add_cors_headers(response.headers_mut());
    }
    if let Ok(id) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    info.log(&app, response.status(), began.elapsed());
    response
}

/// The caller's id, if it is a plain one. Otherwise a new one: random bytes of this process, then a count.
fn request_id(app: &App, headers: &HeaderMap) -> RequestId {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()?.parse().ok());
    given.unwrap_or_else(|| {
        let mut id = [0; 16];
        let (process, count) = id.split_at_mut(app.process.len());
        process.copy_from_slice(&app.process);
        count.copy_from_slice(&app.requests.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        RequestId::of(id)
    })
}

/// What the response needs of a request that is gone by then.
struct RequestInfo {
    method: Method,
    matched: Option<MatchedPath>,
    page: Page,
    error_page: Option<ErrorPage>,
}

impl RequestInfo {
    fn of(request: &Request) -> Self {
        Self {
            method: request.method().clone(),
            matched: request.extensions().get().cloned(),
            page: Page::of(request.uri(), request.headers()),
            error_page: ErrorPage::of(request.uri().path(), request.headers()),
        }
    }

    fn route(&self) -> &str {
        self.matched.as_ref().map_or(NO_ROUTE, MatchedPath::as_str)
    }

    fn log(&self, app: &App, status: StatusCode, took: Duration) {
        let (method, route, milliseconds) = (&self.method, self.route(), took.as_millis());
        app.metrics.answered(method, route, status.as_u16(), took);
        if status.is_server_error() {
            tracing::error!(%method, route, status = status.as_u16(), %milliseconds, "answered");
        } else if status.is_client_error() {
            tracing::info!(%method, route, status = status.as_u16(), %milliseconds, "answered");
        } else {
            tracing::debug!(%method, route, status = status.as_u16(), %milliseconds, "answered");
        }
    }
}
