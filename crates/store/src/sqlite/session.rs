//! Sessions in SQLite. Deleting a row ends the session.

use rusqlite::{Connection, Row, params};
use strongroom_crypto::TokenHash;

use super::row::{Columns, all, first};
use crate::error::{Conflict, StoreError};
use crate::model::{Entry, Owner, SessionId, SessionRow};

const SESSION: &str = "SELECT id, tenant_id, user_id, hash, created_at, expires_at, origins, mac FROM session";

fn parse(row: &Row<'_>) -> Result<SessionRow, StoreError> {
    let mut column = Columns::of("session", row);
    Ok(SessionRow {
        id: column.parse()?,
        owner: Owner { tenant: column.parse()?, user: column.parse()? },
        hash: column.hash()?,
        created_at: column.at()?,
        expires_at: column.at()?,
        origins: column.text()?.split_whitespace().map(str::to_owned).collect(),
        mac: column.bytes32()?,
    })
}

pub(super) fn find(db: &Connection, hash: &TokenHash) -> Result<Option<SessionRow>, StoreError> {
    let sql = format!("{SESSION} WHERE hash = ?1");
    first(db.prepare_cached(&sql)?, [hash.as_bytes()], parse)
}

pub(super) fn list(db: &Connection, owner: &Owner) -> Result<Vec<SessionRow>, StoreError> {
    let sql = format!("{SESSION} WHERE tenant_id = ?1 AND user_id = ?2 ORDER BY id");
    all(db.prepare_cached(&sql)?, (owner.tenant.to_string(), owner.user.as_str()), parse)
}

/// Also deletes expired sessions.
pub(super) fn insert(db: &Connection, row: &SessionRow) -> Result<Vec<Entry>, StoreError> {
    let now = row.created_at.as_millisecond();
    db.prepare_cached("DELETE FROM session WHERE id IN (SELECT id FROM session WHERE expires_at < ?1 LIMIT 100)")?
        .execute([now])?;
    db.prepare_cached(
        "INSERT INTO session (id, tenant_id, user_id, hash, created_at, expires_at, origins, mac) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        row.id.to_string(),
        row.owner.tenant.to_string(),
        row.owner.user.as_str(),
        row.hash.as_bytes(),
        now,
        row.expires_at.as_millisecond(),
        row.origins.join(" "),
        row.mac,
    ])?;
    Ok(Vec::new())
}

pub(super) fn delete(db: &Connection, owner: &Owner, id: Option<SessionId>) -> Result<Vec<Entry>, StoreError> {
    // Revoking all sessions of a user includes the console sessions.
    let consoles = "DELETE FROM console_session WHERE tenant_id = ?1 AND user_id = ?2 AND ?3 IS NULL";
    let all_of = (owner.tenant.to_string(), owner.user.as_str(), id.map(|id| id.to_string()));
    db.prepare_cached(consoles)?.execute(all_of)?;
    let sql = "DELETE FROM session WHERE tenant_id = ?1 AND user_id = ?2 AND (?3 IS NULL OR id = ?3)";
    let parameters = (owner.tenant.to_string(), owner.user.as_str(), id.map(|id| id.to_string()));
    let deleted = db.prepare_cached(sql)?.execute(parameters)?;
    if deleted == 0 && id.is_some() { Err(StoreError::Conflict(Conflict::Revision)) } else { Ok(Vec::new()) }
}
