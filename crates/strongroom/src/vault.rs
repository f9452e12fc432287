//! The vault: its state. The operations are methods of [`Vault`] in the module of their object, for example
//! `save` and `open` in `credential` and `register` in `plugin`.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use quick_cache::sync::Cache;
use strongroom_crypto::{Entropy, Key, TokenHash};
use url::Url;

use crate::authenticated::Authenticated;
use crate::clock::Clock;
use crate::console::Issuer;
use crate::error::Error;
use crate::manifest::Manifest;
use crate::sealer::Sealer;
use strongroom_egress::Egress;
use strongroom_oauth::{Breakers, Catalog, Provider};
use strongroom_store::{AppId, CredentialId, Owner, PluginName, Store, StoreError, TenantId, UserKeyRow};

/// The vault. Its methods are all operations of Strongroom. A clone shares the state of the original.
#[derive(Clone)]
pub struct Vault {
    pub(crate) inner: Arc<Inner>,
}

/// The state that all clones share.
pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sealer: Sealer,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) user_keys: Cache<Owner, KnownKey>,
    pub(crate) plugin_keys: Cache<TokenHash, Authenticated>,
    pub(crate) manifests: Cache<(TenantId, PluginName), KnownManifest>,
    pub(crate) catalog: Catalog,
    pub(crate) egress: Egress,
    pub(crate) public_url: Option<Url>,
    pub(crate) issuer: Option<Arc<Issuer>>,
    pub(crate) issuer_provider: tokio::sync::Mutex<Option<KnownProvider>>,
    pub(crate) breakers: Breakers<AppId>,
    pub(crate) closing: AtomicBool,
    pub(crate) running_refreshes: Mutex<HashMap<CredentialId, RunningRefresh>>,
    pub(crate) key_id: String,
    pub(crate) deadline: Duration,
}

/// The cache holds at most this many unwrapped user data keys, about 20 MB. A read of another user unwraps the key
/// again.
pub(crate) const MAX_CACHED_USER_KEYS: usize = 40_000;

/// A refresh that runs in this process. It receives `true` when the refresh ends.
pub(crate) type RunningRefresh = tokio::sync::watch::Receiver<bool>;

/// A user's data key, and the row that it was unwrapped from.
type KnownKey = (Arc<Key>, Arc<UserKeyRow>);
/// The discovered console issuer, and the time until which the discovery is valid.
type KnownProvider = (Timestamp, Arc<Provider>);
/// A manifest, and the epoch in which it was read.
type KnownManifest = (u64, Arc<Manifest>);

impl Vault {
    /// The id of the encryption key. It is not secret.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.inner.key_id
    }

    /// The known providers.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.inner.catalog
    }

    /// The address at which browsers reach this vault's server, if it is set.
    #[must_use]
    pub fn public_url(&self) -> Option<&Url> {
        self.inner.public_url.as_ref()
    }

    /// The installation's id.
    #[must_use]
    pub fn instance(&self) -> &str {
        self.inner.sealer.instance()
    }

    /// The clock of this vault.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// The source of randomness of this vault.
    #[must_use]
    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.inner.entropy
    }

    /// Checks that the database can be written within the deadline.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`].
    pub async fn ready(&self) -> Result<(), Error> {
        self.within_deadline(self.inner.store.ready()).await
    }

    /// Waits for running refreshes, writes pending times of last use and stops the writer. It refuses later writes.
    pub async fn close(&self) {
        self.drain_refreshes().await;
        self.inner.store.close().await;
    }

    /// Fails a write that does not become durable within the deadline, so that no caller hangs.
    pub(crate) async fn within_deadline<T>(
        &self,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.inner.deadline, write).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(StoreError::Unavailable(cause))) => {
                Err(Error::AuditUnavailable(Some(StoreError::Unavailable(cause))))
            }
            Ok(Err(StoreError::Revoked)) => Err(Error::Revoked),
            Ok(Err(error)) => Err(Error::Store(error)),
            Err(_) => Err(Error::AuditUnavailable(None)),
        }
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({})", self.instance())
    }
}
