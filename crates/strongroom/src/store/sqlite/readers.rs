//! The connections that read. One may keep its view of the database for a moment: beginning a read costs more
//! than the read, and every commit empties the page cache of whoever begins anew. A view is never older than this
//! process's own last change; what another process changed meanwhile is found out by `Store::epoch`. While another one
//! writes, there are no views: the WAL is started over only when nobody has one, and they could not be ended from there.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::file;
use crate::store::StoreError;

const MAX_VIEW_AGE: Duration = Duration::from_millis(100);
/// For so long after another process has written, it may do so again.
const SHARED_FILE_WINDOW: Duration = Duration::from_secs(10);

pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Reader>>,
    changes: AtomicU64,
    /// Counts how often all views were to end; who was reading at that moment ends theirs afterwards.
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

impl Readers {
    pub(super) fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Mutex::default(),
            changes: AtomicU64::new(0),
            ends: AtomicU64::new(0),
            shared: Mutex::default(),
        }
    }

    /// Reads the newest there is.
    pub(super) fn newest<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut reader = self.take(false)?;
        reader.end()?;
        let answer = read(&reader.connection);
        self.idle().push(reader);
        answer
    }

    /// Reads what was the newest a moment ago, and still is unless another process has written.
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

    /// The rows have changed: from now on nobody reads in a view from before. Called before the change is acknowledged.
    pub(super) fn changed(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Another process has written: since this one's last write, or at some time before its first.
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

    /// Ends all views: of those who are reading at this moment, as soon as they have read.
    pub(super) fn end_views(&self) {
        self.ends.fetch_add(1, Ordering::AcqRel);
        self.idle().retain_mut(|reader| reader.end().is_ok());
    }

    pub(super) fn close(&self) {
        self.idle().clear();
    }

    /// There are never more connections than threads that read at once.
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
