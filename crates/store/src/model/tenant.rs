//! The row of a tenant.

use jiff::Timestamp;
use strongroom_crypto::digest;

use crate::model::{TenantId, TenantName};

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Tenant {
    pub id: TenantId,
    pub name: TenantName,
    pub created_at: Timestamp,
}

impl Tenant {
    /// SHA-256 of every column.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let created_at = self.created_at.as_millisecond().to_be_bytes();
        digest("tenant", &[self.id.to_string().as_bytes(), self.name.as_str().as_bytes(), &created_at])
    }
}
