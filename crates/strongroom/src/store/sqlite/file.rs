//! The database file: where it may lie, how it is opened, what is in it before a key has opened anything.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};
use strongroom_crypto::Sealed;

use super::SqliteStore;
use super::readers::Readers;
use super::recent::Recent;
use super::writer::Writer;
use crate::store::{ChainMac, StoreError};

/// The migrations, in order. `PRAGMA user_version` counts those that have run.
const MIGRATIONS: [&str; 4] = [
    include_str!("../../../migrations/sqlite/0001_vault.sql"),
    include_str!("../../../migrations/sqlite/0002_connect.sql"),
    include_str!("../../../migrations/sqlite/0003_page.sql"),
    include_str!("../../../migrations/sqlite/0004_console.sql"),
];

/// Below the vault's own deadline, so that a lock held elsewhere is an answer and not a silence.
const BUSY_TIMEOUT: Duration = Duration::from_millis(1500);

/// Why a database file does not open. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    /// Somebody else could read it.
    #[error(
        "{path} can be read by other users (mode {mode:03o}); run: chmod {wanted:03o} {path}, or, if others need it, give the database a directory of its own"
    )]
    Exposed {
        /// The file or directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode it must have.
        wanted: u32,
    },
    /// The file or its directory cannot be used.
    #[error("{path} cannot be used: {reason}")]
    Unusable {
        /// The file or directory.
        path: PathBuf,
        /// The operating system's reason.
        reason: std::io::Error,
    },
    /// A later Strongroom wrote it.
    #[error(
        "{path} was written by a newer Strongroom (schema {found}; this one knows {known}); nothing was changed: use the newer version"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema's number.
        found: usize,
        /// The newest number known here.
        known: usize,
    },
    /// A database, but not of ours; or a damaged one.
    #[error("{path} is not a Strongroom database, or it is damaged: {what}; nothing was changed")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// SQLite refused.
    #[error("{path} cannot be used: {reason}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// SQLite's reason.
        reason: rusqlite::Error,
    },
}

/// What an installation is known by.
pub struct Installation {
    /// Its id.
    pub instance: String,
    /// Its root key, wrapped.
    pub root_key: Sealed,
}

/// A database file that no key has opened yet: it can be looked at and installed into, not written.
pub struct Database {
    path: PathBuf,
    connection: Connection,
}

impl Database {
    /// Opens a database file, or makes an empty one, 0600 in a directory 0700.
    ///
    /// # Errors
    /// [`SqliteError`]; each message says what to do.
    pub fn open(path: &Path) -> Result<Self, SqliteError> {
        prepare(path)?;
        let refused = |reason| SqliteError::Refused { path: path.to_owned(), reason };
        let connection = connect(path).map_err(|error| match error {
            StoreError::Unavailable(cause) => SqliteError::Foreign { path: path.to_owned(), what: cause.to_string() },
            other => SqliteError::Foreign { path: path.to_owned(), what: other.to_string() },
        })?;
        if connection.is_readonly("main").map_err(refused)? {
            let reason = std::io::Error::from(std::io::ErrorKind::ReadOnlyFilesystem);
            return Err(SqliteError::Unusable { path: path.to_owned(), reason });
        }
        Ok(Self { path: path.to_owned(), connection })
    }

    /// What is installed here; nothing, if the file is new.
    ///
    /// # Errors
    /// [`SqliteError::Newer`] and [`SqliteError::Foreign`].
    pub fn installation(&self) -> Result<Option<Installation>, SqliteError> {
        let foreign =
            |error: rusqlite::Error| SqliteError::Foreign { path: self.path.clone(), what: error.to_string() };
        let version = self.version().map_err(foreign)?;
        if version > MIGRATIONS.len() {
            return Err(SqliteError::Newer { path: self.path.clone(), found: version, known: MIGRATIONS.len() });
        }
        if version == 0 {
            let tables: i64 = self
                .connection
                .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))
                .map_err(foreign)?;
            if tables > 0 {
                let what = "it has tables, but none that Strongroom made".to_owned();
                return Err(SqliteError::Foreign { path: self.path.clone(), what });
            }
            return Ok(None);
        }
        let read = || {
            let instance =
                self.connection.query_row("SELECT value FROM meta WHERE key = 'instance'", (), |row| row.get(0))?;
            let sealed: Vec<u8> =
                self.connection
                    .query_row("SELECT sealed FROM root_key ORDER BY version DESC LIMIT 1", (), |row| row.get(0))?;
            Ok(Installation { instance, root_key: Sealed::from_bytes(sealed) })
        };
        read().map(Some).map_err(foreign)
    }

    /// Makes the tables and stores the wrapped root key, all or nothing.
    ///
    /// # Errors
    /// [`SqliteError::Refused`], also when another process installed meanwhile: then simply open again.
    pub fn install(
        &self,
        instance: &str,
        root_key: &Sealed,
        recipient: &str,
        now: Timestamp,
    ) -> Result<(), SqliteError> {
        let write = || {
            // A batch of events fills pages; fewer and larger ones take fewer writes to the WAL.
            self.connection.pragma_update(None, "page_size", 8192)?;
            self.connection.pragma_update(None, "journal_mode", "wal")?;
            let transaction = rusqlite::Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
            for migration in MIGRATIONS {
                transaction.execute_batch(migration)?;
            }
            transaction.pragma_update(None, "user_version", MIGRATIONS.len())?;
            transaction.execute("INSERT INTO meta VALUES ('instance', ?1), ('last_used_seq', '0')", [instance])?;
            transaction.execute(
                "INSERT INTO root_key (version, recipient, sealed, created_at) VALUES (1, ?1, ?2, ?3)",
                (recipient, root_key.as_bytes(), now.as_millisecond()),
            )?;
            transaction.commit()
        };
        write().map_err(|reason| SqliteError::Refused { path: self.path.clone(), reason })
    }

    /// Brings an older database to this version, all or nothing. Called when the key has proved right.
    ///
    /// # Errors
    /// [`SqliteError::Refused`]: nothing was changed.
    pub fn migrate(&self) -> Result<(), SqliteError> {
        let write = || {
            let transaction = rusqlite::Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
            // Read under the lock: another process may be doing the same.
            let version = self.version()?;
            for migration in MIGRATIONS.iter().skip(version) {
                transaction.execute_batch(migration)?;
            }
            if version < MIGRATIONS.len() {
                transaction.pragma_update(None, "user_version", MIGRATIONS.len())?;
            }
            transaction.commit()
        };
        write().map_err(|reason| SqliteError::Refused { path: self.path.clone(), reason })
    }

    /// Starts the writer. From here on the database can be written, each time with an event. So many bytes of rows that were
    /// read lately are kept in memory at most.
    ///
    /// # Errors
    /// If the file does not open once more.
    pub fn start(self, link: Arc<dyn ChainMac>, kept: u64) -> Result<SqliteStore, StoreError> {
        let readers = Arc::new(Readers::of(&self.path));
        let recent = Arc::new(Recent::new(kept));
        let writer = Writer::start(self.connection, link, readers.clone(), recent.clone())?;
        Ok(SqliteStore { readers, recent, writer })
    }

    fn version(&self) -> Result<usize, rusqlite::Error> {
        self.connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .optional()
            .map(Option::unwrap_or_default)
    }
}

pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    // A trigger or view in the file would be somebody else's code in our transactions.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    // FULL: an acknowledged event survives a power cut. secure_delete: a deleted row leaves no bytes in free pages.
    for (pragma, value) in
        [("synchronous", "FULL"), ("secure_delete", "ON"), ("foreign_keys", "ON"), ("trusted_schema", "OFF")]
    {
        connection.pragma_update(None, pragma, value)?;
    }
    connection.pragma_update(None, "cache_size", -4096)?;
    Ok(connection)
}

/// Makes directory and file with the modes they must have; what is there already must have them (CWE-732).
fn prepare(path: &Path) -> Result<(), SqliteError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !directory.exists() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(|reason| SqliteError::Unusable { path: directory.to_owned(), reason })?;
    }
    refuse_exposed(directory, 0o700)?;
    match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => {
            // The umask may have taken more away than it should; it cannot have given more.
            let _ = file.set_permissions(Permissions::from_mode(0o600));
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            refuse_exposed(path, 0o600)?;
            let opened = OpenOptions::new().read(true).write(true).open(path);
            opened.map(drop).map_err(|reason| SqliteError::Unusable { path: path.to_owned(), reason })
        }
        Err(reason) => Err(SqliteError::Unusable { path: path.to_owned(), reason }),
    }
}

fn refuse_exposed(path: &Path, wanted: u32) -> Result<(), SqliteError> {
    let metadata = fs::metadata(path).map_err(|reason| SqliteError::Unusable { path: path.to_owned(), reason })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SqliteError::Exposed { path: path.to_owned(), mode, wanted });
    }
    Ok(())
}
