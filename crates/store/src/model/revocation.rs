//! The row of a pending revocation. Its token is sealed.

use std::collections::HashSet;

use jiff::Timestamp;
use strongroom_crypto::Sealed;

use crate::model::{AppId, CredentialId, RevocationId, TenantId};

/// The pending revocations of credentials that are deleted together. The deletion is refused if a connected account is
/// not among `covered`, because its grant would never be revoked.
#[derive(Clone, Debug, Default)]
pub struct PendingRevocations {
    /// The revocations. A credential whose provider has no revocation has none.
    pub rows: Vec<RevocationRow>,
    /// The credentials that were looked at: id and generation.
    pub covered: HashSet<(CredentialId, u64)>,
}

/// A pending revocation as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the table `revocation`")]
pub struct RevocationRow {
    pub id: RevocationId,
    pub tenant: TenantId,
    pub app: AppId,
    pub sealed: Sealed,
    pub attempts: u64,
    pub due_at: Timestamp,
    pub created_at: Timestamp,
}
