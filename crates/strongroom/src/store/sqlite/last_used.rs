//! Brings `last_used_at` into the rows from the log of reads: no read pays for a write of its own, and nothing is lost,
//! because the log is the source. In a busy time a few rows ride along with a batch; in a quiet one all that is left.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use super::audit;
use super::row::{Columns, all, first};
use crate::store::StoreError;

/// How long it is quiet before the rest is done.
const QUIET: Duration = Duration::from_millis(500);
/// When there is nothing left: a view that somebody left behind is ended no later.
const IDLE: Duration = Duration::from_secs(10);
/// In a busy time: so many rows and so many events of the log, no more often than this.
const PACE: Duration = Duration::from_millis(20);
const ROWS: usize = 4;
const EVENTS: u64 = 2_000;
/// So many credentials are remembered at most; while there are as many, the log is not read on.
const PENDING: usize = 50_000;

/// What has been read in the log and is not in the rows yet.
pub(super) struct LastUsed {
    pending: HashMap<String, i64>,
    read_up_to: Option<u64>,
    next: Instant,
    idle: bool,
}

impl Default for LastUsed {
    fn default() -> Self {
        Self { pending: HashMap::new(), read_up_to: None, next: Instant::now() + QUIET, idle: false }
    }
}

impl LastUsed {
    /// How long the writer may sleep before it is quiet enough to catch up.
    pub(super) fn wait(&self) -> Duration {
        if self.idle { IDLE } else { QUIET }
    }

    /// Inside the writer's transaction.
    pub(super) fn apply_a_few(&mut self, db: &Connection) -> Result<(), StoreError> {
        self.idle = false;
        if Instant::now() < self.next {
            return Ok(());
        }
        self.next = Instant::now() + PACE;
        if self.pending.is_empty() {
            self.read_on(db)?;
        }
        let few: Vec<(String, i64)> = self.pending.iter().take(ROWS).map(|(id, at)| (id.clone(), *at)).collect();
        for (id, at) in few {
            write(db, &id, at)?;
            self.pending.remove(&id);
        }
        Ok(())
    }

    /// When nobody asks: a step, in a transaction of its own. Called again until there is nothing left.
    pub(super) fn catch_up(&mut self, db: &Connection) {
        self.idle = !self.step(db).unwrap_or_else(|error| {
            tracing::warn!(%error, "times of last use are not up to date");
            let _ = db.execute_batch("ROLLBACK");
            // They are in the log: read them from there again.
            *self = Self::default();
            false
        });
    }

    /// Before the vault closes: all of it.
    pub(super) fn finish(&mut self, db: &Connection) {
        self.idle = false;
        while !self.idle {
            self.catch_up(db);
        }
    }

    /// Says whether there may be more to do.
    fn step(&mut self, db: &Connection) -> Result<bool, StoreError> {
        let more = self.read_on(db)?;
        if self.pending.is_empty() && !more {
            return Ok(false);
        }
        db.execute_batch("BEGIN IMMEDIATE")?;
        for (id, at) in &self.pending {
            write(db, id, *at)?;
        }
        let seq = self.read_up_to.unwrap_or(0);
        db.prepare_cached("UPDATE meta SET value = CAST(?1 AS TEXT) WHERE key = 'last_used_seq'")?.execute([seq])?;
        db.execute_batch("COMMIT")?;
        self.pending.clear();
        Ok(true)
    }

    /// Says whether it read anything.
    fn read_on(&mut self, db: &Connection) -> Result<bool, StoreError> {
        let from = match self.read_up_to {
            Some(seq) => seq,
            None => {
                let statement =
                    db.prepare_cached("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'last_used_seq'")?;
                first(statement, (), |row| Columns::of("meta", row).count())?.unwrap_or(0)
            }
        };
        let until = audit::head(db)?.0.min(from + EVENTS);
        if until <= from || self.pending.len() > PENDING {
            self.read_up_to = Some(from);
            return Ok(false);
        }
        let sql = "SELECT target_id, max(at) FROM audit_event WHERE seq > ?1 AND seq <= ?2 \
                   AND action = 'credential.open' AND decision = 'allowed' AND target_id IS NOT NULL GROUP BY target_id";
        let used = all(db.prepare_cached(sql)?, (from, until), |row| {
            let mut column = Columns::of("audit_event", row);
            Ok((column.text()?, column.at()?.as_millisecond()))
        })?;
        self.pending.extend(used);
        self.read_up_to = Some(until);
        Ok(true)
    }
}

fn write(db: &Connection, id: &str, at: i64) -> Result<(), StoreError> {
    let sql = "UPDATE credential SET last_used_at = ?2 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at < ?2)";
    db.prepare_cached(sql)?.execute(params![id, at])?;
    Ok(())
}
