//! What a valid token proves: the principal, its tenant and its limits.

use std::net::IpAddr;
use strongroom_store::{Actor, CachedKey, Owner, Principal, RequestId, SessionId, TenantId};

use jiff::Timestamp;

/// The principal of a valid token, and its tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticated {
    /// The tenant.
    pub tenant: TenantId,
    /// The principal.
    pub principal: Principal,
    /// For a session: its owner.
    pub owner: Option<Owner>,
    /// For a session: the origins of the pages that may use it.
    pub origins: Vec<String>,
    /// For a console session: its console.
    pub console: Option<ConsoleSession>,
    pub(crate) cached_key: Option<CachedKey>,
}

impl Authenticated {
    /// The actor for events.
    #[must_use]
    pub fn actor(&self, address: Option<IpAddr>, request_id: Option<RequestId>) -> Actor {
        Actor { principal: self.principal.clone(), address, request_id, cached_key: self.cached_key }
    }
}

/// The limits of a console session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsoleSession {
    /// The id of the session.
    pub session: SessionId,
    /// When the session ends at the latest.
    pub expires_at: Timestamp,
    /// Until when an operator may make changes without a new sign-in.
    pub recent_until: Timestamp,
}
