//! The OpenAPI 3.1 description, generated from the code. A test compares it with `docs/openapi.json`.

use std::sync::LazyLock;

use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, RefOr, Response};

use crate::api;
use crate::problem::{FieldProblem, ProblemBody};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Strongroom",
        description = "A credential vault for plugins. docs/API.md is the guide to this description.",
        license(name = "MIT OR Apache-2.0")
    ),
    components(schemas(ProblemBody, FieldProblem))
)]
struct Description;

/// The description as JSON text. It is generated once.
pub fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let mut text = describe().to_pretty_json().unwrap_or_default();
        text.push('\n');
        text
    });
    &TEXT
}

/// Generates the description.
#[must_use]
pub fn describe() -> utoipa::openapi::OpenApi {
    let (_, routed) = api::routes().split_for_parts();
    let mut description = Description::openapi();
    description.merge(routed);
    let components = description.components.get_or_insert_default();
    for (name, prefix, whose) in [
        ("host_key", "srh_", "the application's backend"),
        ("session", "srs_", "a user, minted by the host for at most half an hour"),
        ("plugin_key", "srp_", "one plugin"),
    ] {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.bearer_format = Some(format!("{prefix}…"));
        bearer.description = Some(format!("The token of {whose}"));
        components.security_schemes.insert(name.to_owned(), SecurityScheme::Http(bearer).into());
    }
    let cookie = ApiKey::Cookie(ApiKeyValue::with_description(
        "__Host-strongroom-console",
        "A person at the console. It stands for the session of a user, or for the host key of an operator, in requests that a page of the console makes",
    ));
    components.security_schemes.insert("console".to_owned(), SecurityScheme::ApiKey(cookie).into());
    for (path, item) in &mut description.paths.paths {
        let has_path_parameter = path.contains('{');
        for (operation, statuses) in [
            (&mut item.get, &[400, 422][..]),
            (&mut item.put, &[400, 409, 412, 413, 415, 422]),
            (&mut item.post, &[400, 409, 413, 415, 422]),
            (&mut item.patch, &[400, 409, 412, 413, 415, 422, 428]),
            (&mut item.delete, &[400, 409, 412, 422, 428]),
        ] {
            if let Some(operation) = operation {
                operation.parameters.iter_mut().flatten().for_each(describe_header);
                add_problems(operation, statuses, has_path_parameter);
            }
        }
    }
    description
}

/// Adds header schemas that the handler types do not express. A header value is never `null`.
fn describe_header(parameter: &mut RefOr<Parameter>) {
    let RefOr::T(parameter) = parameter else { return };
    let any = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["*"]));
    match parameter.name.as_str() {
        "If-Match" => {
            let tag = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^\"[0-9]{1,19}\"$"));
            parameter.schema = Some(OneOfBuilder::new().item(any).item(tag).into());
        }
        "If-None-Match" => parameter.schema = Some(any.into()),
        _ => {
            if let Some(RefOr::T(Schema::Object(object))) = &mut parameter.schema
                && let SchemaType::Array(types) = &object.schema_type
                && let Some(kind) = types.iter().find(|kind| **kind != Type::Null).cloned()
            {
                object.schema_type = SchemaType::Type(kind);
            }
        }
    }
}

fn add_problems(operation: &mut Operation, statuses: &[u16], has_path_parameter: bool) {
    let secured: &[u16] = if operation.security.is_some() { &[401, 403] } else { &[] };
    let named: &[u16] = if has_path_parameter { &[404] } else { &[] };
    for status in [statuses, secured, named, &[408, 421, 429, 500, 503]].concat() {
        let phrase = axum::http::StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Problem");
        let mut response = Response::new(phrase);
        let content = Content::new(Some(RefOr::Ref(utoipa::openapi::Ref::from_schema_name("Problem"))));
        response.content.insert("application/problem+json".to_owned(), content.into());
        operation.responses.responses.entry(status.to_string()).or_insert(RefOr::T(response));
    }
}
