//! Updates `last_used_at`. A read does not write for this, and no time is lost, because the audit log is the source.
//! The writer notes the reads that it appends. Other reads come from the log. A busy writer adds a few rows to a batch,
//! and an idle writer writes all the rest. `last_used_seq` marks how much of the log the rows include, so that part is
//! not read again.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use super::audit;
use super::row::{Columns, all, first};
use crate::error::StoreError;
use crate::model::{Action, CredentialId, Decision, Entry};

/// How long the writer must be idle before it writes the rest.
const QUIET_DELAY: Duration = Duration::from_millis(500);
/// The interval when nothing is left to write. The writer also ends abandoned views at this interval.
const IDLE_DELAY: Duration = Duration::from_secs(10);
/// The interval between two steps. A step occupies the writer for a few milliseconds.
const STEP_INTERVAL: Duration = Duration::from_millis(20);
/// Rows that are added to a batch of a busy writer, and rows of one step of an idle writer.
const ROWS_PER_BATCH: usize = 4;
const ROWS_PER_STEP: usize = 500;
/// Log events that one step reads.
const EVENTS_PER_STEP: u64 = 2_000;
/// Maximum number of noted credentials. At this number, the log is not followed further.
const MAX_NOTED: usize = 50_000;
/// Maximum time that closing the vault spends on this. The next process continues from the log.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(250);

/// Times that are in the log but not yet in the rows.
pub(super) struct LastUsed {
    noted: HashMap<CredentialId, i64>,
    /// The noted events end here. `None` until the log was read.
    noted_up_to: Option<u64>,
    /// Noted times up to `writing_up_to` that are being written to the rows.
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
    /// How long the queue must be empty before the writer takes a step.
    pub(super) fn wait(&self) -> Duration {
        self.next_step
    }

    /// Notes the reads that a batch appended after event `from`, up to event `to`.
    pub(super) fn note(&mut self, from: u64, to: u64, used: &[(CredentialId, i64)]) {
        if self.noted_up_to == Some(from) && self.noted.len() < MAX_NOTED {
            self.noted.extend(used.iter().copied());
            self.noted_up_to = Some(to);
        }
    }

    /// Runs inside the writer's transaction, after it has appended events up to `head`.
    pub(super) fn ride_along(&mut self, db: &Connection, head: u64) -> Result<(), StoreError> {
        self.next_step = QUIET_DELAY;
        if Instant::now() < self.next {
            return Ok(());
        }
        self.next = Instant::now() + STEP_INTERVAL;
        self.read_on(db, head)?;
        self.write(db, ROWS_PER_BATCH)
    }

    /// Takes one step in its own transaction while the writer is idle. The writer calls it until nothing is left.
    pub(super) fn catch_up(&mut self, db: &Connection) {
        let more = self.tried(db, Self::step);
        self.next_step = if more { STEP_INTERVAL } else { IDLE_DELAY };
    }

    /// Runs before the vault closes.
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
            // The log still has these times. Read them from there again.
            *self = Self::default();
            false
        })
    }

    /// Returns whether there may be more to do.
    fn step(&mut self, db: &Connection) -> Result<bool, StoreError> {
        let head = audit::head(db)?.0;
        // Note all pending reads first. Then a credential that was read many times is written once.
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

    /// Whether the next start would read more than one step of the log again without need.
    fn lags(&self) -> bool {
        self.noted_up_to.unwrap_or(0) >= self.writing_up_to + EVENTS_PER_STEP
    }

    /// Returns whether it read events.
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

    /// The event up to which the rows were written earlier.
    fn written_up_to(&mut self, db: &Connection) -> Result<u64, StoreError> {
        let statement = db.prepare_cached("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'last_used_seq'")?;
        let seq = first(statement, (), |row| Columns::of("meta", row).count())?.unwrap_or(0);
        self.noted_up_to = Some(seq);
        self.writing_up_to = seq;
        Ok(seq)
    }

    /// Runs inside a transaction. It starts on newly noted times only when all earlier ones are written.
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
            // Another process may have written a higher number.
            let sql =
                "UPDATE meta SET value = CAST(?1 AS TEXT) WHERE key = 'last_used_seq' AND CAST(value AS INTEGER) < ?1";
            db.prepare_cached(sql)?.execute([self.writing_up_to])?;
        }
        Ok(())
    }
}

/// The credential that an event reports as read, and when.
pub(super) fn used(entry: &Entry) -> Option<(CredentialId, i64)> {
    let read = entry.action == Action::CredentialOpen && entry.decision == Decision::Allowed;
    let id = entry.target.as_ref().filter(|_| read)?.credential()?;
    Some((id, entry.at.as_millisecond()))
}
