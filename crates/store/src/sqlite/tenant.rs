//! Tenants in SQLite.

use rusqlite::Connection;

use super::row::{Columns, all, first};
use crate::error::{Conflict, StoreError};
use crate::model::{Action, Entry, Tenant, TenantId};

pub(super) fn list(db: &Connection) -> Result<Vec<Tenant>, StoreError> {
    all(db.prepare_cached("SELECT id, name, created_at FROM tenant ORDER BY name")?, (), |row| {
        let mut column = Columns::of("tenant", row);
        Ok(Tenant { id: column.parse()?, name: column.parse()?, created_at: column.at()? })
    })
}

pub(super) fn insert(db: &Connection, tenant: &Tenant) -> Result<Vec<Entry>, StoreError> {
    let sql = "INSERT INTO tenant (id, name, created_at) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO NOTHING";
    let parameters = (tenant.id.to_string(), tenant.name.as_str(), tenant.created_at.as_millisecond());
    match db.prepare_cached(sql)?.execute(parameters)? {
        1 => Ok(Vec::new()),
        _ => Err(StoreError::Conflict(Conflict::Name)),
    }
}

/// Returns the events of the removed plugins and keys.
pub(super) fn remove(db: &Connection, tenant: TenantId, entry: &Entry) -> Result<Vec<Entry>, StoreError> {
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
