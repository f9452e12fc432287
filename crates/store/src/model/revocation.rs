//! The row of a pending revocation. Its token is sealed.

use jiff::Timestamp;
use strongroom_crypto::Sealed;

use crate::model::{AppId, RevocationId, TenantId};

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
