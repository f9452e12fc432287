//! Plugins in SQLite.
//! A plugin's keys are removed with it. Its credentials are removed too, or they prevent the removal.

use rusqlite::{Connection, Row, params};

use super::credential;
use super::row::{Columns, all, first};
use crate::error::{Conflict, StoreError};
use crate::model::{Action, Entry, PendingRevocations, PluginName, PluginRow, TenantId};

pub(super) const ALL: &str = "SELECT id, tenant_id, name, manifest, revision, created_at, updated_at, mac FROM plugin";

pub(super) fn parse(row: &Row<'_>) -> Result<PluginRow, StoreError> {
    let mut column = Columns::of("plugin", row);
    Ok(PluginRow {
        id: column.parse()?,
        tenant: column.parse()?,
        name: column.parse()?,
        manifest: column.text()?,
        revision: column.count()?,
        created_at: column.at()?,
        updated_at: column.at()?,
        mac: column.bytes32()?,
    })
}

pub(super) fn find(db: &Connection, tenant: TenantId, name: &PluginName) -> Result<Option<PluginRow>, StoreError> {
    let sql = format!("{ALL} WHERE tenant_id = ?1 AND name = ?2");
    first(db.prepare_cached(&sql)?, (tenant.to_string(), name.as_str()), parse)
}

pub(super) fn list(
    db: &Connection,
    tenant: TenantId,
    after: Option<&PluginName>,
    limit: u32,
) -> Result<Vec<PluginRow>, StoreError> {
    let sql = format!("{ALL} WHERE tenant_id = ?1 AND name > ?2 ORDER BY name LIMIT ?3");
    let parameters = (tenant.to_string(), after.map_or("", PluginName::as_str), limit);
    all(db.prepare_cached(&sql)?, parameters, parse)
}

pub(super) fn put(db: &Connection, row: &PluginRow, read_at: Option<u64>) -> Result<Vec<Entry>, StoreError> {
    let written = match read_at {
        None => db
            .prepare_cached(
                "INSERT INTO plugin (id, tenant_id, name, manifest, revision, created_at, updated_at, mac) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (tenant_id, name) DO NOTHING",
            )?
            .execute(params![
                row.id.to_string(),
                row.tenant.to_string(),
                row.name.as_str(),
                row.manifest,
                row.revision,
                row.created_at.as_millisecond(),
                row.updated_at.as_millisecond(),
                row.mac,
            ])?,
        Some(read_at) => db
            .prepare_cached(
                "UPDATE plugin SET manifest = ?4, revision = ?5, updated_at = ?6, mac = ?7 \
                 WHERE id = ?1 AND tenant_id = ?2 AND revision = ?3",
            )?
            .execute(params![
                row.id.to_string(),
                row.tenant.to_string(),
                read_at,
                row.manifest,
                row.revision,
                row.updated_at.as_millisecond(),
                row.mac,
            ])?,
    };
    if written == 1 { Ok(Vec::new()) } else { Err(StoreError::Conflict(Conflict::Revision)) }
}

/// Returns the events of the removed keys and credentials.
pub(super) fn remove(
    db: &Connection,
    tenant: TenantId,
    name: &PluginName,
    credentials: bool,
    revocations: &PendingRevocations,
    entry: &Entry,
) -> Result<Vec<Entry>, StoreError> {
    let of_plugin = (tenant.to_string(), name.as_str());
    let counting = db.prepare_cached("SELECT count(*) FROM credential WHERE tenant_id = ?1 AND plugin_name = ?2")?;
    let in_use = first(counting, of_plugin.clone(), |row| Columns::of("credential", row).count())?.unwrap_or(0);
    if in_use > 0 && !credentials {
        return Err(StoreError::Conflict(Conflict::InUse(in_use)));
    }
    let condition = "tenant_id = ?1 AND plugin_name = ?2";
    let mut removed = credential::delete_where(db, condition, of_plugin.clone(), revocations, entry)?;
    let sql = "DELETE FROM plugin_key WHERE tenant_id = ?1 AND plugin_name = ?2 RETURNING id";
    for id in all(db.prepare_cached(sql)?, of_plugin.clone(), |row| Columns::of("plugin_key", row).text())? {
        removed.push(Entry { action: Action::PluginKeyRevoke, ..entry.clone() }.with_target(id));
    }
    match db.prepare_cached("DELETE FROM plugin WHERE tenant_id = ?1 AND name = ?2")?.execute(of_plugin)? {
        1 => Ok(removed),
        _ => Err(StoreError::Conflict(Conflict::Revision)),
    }
}
