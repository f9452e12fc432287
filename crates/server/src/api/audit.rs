//! `/v1/audit`: the host reads the audit log of its tenant. Each read is itself an event.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use strongroom::AuditFilter;
use strongroom::audit::{Action, Event};
use strongroom::clock::rfc3339;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Page;
use crate::app::App;
use crate::extract::{Query, after, cursor, member, page_size};
use crate::principal::Host;
use crate::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// One event: actor, action, object, time, address and decision. It never contains a secret value.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
struct EventView {
    seq: u64,
    at: String,
    /// `operator`, `host`, `user`, `plugin`, `strongroom` or, for requests without a valid token, `anybody`.
    actor: String,
    /// Id of the API key or session of the request.
    actor_id: Option<String>,
    /// Object and verb.
    #[schema(example = "credential.open")]
    action: String,
    /// `allowed` or `denied`.
    decision: String,
    /// Why the action was denied.
    reason: Option<String>,
    user_id: Option<String>,
    plugin: Option<String>,
    target_id: Option<String>,
    address: Option<String>,
    request_id: Option<String>,
}

impl From<Event<'_>> for EventView {
    fn from(event: Event<'_>) -> Self {
        let text = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        Self {
            seq: event.seq,
            at: rfc3339(event.at),
            actor: event.actor.into_owned(),
            actor_id: text(event.actor_id),
            action: event.action.into_owned(),
            decision: event.decision.into_owned(),
            reason: text(event.reason),
            user_id: text(event.user),
            plugin: text(event.plugin),
            target_id: text(event.target),
            address: text(event.address),
            request_id: text(event.request_id),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListEvents {
    /// Only events about this user.
    #[param(min_length = 1, max_length = 255, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$")]
    user_id: Option<String>,
    /// Only events about this plugin.
    #[param(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    plugin: Option<String>,
    /// Only events about this object.
    target_id: Option<String>,
    #[param(schema_with = any_action)]
    action: Option<String>,
    /// Only denied actions.
    #[serde(default)]
    denied: bool,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
    /// Page size. Default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

fn any_action() -> Schema {
    let names = Action::ALL.iter().map(|action| action.as_str());
    let action = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
    Schema::Object(action.description(Some("Only this action.")).build())
}

/// List audit events, newest first
///
/// One request reads at most 100,000 events. A filtered page can therefore be short or empty and still have a
/// `next_cursor`.
#[utoipa::path(get, path = "/v1/audit", operation_id = "listEvents", tag = "audit", params(ListEvents),
    responses((status = 200, body = Page<EventView>)), security(("host_key" = [])))]
async fn list(State(app): State<Arc<App>>, host: Host, Query(query): Query<ListEvents>) -> Result<Response, Problem> {
    let limit = page_size(query.limit)?;
    let filter = AuditFilter {
        user: query.user_id.as_deref().map(|text| member("user_id", text)).transpose()?,
        plugin: query.plugin.as_deref().map(|text| member("plugin", text)).transpose()?,
        target: query.target_id,
        action: query.action.as_deref().map(|text| member("action", text)).transpose()?,
        denied_only: query.denied,
        before: after(query.cursor.as_deref())?,
        limit,
        ..AuditFilter::default()
    };
    let page = app.vault.audit(host.tenant).page(&host.actor, &filter).await?;
    let items = page.events.into_iter().map(EventView::from).collect();
    Ok(axum::Json(Page { items, next_cursor: page.next.map(|seq| cursor(&seq)) }).into_response())
}
