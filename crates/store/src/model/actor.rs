//! The principal of a request, and the actor that each event names.

use std::net::IpAddr;

use strongroom_crypto::TokenHash;

use crate::model::{ApiKeyId, ObjectId, PluginName, RequestId, SessionId};

/// The principal of a request, its address and its request id. Each event names an actor.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The principal.
    pub principal: Principal,
    /// The caller's address.
    pub address: Option<IpAddr>,
    /// The request's id.
    pub request_id: Option<RequestId>,
    /// The plugin key, if it was recognised from the cache.
    pub cached_key: Option<CachedKey>,
}

/// A plugin key that was recognised from the cache, and the epoch of that lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachedKey {
    /// The hash of the key.
    pub hash: TokenHash,
    /// The epoch of the lookup.
    pub epoch: u64,
}

/// The four principals, anonymous requests, and Strongroom itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// Runs Strongroom.
    Operator {
        /// The console session. `None` for the command line.
        session: Option<SessionId>,
    },
    /// A request without a valid token: a browser with a start link, or a provider's callback.
    Anonymous,
    /// Strongroom itself, for refreshes and revocations that no caller started.
    Strongroom,
    /// The application's backend.
    Host {
        /// The host key of the request. `None` if the host embeds the library.
        key: Option<ApiKeyId>,
    },
    /// A person in the host's pages.
    User {
        /// The session of the request. `None` if the host embeds the library.
        session: Option<SessionId>,
    },
    /// Code that needs the credential.
    Plugin {
        /// Its registered name.
        name: PluginName,
        /// The plugin key of the request. `None` if the host embeds the library.
        key: Option<ApiKeyId>,
    },
}

impl Actor {
    /// The operator at the command line.
    #[must_use]
    pub fn operator() -> Self {
        Self::of(Principal::Operator { session: None })
    }

    /// The host that embeds the library.
    #[must_use]
    pub fn host() -> Self {
        Self::of(Principal::Host { key: None })
    }

    /// A user whom the embedding host has authenticated.
    #[must_use]
    pub fn user() -> Self {
        Self::of(Principal::User { session: None })
    }

    /// A plugin that the embedding host has authenticated.
    #[must_use]
    pub fn plugin(name: PluginName) -> Self {
        Self::of(Principal::Plugin { name, key: None })
    }

    /// A browser that is not signed in.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::of(Principal::Anonymous)
    }

    /// A browser that is not signed in, with its address and request id.
    #[must_use]
    pub fn anonymous_from(address: Option<IpAddr>, request_id: Option<RequestId>) -> Self {
        Self { address, request_id, ..Self::anonymous() }
    }

    /// Strongroom itself.
    #[must_use]
    pub fn strongroom() -> Self {
        Self::of(Principal::Strongroom)
    }

    fn of(principal: Principal) -> Self {
        Self { principal, address: None, request_id: None, cached_key: None }
    }
}

impl Principal {
    /// The stored and displayed form.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Operator { .. } => "operator",
            Self::Anonymous => "anybody",
            Self::Strongroom => "strongroom",
            Self::Host { .. } => "host",
            Self::User { .. } => "user",
            Self::Plugin { .. } => "plugin",
        }
    }

    /// The id of its key or session, if it has one.
    #[must_use]
    pub fn id(&self) -> Option<ObjectId> {
        match self {
            Self::Anonymous | Self::Strongroom => None,
            Self::Host { key } | Self::Plugin { key, .. } => key.map(ObjectId::from),
            Self::User { session } | Self::Operator { session } => session.map(ObjectId::from),
        }
    }

    /// The name of the plugin, if the principal is one.
    #[must_use]
    pub fn plugin(&self) -> Option<&PluginName> {
        match self {
            Self::Plugin { name, .. } => Some(name),
            _ => None,
        }
    }
}
