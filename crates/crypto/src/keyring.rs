//! The root key and what is derived from it. The key of the environment wraps the root; the root never seals a
//! message itself: HKDF gives it one key for wrapping, one for row MACs and one for the audit chain.

use aws_lc_rs::hmac;

use crate::context::{Context, Kind, put};
use crate::entropy::Entropy;
use crate::hkdf::Extracted;
use crate::key::{Key, KeyId};
use crate::record::{OpenError, Sealed};
use crate::secret::Secret;

/// The unlocked keys of one installation.
#[derive(Debug)]
pub struct Keyring {
    instance: String,
    wrap: Key,
    row: hmac::Key,
    audit: hmac::Key,
}

/// Why the root key did not open.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnlockError {
    /// The data was sealed under another key of the environment.
    #[error("the data is sealed under key {needed}, but the key given is {given}")]
    OtherKey {
        /// The key that the wrapped root key names.
        needed: KeyId,
        /// The key that was handed in.
        given: KeyId,
    },
    /// The right key, but the wrapped root key is damaged or belongs to another installation.
    #[error(
        "the root key does not open under key {given}: the stored copy is damaged or comes from another installation"
    )]
    Damaged {
        /// The key that was handed in.
        given: KeyId,
    },
}

impl Keyring {
    /// Makes a new root key for a new installation and wraps it. Call this only where nothing is sealed yet.
    #[must_use]
    pub fn create(environment: &Key, instance: &str, entropy: &dyn Entropy) -> (Self, Sealed) {
        let root = Key::generate(entropy);
        let mut plaintext = Secret::new(root.id.0.to_vec());
        plaintext.expose_mut().extend_from_slice(root.bytes.expose());
        let wrapped = environment.seal(entropy, Kind::RootKey, &root_context(instance), plaintext.expose());
        (Self::derive(&root, instance), wrapped)
    }

    /// Opens the wrapped root key. This is the sentinel: a wrong key of the environment fails here, at start.
    ///
    /// # Errors
    /// [`UnlockError`] names the key that is needed and the one that was given.
    pub fn unlock(environment: &Key, instance: &str, wrapped: &Sealed) -> Result<Self, UnlockError> {
        let given = environment.id();
        let plaintext = environment.open(Kind::RootKey, &root_context(instance), wrapped).map_err(|error| {
            match (error, wrapped.key_id()) {
                (OpenError::OtherKey, Some(needed)) => UnlockError::OtherKey { needed, given },
                _ => UnlockError::Damaged { given },
            }
        })?;
        let root = key_from(&plaintext, 1).ok_or(UnlockError::Damaged { given })?;
        Ok(Self::derive(&root, instance))
    }

    /// The installation's id, part of every context.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Makes a data key for one user of one tenant, and its wrapped form to store.
    #[must_use]
    pub fn create_user_key(&self, tenant: &str, user: &str, entropy: &dyn Entropy) -> (Key, Sealed) {
        let key = Key::generate(entropy);
        let mut plaintext = Secret::new(key.id.0.to_vec());
        plaintext.expose_mut().extend_from_slice(key.bytes.expose());
        let context = self.user_context(tenant, user);
        let wrapped = self.wrap.seal(entropy, Kind::UserKey, &context, plaintext.expose());
        (key, wrapped)
    }

    /// Unwraps a user's data key.
    ///
    /// # Errors
    /// [`OpenError`] if the row was altered, or belongs to another user, tenant or installation.
    pub fn open_user_key(&self, tenant: &str, user: &str, wrapped: &Sealed) -> Result<Key, OpenError> {
        let plaintext = self.wrap.open(Kind::UserKey, &self.user_context(tenant, user), wrapped)?;
        key_from(&plaintext, 1).ok_or(OpenError::Format)
    }

    /// Seals something that belongs to the installation rather than to a user.
    #[must_use]
    pub fn seal(&self, entropy: &dyn Entropy, kind: Kind, context: &Context<'_>, plaintext: &[u8]) -> Sealed {
        self.wrap.seal(entropy, kind, context, plaintext)
    }

    /// Opens what [`Keyring::seal`] sealed.
    ///
    /// # Errors
    /// [`OpenError`], as for any record.
    pub fn open(&self, kind: Kind, context: &Context<'_>, sealed: &Sealed) -> Result<Secret<Vec<u8>>, OpenError> {
        self.wrap.open(kind, context, sealed)
    }

    /// A MAC over a row that is not sealed but decides who may do what (plugins, keys, sessions).
    #[must_use]
    pub fn row_mac(&self, table: &str, columns: &[&[u8]]) -> [u8; 32] {
        tag(&self.row, &self.instance, table, columns)
    }

    /// Compares a row with its MAC in constant time.
    #[must_use]
    pub fn row_is_genuine(&self, table: &str, columns: &[&[u8]], mac: &[u8]) -> bool {
        let bytes = encode(&self.instance, table, columns);
        hmac::verify(&self.row, &bytes, mac).is_ok()
    }

    /// The next link of the audit chain: keyed, so that who can write to the database cannot recompute it.
    #[must_use]
    pub fn audit_link(&self, previous: &[u8; 32], event: &[u8]) -> [u8; 32] {
        tag(&self.audit, &self.instance, "audit_event", &[previous, event])
    }

    /// The MAC of an exported audit checkpoint.
    #[must_use]
    pub fn checkpoint_mac(&self, checkpoint: &[u8]) -> [u8; 32] {
        tag(&self.audit, &self.instance, "audit_checkpoint", &[checkpoint])
    }

    fn derive(root: &Key, instance: &str) -> Self {
        let extracted = Extracted::of(b"strongroom/v1/root", root.bytes.expose());
        let mac = |label: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, extracted.expand(&[label]).expose());
        Self {
            instance: instance.to_owned(),
            wrap: Key { id: root.id, version: root.version, bytes: extracted.expand(&[b"strongroom/v1/wrap"]) },
            row: mac(b"strongroom/v1/row-mac"),
            audit: mac(b"strongroom/v1/audit"),
        }
    }

    fn user_context<'a>(&'a self, tenant: &'a str, user: &'a str) -> Context<'a> {
        Context { instance: &self.instance, tenant, user, object: "", field: "sealed", generation: 1, binding: &[] }
    }
}

fn root_context(instance: &str) -> Context<'_> {
    Context { instance, tenant: "", user: "", object: "", field: "sealed", generation: 1, binding: &[] }
}

/// A wrapped key's plaintext: id (16 bytes), then key (32 bytes).
fn key_from(plaintext: &Secret<Vec<u8>>, version: u32) -> Option<Key> {
    let (id, bytes) = plaintext.expose().split_first_chunk::<16>()?;
    Some(Key { id: KeyId(*id), version, bytes: Secret::new(bytes.try_into().ok()?) })
}

fn encode(instance: &str, table: &str, columns: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    put(&mut bytes, instance.as_bytes());
    put(&mut bytes, table.as_bytes());
    for column in columns {
        put(&mut bytes, column);
    }
    bytes
}

fn tag(key: &hmac::Key, instance: &str, table: &str, columns: &[&[u8]]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(hmac::sign(key, &encode(instance, table, columns)).as_ref());
    out
}
