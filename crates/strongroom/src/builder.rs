//! Configures and opens a vault.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quick_cache::sync::Cache;
use strongroom_crypto::{Entropy, Key, KeyTextError, Keyring, OsEntropy, Secret, UnlockError};
use strongroom_egress::{Egress, EgressPolicy};
use strongroom_oauth::{Breakers, Catalog, CatalogError};
use strongroom_store::sqlite::{Database, SqliteError};
use url::Url;

use crate::clock::{Clock, SystemClock};
use crate::console::Issuer;
use crate::sealer::Sealer;
use crate::vault::{Inner, MAX_CACHED_USER_KEYS, Vault};
use strongroom_store::StoreError;

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
        let inner = Inner {
            store: Arc::new(database.start(keyring.clone(), self.memory)?),
            sealer: Sealer::new(keyring, self.entropy.clone()),
            clock: self.clock,
            entropy: self.entropy,
            user_keys: Cache::new(MAX_CACHED_USER_KEYS),
            plugin_keys: Cache::new(10_000),
            manifests: Cache::new(1_000),
            catalog: match self.catalog {
                Some(catalog) => catalog,
                None => Catalog::built_in()?,
            },
            egress: Egress::new(self.egress_policy).map_err(|_| OpenError::Client)?,
            public_url: self.public_url,
            issuer: self.issuer.map(Arc::new),
            issuer_provider: tokio::sync::Mutex::default(),
            breakers: Breakers::default(),
            closing: AtomicBool::default(),
            running_refreshes: Mutex::default(),
            key_id: key.id().to_string(),
            deadline: self.deadline,
        };
        let vault = Vault { inner: Arc::new(inner) };
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
}
