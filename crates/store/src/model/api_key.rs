//! The row of an API key. It holds only the hash of the key.

use jiff::Timestamp;
use strongroom_crypto::{TokenHash, TokenKind, digest};

use crate::model::{ApiKeyId, Label, MacRow, PluginName, TenantId};

/// The owner of an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyOwner {
    /// The application's backend.
    Host,
    /// One plugin.
    Plugin(PluginName),
}

impl KeyOwner {
    /// The prefix kind of its tokens.
    #[must_use]
    pub fn token_kind(&self) -> TokenKind {
        match self {
            Self::Host => TokenKind::Host,
            Self::Plugin(_) => TokenKind::Plugin,
        }
    }

    /// The plugin, if it is one.
    #[must_use]
    pub fn plugin(&self) -> Option<&PluginName> {
        match self {
            Self::Host => None,
            Self::Plugin(name) => Some(name),
        }
    }

    /// The noun for messages.
    #[must_use]
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Host => "host key",
            Self::Plugin(_) => "plugin key",
        }
    }
}

/// An API key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the tables `host_key` and `plugin_key`")]
pub struct ApiKeyRow {
    pub id: ApiKeyId,
    pub tenant: TenantId,
    pub owner: KeyOwner,
    pub label: Label,
    pub hash: TokenHash,
    pub created_at: Timestamp,
    pub mac: [u8; 32],
}

impl ApiKeyRow {
    /// SHA-256 of every column.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.columns(|columns| digest("key", columns))
    }
}

impl MacRow for ApiKeyRow {
    fn table(&self) -> &'static str {
        match self.owner {
            KeyOwner::Host => "host_key",
            KeyOwner::Plugin(_) => "plugin_key",
        }
    }

    fn columns<T>(&self, then: impl FnOnce(&[&[u8]]) -> T) -> T {
        then(&[
            self.id.to_string().as_bytes(),
            self.tenant.to_string().as_bytes(),
            self.owner.plugin().map_or("", PluginName::as_str).as_bytes(),
            self.label.as_str().as_bytes(),
            self.hash.as_bytes(),
            &self.created_at.as_millisecond().to_be_bytes(),
        ])
    }

    fn mac(&self) -> &[u8; 32] {
        &self.mac
    }

    fn mac_mut(&mut self) -> &mut [u8; 32] {
        &mut self.mac
    }
}
