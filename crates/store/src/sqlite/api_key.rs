//! API keys in SQLite. Deleting a row revokes the key.

use rusqlite::{Connection, Row, params};
use strongroom_crypto::{TokenHash, TokenKind};

use super::row::{Columns, all, first};
use crate::error::{Conflict, StoreError};
use crate::model::{ApiKeyId, ApiKeyRow, Entry, KeyOwner, TenantId};

pub(super) const ALL_HOST_KEYS: &str = "SELECT id, tenant_id, label, hash, created_at, mac FROM host_key";

pub(super) const ALL_PLUGIN_KEYS: &str =
    "SELECT id, tenant_id, label, hash, created_at, mac, plugin_name FROM plugin_key";

fn parse_key(
    table: &'static str,
    row: &Row<'_>,
    owner: impl FnOnce(&mut Columns<'_>) -> Result<KeyOwner, StoreError>,
) -> Result<ApiKeyRow, StoreError> {
    let mut column = Columns::of(table, row);
    Ok(ApiKeyRow {
        id: column.parse()?,
        tenant: column.parse()?,
        label: column.parse()?,
        hash: column.hash()?,
        created_at: column.at()?,
        mac: column.bytes32()?,
        owner: owner(&mut column)?,
    })
}

pub(super) fn parse_host_key(row: &Row<'_>) -> Result<ApiKeyRow, StoreError> {
    parse_key("host_key", row, |_| Ok(KeyOwner::Host))
}

pub(super) fn parse_plugin_key(row: &Row<'_>) -> Result<ApiKeyRow, StoreError> {
    parse_key("plugin_key", row, |column| column.parse().map(KeyOwner::Plugin))
}

pub(super) fn find(db: &Connection, kind: TokenKind, hash: &TokenHash) -> Result<Option<ApiKeyRow>, StoreError> {
    let by_hash = [hash.as_bytes()];
    match kind {
        TokenKind::Host => {
            first(db.prepare_cached(&format!("{ALL_HOST_KEYS} WHERE hash = ?1"))?, by_hash, parse_host_key)
        }
        TokenKind::Plugin => {
            first(db.prepare_cached(&format!("{ALL_PLUGIN_KEYS} WHERE hash = ?1"))?, by_hash, parse_plugin_key)
        }
        TokenKind::Session | TokenKind::Console | TokenKind::Link => Ok(None),
    }
}

pub(super) fn list(db: &Connection, tenant: TenantId, owner: &KeyOwner) -> Result<Vec<ApiKeyRow>, StoreError> {
    match owner {
        KeyOwner::Host => {
            let sql = format!("{ALL_HOST_KEYS} WHERE tenant_id = ?1 ORDER BY id");
            all(db.prepare_cached(&sql)?, [tenant.to_string()], parse_host_key)
        }
        KeyOwner::Plugin(name) => {
            let sql = format!("{ALL_PLUGIN_KEYS} WHERE tenant_id = ?1 AND plugin_name = ?2 ORDER BY id");
            all(db.prepare_cached(&sql)?, (tenant.to_string(), name.as_str()), parse_plugin_key)
        }
    }
}

pub(super) fn insert(db: &Connection, row: &ApiKeyRow) -> Result<Vec<Entry>, StoreError> {
    let written = match &row.owner {
        KeyOwner::Host => db
            .prepare_cached(
                "INSERT INTO host_key (id, tenant_id, label, hash, created_at, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                row.id.to_string(),
                row.tenant.to_string(),
                row.label.as_str(),
                row.hash.as_bytes(),
                row.created_at.as_millisecond(),
                row.mac
            ])?,
        // The plugin may have been removed after the lookup. A key must not outlive its plugin.
        KeyOwner::Plugin(name) => db
            .prepare_cached(
                "INSERT INTO plugin_key (id, tenant_id, label, hash, created_at, mac, plugin_name) \
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, name FROM plugin WHERE tenant_id = ?2 AND name = ?7",
            )?
            .execute(params![
                row.id.to_string(),
                row.tenant.to_string(),
                row.label.as_str(),
                row.hash.as_bytes(),
                row.created_at.as_millisecond(),
                row.mac,
                name.as_str()
            ])?,
    };
    if written == 1 { Ok(Vec::new()) } else { Err(StoreError::Conflict(Conflict::Revision)) }
}

pub(super) fn delete(
    db: &Connection,
    tenant: TenantId,
    owner: &KeyOwner,
    id: ApiKeyId,
) -> Result<Vec<Entry>, StoreError> {
    let deleted = match owner {
        KeyOwner::Host => db
            .prepare_cached("DELETE FROM host_key WHERE id = ?1 AND tenant_id = ?2")?
            .execute((id.to_string(), tenant.to_string()))?,
        KeyOwner::Plugin(name) => db
            .prepare_cached("DELETE FROM plugin_key WHERE id = ?1 AND tenant_id = ?2 AND plugin_name = ?3")?
            .execute((id.to_string(), tenant.to_string(), name.as_str()))?,
    };
    if deleted == 1 { Ok(Vec::new()) } else { Err(StoreError::Conflict(Conflict::Revision)) }
}
