//! The check that the caller of a write still exists.

use rusqlite::Connection;

use crate::error::StoreError;
use crate::model::Principal;

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
