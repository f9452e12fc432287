//! The database file: its permissions, its connections, its schema and the data that is readable before the key is
//! known.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};
use strongroom_crypto::Sealed;

use crate::error::StoreError;

/// The migrations, in order. `PRAGMA user_version` is the number of those that have run.
const MIGRATIONS: [&str; 4] = [
    include_str!("../../migrations/sqlite/0001_vault.sql"),
    include_str!("../../migrations/sqlite/0002_connect.sql"),
    include_str!("../../migrations/sqlite/0003_page.sql"),
    include_str!("../../migrations/sqlite/0004_console.sql"),
];

/// Shorter than the vault's deadline, so that a lock of another process results in an error and not in a timeout.
const BUSY_TIMEOUT: Duration = Duration::from_millis(1500);

/// Why a database file cannot be opened. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    /// Other users of the machine could read it.
    #[error(
        "{path} can be read by other users (mode {mode:03o}); run: chmod {wanted:03o} {path}, or, if others need it, move the database to its own directory"
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
    /// A newer Strongroom wrote it.
    #[error(
        "{path} was written by a newer Strongroom (schema {found}; this version supports {known}); nothing was changed; use the newer version"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema number.
        found: usize,
        /// The newest schema number of this version.
        known: usize,
    },
    /// The file is not a Strongroom database, or it is damaged.
    #[error("{path} is not a Strongroom database, or it is damaged: {what}; nothing was changed")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The cause.
        what: String,
    },
    /// SQLite returned an error.
    #[error("{path} cannot be used: {reason}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// SQLite's reason.
        reason: rusqlite::Error,
    },
}

/// The stored identity of an installation.
pub struct Installation {
    /// The installation's id.
    pub instance: String,
    /// The wrapped root key.
    pub root_key: Sealed,
}

/// A database file before the key is known. It can be inspected and installed, but not written otherwise.
pub struct Database {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
}

impl Database {
    /// Opens a database file, or creates an empty one. The file has the mode 0600 and the directory 0700.
    ///
    /// # Errors
    /// [`SqliteError`]. Each message says what to do.
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

    /// The installation in this file. `None` if the file is new.
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
                let what = "its tables were not created by Strongroom".to_owned();
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

    /// Creates the tables and stores the wrapped root key in one transaction.
    ///
    /// # Errors
    /// [`SqliteError::Refused`], also if another process has just installed. Opening the file again then succeeds.
    pub fn install(
        &self,
        instance: &str,
        root_key: &Sealed,
        recipient: &str,
        now: Timestamp,
    ) -> Result<(), SqliteError> {
        let write = || {
            // A batch of events fills pages. Larger pages need fewer writes to the WAL.
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

    /// Migrates an older database to this version in one transaction. Call it after the key has proved to be right.
    ///
    /// # Errors
    /// [`SqliteError::Refused`]. Nothing was changed.
    pub fn migrate(&self) -> Result<(), SqliteError> {
        let write = || {
            let transaction = rusqlite::Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
            // Read the version under the lock. Another process may be migrating too.
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
    // A trigger or view in the file would be foreign code in Strongroom's transactions.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    // FULL: an acknowledged event survives a power failure. secure_delete: a deleted row leaves no bytes in free pages.
    for (pragma, value) in
        [("synchronous", "FULL"), ("secure_delete", "ON"), ("foreign_keys", "ON"), ("trusted_schema", "OFF")]
    {
        connection.pragma_update(None, pragma, value)?;
    }
    connection.pragma_update(None, "cache_size", -4096)?;
    Ok(connection)
}

/// Creates the directory and the file with the required modes. Existing ones must already have them (CWE-732).
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
            // The umask may have removed required bits. It cannot have added any.
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
