//! Principals and the authorization check. The vault releases plaintext only for a [`Permit`], and only
//! [`Vault::authorize`] creates one.

use std::net::IpAddr;
use std::sync::Arc;

use strongroom_crypto::TokenHash;

use crate::audit::{Action, Entry, Reason};
use crate::credential::CachedCredential;
use crate::error::Error;
use crate::id::{ApiKeyId, CredentialId, Owner, PluginName, SessionId};
use crate::manifest::Access;
use crate::request::RequestId;
use crate::vault::Vault;

/// The principal of a request, its address and its request id. Each event names an actor.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The principal.
    pub principal: Principal,
    /// The caller's address.
    pub address: Option<IpAddr>,
    /// The request's id.
    pub request_id: Option<RequestId>,
    pub(crate) cached_key: Option<CachedKey>,
}

/// A plugin key that was recognised from the cache, and the epoch of that lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CachedKey {
    pub(crate) hash: TokenHash,
    pub(crate) epoch: u64,
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

    pub(crate) fn strongroom() -> Self {
        Self::of(Principal::Strongroom)
    }

    fn of(principal: Principal) -> Self {
        Self { principal, address: None, request_id: None, cached_key: None }
    }
}

/// Authorization to read one credential once. Only [`Vault::authorize`] creates it, and [`Vault::open`] consumes it.
#[derive(Debug)]
pub struct Permit {
    pub(crate) owner: Owner,
    pub(crate) row: Arc<CachedCredential>,
    pub(crate) entry: Box<Entry>,
    pub(crate) epoch: u64,
}

impl Vault {
    /// The authorization check for reading a secret. It succeeds if all of these hold:
    ///
    /// - The plugin is registered and its row is genuine.
    /// - Its manifest has the access `read`.
    /// - The credential exists, belongs to this user and is for this plugin.
    ///
    /// It refreshes an access token that expires soon. Every refusal is an event.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the credential does not exist. The error is the same if it belongs to another user or
    /// plugin.
    ///
    /// [`Error::AccessIsInject`] if the manifest does not have the access `read`.
    pub async fn authorize(&self, actor: &Actor, owner: &Owner, id: CredentialId) -> Result<Permit, Error> {
        let entry =
            Box::new(self.entry(actor, owner.tenant, Action::CredentialOpen).with_user(&owner.user).with_target(id));
        let epoch = self.store.epoch();
        let row = match self.store.kept_credential(owner, id) {
            None => self.fetched(owner, id).await?,
            kept => kept,
        };
        let refused = match self.judge(&actor.principal, owner, row).await? {
            Ok(row) => {
                let row = self.ensure_fresh(row).await?;
                return Ok(Permit { owner: owner.clone(), row, entry, epoch });
            }
            Err(reason) => reason,
        };
        self.record(entry.denied(refused)).await?;
        Err(match refused {
            Reason::AccessIsInject => Error::AccessIsInject,
            _ => Error::NotFound { what: "credential" },
        })
    }

    async fn fetched(&self, owner: &Owner, id: CredentialId) -> Result<Option<Arc<CachedCredential>>, Error> {
        Ok(match self.store.recent_credential(owner, id).await? {
            // The cached view can miss a credential that another process has just saved.
            None => self.store.credential(owner, id).await?.map(|row| Arc::new(row.into())),
            found => found,
        })
    }

    /// Runs after the event is durable. It repeats the check with the current row if the epoch has changed since the
    /// permit was made. The epoch changes with plugins and keys, and when another process has written.
    pub(crate) async fn recheck(
        &self,
        principal: &Principal,
        owner: &Owner,
        row: Arc<CachedCredential>,
        epoch: u64,
    ) -> Result<Arc<CachedCredential>, Error> {
        if self.store.epoch() == epoch { Ok(row) } else { self.authorize_again(principal, owner, row.id).await }
    }

    async fn authorize_again(
        &self,
        principal: &Principal,
        owner: &Owner,
        id: CredentialId,
    ) -> Result<Arc<CachedCredential>, Error> {
        let row = self.store.credential(owner, id).await?.map(|row| Arc::new(row.into()));
        match self.judge(principal, owner, row).await? {
            Ok(row) => Ok(row),
            Err(Reason::AccessIsInject) => Err(Error::AccessIsInject),
            Err(_) => Err(Error::NotFound { what: "credential" }),
        }
    }

    async fn judge(
        &self,
        principal: &Principal,
        owner: &Owner,
        row: Option<Arc<CachedCredential>>,
    ) -> Result<Result<Arc<CachedCredential>, Reason>, Error> {
        let Principal::Plugin { name, .. } = principal else { return Ok(Err(Reason::NoPlugin)) };
        let Some(manifest) = self.genuine_manifest(owner.tenant, name).await? else {
            return Ok(Err(Reason::NoPlugin));
        };
        let Some(row) = row else { return Ok(Err(Reason::NotFound)) };
        Ok(if &row.plugin != name {
            Err(Reason::OtherPlugin)
        } else if manifest.access != Access::Read {
            Err(Reason::AccessIsInject)
        } else {
            Ok(row)
        })
    }
}
