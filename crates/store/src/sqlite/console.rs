//! Sign-in links and console sessions in SQLite.
//! Using a link replaces its hash, so a link works only once.

use rusqlite::{Connection, Row, params};
use strongroom_crypto::TokenHash;

use super::row::{Columns, first};
use crate::error::{Conflict, StoreError};
use crate::model::{ConsoleRow, ConsoleUser, Entry, SessionId, TenantId, UserId};

fn parse(row: &Row<'_>) -> Result<ConsoleRow, StoreError> {
    let mut column = Columns::of("console_session", row);
    Ok(ConsoleRow {
        id: column.parse()?,
        tenant: column.parse()?,
        user: column.parse_or_null()?.map_or(ConsoleUser::Operator, ConsoleUser::User),
        hash: column.hash()?,
        opened_at: column.at_or_null()?,
        seen_at: column.at()?,
        expires_at: column.at()?,
        created_at: column.at()?,
        mac: column.bytes32()?,
    })
}

pub(super) fn find(db: &Connection, hash: &TokenHash) -> Result<Option<ConsoleRow>, StoreError> {
    let sql = "SELECT id, tenant_id, user_id, hash, opened_at, seen_at, expires_at, created_at, mac FROM console_session \
               WHERE hash = ?1";
    first(db.prepare_cached(sql)?, [hash.as_bytes()], parse)
}

/// Also deletes expired rows.
pub(super) fn insert(db: &Connection, row: &ConsoleRow) -> Result<Vec<Entry>, StoreError> {
    let now = row.created_at.as_millisecond();
    db.prepare_cached("DELETE FROM console_session WHERE expires_at < ?1")?.execute([now])?;
    let sql = "INSERT INTO console_session (id, tenant_id, user_id, hash, opened_at, seen_at, expires_at, created_at, mac) \
               SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE EXISTS (SELECT 1 FROM tenant WHERE id = ?2)";
    let user = match &row.user {
        ConsoleUser::Operator => None,
        ConsoleUser::User(user) => Some(user.as_str()),
    };
    let written = db.prepare_cached(sql)?.execute(params![
        row.id.to_string(),
        row.tenant.to_string(),
        user,
        row.hash.as_bytes(),
        row.opened_at.map(jiff::Timestamp::as_millisecond),
        row.seen_at.as_millisecond(),
        row.expires_at.as_millisecond(),
        now,
        row.mac,
    ])?;
    if written == 1 { Ok(Vec::new()) } else { Err(StoreError::Conflict(Conflict::Revision)) }
}

/// Turns a link into a session, or updates `seen_at`. Of two concurrent callers with one link, the second finds no row
/// with its hash.
pub(super) fn advance(db: &Connection, from: &TokenHash, row: &ConsoleRow) -> Result<Vec<Entry>, StoreError> {
    let sql = "UPDATE console_session SET hash = ?3, opened_at = ?4, seen_at = ?5, expires_at = ?6, mac = ?7 \
               WHERE id = ?1 AND hash = ?2";
    let written = db.prepare_cached(sql)?.execute(params![
        row.id.to_string(),
        from.as_bytes(),
        row.hash.as_bytes(),
        row.opened_at.map(jiff::Timestamp::as_millisecond),
        row.seen_at.as_millisecond(),
        row.expires_at.as_millisecond(),
        row.mac,
    ])?;
    if written == 1 { Ok(Vec::new()) } else { Err(StoreError::Conflict(Conflict::Revision)) }
}

/// Deletes one session of a user, or all sessions and links. No user means the operator.
pub(super) fn delete(
    db: &Connection,
    tenant: TenantId,
    user: Option<&UserId>,
    one: Option<SessionId>,
) -> Result<Vec<Entry>, StoreError> {
    let sql = "DELETE FROM console_session WHERE tenant_id = ?1 AND user_id IS ?2 AND (?3 IS NULL OR id = ?3)";
    let parameters = (tenant.to_string(), user.map(UserId::as_str), one.map(|id| id.to_string()));
    db.prepare_cached(sql)?.execute(parameters)?;
    Ok(Vec::new())
}
