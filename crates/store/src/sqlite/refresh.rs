//! Refreshes and pending revocations in SQLite: leases with a fence, and what is due.
//! A result of an older lease is not written.

use rusqlite::{Connection, Row, params};

use super::row::{Columns, all, first};
use crate::error::{Conflict, StoreError};
use crate::model::{Claim, CredentialId, Entry, Owner, RefreshRow, RevocationId, RevocationRow};

macro_rules! columns {
    () => {
        "credential_id, tenant_id, user_id, state, cause, due_at, fence, lease_until, intent_at, failures, refreshed_at, \
         refresh_expires_at"
    };
}

fn parse(row: &Row<'_>) -> Result<RefreshRow, StoreError> {
    let mut column = Columns::of("refresh", row);
    Ok(RefreshRow {
        credential: column.parse()?,
        owner: Owner { tenant: column.parse()?, user: column.parse()? },
        state: column.parse()?,
        cause: column.text_or_null()?,
        due_at: column.at_or_null()?,
        fence: column.count()?,
        lease_until: column.at_or_null()?,
        intent_at: column.at_or_null()?,
        failures: column.count()?,
        refreshed_at: column.at()?,
        refresh_expires_at: column.at_or_null()?,
    })
}

pub(super) fn find(db: &Connection, id: CredentialId) -> Result<Option<RefreshRow>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM refresh WHERE credential_id = ?1");
    first(db.prepare_cached(sql)?, [id.to_string()], parse)
}

/// Uses the index on `due_at`, so the cost does not depend on the number of credentials.
pub(super) fn due_refreshes(db: &Connection, now: i64, limit: u32) -> Result<Vec<RefreshRow>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM refresh WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2");
    all(db.prepare_cached(sql)?, (now, limit), parse)
}

pub(super) fn put(db: &Connection, row: &RefreshRow) -> Result<(), StoreError> {
    let sql = concat!(
        "INSERT OR REPLACE INTO refresh (",
        columns!(),
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
    );
    db.prepare_cached(sql)?.execute(params![
        row.credential.to_string(),
        row.owner.tenant.to_string(),
        row.owner.user.as_str(),
        row.state.as_str(),
        row.cause,
        row.due_at.map(jiff::Timestamp::as_millisecond),
        row.fence,
        row.lease_until.map(jiff::Timestamp::as_millisecond),
        row.intent_at.map(jiff::Timestamp::as_millisecond),
        row.failures,
        row.refreshed_at.as_millisecond(),
        row.refresh_expires_at.map(jiff::Timestamp::as_millisecond),
    ])?;
    Ok(())
}

/// A new grant. It raises the fence, so a refresh of the old grant cannot write its result.
pub(super) fn replace(db: &Connection, row: &RefreshRow) -> Result<(), StoreError> {
    let fence = find(db, row.credential)?.map_or(0, |old| old.fence) + 1;
    put(db, &RefreshRow { fence, ..row.clone() })
}

/// Takes the lease if no other lease was taken since the caller read the row, and if the generation is unchanged. Each
/// lease raises the fence. The intent becomes durable with the lease.
pub(super) fn claim(db: &Connection, claim: &Claim) -> Result<Vec<Entry>, StoreError> {
    let sql = "UPDATE refresh SET fence = fence + 1, lease_until = ?3, intent_at = ?4, state = ?6 \
               WHERE credential_id = ?1 AND fence = ?2 AND EXISTS (SELECT 1 FROM credential WHERE id = ?1 AND generation = ?5)";
    let written = db.prepare_cached(sql)?.execute((
        claim.credential.to_string(),
        claim.fence,
        claim.until.as_millisecond(),
        claim.intent_at.as_millisecond(),
        claim.generation,
        claim.state.as_str(),
    ))?;
    if written == 1 { Ok(Vec::new()) } else { Err(StoreError::Conflict(Conflict::Revision)) }
}

/// Writes the result of a lease if it is still the last one. A late result changes nothing.
pub(super) fn settle(db: &Connection, row: &RefreshRow) -> Result<(), StoreError> {
    if find(db, row.credential)?.map(|last| last.fence) != Some(row.fence) {
        return Err(StoreError::Conflict(Conflict::Revision));
    }
    put(db, row)
}

pub(super) fn insert_revocation(db: &Connection, row: &RevocationRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO revocation (id, tenant_id, app_id, sealed, attempts, due_at, created_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    db.prepare_cached(sql)?.execute(params![
        row.id.to_string(),
        row.tenant.to_string(),
        row.app.to_string(),
        row.sealed.as_bytes(),
        row.attempts,
        row.due_at.as_millisecond(),
        row.created_at.as_millisecond(),
    ])?;
    Ok(())
}

pub(super) fn due_revocations(db: &Connection, now: i64, limit: u32) -> Result<Vec<RevocationRow>, StoreError> {
    let sql = "SELECT id, tenant_id, app_id, sealed, attempts, due_at, created_at FROM revocation \
               WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2";
    all(db.prepare_cached(sql)?, (now, limit), |row| {
        let mut column = Columns::of("revocation", row);
        Ok(RevocationRow {
            id: column.parse()?,
            tenant: column.parse()?,
            app: column.parse()?,
            sealed: column.sealed()?,
            attempts: column.count()?,
            due_at: column.at()?,
            created_at: column.at()?,
        })
    })
}

/// `again` is the time of the next attempt. `None` means that the revocation is done.
pub(super) fn settle_revocation(
    db: &Connection,
    id: RevocationId,
    attempts: u64,
    again: Option<i64>,
) -> Result<Vec<Entry>, StoreError> {
    match again {
        Some(at) => {
            let sql = "UPDATE revocation SET attempts = ?2, due_at = ?3 WHERE id = ?1";
            db.prepare_cached(sql)?.execute((id.to_string(), attempts, at))?
        }
        None => db.prepare_cached("DELETE FROM revocation WHERE id = ?1")?.execute([id.to_string()])?,
    };
    Ok(Vec::new())
}
