//! The caller of a request, as the middleware found it.

use std::net::IpAddr;
use std::sync::Arc;

use strongroom::Actor;
use strongroom::request::RequestId;
use strongroom::session::Authenticated;

/// The result of the authentication layer.
#[derive(Clone)]
pub(crate) enum Authentication {
    Anonymous,
    Invalid,
    Known(Arc<Caller>),
}

/// The address and the id of a request. Requests without a token have them too.
#[derive(Clone)]
pub(crate) struct ClientInfo {
    pub(crate) address: Option<IpAddr>,
    pub(crate) request_id: RequestId,
}

/// The caller with a valid token.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) authenticated: Authenticated,
    pub(crate) actor: Actor,
    /// Whether an operator's sign-in is recent. Other callers need none.
    pub(crate) recent: bool,
}
