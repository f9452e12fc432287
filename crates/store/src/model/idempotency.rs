//! The row of an idempotency key. It holds a keyed fingerprint of the request.

use jiff::Timestamp;
use strongroom_crypto::Sealed;

use crate::model::TenantId;

/// An idempotency key as it is stored. Rows are deleted after one day.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns of the table `idempotency`")]
pub struct IdempotencyRow {
    pub tenant: TenantId,
    pub scope: String,
    pub key: String,
    pub fingerprint: [u8; 32],
    pub target: String,
    pub sealed: Option<Sealed>,
    pub created_at: Timestamp,
}
