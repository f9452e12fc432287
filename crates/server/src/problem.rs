//! Error responses: RFC 9457 problem details with a stable `type`. Callers see only these texts and those of
//! `strongroom::Error`; causes go to the log. The text of a 5xx response does not depend on its cause.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use strongroom::Error;
use strongroom::fields::FieldError;
use strongroom::request::RequestId;
use utoipa::ToSchema;

/// An error response.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    slug: &'static str,
    detail: String,
    errors: Vec<FieldProblem>,
    retry_after: Option<u64>,
}

/// A problem with one field or member of the request.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FieldProblem {
    /// Name of the field or member.
    #[schema(example = "api_key")]
    field: String,
    /// Stable code for programs.
    #[schema(example = "required")]
    code: String,
    /// Message for people.
    #[schema(example = "must have a value")]
    message: String,
}

/// RFC 9457 problem details.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// `urn:strongroom:problem:` followed by a code from docs/API.md.
    r#type: String,
    /// Reason phrase of the HTTP status.
    title: String,
    /// HTTP status code.
    status: u16,
    /// Explanation, with the action that fixes the problem.
    detail: String,
    /// Request id, as in `X-Request-Id` and in the logs.
    instance: String,
    /// One entry for each invalid field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldProblem>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, slug: &'static str, detail: impl Into<String>) -> Self {
        Self { status, slug, detail: detail.into(), errors: Vec::new(), retry_after: None }
    }

    pub(crate) fn bad_request(slug: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, slug, detail)
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", format!("there is no such {what}"))
    }

    pub(crate) fn field(field: &str, code: &str, message: impl Into<String>) -> Self {
        let error = FieldProblem { field: field.to_owned(), code: code.to_owned(), message: message.into() };
        Self { errors: vec![error], ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-fields", INVALID) }
    }

    pub(crate) fn too_many(retry_after: u64) -> Self {
        let detail = "too many requests; wait for the seconds in Retry-After";
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited", detail) }
    }

    pub(crate) fn unavailable() -> Self {
        Self { retry_after: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", UNAVAILABLE) }
    }

    /// The caller stopped waiting for a write. The write can still happen.
    fn not_in_time() -> Self {
        Self { detail: NOT_IN_TIME.into(), ..Self::unavailable() }
    }

    pub(crate) fn internal() -> Self {
        let detail = "internal error; search the server log for this request id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// Serializes the body with the request id.
    pub(crate) fn body(&self, request_id: &RequestId) -> Vec<u8> {
        let body = ProblemBody {
            r#type: format!("urn:strongroom:problem:{}", self.slug),
            title: self.status.canonical_reason().unwrap_or("Problem").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            instance: request_id.to_string(),
            errors: self.errors.clone(),
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }

    pub(crate) fn slug(&self) -> &'static str {
        self.slug
    }
}

const INVALID: &str = "some fields are not valid; `errors` lists them";
const UNAVAILABLE: &str =
    "the vault cannot be written at the moment, so nothing was changed or released; try again shortly";

const NOT_IN_TIME: &str =
    "the write timed out: nothing was released, but the change may still take effect; read again before you repeat it";

/// Sets status and headers only. The outermost middleware writes the body, because it knows the request id.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        use StatusCode as S;
        let (status, slug) = match &error {
            Error::NotFound { what } => return Self::not_found(what),
            Error::Fields(errors) => return errors.as_slice().into(),
            Error::TooManyCalls { retry_after } => return Self::too_many(*retry_after),
            Error::NameTaken { .. } => (S::CONFLICT, "name-taken"),
            Error::Stale { .. } => (S::PRECONDITION_FAILED, "stale"),
            Error::PluginInUse { .. } => (S::CONFLICT, "plugin-in-use"),
            Error::TenantInUse { .. } | Error::TenantStays => (S::CONFLICT, "tenant-in-use"),
            Error::AppInUse { .. } => (S::CONFLICT, "oauth-app-in-use"),
            Error::Provider(_) => (S::CONFLICT, "provider-refused"),
            Error::OtherAccount => (S::CONFLICT, "other-account"),
            Error::ReauthRequired { .. } => (S::CONFLICT, "reauth-required"),
            Error::Refresh { .. } => (S::CONFLICT, "refresh-failed"),
            Error::NoPublicAddress => (S::CONFLICT, "no-public-address"),
            Error::AccessIsInject => (S::FORBIDDEN, "access-is-inject"),
            Error::Revoked => (S::UNAUTHORIZED, "unauthenticated"),
            Error::Undecryptable => (S::CONFLICT, "undecryptable"),
            Error::IdempotencyMismatch => (S::UNPROCESSABLE_ENTITY, "idempotency-mismatch"),
            Error::IdempotencyKeyUsed => (S::CONFLICT, "idempotency-spent"),
            Error::AuditUnavailable(cause) => {
                tracing::error!(
                    cause = cause.as_ref().map(tracing::field::display),
                    "an audit event was not written in time"
                );
                return if cause.is_some() { Self::unavailable() } else { Self::not_in_time() };
            }
            Error::Store(cause) => {
                tracing::error!(%cause, "the database failed");
                return Self::unavailable();
            }
        };
        Self::new(status, slug, error.to_string())
    }
}

impl From<&[FieldError]> for Problem {
    fn from(errors: &[FieldError]) -> Self {
        let errors = errors.iter().map(|error| FieldProblem {
            field: error.field.clone(),
            code: error.code.to_owned(),
            message: error.message.clone(),
        });
        Self { errors: errors.collect(), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-fields", INVALID) }
    }
}
