//! Pool of read connections. A connection can keep a read transaction (view) open for a short time. Beginning a read
//! costs more than the read, and a new view after a commit starts with an empty page cache. A view is never older than
//! the last change of this process. `Store::epoch` reveals changes of other processes. While another process writes, no
//! views are used: an open view prevents a WAL reset, and only its own process can end it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::file;
use crate::error::StoreError;

const MAX_VIEW_AGE: Duration = Duration::from_millis(100);
/// How long the file counts as shared after another process has written.
const SHARED_FILE_WINDOW: Duration = Duration::from_secs(10);

pub(super) struct ReadPool {
    path: PathBuf,
    idle: Mutex<Vec<Reader>>,
    changes: AtomicU64,
    /// Incremented when all views must end. A reader that was busy at that moment ends its view afterwards.
    ends: AtomicU64,
    shared: Mutex<Option<Instant>>,
}

struct Reader {
    connection: Connection,
    view: Option<View>,
}

/// An open read transaction.
#[derive(Clone, Copy)]
struct View {
    changes: u64,
    ends: u64,
    since: Instant,
}

impl ReadPool {
    pub(super) fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Mutex::default(),
            changes: AtomicU64::new(0),
            ends: AtomicU64::new(0),
            shared: Mutex::default(),
        }
    }

    /// Reads the current state.
    pub(super) fn newest<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut reader = self.take(false)?;
        reader.end()?;
        let answer = read(&reader.connection);
        self.idle().push(reader);
        answer
    }

    /// Reads a state that is at most `MAX_VIEW_AGE` old. Only changes of another process can be missing.
    pub(super) fn recent<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.is_shared() {
            return self.newest(read);
        }
        let mut reader = self.take(true)?;
        reader.keep(self.changes.load(Ordering::Acquire), self.ends.load(Ordering::Acquire))?;
        let answer = read(&reader.connection)?;
        if reader.view.is_some_and(|view| view.ends != self.ends.load(Ordering::Acquire)) {
            reader.end()?;
        }
        self.idle().push(reader);
        Ok(answer)
    }

    /// Records a change of this process, so that no older view is used. Call it before the change is acknowledged.
    pub(super) fn changed(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Records a write of another process: after this process's last write, or before its first.
    pub(super) fn changed_elsewhere(&self, lately: bool) {
        self.changed();
        if lately {
            *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            self.end_views();
        }
    }

    fn is_shared(&self) -> bool {
        let since = *self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() < SHARED_FILE_WINDOW)
    }

    /// Ends all views. A view in use ends as soon as its read is done.
    pub(super) fn end_views(&self) {
        self.ends.fetch_add(1, Ordering::AcqRel);
        self.idle().retain_mut(|reader| reader.end().is_ok());
    }

    pub(super) fn close(&self) {
        self.idle().clear();
    }

    /// The pool has at most one connection for each thread that reads at the same time.
    fn take(&self, with_view: bool) -> Result<Reader, StoreError> {
        let mut idle = self.idle();
        let fitting = idle.iter().rposition(|reader| reader.view.is_some() == with_view);
        let found = fitting.map(|at| idle.swap_remove(at)).or_else(|| idle.pop());
        drop(idle);
        found.map_or_else(|| Ok(Reader { connection: file::connect(&self.path)?, view: None }), Ok)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    fn keep(&mut self, changes: u64, ends: u64) -> Result<(), StoreError> {
        let is_still_valid =
            |view: View| view.changes == changes && view.ends == ends && view.since.elapsed() < MAX_VIEW_AGE;
        if self.view.is_some_and(is_still_valid) {
            return Ok(());
        }
        self.end()?;
        self.connection.prepare_cached("BEGIN")?.execute(())?;
        self.view = Some(View { changes, ends, since: Instant::now() });
        Ok(())
    }

    fn end(&mut self) -> Result<(), StoreError> {
        if self.view.take().is_some() {
            self.connection.prepare_cached("COMMIT")?.execute(())?;
        }
        Ok(())
    }
}
