//! Registrations in SQLite.

use rusqlite::{Connection, Row, params};
use strongroom_crypto::Sealed;

use super::row::{Columns, all, first};
use crate::error::{Conflict, StoreError};
use crate::model::{AppId, AppRow, Entry, TenantId};

macro_rules! columns {
    () => {
        "id, tenant_id, provider, definition, parameters, client_id, client_secret, created_at, mac"
    };
}

pub(super) const ALL: &str = concat!("SELECT ", columns!(), " FROM oauth_app");

pub(super) fn parse(row: &Row<'_>) -> Result<AppRow, StoreError> {
    let mut column = Columns::of("oauth_app", row);
    Ok(AppRow {
        id: column.parse()?,
        tenant: column.parse()?,
        provider: column.text()?,
        definition: column.text_or_null()?,
        parameters: column.text()?,
        client_id: column.text()?,
        client_secret: column.sealed_or_null()?,
        created_at: column.at()?,
        mac: column.bytes32()?,
    })
}

pub(super) fn find(db: &Connection, tenant: TenantId, id: AppId) -> Result<Option<AppRow>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM oauth_app WHERE id = ?1 AND tenant_id = ?2");
    first(db.prepare_cached(sql)?, (id.to_string(), tenant.to_string()), parse)
}

pub(super) fn list(db: &Connection, tenant: TenantId) -> Result<Vec<AppRow>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM oauth_app WHERE tenant_id = ?1 ORDER BY id");
    all(db.prepare_cached(sql)?, [tenant.to_string()], parse)
}

pub(super) fn insert(db: &Connection, row: &AppRow) -> Result<Vec<Entry>, StoreError> {
    let sql = concat!(
        "INSERT INTO oauth_app (",
        columns!(),
        ") SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE EXISTS (SELECT 1 FROM tenant WHERE id = ?2)"
    );
    let written = db.prepare_cached(sql)?.execute(params![
        row.id.to_string(),
        row.tenant.to_string(),
        row.provider,
        row.definition,
        row.parameters,
        row.client_id,
        row.client_secret.as_ref().map(Sealed::as_bytes),
        row.created_at.as_millisecond(),
        row.mac,
    ])?;
    if written == 1 { Ok(Vec::new()) } else { Err(StoreError::Conflict(Conflict::Revision)) }
}

/// Refuses if the registration has connected accounts or pending revocations.
pub(super) fn delete(db: &Connection, tenant: TenantId, id: AppId) -> Result<Vec<Entry>, StoreError> {
    let of_app = (id.to_string(), tenant.to_string());
    let sql = "SELECT (SELECT count(*) FROM credential WHERE app_id = ?1 AND tenant_id = ?2) \
               + (SELECT count(*) FROM revocation WHERE app_id = ?1 AND tenant_id = ?2)";
    let in_use =
        first(db.prepare_cached(sql)?, of_app.clone(), |row| Columns::of("oauth_app", row).count())?.unwrap_or(0);
    if in_use > 0 {
        return Err(StoreError::Conflict(Conflict::InUse(in_use)));
    }
    db.prepare_cached("DELETE FROM connection WHERE app_id = ?1 AND tenant_id = ?2")?.execute(of_app.clone())?;
    match db.prepare_cached("DELETE FROM oauth_app WHERE id = ?1 AND tenant_id = ?2")?.execute(of_app)? {
        1 => Ok(Vec::new()),
        _ => Err(StoreError::Conflict(Conflict::Revision)),
    }
}
