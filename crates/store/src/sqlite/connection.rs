//! Connections in SQLite. A connection's hash changes with each phase, so each step succeeds only once.

use rusqlite::{Connection, Row, params};

use super::row::{Columns, first};
use crate::error::{Conflict, StoreError};
use crate::model::{ConnectionId, ConnectionRow, Entry, Owner};

macro_rules! columns {
    () => {
        "id, tenant_id, user_id, plugin_name, app_id, credential_id, name, scopes, return_address, phase, hash, sealed, \
         cause, created_at, expires_at"
    };
}

fn parse(row: &Row<'_>) -> Result<ConnectionRow, StoreError> {
    let mut column = Columns::of("connection", row);
    Ok(ConnectionRow {
        id: column.parse()?,
        owner: Owner { tenant: column.parse()?, user: column.parse()? },
        plugin: column.parse()?,
        app: column.parse()?,
        credential: column.parse_or_null()?,
        name: column.parse()?,
        scopes: column.text()?,
        return_address: column.text()?,
        phase: column.parse()?,
        hash: column.bytes32()?,
        sealed: column.sealed()?,
        cause: column.text_or_null()?,
        created_at: column.at()?,
        expires_at: column.at()?,
    })
}

pub(super) fn find(db: &Connection, hash: &[u8; 32]) -> Result<Option<ConnectionRow>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM connection WHERE hash = ?1");
    first(db.prepare_cached(sql)?, [hash], parse)
}

pub(super) fn find_of(db: &Connection, owner: &Owner, id: ConnectionId) -> Result<Option<ConnectionRow>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM connection WHERE id = ?1 AND tenant_id = ?2 AND user_id = ?3");
    let of_user = (id.to_string(), owner.tenant.to_string(), owner.user.as_str());
    first(db.prepare_cached(sql)?, of_user, parse)
}

/// A connection is kept this long after it expired, so that a running code exchange can still settle it.
const SETTLED_RETENTION_MS: i64 = 60_000;

/// Also deletes expired connections.
pub(super) fn insert(db: &Connection, row: &ConnectionRow) -> Result<Vec<Entry>, StoreError> {
    let now = row.created_at.as_millisecond();
    db.prepare_cached("DELETE FROM connection WHERE expires_at < ?1")?.execute([now - SETTLED_RETENTION_MS])?;
    let sql = concat!(
        "INSERT INTO connection (",
        columns!(),
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
    );
    db.prepare_cached(sql)?.execute(params![
        row.id.to_string(),
        row.owner.tenant.to_string(),
        row.owner.user.as_str(),
        row.plugin.as_str(),
        row.app.to_string(),
        row.credential.map(|id| id.to_string()),
        row.name.as_str(),
        row.scopes,
        row.return_address,
        row.phase.as_str(),
        row.hash,
        row.sealed.as_bytes(),
        row.cause,
        now,
        row.expires_at.as_millisecond(),
    ])?;
    Ok(Vec::new())
}

/// Moves a connection to its next phase. Of two concurrent callers, the second finds no row with the old hash.
pub(super) fn advance(db: &Connection, from: &[u8; 32], row: &ConnectionRow) -> Result<Vec<Entry>, StoreError> {
    let sql = "UPDATE connection SET phase = ?3, hash = ?4, sealed = ?5, cause = ?6, credential_id = ?7 \
               WHERE id = ?1 AND hash = ?2";
    let written = db.prepare_cached(sql)?.execute(params![
        row.id.to_string(),
        from,
        row.phase.as_str(),
        row.hash,
        row.sealed.as_bytes(),
        row.cause,
        row.credential.map(|id| id.to_string()),
    ])?;
    if written == 1 { Ok(Vec::new()) } else { Err(StoreError::Conflict(Conflict::Revision)) }
}
