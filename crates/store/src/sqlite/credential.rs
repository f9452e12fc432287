//! Credentials in SQLite.
//! An update or a deletion requires the revision that was read, so no concurrent change is lost.

use rusqlite::{Connection, Row, params};
use strongroom_crypto::Sealed;

use super::row::{Columns, all, first};
use crate::error::{Conflict, StoreError};
use crate::filter::CredentialFilter;
use crate::model::{Action, CredentialId, CredentialRow, Entry, Owner, PendingRevocations, PluginName, TenantId};

macro_rules! columns {
    () => {
        "id, tenant_id, user_id, plugin_name, type, name, provider, account, settings, encrypted_data, access_token, \
         refresh_token, previous_refresh_token, expires_at, scopes, generation, revision, created_at, updated_at, last_used_at, app_id"
    };
}

pub(super) const ALL: &str = concat!("SELECT ", columns!(), " FROM credential");

pub(super) fn parse(row: &Row<'_>) -> Result<CredentialRow, StoreError> {
    let mut column = Columns::of("credential", row);
    Ok(CredentialRow {
        id: column.parse()?,
        owner: Owner { tenant: column.parse()?, user: column.parse()? },
        plugin: column.parse()?,
        kind: column.parse()?,
        name: column.parse()?,
        provider: column.text_or_null()?,
        account: column.text_or_null()?,
        settings: column.sealed()?,
        encrypted_data: column.sealed()?,
        access_token: column.sealed_or_null()?,
        refresh_token: column.sealed_or_null()?,
        previous_refresh_token: column.sealed_or_null()?,
        expires_at: column.at_or_null()?,
        scopes: column.text()?,
        generation: column.count()?,
        revision: column.count()?,
        created_at: column.at()?,
        updated_at: column.at()?,
        last_used_at: column.at_or_null()?,
        app: column.parse_or_null()?,
    })
}

pub(super) fn find(db: &Connection, owner: &Owner, id: CredentialId) -> Result<Option<CredentialRow>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM credential WHERE id = ?1 AND tenant_id = ?2 AND user_id = ?3");
    let parameters = (id.to_string(), owner.tenant.to_string(), owner.user.as_str());
    first(db.prepare_cached(sql)?, parameters, parse)
}

pub(super) fn list(
    db: &Connection,
    owner: &Owner,
    filter: &CredentialFilter,
) -> Result<Vec<CredentialRow>, StoreError> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM credential WHERE tenant_id = ?1 AND user_id = ?2 \
         AND (?3 IS NULL OR plugin_name = ?3) AND (?4 IS NULL OR type = ?4) AND (?5 IS NULL OR id > ?5) ORDER BY id LIMIT ?6"
    );
    let parameters = (
        owner.tenant.to_string(),
        owner.user.as_str(),
        filter.plugin.as_ref().map(ToString::to_string),
        filter.kind.map(|kind| kind.as_str()),
        filter.after.map(|id| id.to_string()),
        filter.limit,
    );
    all(db.prepare_cached(sql)?, parameters, parse)
}

pub(super) fn connected(
    db: &Connection,
    tenant: TenantId,
    plugin: &PluginName,
    after: Option<CredentialId>,
    limit: u32,
) -> Result<Vec<CredentialRow>, StoreError> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM credential WHERE tenant_id = ?1 AND plugin_name = ?2 AND app_id IS NOT NULL AND id > ?3 ORDER BY id LIMIT ?4"
    );
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    all(db.prepare_cached(sql)?, (tenant.to_string(), plugin.as_str(), after, limit), parse)
}

pub(super) fn insert(db: &Connection, row: &CredentialRow) -> Result<Vec<Entry>, StoreError> {
    let sql = concat!(
        "INSERT INTO credential (",
        columns!(),
        ") \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, NULL, ?20 \
         WHERE EXISTS (SELECT 1 FROM plugin WHERE plugin.tenant_id = ?2 AND plugin.name = ?4) \
         ON CONFLICT (tenant_id, user_id, plugin_name, name) DO NOTHING"
    );
    let written = db.prepare_cached(sql)?.execute(params![
        row.id.to_string(),
        row.owner.tenant.to_string(),
        row.owner.user.as_str(),
        row.plugin.as_str(),
        row.kind.as_str(),
        row.name.as_str(),
        row.provider,
        row.account,
        row.settings.as_bytes(),
        row.encrypted_data.as_bytes(),
        row.access_token.as_ref().map(Sealed::as_bytes),
        row.refresh_token.as_ref().map(Sealed::as_bytes),
        row.previous_refresh_token.as_ref().map(Sealed::as_bytes),
        row.expires_at.map(jiff::Timestamp::as_millisecond),
        row.scopes,
        row.generation,
        row.revision,
        row.created_at.as_millisecond(),
        row.updated_at.as_millisecond(),
        row.app.map(|app| app.to_string()),
    ])?;
    if written == 1 {
        return Ok(Vec::new());
    }
    let registered = super::plugin::find(db, row.owner.tenant, &row.plugin)?.is_some();
    Err(StoreError::Conflict(if registered { Conflict::Name } else { Conflict::Plugin }))
}

pub(super) fn update(db: &Connection, row: &CredentialRow, read_at: u64) -> Result<Vec<Entry>, StoreError> {
    let sql = "UPDATE OR IGNORE credential SET name = ?5, account = ?6, settings = ?7, encrypted_data = ?8, access_token = ?9, \
               refresh_token = ?10, previous_refresh_token = ?11, expires_at = ?12, scopes = ?13, generation = ?14, \
               revision = ?15, updated_at = ?16, app_id = ?17, provider = ?18 WHERE id = ?1 AND tenant_id = ?2 AND user_id = ?3 AND revision = ?4";
    let written = db.prepare_cached(sql)?.execute(params![
        row.id.to_string(),
        row.owner.tenant.to_string(),
        row.owner.user.as_str(),
        read_at,
        row.name.as_str(),
        row.account,
        row.settings.as_bytes(),
        row.encrypted_data.as_bytes(),
        row.access_token.as_ref().map(Sealed::as_bytes),
        row.refresh_token.as_ref().map(Sealed::as_bytes),
        row.previous_refresh_token.as_ref().map(Sealed::as_bytes),
        row.expires_at.map(jiff::Timestamp::as_millisecond),
        row.scopes,
        row.generation,
        row.revision,
        row.updated_at.as_millisecond(),
        row.app.map(|app| app.to_string()),
        row.provider,
    ])?;
    if written == 1 {
        return Ok(Vec::new());
    }
    // Nothing was written: the row is gone, its revision has changed, or the name is taken.
    let same = find(db, &row.owner, row.id)?.is_some_and(|found| found.revision == read_at);
    Err(StoreError::Conflict(if same { Conflict::Name } else { Conflict::Revision }))
}

pub(super) fn delete(db: &Connection, owner: &Owner, id: CredentialId, read_at: u64) -> Result<Vec<Entry>, StoreError> {
    let sql = "DELETE FROM credential WHERE id = ?1 AND tenant_id = ?2 AND user_id = ?3 AND revision = ?4";
    let parameters = (id.to_string(), owner.tenant.to_string(), owner.user.as_str(), read_at);
    match db.prepare_cached(sql)?.execute(parameters)? {
        1 => Ok(Vec::new()),
        _ => Err(StoreError::Conflict(Conflict::Revision)),
    }
}

/// Deletes the credentials that `condition` selects, and stores their pending revocations. Refuses if the grant of a
/// connected account would not be revoked. Returns an event for each credential.
pub(super) fn delete_where(
    db: &Connection,
    condition: &str,
    parameters: impl rusqlite::Params,
    revocations: &PendingRevocations,
    entry: &Entry,
) -> Result<Vec<Entry>, StoreError> {
    revocations.rows.iter().try_for_each(|revocation| super::refresh::insert_revocation(db, revocation))?;
    let sql = format!(
        "DELETE FROM credential WHERE {condition} RETURNING id, generation, app_id IS NOT NULL, user_id, plugin_name"
    );
    all(db.prepare_cached(&sql)?, parameters, |row| {
        let mut column = Columns::of("credential", row);
        let (id, generation, connected) = (column.text()?, column.count()?, column.count()? == 1);
        let covered = || id.parse().is_ok_and(|id| revocations.covered.contains(&(id, generation)));
        if connected && !covered() {
            return Err(StoreError::Conflict(Conflict::Grant));
        }
        let entry = Entry { action: Action::CredentialDelete, ..entry.clone() };
        Ok(entry.with_user(&column.parse()?).with_plugin(&column.parse()?).with_target(id))
    })
}
