//! The row of a registration at a provider. Its client secret is sealed.

use jiff::Timestamp;
use strongroom_crypto::{Sealed, digest};

use crate::model::{AppId, MacRow, TenantId};

/// A registration as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the table `oauth_app`")]
pub struct AppRow {
    pub id: AppId,
    pub tenant: TenantId,
    pub provider: String,
    pub definition: Option<String>,
    pub parameters: String,
    pub client_id: String,
    pub client_secret: Option<Sealed>,
    pub created_at: Timestamp,
    pub mac: [u8; 32],
}

impl AppRow {
    /// SHA-256 of every column.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.columns(|columns| digest("oauth_app", columns))
    }
}

impl MacRow for AppRow {
    fn table(&self) -> &'static str {
        "oauth_app"
    }

    fn columns<T>(&self, then: impl FnOnce(&[&[u8]]) -> T) -> T {
        then(&[
            self.id.to_string().as_bytes(),
            self.tenant.to_string().as_bytes(),
            self.provider.as_bytes(),
            self.definition.as_deref().unwrap_or_default().as_bytes(),
            self.parameters.as_bytes(),
            self.client_id.as_bytes(),
            self.client_secret.as_ref().map_or(&[][..], Sealed::as_bytes),
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
