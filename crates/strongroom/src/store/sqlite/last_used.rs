//! Brings `last_used_at` into the rows: no read pays for a write of its own, and nothing is lost, because the log of reads is
//! the source. The writer notes what it appends; what it did not append itself is read from the log. In a busy time a few rows
//! ride along with a batch, in a quiet one all that are left; the log is not looked at again up to where the rows have it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use super::audit;
use super::row::{Columns, all, first};
use crate::audit::{Action, Decision, Entry};
use crate::id::CredentialId;
use crate::store::StoreError;

/// How long it is quiet before the rest is done.
const QUIET_DELAY: Duration = Duration::from_millis(500);
/// When there is nothing left: a view that somebody left behind is ended no later.
const IDLE_DELAY: Duration = Duration::from_secs(10);
/// Between two steps, of which one holds the writer for some milliseconds.
const STEP_INTERVAL: Duration = Duration::from_millis(20);
/// Rows that ride along in a busy time, and that are written in one step of a quiet one.
const ROWS_PER_BATCH: usize = 4;
const ROWS_PER_STEP: usize = 500;
/// Of the log, in one step.
const EVENTS_PER_STEP: u64 = 2_000;
/// So many credentials are noted at most; while there are as many, the log is not followed.
const MAX_NOTED: usize = 50_000;
/// Whoever closes the vault does not wait longer: the next one goes on.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(250);

/// What is in the log and not in the rows yet.
pub(super) struct LastUsed {
    noted: HashMap<CredentialId, i64>,
    /// As far as the log is noted; nobody has looked yet if `None`.
    noted_up_to: Option<u64>,
    /// What was noted up to `writing_up_to`, on its way into the rows.
    writing: Vec<(CredentialId, i64)>,
    writing_up_to: u64,
    next: Instant,
    next_step: Duration,
}

impl Default for LastUsed {
    fn default() -> Self {
        Self {
            noted: HashMap::new(),
            noted_up_to: None,
            writing: Vec::new(),
            writing_up_to: 0,
            next: Instant::now() + QUIET_DELAY,
            next_step: QUIET_DELAY,
        }
    }
}

impl LastUsed {
    /// How long nobody may ask before the writer takes a step.
    pub(super) fn wait(&self) -> Duration {
        self.next_step
    }

    /// What a batch appended after the event `from`, up to `to`.
    pub(super) fn note(&mut self, from: u64, to: u64, used: &[(CredentialId, i64)]) {
        if self.noted_up_to == Some(from) && self.noted.len() < MAX_NOTED {
            self.noted.extend(used.iter().copied());
            self.noted_up_to = Some(to);
        }
    }

    /// Inside the writer's transaction, which has brought the log up to `head`.
    pub(super) fn ride_along(&mut self, db: &Connection, head: u64) -> Result<(), StoreError> {
        self.next_step = QUIET_DELAY;
        if Instant::now() < self.next {
            return Ok(());
        }
        self.next = Instant::now() + STEP_INTERVAL;
        self.read_on(db, head)?;
        self.write(db, ROWS_PER_BATCH)
    }

    /// When nobody asks: a step, in a transaction of its own. Called again until there is nothing left.
    pub(super) fn catch_up(&mut self, db: &Connection) {
        let more = self.tried(db, Self::step);
        self.next_step = if more { STEP_INTERVAL } else { IDLE_DELAY };
    }

    /// Before the vault closes.
    pub(super) fn finish(&mut self, db: &Connection) {
        let began = Instant::now();
        let mut more = true;
        while more && began.elapsed() < CLOSE_TIMEOUT {
            more = self.tried(db, Self::step);
        }
        if more {
            self.tried(db, Self::write_some);
        }
    }

    fn tried(&mut self, db: &Connection, step: impl Fn(&mut Self, &Connection) -> Result<bool, StoreError>) -> bool {
        step(self, db).unwrap_or_else(|error| {
            tracing::warn!(%error, "times of last use are not up to date");
            let _ = db.execute_batch("ROLLBACK");
            // They are in the log: read them from there again.
            *self = Self::default();
            false
        })
    }

    /// Says whether there may be more to do.
    fn step(&mut self, db: &Connection) -> Result<bool, StoreError> {
        let head = audit::head(db)?.0;
        // A credential that is read a thousand times is written once: first all is noted that there is room for.
        let noted = self.read_on(db, head)?;
        Ok(noted || self.write_some(db)? || self.noted_up_to < Some(head))
    }

    fn write_some(&mut self, db: &Connection) -> Result<bool, StoreError> {
        if self.has_more() {
            db.execute_batch("BEGIN IMMEDIATE")?;
            self.write(db, ROWS_PER_STEP)?;
            db.execute_batch("COMMIT")?;
        }
        Ok(self.has_more())
    }

    fn has_more(&self) -> bool {
        !self.writing.is_empty() || !self.noted.is_empty() || self.lags()
    }

    /// Whether the next start would read more of the log in vain than it does in one step.
    fn lags(&self) -> bool {
        self.noted_up_to.unwrap_or(0) >= self.writing_up_to + EVENTS_PER_STEP
    }

    /// Says whether it read anything.
    fn read_on(&mut self, db: &Connection, head: u64) -> Result<bool, StoreError> {
        let from = match self.noted_up_to {
            Some(seq) => seq,
            None => self.written_up_to(db)?,
        };
        let to = head.min(from + EVENTS_PER_STEP);
        if to <= from || self.noted.len() >= MAX_NOTED {
            return Ok(false);
        }
        let sql = "SELECT target_id, max(at) FROM audit_event WHERE seq > ?1 AND seq <= ?2 \
                   AND action = 'credential.open' AND decision = 'allowed' AND target_id IS NOT NULL GROUP BY target_id";
        let used = all(db.prepare_cached(sql)?, (from, to), |row| {
            let mut column = Columns::of("audit_event", row);
            Ok((column.text()?, column.at()?.as_millisecond()))
        })?;
        self.noted.extend(used.into_iter().filter_map(|(id, at)| Some((id.parse().ok()?, at))));
        self.noted_up_to = Some(to);
        Ok(true)
    }

    /// Where an earlier writer left off.
    fn written_up_to(&mut self, db: &Connection) -> Result<u64, StoreError> {
        let statement = db.prepare_cached("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'last_used_seq'")?;
        let seq = first(statement, (), |row| Columns::of("meta", row).count())?.unwrap_or(0);
        self.noted_up_to = Some(seq);
        self.writing_up_to = seq;
        Ok(seq)
    }

    /// Inside a transaction. What is noted goes into the rows when all that was noted before is there.
    fn write(&mut self, db: &Connection, rows: usize) -> Result<(), StoreError> {
        if self.writing.is_empty() {
            if self.noted.is_empty() && !self.lags() {
                return Ok(());
            }
            self.writing.extend(self.noted.drain());
            self.writing_up_to = self.noted_up_to.unwrap_or(0);
        }
        for (id, at) in self.writing.drain(self.writing.len().saturating_sub(rows)..) {
            let sql =
                "UPDATE credential SET last_used_at = ?2 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at < ?2)";
            db.prepare_cached(sql)?.execute(params![id.to_string(), at])?;
        }
        if self.writing.is_empty() {
            // Another process may be further.
            let sql =
                "UPDATE meta SET value = CAST(?1 AS TEXT) WHERE key = 'last_used_seq' AND CAST(value AS INTEGER) < ?1";
            db.prepare_cached(sql)?.execute([self.writing_up_to])?;
        }
        Ok(())
    }
}

/// The credential that an event says was read, and when.
pub(super) fn used(entry: &Entry) -> Option<(CredentialId, i64)> {
    let read = entry.action == Action::CredentialOpen && entry.decision == Decision::Allowed;
    let id = entry.target.as_ref().filter(|_| read)?.credential()?;
    Some((id, entry.at.as_millisecond()))
}
