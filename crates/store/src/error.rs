//! Errors of a database. The vault turns them into its own errors.

use std::sync::Arc;

/// Why a database operation failed. The text is for the log. Callers get an error of the vault.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The state of the database does not allow the write. Nothing was written.
    #[error("conflict: {0:?}")]
    Conflict(Conflict),
    /// The key or session of the caller was revoked. Nothing was written.
    #[error("the caller's key or session no longer exists")]
    Revoked,
    /// The database cannot be read or written. It is full, locked, read-only or damaged.
    #[error("the database is unavailable: {0}")]
    Unavailable(Arc<dyn std::error::Error + Send + Sync>),
    /// A row does not parse, so Strongroom did not write it.
    #[error("table {table} has a row that does not parse: {what}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column or value.
        what: String,
    },
    /// The vault was closed.
    #[error("the vault is closed")]
    Closed,
}

/// Why the database did not allow a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The name is already used.
    Name,
    /// The idempotency key was already used.
    IdempotencyKey,
    /// The row does not exist any more, or its revision has changed.
    Revision,
    /// The user's data key has changed.
    UserKey,
    /// The plugin is not registered.
    Plugin,
    /// An account was connected or refreshed after its pending revocation was made.
    Grant,
    /// Other objects depend on it. Holds their number.
    InUse(u64),
}
