//! Seals and opens the columns of rows, and computes the MACs of rows. Rows are data and know no key. The associated
//! data of each kind of row is built in the module of its noun.

use std::sync::Arc;
use strongroom_store::MacRow;

use data_encoding::BASE64URL_NOPAD;
use strongroom_crypto::{Context, Entropy, Keyring, Kind, OpenError, Sealed, Secret};

/// The keyring, and the source of nonces.
#[derive(Clone)]
pub(crate) struct Sealer {
    keyring: Arc<Keyring>,
    entropy: Arc<dyn Entropy>,
}

impl Sealer {
    pub(crate) fn new(keyring: Arc<Keyring>, entropy: Arc<dyn Entropy>) -> Self {
        Self { keyring, entropy }
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    pub(crate) fn instance(&self) -> &str {
        self.keyring.instance()
    }

    /// Seals with the installation's key, for rows that must outlive their user.
    pub(crate) fn seal(&self, kind: Kind, context: &Context<'_>, plaintext: &[u8]) -> Sealed {
        self.keyring.seal(&*self.entropy, kind, context, plaintext)
    }

    pub(crate) fn open(
        &self,
        kind: Kind,
        context: &Context<'_>,
        sealed: &Sealed,
    ) -> Result<Secret<Vec<u8>>, OpenError> {
        self.keyring.open(kind, context, sealed)
    }

    pub(crate) fn set_mac(&self, row: &mut impl MacRow) {
        let mac = row.columns(|columns| self.keyring.row_mac(row.table(), columns));
        *row.mac_mut() = mac;
    }

    pub(crate) fn is_genuine(&self, row: &impl MacRow) -> bool {
        row.columns(|columns| self.keyring.row_is_genuine(row.table(), columns, row.mac()))
    }

    /// 256 random bits as text: a state, a verifier (RFC 7636 4.1: 43 characters) or a link.
    pub(crate) fn random_text(&self) -> Secret<String> {
        let mut bytes = Secret::new([0_u8; 32]);
        self.entropy.fill(bytes.expose_mut());
        Secret::new(BASE64URL_NOPAD.encode(bytes.expose()))
    }
}
