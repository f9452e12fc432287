//! Registrations and connections in SQLite.
//! A connection's hash changes with each phase, so each step succeeds only once.

use rusqlite::{Connection, Row, params};
use strongroom_crypto::Sealed;

use super::row::{Columns, all, first};
use crate::error::{Conflict, StoreError};
use crate::model::{AppId, AppRow, ConnectionId, ConnectionRow, Entry, Owner, TenantId};

macro_rules! app_columns {
    () => {
        "id, tenant_id, provider, definition, parameters, client_id, client_secret, created_at, mac"
    };
}

macro_rules! connection_columns {
    () => {
        "id, tenant_id, user_id, plugin_name, app_id, credential_id, name, scopes, return_address, phase, hash, sealed, \
         cause, created_at, expires_at"
    };
}

pub(super) const ALL_APPS: &str = concat!("SELECT ", app_columns!(), " FROM oauth_app");

pub(super) fn parse_app(row: &Row<'_>) -> Result<AppRow, StoreError> {
    let mut column = Columns::of("oauth_app", row);
    Ok(AppRow {
        id: column.parse()?,
        tenant: column.parse()?,
        provider: column.text()?,
        definition: column.text_or_null()?,
        parameters: column.text()?,
        client_id: column.text()?,
        client_secret: column.sealed_or_null()?,
        created_at: column.at()?,
        mac: column.bytes32()?,
    })
}

pub(super) fn app(db: &Connection, tenant: TenantId, id: AppId) -> Result<Option<AppRow>, StoreError> {
    let sql = concat!("SELECT ", app_columns!(), " FROM oauth_app WHERE id = ?1 AND tenant_id = ?2");
    first(db.prepare_cached(sql)?, (id.to_string(), tenant.to_string()), parse_app)
}

pub(super) fn apps(db: &Connection, tenant: TenantId) -> Result<Vec<AppRow>, StoreError> {
    let sql = concat!("SELECT ", app_columns!(), " FROM oauth_app WHERE tenant_id = ?1 ORDER BY id");
    all(db.prepare_cached(sql)?, [tenant.to_string()], parse_app)
}

pub(super) fn insert_app(db: &Connection, row: &AppRow) -> Result<Vec<Entry>, StoreError> {
    let sql = concat!(
        "INSERT INTO oauth_app (",
        app_columns!(),
        ") SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE EXISTS (SELECT 1 FROM tenant WHERE id = ?2)"
    );
    let written = db.prepare_cached(sql)?.execute(params![
        row.id.to_string(),
        row.tenant.to_string(),
        row.provider,
        row.definition,
        row.parameters,
        row.client_id,
        row.client_secret.as_ref().map(Sealed::as_bytes),
        row.created_at.as_millisecond(),
        row.mac,
    ])?;
    if written == 1 { Ok(Vec::new()) } else { Err(StoreError::Conflict(Conflict::Revision)) }
}

/// Refuses if the registration has connected accounts or pending revocations.
pub(super) fn delete_app(db: &Connection, tenant: TenantId, id: AppId) -> Result<Vec<Entry>, StoreError> {
    let of_app = (id.to_string(), tenant.to_string());
    let sql = "SELECT (SELECT count(*) FROM credential WHERE app_id = ?1 AND tenant_id = ?2) \
               + (SELECT count(*) FROM revocation WHERE app_id = ?1 AND tenant_id = ?2)";
    let in_use =
        first(db.prepare_cached(sql)?, of_app.clone(), |row| Columns::of("oauth_app", row).count())?.unwrap_or(0);
    if in_use > 0 {
        return Err(StoreError::Conflict(Conflict::InUse(in_use)));
    }
    db.prepare_cached("DELETE FROM connection WHERE app_id = ?1 AND tenant_id = ?2")?.execute(of_app.clone())?;
    match db.prepare_cached("DELETE FROM oauth_app WHERE id = ?1 AND tenant_id = ?2")?.execute(of_app)? {
        1 => Ok(Vec::new()),
        _ => Err(StoreError::Conflict(Conflict::Revision)),
    }
}

fn parse_connection(row: &Row<'_>) -> Result<ConnectionRow, StoreError> {
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

pub(super) fn connection(db: &Connection, hash: &[u8; 32]) -> Result<Option<ConnectionRow>, StoreError> {
    let sql = concat!("SELECT ", connection_columns!(), " FROM connection WHERE hash = ?1");
    first(db.prepare_cached(sql)?, [hash], parse_connection)
}

pub(super) fn connection_of(
    db: &Connection,
    owner: &Owner,
    id: ConnectionId,
) -> Result<Option<ConnectionRow>, StoreError> {
    let sql =
        concat!("SELECT ", connection_columns!(), " FROM connection WHERE id = ?1 AND tenant_id = ?2 AND user_id = ?3");
    let of_user = (id.to_string(), owner.tenant.to_string(), owner.user.as_str());
    first(db.prepare_cached(sql)?, of_user, parse_connection)
}

/// A connection is kept this long after it expired, so that a running code exchange can still settle it.
const SETTLED_RETENTION_MS: i64 = 60_000;

/// Also deletes expired connections.
pub(super) fn insert_connection(db: &Connection, row: &ConnectionRow) -> Result<Vec<Entry>, StoreError> {
    let now = row.created_at.as_millisecond();
    db.prepare_cached("DELETE FROM connection WHERE expires_at < ?1")?.execute([now - SETTLED_RETENTION_MS])?;
    let sql = concat!(
        "INSERT INTO connection (",
        connection_columns!(),
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
pub(super) fn advance_connection(
    db: &Connection,
    from: &[u8; 32],
    row: &ConnectionRow,
) -> Result<Vec<Entry>, StoreError> {
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
