//! Group commit. A single writer thread drains the queue, writes the batch in one transaction and notifies every caller
//! after the commit. A disconnected caller is skipped. If the commit fails, every caller in the batch gets the error.
//! The next batch retries, so the writer recovers when the disk does.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::hooks::Wal;
use rusqlite::{CachedStatement, Connection};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::error::{SendError, TrySendError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::audit;
use super::caller;
use super::last_used::{self, LastUsed};
use super::read_pool::ReadPool;
use super::row_cache::RowCache;
use crate::chain::ChainMac;
use crate::error::StoreError;
use crate::model::{CredentialId, Entry, Event, Target};

/// Number of WAL pages (8 MB) that triggers a checkpoint. All callers wait during a checkpoint. Four times as many
/// pages make a read only 1% faster, but a slow disk could then exceed the deadline of all callers.
const CHECKPOINT_PAGES: i32 = 1_000;

/// More jobs than this in the queue mean an outage: the next caller gets an error at once.
const QUEUE_CAPACITY: usize = 16_384;
/// Large enough that the number of callers bounds a batch, small enough that its first caller does not wait long.
const MAX_BATCH_SIZE: usize = 1_024;

type Change = Box<dyn FnOnce(&Connection) -> Result<Vec<Entry>, StoreError> + Send>;
type Reply = oneshot::Sender<Result<(), StoreError>>;
type Answer = (Reply, Result<(), StoreError>);

struct Job {
    work: Work,
    reply: Reply,
}

enum Work {
    Record(Box<Entry>),
    Change(Box<Entry>, Change),
    Ready,
    Close,
}

pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
    thread: Mutex<Option<JoinHandle<()>>>,
    epoch: Arc<AtomicU64>,
}

impl Writer {
    pub(super) fn start(
        mut connection: Connection,
        link: Arc<dyn ChainMac>,
        read_pool: Arc<ReadPool>,
        row_cache: Arc<RowCache>,
    ) -> Result<Self, StoreError> {
        checkpoint_between_views(&mut connection, read_pool.clone())?;
        let (answers, answered) = mpsc::unbounded_channel();
        tokio::spawn(release(answered));
        let (queue, queued) = mpsc::channel(QUEUE_CAPACITY);
        // This timer only waits on the queue. The writer must outlive the runtime that opened the vault.
        let timer = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let timer = timer.map_err(|error| StoreError::Unavailable(Arc::new(error)))?;
        let epoch = Arc::new(AtomicU64::new(0));
        let batches = Batches {
            queued,
            connection,
            link,
            answers,
            read_pool,
            row_cache,
            epoch: epoch.clone(),
            last: None,
            used: LastUsed::default(),
        };
        let thread = std::thread::Builder::new()
            .name("strongroom-writer".to_owned())
            .spawn(move || batches.run(&timer))
            .map_err(|error| StoreError::Unavailable(Arc::new(error)))?;
        Ok(Self { queue, thread: Mutex::new(Some(thread)), epoch })
    }

    /// See [`Store::epoch`](crate::store::Store::epoch).
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    pub(super) async fn record(&self, entry: Box<Entry>) -> Result<(), StoreError> {
        done(self.send(Work::Record(entry))?).await
    }

    /// `change` returns the events of what it removed. `entry` is written after them.
    pub(super) async fn change(&self, entry: Entry, change: Change) -> Result<(), StoreError> {
        done(self.send(Work::Change(Box::new(entry), change))?).await
    }

    pub(super) async fn ready(&self) -> Result<(), StoreError> {
        done(self.send(Work::Ready)?).await
    }

    pub(super) async fn close(&self) {
        if let Ok(answer) = self.send(Work::Close) {
            let _ = answer.await;
        }
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }

    fn send(&self, work: Work) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.queue.try_send(Job { work, reply }).map_err(|refused| match refused {
            TrySendError::Full(_) => StoreError::Unavailable(Arc::new(io::Error::other("too many writes are waiting"))),
            TrySendError::Closed(_) => StoreError::Closed,
        })?;
        Ok(answer)
    }
}

async fn done(answer: oneshot::Receiver<Result<(), StoreError>>) -> Result<(), StoreError> {
    answer.await.unwrap_or(Err(StoreError::Closed))
}

/// Wakes the callers of a batch from inside the runtime. This needs one wake-up across threads for each batch, not one
/// for each caller.
async fn release(mut answered: mpsc::UnboundedReceiver<Vec<Answer>>) {
    while let Some(done) = answered.recv().await {
        done.into_iter().for_each(|(reply, answer)| drop(reply.send(answer)));
    }
}

/// The WAL can only be reset after a checkpoint if no reader has a view.
fn checkpoint_between_views(connection: &mut Connection, read_pool: Arc<ReadPool>) -> Result<(), StoreError> {
    connection.wal_hook(Some(move |wal: &mut Wal, pages| {
        if pages < CHECKPOINT_PAGES {
            return Ok(());
        }
        read_pool.end_views();
        let written = wal.checkpoint();
        read_pool.end_views();
        // The commit is durable in any case. The next commit tries the checkpoint again.
        if let Err(error) = written {
            tracing::warn!(%error, pages, "the WAL could not be written to the database");
        }
        Ok(())
    }))?;
    Ok(())
}

struct Batches {
    queued: mpsc::Receiver<Job>,
    connection: Connection,
    link: Arc<dyn ChainMac>,
    answers: mpsc::UnboundedSender<Vec<Answer>>,
    read_pool: Arc<ReadPool>,
    row_cache: Arc<RowCache>,
    epoch: Arc<AtomicU64>,
    last: Option<u64>,
    used: LastUsed,
}

/// The end of the audit chain, inside the write transaction.
#[derive(Clone, Copy)]
struct Head {
    seq: u64,
    link: [u8; 32],
}

/// The audit log during a batch.
struct Log<'a> {
    begun: u64,
    head: Head,
    link: &'a dyn ChainMac,
    insertion: CachedStatement<'a>,
}

impl<'a> Log<'a> {
    fn of(db: &'a Connection, link: &'a dyn ChainMac) -> Result<Self, StoreError> {
        let (seq, last) = audit::head(db)?;
        Ok(Self { begun: seq, head: Head { seq, link: last }, link, insertion: audit::insertion(db)? })
    }

    fn append(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let event = Event::new(self.head.seq + 1, entry);
        let link = self.link.link(&self.head.link, &event.canonical());
        audit::insert(&mut self.insertion, &event, &link)?;
        self.head = Head { seq: event.seq, link };
        Ok(())
    }
}

/// What a batch has collected.
#[derive(Default)]
struct Seen {
    /// The targets of the events that belong to changes.
    changed: Vec<Target>,
    /// The credentials that were read, and when.
    used: Vec<(CredentialId, i64)>,
    moved: bool,
    spoiled: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Batches {
    fn run(mut self, timer: &Runtime) {
        let mut jobs = Vec::new();
        loop {
            let next = self.queued.recv_many(&mut jobs, MAX_BATCH_SIZE);
            match timer.block_on(async { timeout(self.used.wait(), next).await }) {
                Err(_) => {
                    self.read_pool.end_views();
                    self.used.catch_up(&self.connection);
                }
                // Every sender was dropped: the vault was not closed.
                Ok(0) => return self.used.finish(&self.connection),
                Ok(_) => {
                    if let Some(closing) = self.batch(&mut jobs) {
                        self.used.finish(&self.connection);
                        let _ = closing.send(Ok(()));
                        return;
                    }
                }
            }
        }
    }

    /// Returns the reply of the caller that asked to close, if there was one.
    fn batch(&mut self, jobs: &mut Vec<Job>) -> Option<Reply> {
        let mut done: Vec<Answer> = Vec::with_capacity(jobs.len());
        let mut closing = None;
        let outcome = self.transact(jobs, &mut done, &mut closing);
        if let Err(error) = &outcome {
            tracing::error!(%error, waiting = done.len(), "a batch of writes was not committed");
            // The noted reads of this batch are not in the log. Start again from the log.
            self.used = LastUsed::default();
            // If the commit itself rolled back, there is no transaction and ROLLBACK fails. That is harmless.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        if let Err(error) = outcome {
            let cause = match error {
                StoreError::Unavailable(cause) => cause,
                other => Arc::new(other),
            };
            for (_, answer) in &mut done {
                *answer = Err(StoreError::Unavailable(cause.clone()));
            }
        }
        if let Err(SendError(done)) = self.answers.send(done) {
            // The runtime that opened the vault is gone. Callers in other runtimes still get their answer.
            done.into_iter().for_each(|(reply, answer)| drop(reply.send(answer)));
        }
        closing
    }

    fn transact(
        &mut self,
        jobs: &mut Vec<Job>,
        done: &mut Vec<Answer>,
        closing: &mut Option<Reply>,
    ) -> Result<(), StoreError> {
        let begun = self.connection.prepare_cached("BEGIN IMMEDIATE").and_then(|mut begin| begin.execute(()));
        let mut log = begun.map_err(StoreError::from).and_then(|_| Log::of(&self.connection, &*self.link));
        if let Ok(log) = &log {
            let last = self.last.replace(log.head.seq);
            if last != Some(log.head.seq) {
                // Another process has written. It may have revoked a key or changed a plugin.
                self.read_pool.changed_elsewhere(last.is_some());
                self.row_cache.forget_all();
                self.epoch.fetch_add(1, Ordering::AcqRel);
            }
        }
        let mut seen = Seen { used: Vec::with_capacity(jobs.len()), ..Seen::default() };
        for Job { work, reply } in jobs.drain(..) {
            let answer = match (&mut log, work) {
                (_, Work::Close) => {
                    *closing = Some(reply);
                    break;
                }
                // The transaction did not begin. `batch` replaces this answer with the error.
                (Err(_), _) => Ok(()),
                (Ok(_), _) if seen.spoiled.is_some() => Ok(()),
                // Skip a disconnected caller. Otherwise the writer would replay the queue for absent callers after an
                // outage.
                (Ok(_), _) if reply.is_closed() => Err(StoreError::Closed),
                (Ok(log), work) => self.write(log, work, &mut seen),
            };
            // An event that could not be appended fails the whole batch.
            if let Err(StoreError::Unavailable(cause)) = &answer {
                seen.spoiled = Some(cause.clone());
            }
            done.push((reply, answer));
        }
        let (from, head) = log.map(|log| (log.begun, log.head))?;
        if let Some(cause) = seen.spoiled {
            return Err(StoreError::Unavailable(cause));
        }
        self.used.note(from, head.seq, &seen.used);
        match self.used.ride_along(&self.connection, head.seq) {
            // `verify` reports a log row that does not parse. It must not block all writes.
            Err(StoreError::Corrupt { table, what }) => {
                tracing::warn!(table, what, "times of last use are not up to date");
            }
            other => other?,
        }
        self.connection.prepare_cached("COMMIT")?.execute(())?;
        self.last = Some(head.seq);
        if !seen.changed.is_empty() {
            self.read_pool.changed();
            self.row_cache.forget(&seen.changed);
        }
        self.epoch.fetch_add(u64::from(seen.moved), Ordering::AcqRel);
        Ok(())
    }

    fn write(&self, log: &mut Log<'_>, work: Work, seen: &mut Seen) -> Result<(), StoreError> {
        match work {
            Work::Record(entry) => {
                seen.used.extend(last_used::used(&entry));
                log.append(&entry)
            }
            Work::Change(entry, change) => {
                seen.moved |= entry.action.invalidates_permits();
                self.apply(log, &entry, change, &mut seen.changed)
            }
            Work::Ready => self.touch(),
            Work::Close => Ok(()),
        }
    }

    fn apply(
        &self,
        log: &mut Log<'_>,
        entry: &Entry,
        change: Change,
        changed: &mut Vec<Target>,
    ) -> Result<(), StoreError> {
        if entry.action.requires_live_caller() && !caller::is_still_valid(&self.connection, &entry.actor.principal)? {
            return Err(StoreError::Revoked);
        }
        let before = log.head;
        self.connection.prepare_cached("SAVEPOINT change")?.execute(())?;
        let written = change(&self.connection).and_then(|removed| {
            for entry in removed.iter().chain([entry]) {
                log.append(entry)?;
                changed.extend(entry.target.clone());
            }
            Ok(())
        });
        if written.is_err() {
            log.head = before;
            self.connection.prepare_cached("ROLLBACK TO change")?.execute(())?;
        }
        self.connection.prepare_cached("RELEASE change")?.execute(())?;
        written
    }

    /// Dirties a page, so that the commit writes to the disk. This detects a full or read-only disk.
    fn touch(&self) -> Result<(), StoreError> {
        let sql = "INSERT INTO meta VALUES ('ready', '1') ON CONFLICT DO UPDATE SET value = 1 - value";
        self.connection.prepare_cached(sql)?.execute(())?;
        Ok(())
    }
}
