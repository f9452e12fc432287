//! The root key and the keys derived from it. The encryption key wraps the root key. The root key itself seals nothing:
//! HKDF derives one key for wrapping, one for row MACs and one for the audit chain.

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
    /// The data is sealed under another encryption key.
    #[error("the data is sealed with key {needed}, but key {given} was given")]
    OtherKey {
        /// The key that the wrapped root key names.
        needed: KeyId,
        /// The key that was given.
        given: KeyId,
    },
    /// The key id matches, but the wrapped root key is damaged or belongs to another installation.
    #[error("key {given} does not open the root key; the stored root key is damaged or from another installation")]
    Damaged {
        /// The key that was given.
        given: KeyId,
    },
}

impl Keyring {
    /// Creates and wraps the root key of a new installation. Call it only if nothing is sealed yet.
    #[must_use]
    pub fn create(environment: &Key, instance: &str, entropy: &dyn Entropy) -> (Self, Sealed) {
        let root = Key::generate(entropy);
        let mut plaintext = Secret::new(root.id.0.to_vec());
        plaintext.expose_mut().extend_from_slice(root.bytes.expose());
        let wrapped = environment.seal(entropy, Kind::RootKey, &root_context(instance), plaintext.expose());
        (Self::derive(&root, instance), wrapped)
    }

    /// Unwraps the root key. A wrong encryption key fails here, when the process starts.
    ///
    /// # Errors
    /// [`UnlockError`] names the key that is needed and the key that was given.
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

    /// The id of the installation, part of every context.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Creates a data key for one owner. Returns the key and its wrapped form to store.
    #[must_use]
    pub fn create_user_key(&self, tenant: &str, user: &str, entropy: &dyn Entropy) -> (Key, Sealed) {
        let key = Key::generate(entropy);
        let mut plaintext = Secret::new(key.id.0.to_vec());
        plaintext.expose_mut().extend_from_slice(key.bytes.expose());
        let context = self.user_context(tenant, user);
        let wrapped = self.wrap.seal(entropy, Kind::UserKey, &context, plaintext.expose());
        (key, wrapped)
    }

    /// Unwraps the data key of an owner.
    ///
    /// # Errors
    /// [`OpenError`] if the row was altered, or belongs to another user, tenant or installation.
    pub fn open_user_key(&self, tenant: &str, user: &str, wrapped: &Sealed) -> Result<Key, OpenError> {
        let plaintext = self.wrap.open(Kind::UserKey, &self.user_context(tenant, user), wrapped)?;
        key_from(&plaintext, 1).ok_or(OpenError::Format)
    }

    /// Seals a record that belongs to the installation, not to a user.
    #[must_use]
    pub fn seal(&self, entropy: &dyn Entropy, kind: Kind, context: &Context<'_>, plaintext: &[u8]) -> Sealed {
        self.wrap.seal(entropy, kind, context, plaintext)
    }

    /// Opens a record that [`Keyring::seal`] sealed.
    ///
    /// # Errors
    /// [`OpenError`], as for any record.
    pub fn open(&self, kind: Kind, context: &Context<'_>, sealed: &Sealed) -> Result<Secret<Vec<u8>>, OpenError> {
        self.wrap.open(kind, context, sealed)
    }

    /// MAC of a row that is not sealed but decides about access (plugins, keys, sessions).
    #[must_use]
    pub fn row_mac(&self, table: &str, columns: &[&[u8]]) -> [u8; 32] {
        tag(&self.row, &self.instance, table, columns)
    }

    /// Verifies the MAC of a row in constant time.
    #[must_use]
    pub fn row_is_genuine(&self, table: &str, columns: &[&[u8]], mac: &[u8]) -> bool {
        let bytes = encode(&self.instance, table, columns);
        hmac::verify(&self.row, &bytes, mac).is_ok()
    }

    /// The next link of the audit chain. It is keyed, so an attacker who can write to the database cannot recompute it.
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

/// Plaintext of a wrapped key: id (16 bytes), then key (32 bytes).
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
