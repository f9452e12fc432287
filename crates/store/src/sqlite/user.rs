//! Tenants, users and their data keys in SQLite.
//! A data key that was destroyed with its user is never stored again.

use rusqlite::{Connection, params};

use super::row::{Columns, all, first};
use crate::error::{Conflict, StoreError};
use crate::model::{Action, Entry, Owner, Tenant, TenantId, User, UserId, UserKeyRow};

pub(super) fn tenants(db: &Connection) -> Result<Vec<Tenant>, StoreError> {
    all(db.prepare_cached("SELECT id, name, created_at FROM tenant ORDER BY name")?, (), |row| {
        let mut column = Columns::of("tenant", row);
        Ok(Tenant { id: column.parse()?, name: column.parse()?, created_at: column.at()? })
    })
}

pub(super) fn insert_tenant(db: &Connection, tenant: &Tenant) -> Result<Vec<Entry>, StoreError> {
    let sql = "INSERT INTO tenant (id, name, created_at) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO NOTHING";
    let parameters = (tenant.id.to_string(), tenant.name.as_str(), tenant.created_at.as_millisecond());
    match db.prepare_cached(sql)?.execute(parameters)? {
        1 => Ok(Vec::new()),
        _ => Err(StoreError::Conflict(Conflict::Name)),
    }
}

/// Returns the events of the removed plugins and keys.
pub(super) fn remove_tenant(db: &Connection, tenant: TenantId, entry: &Entry) -> Result<Vec<Entry>, StoreError> {
    let id = tenant.to_string();
    let of_tenant = [id.as_str()];
    let sql = "SELECT (SELECT count(*) FROM user_key WHERE tenant_id = ?1) \
               + (SELECT count(*) FROM revocation WHERE tenant_id = ?1)";
    let left = first(db.prepare_cached(sql)?, of_tenant, |row| Columns::of("user_key", row).count())?.unwrap_or(0);
    if left > 0 {
        return Err(StoreError::Conflict(Conflict::InUse(left)));
    }
    let mut removed = Vec::new();
    for (sql, action) in [
        ("DELETE FROM plugin WHERE tenant_id = ?1 RETURNING id", Action::PluginRemove),
        ("DELETE FROM plugin_key WHERE tenant_id = ?1 RETURNING id", Action::PluginKeyRevoke),
        ("DELETE FROM host_key WHERE tenant_id = ?1 RETURNING id", Action::HostKeyRevoke),
        ("DELETE FROM oauth_app WHERE tenant_id = ?1 RETURNING id", Action::OauthAppRemove),
    ] {
        for id in all(db.prepare_cached(sql)?, of_tenant, |row| Columns::of("tenant", row).text())? {
            removed.push(Entry { action, ..entry.clone() }.with_target(id));
        }
    }
    db.prepare_cached("DELETE FROM session WHERE tenant_id = ?1")?.execute(of_tenant)?;
    db.prepare_cached("DELETE FROM console_session WHERE tenant_id = ?1")?.execute(of_tenant)?;
    db.prepare_cached("DELETE FROM connection WHERE tenant_id = ?1")?.execute(of_tenant)?;
    db.prepare_cached("DELETE FROM idempotency WHERE tenant_id = ?1")?.execute(of_tenant)?;
    match db.prepare_cached("DELETE FROM tenant WHERE id = ?1")?.execute(of_tenant)? {
        1 => Ok(removed),
        _ => Err(StoreError::Conflict(Conflict::Revision)),
    }
}

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
pub(super) fn delete(db: &Connection, owner: &Owner, entry: &Entry) -> Result<Vec<Entry>, StoreError> {
    let of_user = (owner.tenant.to_string(), owner.user.as_str());
    let sql = "DELETE FROM credential WHERE tenant_id = ?1 AND user_id = ?2 RETURNING id, plugin_name";
    let mut removed = Vec::new();
    for (id, plugin) in all(db.prepare_cached(sql)?, of_user.clone(), |row| {
        let mut column = Columns::of("credential", row);
        Ok((column.text()?, column.parse()?))
    })? {
        removed.push(Entry { action: Action::CredentialDelete, plugin: Some(plugin), ..entry.clone() }.with_target(id));
    }
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
