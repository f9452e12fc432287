//! Idempotency keys in SQLite.
//! The row is inserted in the same transaction as the object of the request.

use rusqlite::{Connection, params};
use strongroom_crypto::Sealed;

use super::row::{Columns, first};
use crate::error::{Conflict, StoreError};
use crate::model::{IdempotencyRow, TenantId};

const RETENTION_MS: i64 = 24 * 60 * 60 * 1000;

pub(super) fn find(
    db: &Connection,
    tenant: TenantId,
    scope: &str,
    key: &str,
) -> Result<Option<IdempotencyRow>, StoreError> {
    let sql = "SELECT tenant_id, scope, key, fingerprint, target, sealed, created_at FROM idempotency \
               WHERE tenant_id = ?1 AND scope = ?2 AND key = ?3";
    first(db.prepare_cached(sql)?, (tenant.to_string(), scope, key), |row| {
        let mut column = Columns::of("idempotency", row);
        Ok(IdempotencyRow {
            tenant: column.parse()?,
            scope: column.text()?,
            key: column.text()?,
            fingerprint: column.bytes32()?,
            target: column.text()?,
            sealed: column.sealed_or_null()?,
            created_at: column.at()?,
        })
    })
}

/// Also deletes keys that are older than one day.
pub(super) fn insert(db: &Connection, row: Option<&IdempotencyRow>) -> Result<(), StoreError> {
    let Some(row) = row else { return Ok(()) };
    let now = row.created_at.as_millisecond();
    db.prepare_cached("DELETE FROM idempotency WHERE created_at < ?1")?.execute([now - RETENTION_MS])?;
    let sql = "INSERT INTO idempotency (tenant_id, scope, key, fingerprint, target, sealed, created_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
    let written = db.prepare_cached(sql)?.execute(params![
        row.tenant.to_string(),
        row.scope,
        row.key,
        row.fingerprint,
        row.target,
        row.sealed.as_ref().map(Sealed::as_bytes),
        now,
    ])?;
    if written == 1 { Ok(()) } else { Err(StoreError::Conflict(Conflict::IdempotencyKey)) }
}
