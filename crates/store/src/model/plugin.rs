//! The row of a plugin with its manifest.

use jiff::Timestamp;
use strongroom_crypto::digest;

use crate::model::{MacRow, PluginId, PluginName, TenantId};

/// A plugin as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the table `plugin`")]
pub struct PluginRow {
    pub id: PluginId,
    pub tenant: TenantId,
    pub name: PluginName,
    pub manifest: String,
    pub revision: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub mac: [u8; 32],
}

impl PluginRow {
    /// SHA-256 of every column.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.columns(|columns| digest("plugin", columns))
    }
}

impl MacRow for PluginRow {
    fn table(&self) -> &'static str {
        "plugin"
    }

    fn columns<T>(&self, then: impl FnOnce(&[&[u8]]) -> T) -> T {
        then(&[
            self.id.to_string().as_bytes(),
            self.tenant.to_string().as_bytes(),
            self.name.as_str().as_bytes(),
            self.manifest.as_bytes(),
            &self.revision.to_be_bytes(),
            &self.created_at.as_millisecond().to_be_bytes(),
            &self.updated_at.as_millisecond().to_be_bytes(),
        ])
    }

    fn mac(&self) -> &[u8; 32] {
        &self.mac
    }

    fn mac_mut(&mut self) -> &mut [u8; 32] {
        &mut self.mac
    }
}
