//! Users and their data keys in SQLite.

use rusqlite::{Connection, params};

use super::credential;
use super::row::{Columns, all, first};
use crate::error::{Conflict, StoreError};
use crate::model::{Entry, Owner, PendingRevocations, TenantId, User, UserId, UserKeyRow};

pub(super) fn key(db: &Connection, owner: &Owner) -> Result<Option<UserKeyRow>, StoreError> {
    let sql = "SELECT sealed, created_at FROM user_key WHERE tenant_id = ?1 AND user_id = ?2";
    first(db.prepare_cached(sql)?, (owner.tenant.to_string(), owner.user.as_str()), |row| {
        let mut column = Columns::of("user_key", row);
        Ok(UserKeyRow { owner: owner.clone(), sealed: column.sealed()?, created_at: column.at()?, found: true })
    })
}

/// Writes the data key for the credential in the same transaction. Refuses if another key is stored, or if the user was
/// deleted after the key was read.
pub(super) fn insert_key(db: &Connection, row: &UserKeyRow) -> Result<(), StoreError> {
    match key(db, &row.owner)? {
        Some(found) if found.sealed == row.sealed => return Ok(()),
        // Another request stored its key first, or the user was deleted. A destroyed key must not be stored again.
        Some(_) => return Err(StoreError::Conflict(Conflict::UserKey)),
        None if row.found => return Err(StoreError::Conflict(Conflict::UserKey)),
        None => {}
    }
    let sql = "INSERT INTO user_key (tenant_id, user_id, sealed, created_at) VALUES (?1, ?2, ?3, ?4)";
    db.prepare_cached(sql)?.execute(params![
        row.owner.tenant.to_string(),
        row.owner.user.as_str(),
        row.sealed.as_bytes(),
        row.created_at.as_millisecond()
    ])?;
    Ok(())
}

pub(super) fn list(
    db: &Connection,
    tenant: TenantId,
    after: Option<&UserId>,
    limit: u32,
) -> Result<Vec<User>, StoreError> {
    let sql = "SELECT user_id, (SELECT count(*) FROM credential c WHERE c.tenant_id = k.tenant_id AND c.user_id = k.user_id), created_at \
               FROM user_key k WHERE tenant_id = ?1 AND user_id > ?2 ORDER BY user_id LIMIT ?3";
    all(db.prepare_cached(sql)?, (tenant.to_string(), after.map_or("", UserId::as_str), limit), |row| {
        let mut column = Columns::of("user_key", row);
        Ok(User { id: column.parse()?, credentials: column.count()?, created_at: column.at()? })
    })
}

/// Returns the events of the removed credentials.
pub(super) fn delete(
    db: &Connection,
    owner: &Owner,
    revocations: &PendingRevocations,
    entry: &Entry,
) -> Result<Vec<Entry>, StoreError> {
    let of_user = (owner.tenant.to_string(), owner.user.as_str());
    let condition = "tenant_id = ?1 AND user_id = ?2";
    let removed = credential::delete_where(db, condition, of_user.clone(), revocations, entry)?;
    let mut gone = removed.len();
    for sql in [
        "DELETE FROM connection WHERE tenant_id = ?1 AND user_id = ?2",
        "DELETE FROM console_session WHERE tenant_id = ?1 AND user_id = ?2",
        "DELETE FROM session WHERE tenant_id = ?1 AND user_id = ?2",
        "DELETE FROM user_key WHERE tenant_id = ?1 AND user_id = ?2",
    ] {
        gone += db.prepare_cached(sql)?.execute(of_user.clone())?;
    }
    if gone > 0 { Ok(removed) } else { Err(StoreError::Conflict(Conflict::Revision)) }
}
