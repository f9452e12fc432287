//! Strict request parsing. Bodies are read into memory that is wiped. JSON must not have duplicate keys or unknown
//! members, and queries no unknown parameters. Error messages never repeat a value from the request.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::Response;
use data_encoding::BASE64URL_NOPAD;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use strongroom::id::NameError;
use strongroom::{IdempotencyKey, Principal, Secret};

use crate::app::App;
use crate::caller::Authentication;
use crate::problem::Problem;

/// A JSON body and its idempotency key.
pub(crate) struct Json<T> {
    pub(crate) body: T,
    pub(crate) idempotency: Option<IdempotencyKey>,
}

impl<T> Json<T> {
    /// Returns the body of a request that does not support idempotency. Rejects an idempotency key, because the caller
    /// would rely on it.
    pub(crate) fn each_time(self) -> Result<T, Problem> {
        if self.idempotency.is_some() {
            let detail = "this request does not support Idempotency-Key; omit it, and check the result before you repeat the request";
            return Err(Problem::bad_request("idempotency-unsupported", detail));
        }
        Ok(self.body)
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let json = |value: &str| {
            value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
        };
        if !parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(json) {
            let detail = "send a JSON body with Content-Type: application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", detail));
        }
        let bytes = collect(body, app.config.limits.body_bytes).await?;
        let body = strongroom::json::from_slice(bytes.expose()).map_err(|error| unreadable(&error))?;
        Ok(Self { body, idempotency: idempotency_key(&parts, bytes)? })
    }
}

async fn collect(body: axum::body::Body, most: usize) -> Result<Secret<Vec<u8>>, Problem> {
    let mut bytes = Secret::new(Vec::with_capacity(most.min(16 * 1024)));
    let mut body = body;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::bad_request("incomplete", "the body is incomplete; send it again"))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.expose().len() + data.len() > most {
            let detail = format!("the body is longer than {most} bytes");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail));
        }
        if bytes.expose().len() + data.len() > bytes.expose().capacity() {
            // Allocate a new buffer: growth in place would keep a copy that is not wiped.
            let mut larger = Vec::with_capacity(most);
            larger.extend_from_slice(bytes.expose());
            bytes = Secret::new(larger);
        }
        bytes.expose_mut().extend_from_slice(&data);
    }
    Ok(bytes)
}

/// The message of serde may quote the body. Only member names are passed on.
fn unreadable(error: &serde_json::Error) -> Problem {
    let place = format!("at line {}, column {}", error.line(), error.column());
    if !error.is_data() {
        return Problem::bad_request("invalid-json", format!("the body is not valid JSON {place}"));
    }
    let text = error.to_string();
    if text.contains("same key twice") {
        return Problem::bad_request("invalid-json", format!("an object in the body has the same key twice, {place}"));
    }
    let member = || text.split('`').nth(1).filter(|name| name.len() <= 64).unwrap_or("?").to_owned();
    if text.starts_with("missing field") {
        return Problem::field(&member(), "required", "must be given");
    }
    if text.starts_with("unknown field") {
        return Problem::field(&member(), "unknown", "is not a member of this request");
    }
    Problem::field("body", "type", format!("a member has the wrong type or a value that is not allowed, {place}"))
}

fn idempotency_key(parts: &Parts, request: Secret<Vec<u8>>) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(value) = single(&parts.headers, &HeaderName::from_static("idempotency-key"))? else { return Ok(None) };
    let key = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    if !(1..=255).contains(&key.len()) || !key.bytes().all(|b| (0x21..=0x7e).contains(&b) && b != b'"' && b != b'\\') {
        let detail =
            "Idempotency-Key must have 1 to 255 visible ASCII characters, with no quotes inside and no backslashes";
        return Err(Problem::bad_request("idempotency-invalid", detail));
    }
    let who = match parts.extensions.get::<Authentication>() {
        Some(Authentication::Known(caller)) => match &caller.authenticated.principal {
            Principal::User { .. } => caller.authenticated.owner.as_ref().map(|owner| format!("user {}", owner.user)),
            Principal::Host { .. } => Some("host".to_owned()),
            Principal::Plugin { name, .. } => Some(format!("plugin {name}")),
            Principal::Operator { .. } => Some("operator".to_owned()),
            Principal::Anonymous | Principal::Strongroom => None,
        },
        _ => None,
    };
    let scope = who.map(|who| format!("{} {} {who}", parts.method, parts.uri.path()));
    Ok(scope.map(|scope| IdempotencyKey { scope, key: key.to_owned(), request }))
}

/// A query without unknown parameters.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> Query<T> {
    pub(crate) fn read(parts: &Parts) -> Result<Self, Problem> {
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        read.map(|axum::extract::Query(query)| Self(query)).map_err(|_| invalid_query())
    }
}

fn invalid_query() -> Problem {
    let detail = "a query parameter is unknown, given twice, or has a value that is not allowed";
    Problem::bad_request("invalid-query", detail)
}

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(parts)
    }
}

/// A path segment, parsed as an id or a name. An invalid one gives 404.
pub(crate) struct InPath<T>(pub(crate) T);

impl<T: PathPart, S: Send + Sync> FromRequestParts<S> for InPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = RawPathParams::from_request_parts(parts, state).await.map_err(|_| Problem::not_found("object"))?;
        T::parse(&mut read.iter().map(|(_, part)| part)).map(Self).ok_or_else(|| Problem::not_found("object"))
    }
}

/// One or two segments of a path.
pub(crate) trait PathPart: Sized {
    fn parse<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<Self>;
}

impl<A: FromStr<Err = NameError>> PathPart for (A,) {
    fn parse<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        Some((parts.next()?.parse().ok()?,))
    }
}

impl<A: FromStr<Err = NameError>, B: FromStr<Err = NameError>> PathPart for (A, B) {
    fn parse<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }
}

/// `If-Match` or `If-None-Match` (RFC 9110 13.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precondition {
    None,
    IfMatchAny,
    IfMatch(u64),
    IfNoneMatchAny,
}

impl<S: Sync> FromRequestParts<S> for Precondition {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let stale = || {
            Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "stale",
                "If-Match does not name the current version; read it again",
            )
        };
        match (single(&parts.headers, &header::IF_MATCH)?, single(&parts.headers, &header::IF_NONE_MATCH)?) {
            (None, None) => Ok(Self::None),
            (Some("*"), None) => Ok(Self::IfMatchAny),
            (None, Some("*")) => Ok(Self::IfNoneMatchAny),
            // An ETag in another format cannot match the current revision.
            (Some(tag), None) => revision(tag).map(Self::IfMatch).ok_or_else(stale),
            _ => Err(Problem::bad_request(
                "invalid-precondition",
                "send If-Match with the ETag that you read, or If-None-Match: *",
            )),
        }
    }
}

impl Precondition {
    /// For requests that need `If-Match`: the expected revision, or `None` for `*`.
    pub(crate) fn required(self) -> Result<Option<u64>, Problem> {
        match self {
            Self::IfMatch(revision) => Ok(Some(revision)),
            Self::IfMatchAny => Ok(None),
            Self::None | Self::IfNoneMatchAny => {
                let detail = "send If-Match with the ETag of the version that you read";
                Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, "precondition-required", detail))
            }
        }
    }
}

fn revision(tag: &str) -> Option<u64> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    // `parse` alone accepts `+1`.
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let bad = || Problem::bad_request("invalid-header", format!("{name} must be given once, in plain ASCII"));
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(|text| Some(text.trim())).map_err(|_| bad()),
        _ => Err(bad()),
    }
}

/// Adds the revision as `ETag`.
pub(crate) fn tagged(revision: u64, mut response: Response) -> Response {
    if let Ok(tag) = format!("\"{revision}\"").try_into() {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Validates the page size. The default is 50.
pub(crate) fn page_size(asked: Option<u32>) -> Result<u32, Problem> {
    match asked.unwrap_or(50) {
        limit @ 1..=200 => Ok(limit),
        _ => Err(Problem::bad_request("invalid-query", "limit must be 1 to 200")),
    }
}

/// Encodes the start of the next page. It is opaque to callers, so its content can change.
pub(crate) fn cursor(last: &impl ToString) -> String {
    BASE64URL_NOPAD.encode(last.to_string().as_bytes())
}

/// Decodes a cursor.
pub(crate) fn after<T: FromStr>(cursor: Option<&str>) -> Result<Option<T>, Problem> {
    let read = |cursor: &str| {
        let text = String::from_utf8(BASE64URL_NOPAD.decode(cursor.as_bytes()).ok()?).ok()?;
        text.parse().ok()
    };
    let invalid = || Problem::bad_request("invalid-cursor", "the cursor is not valid; start from the first page");
    cursor.map(|cursor| read(cursor).ok_or_else(invalid)).transpose()
}

/// Parses a member of the body as a name or an id.
pub(crate) fn member<T: FromStr<Err = NameError>>(name: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: NameError| Problem::field(name, "invalid", error.to_string()))
}
