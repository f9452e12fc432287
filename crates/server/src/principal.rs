//! Extractors of the principal. Only a host can reach a handler that takes a `Host`. A request without a valid token gets
//! 401. A valid token of the wrong kind gets 403, and the answer names the kind that is needed.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use serde::Deserialize;
use strongroom::console::ConsoleSession;
use strongroom::session::Authenticated;
use strongroom::{Actor, Owner, Principal, TenantId, UserId};

use crate::caller::{Authentication, Caller, ClientInfo};
use crate::extract::{Query, member};
use crate::problem::Problem;

/// A user or an operator with a console session.
pub(crate) struct ConsolePrincipal {
    pub(crate) authenticated: Authenticated,
    pub(crate) console: ConsoleSession,
    pub(crate) actor: Actor,
}

/// The application's backend, or an operator at the console.
pub(crate) struct Host {
    pub(crate) tenant: TenantId,
    pub(crate) actor: Actor,
}

/// A user.
pub(crate) struct User {
    pub(crate) owner: Owner,
    pub(crate) actor: Actor,
}

/// A plugin that asks for one user's credentials.
pub(crate) struct Plugin {
    pub(crate) owner: Owner,
    pub(crate) actor: Actor,
}

/// A user, or a plugin that asks for one user's credentials.
pub(crate) struct Reader {
    pub(crate) owner: Owner,
    pub(crate) actor: Actor,
}

/// A caller with any valid token.
pub(crate) struct AnyPrincipal {
    pub(crate) tenant: TenantId,
}

/// The user whose credentials a plugin asks for. A credential's id alone is not enough.
#[derive(Deserialize)]
struct OnBehalfOf {
    user_id: Option<String>,
}

/// The same, where the route takes no other parameter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnlyOnBehalfOf {
    user_id: Option<String>,
}

fn caller(parts: &Parts) -> Result<&Caller, Problem> {
    let detail = match parts.extensions.get() {
        Some(Authentication::Known(caller)) => return Ok(caller),
        Some(Authentication::Invalid) => "the bearer token is unknown, expired or revoked",
        Some(Authentication::Anonymous) | None => "send a bearer token: Authorization: Bearer sr…",
    };
    Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail))
}

fn wrong_kind(needed: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "wrong-principal", format!("this request requires {needed}"))
}

impl Caller {
    fn owner_named(&self, user_id: Option<&str>) -> Result<Owner, Problem> {
        let missing = || Problem::bad_request("user-missing", "the user is missing; add the query parameter user_id");
        let user = user_id.ok_or_else(missing)?;
        Ok(Owner { tenant: self.authenticated.tenant, user: member("user_id", user)? })
    }
}

/// A caller that counts as anonymous, even with a token. These routes do nothing on behalf of a token.
pub(crate) struct Unauthenticated {
    pub(crate) actor: Actor,
}

impl<S: Sync> FromRequestParts<S> for Unauthenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let client = parts.extensions.get::<ClientInfo>().cloned();
        let actor = client.map_or_else(Actor::anonymous, |ClientInfo { address, request_id }| {
            Actor::anonymous_from(address, Some(request_id))
        });
        Ok(Self { actor })
    }
}

impl<S: Sync> FromRequestParts<S> for Host {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = caller(parts)?;
        match caller.authenticated.principal {
            Principal::Operator { .. } if !caller.recent && !matches!(parts.method, Method::GET | Method::HEAD) => {
                let detail = "this request requires a recent sign-in; run `strongroom console link` and sign in again";
                Err(Problem::new(StatusCode::FORBIDDEN, "sign-in-again", detail))
            }
            Principal::Host { .. } | Principal::Operator { .. } => {
                Ok(Self { tenant: caller.authenticated.tenant, actor: caller.actor.clone() })
            }
            _ => Err(wrong_kind("a host key (srh_…)")),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for ConsolePrincipal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = caller(parts)?;
        let console = caller.authenticated.console.ok_or_else(|| wrong_kind("a console session"))?;
        Ok(Self { authenticated: caller.authenticated.clone(), console, actor: caller.actor.clone() })
    }
}

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = caller(parts)?;
        match &caller.authenticated.owner {
            Some(owner) => Ok(Self { owner: owner.clone(), actor: caller.actor.clone() }),
            None => Err(wrong_kind("a user's session (srs_…)")),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Plugin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = caller(parts)?;
        match &caller.authenticated.principal {
            Principal::Plugin { .. } => {
                let Query(OnlyOnBehalfOf { user_id }) = Query::read(parts)?;
                Ok(Self { owner: caller.owner_named(user_id.as_deref())?, actor: caller.actor.clone() })
            }
            _ => Err(wrong_kind("a plugin key (srp_…)")),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = caller(parts)?;
        match (&caller.authenticated.principal, &caller.authenticated.owner) {
            (_, Some(owner)) => {
                let Query(OnBehalfOf { user_id }) = Query::read(parts)?;
                user_id.map(|text| member::<UserId>("user_id", &text)).transpose()?;
                Ok(Self { owner: owner.clone(), actor: caller.actor.clone() })
            }
            (Principal::Plugin { .. }, None) => {
                let Query(OnBehalfOf { user_id }) = Query::read(parts)?;
                Ok(Self { owner: caller.owner_named(user_id.as_deref())?, actor: caller.actor.clone() })
            }
            _ => Err(wrong_kind("a user's session (srs_…) or a plugin key (srp_…)")),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for AnyPrincipal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self { tenant: caller(parts)?.authenticated.tenant })
    }
}
