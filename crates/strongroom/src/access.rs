//! Who asks, and what the authorization check hands out. A [`Permit`] is the only thing that plaintext is released
//! against, and [`Vault::authorize`] is the only place that makes one.

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

/// Who asks, from where, and in which request. Goes into every event.
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

/// A plugin key that was recognised without asking the database, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CachedKey {
    pub(crate) hash: TokenHash,
    pub(crate) epoch: u64,
}

/// The four principals, and Strongroom itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// Runs Strongroom.
    Operator {
        /// The session at the console; none at the command line.
        session: Option<SessionId>,
    },
    /// Nobody known: a browser with a start link or a provider's answer.
    Anonymous,
    /// Strongroom itself: refreshing and revoking, when nobody asks.
    Strongroom,
    /// The application's backend.
    Host {
        /// The host key it carried; none when the host embeds the library.
        key: Option<ApiKeyId>,
    },
    /// A person in the host's pages.
    User {
        /// The session carried; none when the host embeds the library.
        session: Option<SessionId>,
    },
    /// Code that needs the credential.
    Plugin {
        /// Its registered name.
        name: PluginName,
        /// The plugin key it carried; none when the host embeds the library.
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

    /// A user, vouched for by the host that embeds the library.
    #[must_use]
    pub fn user() -> Self {
        Self::of(Principal::User { session: None })
    }

    /// A plugin, vouched for by the host that embeds the library.
    #[must_use]
    pub fn plugin(name: PluginName) -> Self {
        Self::of(Principal::Plugin { name, key: None })
    }

    /// A browser that is not signed in.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::of(Principal::Anonymous)
    }

    /// The same, from where and in which request.
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

/// Proof that this plugin may read this credential of this user, now. It is spent by [`Vault::open`].
#[derive(Debug)]
pub struct Permit {
    pub(crate) owner: Owner,
    pub(crate) row: Arc<CachedCredential>,
    pub(crate) entry: Box<Entry>,
    pub(crate) epoch: u64,
}

impl Vault {
    /// The authorization check for reading a secret: the plugin is registered and genuine, its manifest says `read`,
    /// and the credential exists, is this user's, and was given to this plugin. Every refusal is an event.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a stranger's credential and for one that does not exist, alike;
    /// [`Error::AccessIsInject`] if the manifest does not ask for reading.
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
            // Another process may have saved it a moment ago.
            None => self.store.credential(owner, id).await?.map(|row| Arc::new(row.into())),
            found => found,
        })
    }

    /// After the event is durable: if plugins or keys have moved since the grant was made, or another process has written,
    /// it is judged once more, by the row as it is now.
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
