//! The vault and its builder. The other operations are methods of [`Vault`] in the module of their object, for example
//! `save` and `open` in `credential` and `register` in `plugin`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use quick_cache::sync::Cache;
use strongroom_crypto::{Entropy, Key, KeyTextError, Keyring, OsEntropy, Secret, TokenHash, UnlockError};
use url::Url;

use crate::clock::{Clock, SystemClock};
use crate::console::Issuer;
use crate::error::Error;
use crate::manifest::Manifest;
use crate::oauth::EgressPolicy;
use crate::oauth::refresh::RunningRefresh;
use crate::sealer::Sealer;
use crate::session::Authenticated;
use crate::tenant::DEFAULT;
use strongroom_egress::Egress;
use strongroom_oauth::{Breakers, Catalog, CatalogError, Provider};
use strongroom_store::sqlite::{Database, SqliteError};
use strongroom_store::{AppId, CredentialId, Owner, PluginName, Store, StoreError, TenantId, TenantName, UserKeyRow};

/// The vault. Its methods are all operations of Strongroom. A clone shares the state of the original.
#[derive(Clone)]
pub struct Vault {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sealer: Sealer,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) user_keys: Arc<Cache<Owner, KnownKey>>,
    pub(crate) plugin_keys: Arc<Cache<TokenHash, Authenticated>>,
    pub(crate) manifests: Arc<Cache<(TenantId, PluginName), KnownManifest>>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) egress: Arc<Egress>,
    pub(crate) public_url: Option<Url>,
    pub(crate) issuer: Option<Arc<Issuer>>,
    pub(crate) issuer_provider: Arc<tokio::sync::Mutex<Option<KnownProvider>>>,
    pub(crate) breakers: Arc<Breakers<AppId>>,
    pub(crate) closing: Arc<AtomicBool>,
    pub(crate) running_refreshes: Arc<Mutex<HashMap<CredentialId, RunningRefresh>>>,
    key_id: String,
    deadline: Duration,
}

/// The cache holds at most this many unwrapped user data keys, about 20 MB. A read of another user unwraps the key
/// again.
const MAX_CACHED_USER_KEYS: usize = 40_000;

/// A user's data key, and the row that it was unwrapped from.
type KnownKey = (Arc<Key>, Arc<UserKeyRow>);
/// The discovered console issuer, and the time until which the discovery is valid.
type KnownProvider = (Timestamp, Arc<Provider>);
/// A manifest, and the epoch in which it was read.
type KnownManifest = (u64, Arc<Manifest>);

/// Why a vault did not open. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No encryption key is set.
    #[error(
        "no encryption key is set; run `strongroom key generate` and put its output into CREDENTIAL_ENCRYPTION_KEY, or into the file named by CREDENTIAL_ENCRYPTION_KEY_FILE"
    )]
    NoKey,
    /// The text is not a valid key.
    #[error("the encryption key {0}; run `strongroom key generate` for a new one")]
    KeyText(KeyTextError),
    /// The encryption key does not unwrap the root key.
    #[error("{0}; nothing was written")]
    Unlock(UnlockError),
    /// The database file cannot be opened.
    #[error(transparent)]
    Sqlite(#[from] SqliteError),
    /// A provider's file is not valid.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The HTTP client cannot be created: the machine has no usable certificates or no TLS.
    #[error("the HTTP client cannot be created; check the certificate store of this machine")]
    Client,
    /// The database failed during opening.
    #[error("the database failed while it was opened")]
    Store(#[from] StoreError),
}

impl OpenError {
    /// Whether the operator must change the key, not the database.
    #[must_use]
    pub fn is_about_the_key(&self) -> bool {
        matches!(self, Self::NoKey | Self::KeyText(_) | Self::Unlock(_))
    }
}

/// Configures and opens a [`Vault`].
pub struct Builder {
    database: PathBuf,
    key: Option<Secret<String>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    deadline: Duration,
    memory: u64,
    catalog: Option<Catalog>,
    egress_policy: EgressPolicy,
    public_url: Option<Url>,
    issuer: Option<Issuer>,
}

impl Builder {
    /// Sets the identity provider (OpenID Connect) for sign-in at the console. Without it, only sign-in links work.
    #[must_use]
    pub fn issuer(mut self, issuer: Issuer) -> Self {
        self.issuer = Some(issuer);
        self
    }

    /// Sets the known providers. They replace the built-in catalogue.
    #[must_use]
    pub fn catalog(mut self, catalog: Catalog) -> Self {
        self.catalog = Some(catalog);
        self
    }

    /// Sets the addresses that outgoing calls may reach in addition to public https addresses.
    #[must_use]
    pub fn egress_policy(mut self, egress_policy: EgressPolicy) -> Self {
        self.egress_policy = egress_policy;
        self
    }

    /// Sets the address at which browsers reach this vault's server. Without it, no account can be connected.
    #[must_use]
    pub fn public_url(mut self, url: Url) -> Self {
        self.public_url = Some(url);
        self
    }

    /// Sets the encryption key: 32 bytes as base64 or hexadecimal text.
    #[must_use]
    pub fn key(mut self, text: Secret<String>) -> Self {
        self.key = Some(text);
        self
    }

    /// Sets the clock. Tests use it.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the source of randomness. Tests use it.
    #[must_use]
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Sets how long an event may take to become durable before the caller gets an error. The default is 2 s.
    #[must_use]
    pub fn audit_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets the size of the credential cache in bytes. The default is 32 MiB. An entry holds the sealed row and its
    /// message key, about 2 KB.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// Opens the vault, or creates one if the file is new. It writes nothing before the key has proved to be right.
    ///
    /// # Errors
    /// [`OpenError`]. Each message says what to do.
    pub async fn open(self) -> Result<Vault, OpenError> {
        let key = Key::from_text(self.key.as_ref().ok_or(OpenError::NoKey)?).map_err(OpenError::KeyText)?;
        let database = Database::open(&self.database)?;
        let keyring = match database.installation()? {
            Some(found) => {
                let keyring = Keyring::unlock(&key, &found.instance, &found.root_key).map_err(OpenError::Unlock)?;
                database.migrate()?;
                keyring
            }
            None => {
                let mut id = [0; 16];
                self.entropy.fill(&mut id);
                let instance = data_encoding::HEXLOWER.encode(&id);
                let (keyring, root_key) = Keyring::create(&key, &instance, &*self.entropy);
                database.install(&instance, &root_key, &key.id().to_string(), self.clock.now())?;
                keyring
            }
        };
        let keyring = Arc::new(keyring);
        let vault = Vault {
            store: Arc::new(database.start(keyring.clone(), self.memory)?),
            sealer: Sealer::new(keyring, self.entropy.clone()),
            clock: self.clock,
            entropy: self.entropy,
            user_keys: Arc::new(Cache::new(MAX_CACHED_USER_KEYS)),
            plugin_keys: Arc::new(Cache::new(10_000)),
            manifests: Arc::new(Cache::new(1_000)),
            catalog: Arc::new(match self.catalog {
                Some(catalog) => catalog,
                None => Catalog::built_in()?,
            }),
            egress: Arc::new(Egress::new(self.egress_policy).map_err(|_| OpenError::Client)?),
            public_url: self.public_url,
            issuer: self.issuer.map(Arc::new),
            issuer_provider: Arc::default(),
            breakers: Arc::default(),
            closing: Arc::default(),
            running_refreshes: Arc::default(),
            key_id: key.id().to_string(),
            deadline: self.deadline,
        };
        vault.ensure_default_tenant().await?;
        Ok(vault)
    }
}

impl Vault {
    /// Creates a builder for a vault on a SQLite file.
    #[must_use]
    pub fn builder(database: &Path) -> Builder {
        Builder {
            database: database.to_owned(),
            key: None,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy::default()),
            deadline: Duration::from_secs(2),
            memory: 32 << 20,
            catalog: None,
            egress_policy: EgressPolicy::default(),
            public_url: None,
            issuer: None,
        }
    }

    /// The id of the encryption key. It is not secret.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The known providers.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The address at which browsers reach this vault's server, if it is set.
    #[must_use]
    pub fn public_url(&self) -> Option<&Url> {
        self.public_url.as_ref()
    }

    /// The installation's id.
    #[must_use]
    pub fn instance(&self) -> &str {
        self.sealer.instance()
    }

    /// The clock of this vault.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The source of randomness of this vault.
    #[must_use]
    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.entropy
    }

    /// Checks that the database can be written within the deadline.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`].
    pub async fn ready(&self) -> Result<(), Error> {
        self.within_deadline(self.store.ready()).await
    }

    /// Waits for running refreshes, writes pending times of last use and stops the writer. It refuses later writes.
    pub async fn close(&self) {
        self.drain_refreshes().await;
        self.store.close().await;
    }

    /// Fails a write that does not become durable within the deadline, so that no caller hangs.
    pub(crate) async fn within_deadline<T>(
        &self,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.deadline, write).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(StoreError::Unavailable(cause))) => {
                Err(Error::AuditUnavailable(Some(StoreError::Unavailable(cause))))
            }
            Ok(Err(StoreError::Revoked)) => Err(Error::Revoked),
            Ok(Err(error)) => Err(Error::Store(error)),
            Err(_) => Err(Error::AuditUnavailable(None)),
        }
    }

    async fn ensure_default_tenant(&self) -> Result<(), StoreError> {
        if self.store.tenants().await?.iter().any(|tenant| tenant.name.as_str() == DEFAULT) {
            return Ok(());
        }
        let Ok(name) = DEFAULT.parse::<TenantName>() else { return Ok(()) };
        match self.create_tenant(&strongroom_store::Actor::operator(), name).await {
            Ok(_) | Err(Error::NameTaken { .. }) => Ok(()),
            Err(Error::Store(error) | Error::AuditUnavailable(Some(error))) => Err(error),
            Err(_) => Err(StoreError::Closed),
        }
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({})", self.instance())
    }
}
