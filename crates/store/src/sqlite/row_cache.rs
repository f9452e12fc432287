//! Cache of sealed credential rows. Each entry also holds its message key, so a cache hit needs neither a database read
//! nor a key derivation. A row is removed before a change to it is acknowledged, and its key is wiped after the last
//! use. All rows are removed when another process has written.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::{CachedCredential, CredentialId, Owner, Target};
use quick_cache::Weighter;
use quick_cache::unsync::Cache;

/// Typical size of an entry.
const TYPICAL_ENTRY_BYTES: u64 = 2 << 10;
/// Part of an entry: the message key, its key schedule, the context of the record and the map slot.
const MESSAGE_KEY_BYTES: u64 = 1 << 10;

/// Wiping and freeing more entries than this would delay callers that wait for the writer.
const BACKGROUND_DROP_THRESHOLD: usize = 10_000;

pub(super) struct RowCache {
    bytes: u64,
    rows: Mutex<Rows>,
}

type Kept = Cache<CredentialId, Arc<CachedCredential>, Size>;

struct Rows {
    changes: u64,
    kept: Kept,
}

/// The change counter at a cache miss. The row may only be cached if no change happened since.
pub(super) struct Missed {
    changes: u64,
}

impl RowCache {
    /// Creates a cache for at most this many bytes.
    pub(super) fn new(bytes: u64) -> Self {
        Self { bytes, rows: Mutex::new(Rows { changes: 0, kept: none(bytes) }) }
    }

    pub(super) fn find(&self, owner: &Owner, id: CredentialId) -> Result<Arc<CachedCredential>, Missed> {
        let rows = self.lock();
        match rows.kept.get(&id) {
            Some(row) if row.owner == *owner => Ok(row.clone()),
            _ => Err(Missed { changes: rows.changes }),
        }
    }

    pub(super) fn keep(&self, row: &Arc<CachedCredential>, missed: &Missed) {
        let mut rows = self.lock();
        if rows.changes == missed.changes {
            rows.kept.insert(row.id, row.clone());
        }
    }

    /// Removes the rows of these objects after a change. Each object is the target of a written event.
    pub(super) fn forget(&self, objects: &[Target]) {
        let mut rows = self.lock();
        rows.changes += 1;
        for id in objects.iter().filter_map(Target::credential) {
            rows.kept.remove(&id);
        }
    }

    pub(super) fn forget_all(&self) {
        let mut rows = self.lock();
        rows.changes += 1;
        let gone = std::mem::replace(&mut rows.kept, none(self.bytes));
        drop(rows);
        if gone.len() > BACKGROUND_DROP_THRESHOLD {
            // If no thread can be started, the entries are dropped in place.
            let _ = std::thread::Builder::new().name("strongroom-forget".to_owned()).spawn(move || drop(gone));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn none(bytes: u64) -> Kept {
    Cache::with_weighter(usize::try_from(bytes / TYPICAL_ENTRY_BYTES).unwrap_or(usize::MAX), bytes, Size)
}

#[derive(Clone)]
struct Size;

impl Weighter<CredentialId, Arc<CachedCredential>> for Size {
    fn weight(&self, _: &CredentialId, row: &Arc<CachedCredential>) -> u64 {
        // An unlocked entry holds a copy of the encrypted data.
        let data = [Some(&row.settings), Some(&row.encrypted_data), Some(&row.encrypted_data)];
        let sealed = data.into_iter().chain([row.access_token.as_ref(), row.refresh_token.as_ref()]);
        let bytes: usize = sealed.flatten().map(|sealed| sealed.as_bytes().len()).sum();
        let row = std::mem::size_of::<CachedCredential>() + bytes + row.scopes.len();
        u64::try_from(row).unwrap_or(u64::MAX).saturating_add(MESSAGE_KEY_BYTES)
    }
}
