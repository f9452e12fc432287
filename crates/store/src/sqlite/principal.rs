//! API keys and sessions in SQLite.
//! Deleting a row revokes the key or ends the session.

use rusqlite::{Connection, Row, params};
use strongroom_crypto::{TokenHash, TokenKind};

use super::row::{Columns, all, first};
use crate::error::{Conflict, StoreError};
use crate::model::{ApiKeyId, ApiKeyRow, Entry, KeyOwner, Owner, Principal, SessionId, SessionRow, TenantId};

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

pub(super) fn key(db: &Connection, kind: TokenKind, hash: &TokenHash) -> Result<Option<ApiKeyRow>, StoreError> {
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

/// Whether the key or session of the caller still exists. A token is checked when the request's headers arrive. The
/// body can arrive much later. By then, the token may have been revoked and its effects undone.
pub(super) fn is_still_valid(db: &Connection, principal: &Principal) -> Result<bool, StoreError> {
    let (sql, id) = match principal {
        Principal::Anonymous | Principal::Strongroom => return Ok(true),
        Principal::Host { key } => ("SELECT 1 FROM host_key WHERE id = ?1", key.map(|id| id.to_string())),
        Principal::Plugin { key, .. } => ("SELECT 1 FROM plugin_key WHERE id = ?1", key.map(|id| id.to_string())),
        Principal::User { session } | Principal::Operator { session } => (
            "SELECT 1 FROM session WHERE id = ?1 UNION ALL SELECT 1 FROM console_session WHERE id = ?1",
            session.map(|id| id.to_string()),
        ),
    };
    // A principal without an id comes from the embedding program, which has authenticated it.
    let Some(id) = id else { return Ok(true) };
    Ok(db.prepare_cached(sql)?.exists([id])?)
}

pub(super) fn keys(db: &Connection, tenant: TenantId, owner: &KeyOwner) -> Result<Vec<ApiKeyRow>, StoreError> {
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

pub(super) fn insert_key(db: &Connection, row: &ApiKeyRow) -> Result<Vec<Entry>, StoreError> {
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

pub(super) fn delete_key(
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

const SESSION: &str = "SELECT id, tenant_id, user_id, hash, created_at, expires_at, origins, mac FROM session";

fn parse_session(row: &Row<'_>) -> Result<SessionRow, StoreError> {
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

pub(super) fn session(db: &Connection, hash: &TokenHash) -> Result<Option<SessionRow>, StoreError> {
    let sql = format!("{SESSION} WHERE hash = ?1");
    first(db.prepare_cached(&sql)?, [hash.as_bytes()], parse_session)
}

pub(super) fn sessions(db: &Connection, owner: &Owner) -> Result<Vec<SessionRow>, StoreError> {
    let sql = format!("{SESSION} WHERE tenant_id = ?1 AND user_id = ?2 ORDER BY id");
    all(db.prepare_cached(&sql)?, (owner.tenant.to_string(), owner.user.as_str()), parse_session)
}

/// Also deletes expired sessions.
pub(super) fn insert_session(db: &Connection, row: &SessionRow) -> Result<Vec<Entry>, StoreError> {
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

pub(super) fn delete_sessions(db: &Connection, owner: &Owner, id: Option<SessionId>) -> Result<Vec<Entry>, StoreError> {
    // Revoking all sessions of a user includes the console sessions.
    let consoles = "DELETE FROM console_session WHERE tenant_id = ?1 AND user_id = ?2 AND ?3 IS NULL";
    let all_of = (owner.tenant.to_string(), owner.user.as_str(), id.map(|id| id.to_string()));
    db.prepare_cached(consoles)?.execute(all_of)?;
    let sql = "DELETE FROM session WHERE tenant_id = ?1 AND user_id = ?2 AND (?3 IS NULL OR id = ?3)";
    let parameters = (owner.tenant.to_string(), owner.user.as_str(), id.map(|id| id.to_string()));
    let deleted = db.prepare_cached(sql)?.execute(parameters)?;
    if deleted == 0 && id.is_some() { Err(StoreError::Conflict(Conflict::Revision)) } else { Ok(Vec::new()) }
}
