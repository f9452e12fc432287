//! The links of the audit chain.

use strongroom_crypto::Keyring;

/// Computes the links of the audit chain. The database defines the order, and the keyring computes the link.
pub trait ChainMac: Send + Sync {
    /// The link for an event's canonical bytes after the link `previous`.
    fn link(&self, previous: &[u8; 32], event: &[u8]) -> [u8; 32];
}

impl ChainMac for Keyring {
    fn link(&self, previous: &[u8; 32], event: &[u8]) -> [u8; 32] {
        self.audit_link(previous, event)
    }
}
