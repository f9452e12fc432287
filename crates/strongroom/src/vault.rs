//! The vault and its builder. The verbs live beside their nouns: `save` and `open` in `credential.rs`, `register` in
//! `plugin.rs`, and so on.

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
use crate::id::{CredentialId, Owner, PluginName, TenantId, TenantName};
use crate::manifest::Manifest;
use crate::oauth::EgressPolicy;
use crate::oauth::breaker::Breakers;
use crate::oauth::egress::Egress;
use crate::oauth::refresh::RunningRefresh;
use crate::provider::{Catalog, CatalogError, Provider};
use crate::session::Authenticated;
use crate::store::sqlite::{Database, SqliteError};
use crate::store::{Store, StoreError, UserKeyRow};
use crate::tenant::DEFAULT;

/// The vault: everything that Strongroom does, as verbs. A clone is the same vault.
#[derive(Clone)]
pub struct Vault {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keyring: Arc<Keyring>,
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
    pub(crate) breakers: Arc<Breakers>,
    pub(crate) closing: Arc<AtomicBool>,
    pub(crate) running_refreshes: Arc<Mutex<HashMap<CredentialId, RunningRefresh>>>,
    key_id: String,
    deadline: Duration,
}

/// So many users' data keys are kept unwrapped at most: about 20 MB. Beyond it a read costs an unwrapping more.
const MAX_CACHED_USER_KEYS: usize = 40_000;

/// A user's data key, and the row it was unwrapped from.
type KnownKey = (Arc<Key>, Arc<UserKeyRow>);
/// A provider as it described itself, and until when that counts.
type KnownProvider = (Timestamp, Arc<Provider>);
/// A manifest, and the epoch in which it was read.
type KnownManifest = (u64, Arc<Manifest>);

/// Why a vault did not open. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No key was given.
    #[error(
        "no encryption key is set: run `strongroom key generate` and put its output into CREDENTIAL_ENCRYPTION_KEY, or into a file named by CREDENTIAL_ENCRYPTION_KEY_FILE"
    )]
    NoKey,
    /// The key's text is not a key.
    #[error("the encryption key {0}; run `strongroom key generate` for a new one")]
    KeyText(KeyTextError),
    /// The key does not open the root key.
    #[error("{0}; nothing was written")]
    Unlock(UnlockError),
    /// The database file does not open.
    #[error(transparent)]
    Sqlite(#[from] SqliteError),
    /// A provider's file cannot be used.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The client for outgoing calls cannot be made: the machine has no usable certificates, or no TLS.
    #[error("the client for outgoing calls cannot be set up; check the machine's certificate store")]
    Client,
    /// The database failed while it was opened.
    #[error("the database failed while it was opened")]
    Store(#[from] StoreError),
}

impl OpenError {
    /// Whether the operator has to change the key, rather than the database.
    #[must_use]
    pub fn is_about_the_key(&self) -> bool {
        matches!(self, Self::NoKey | Self::KeyText(_) | Self::Unlock(_))
    }
}

/// Sets up a [`Vault`].
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
    /// Where people sign in at the console, beside links.
    #[must_use]
    pub fn issuer(mut self, issuer: Issuer) -> Self {
        self.issuer = Some(issuer);
        self
    }

    /// The providers that are known, instead of those compiled in.
    #[must_use]
    pub fn catalog(mut self, catalog: Catalog) -> Self {
        self.catalog = Some(catalog);
        self
    }

    /// Where calls to providers may go beside public https addresses.
    #[must_use]
    pub fn egress_policy(mut self, egress_policy: EgressPolicy) -> Self {
        self.egress_policy = egress_policy;
        self
    }

    /// The address at which browsers reach this vault's server; without one nothing can be connected.
    #[must_use]
    pub fn public_url(mut self, url: Url) -> Self {
        self.public_url = Some(url);
        self
    }

    /// The key of the environment: 32 bytes, base64 or hexadecimal.
    #[must_use]
    pub fn key(mut self, text: Secret<String>) -> Self {
        self.key = Some(text);
        self
    }

    /// Another clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Another source of randomness, for tests.
    #[must_use]
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// How long an event may take to become durable before the caller is turned away (2 s unless told).
    #[must_use]
    pub fn audit_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How many bytes of credentials that were read lately are kept in memory at most, sealed, each with the key that opens it
    /// (32 MiB unless told). A credential takes about 2 KB.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// Opens the vault, or makes a new one where there is none. Nothing is written before the key has proved right.
    ///
    /// # Errors
    /// [`OpenError`]; each message says what to do.
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
            keyring,
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
    /// Begins to set up a vault on a SQLite file.
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

    /// The id of the key of the environment: a name, not a secret.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The providers that are known.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The address at which browsers reach this vault's server, if there is one.
    #[must_use]
    pub fn public_url(&self) -> Option<&Url> {
        self.public_url.as_ref()
    }

    /// The installation's id.
    #[must_use]
    pub fn instance(&self) -> &str {
        self.keyring.instance()
    }

    /// The clock that this vault goes by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The randomness that this vault draws from.
    #[must_use]
    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.entropy
    }

    /// Whether the database can be written right now, within the deadline.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`].
    pub async fn ready(&self) -> Result<(), Error> {
        self.within_deadline(self.store.ready()).await
    }

    /// Waits for refreshes under way, writes out what is kept for later (times of last use) and stops the writer. Later writes are refused.
    pub async fn close(&self) {
        self.drain_refreshes().await;
        self.store.close().await;
    }

    /// A write that does not become durable within the deadline is an answer, not a wait: fail closed, never hang.
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
        match self.create_tenant(&crate::access::Actor::operator(), name).await {
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
