//! The one writer: a thread that takes what has queued, writes it in one transaction with a savepoint for each change,
//! commits once, and then releases all who wait. A caller that has gone away is skipped; a failed commit is everybody's
//! answer, and the next batch tries anew, so the writer recovers by itself when the disk does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::audit;
use super::last_used::LastUsed;
use crate::audit::{Entry, Event};
use crate::store::{Link, StoreError};

/// More than this many callers waiting is an outage; they are told so at once.
const QUEUE: usize = 16_384;
/// So large that a batch is bounded by the callers, so small that the first of it does not wait long.
const BATCH: usize = 1_024;
/// Less than a commit takes.
const GATHER: Duration = Duration::from_micros(300);
type Change = Box<dyn FnOnce(&Connection) -> Result<Vec<Entry>, StoreError> + Send>;
type Reply = oneshot::Sender<Result<(), StoreError>>;
type Answer = (Reply, Result<(), StoreError>);

enum Job {
    Record(Box<Entry>, Reply),
    Change(Box<Entry>, Change, Reply),
    Ready(Reply),
    Close(Reply),
}

pub(super) struct Writer {
    jobs: SyncSender<Job>,
    thread: Mutex<Option<JoinHandle<()>>>,
    epoch: Arc<AtomicU64>,
}

impl Writer {
    pub(super) fn start(connection: Connection, link: Arc<dyn Link>) -> Result<Self, StoreError> {
        let (jobs, queue) = sync_channel(QUEUE);
        let (answers, answered) = mpsc::unbounded_channel();
        tokio::spawn(release(answered));
        let epoch = Arc::new(AtomicU64::new(0));
        let known = epoch.clone();
        let thread = std::thread::Builder::new()
            .name("strongroom-writer".to_owned())
            .spawn(move || {
                Batches {
                    connection,
                    link,
                    answers,
                    epoch: known,
                    last: None,
                    used: LastUsed::default(),
                    gather: Gather::default(),
                    closing: None,
                }
                .run(&queue);
            })
            .map_err(|error| StoreError::Unavailable(Arc::new(error)))?;
        Ok(Self { jobs, thread: Mutex::new(Some(thread)), epoch })
    }

    /// See [`Store::epoch`](crate::store::Store::epoch).
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    pub(super) async fn record(&self, entry: Entry) -> Result<(), StoreError> {
        self.send(|reply| Job::Record(Box::new(entry), reply)).await
    }

    /// `change` gives the events of what it removed along the way; `entry` is written after them.
    pub(super) async fn change(&self, entry: Entry, change: Change) -> Result<(), StoreError> {
        self.send(|reply| Job::Change(Box::new(entry), change, reply)).await
    }

    pub(super) async fn ready(&self) -> Result<(), StoreError> {
        self.send(Job::Ready).await
    }

    pub(super) async fn close(&self) {
        let _ = self.send(Job::Close).await;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }

    async fn send(&self, job: impl FnOnce(Reply) -> Job) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(job(reply)).map_err(|error| match error {
            TrySendError::Full(_) => {
                StoreError::Unavailable(Arc::new(std::io::Error::other("too many writes are waiting")))
            }
            TrySendError::Disconnected(_) => StoreError::Closed,
        })?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }
}

/// Wakes all who waited for a batch from inside the runtime: one wake-up across threads for each batch, not for each caller.
async fn release(mut answered: mpsc::UnboundedReceiver<Vec<Answer>>) {
    while let Some(done) = answered.recv().await {
        done.into_iter().for_each(|(reply, answer)| drop(reply.send(answer)));
    }
}

struct Batches {
    connection: Connection,
    link: Arc<dyn Link>,
    answers: mpsc::UnboundedSender<Vec<Answer>>,
    epoch: Arc<AtomicU64>,
    last: Option<u64>,
    used: LastUsed,
    gather: Gather,
    closing: Option<Reply>,
}

/// Where the audit chain ends, inside the transaction that holds the lock.
#[derive(Clone, Copy)]
struct Head {
    seq: u64,
    link: [u8; 32],
}

impl Batches {
    fn run(mut self, queue: &Receiver<Job>) {
        loop {
            match queue.recv_timeout(self.used.wait()) {
                Ok(Job::Close(reply)) => {
                    self.used.finish(&self.connection);
                    let _ = reply.send(Ok(()));
                    return;
                }
                Ok(first) => {
                    self.batch(first, queue);
                    if let Some(reply) = self.closing.take() {
                        self.used.finish(&self.connection);
                        let _ = reply.send(Ok(()));
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.used.catch_up(&self.connection),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn batch(&mut self, first: Job, queue: &Receiver<Job>) {
        let mut done: Vec<Answer> = Vec::with_capacity(64);
        self.gather.begin();
        let outcome = self.transact(first, queue, &mut done);
        self.gather.end(done.len());
        if let Err(error) = &outcome {
            tracing::error!(%error, waiting = done.len(), "a batch of writes was not committed");
            // What it read of this batch is not in the log: it starts from what is.
            self.used = LastUsed::default();
            // Not in a transaction any more if the commit itself rolled back: then this says so, and that is fine.
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
        if let Err(mpsc::error::SendError(done)) = self.answers.send(done) {
            // The runtime that opened the vault is gone; whoever waits in another one is still answered.
            done.into_iter().for_each(|(reply, answer)| drop(reply.send(answer)));
        }
    }

    fn transact(&mut self, first: Job, queue: &Receiver<Job>, done: &mut Vec<Answer>) -> Result<(), StoreError> {
        let begun = self.connection.prepare_cached("BEGIN IMMEDIATE").and_then(|mut begin| begin.execute(()));
        let mut head = begun
            .map_err(StoreError::from)
            .and_then(|_| audit::head(&self.connection).map(|(seq, link)| Head { seq, link }));
        if let Ok(head) = &head
            && self.last.replace(head.seq) != Some(head.seq)
        {
            // Another process has written since: it may have revoked a key or changed a plugin.
            self.epoch.fetch_add(1, Ordering::AcqRel);
        }
        let mut moved = false;
        let mut next = Some(first);
        while let Some(job) = next {
            let (reply, answer) = match job {
                // Whoever hung up gets no write: after an outage the queue is not replayed for nobody.
                Job::Record(_, reply) | Job::Change(_, _, reply) | Job::Ready(reply) if reply.is_closed() => {
                    (reply, Err(StoreError::Closed))
                }
                Job::Record(entry, reply) => (reply, head.as_mut().map_or(Ok(()), |head| self.append(head, &entry))),
                Job::Change(entry, change, reply) => {
                    moved |= entry.action.moves_epoch();
                    (reply, head.as_mut().map_or(Ok(()), |head| self.apply(head, &entry, change)))
                }
                Job::Ready(reply) => (reply, self.touch()),
                Job::Close(reply) => {
                    self.closing = Some(reply);
                    break;
                }
            };
            // An event that could not be appended spoils the batch: nothing of it is committed.
            let spoiled = matches!(answer, Err(StoreError::Unavailable(_)));
            done.push((reply, answer));
            if spoiled || head.is_err() || done.len() >= BATCH {
                break;
            }
            next = queue.try_recv().ok().or_else(|| self.gather.wait(queue, done.len()));
        }
        let head = head?;
        if let Some((_, Err(StoreError::Unavailable(cause)))) = done.last() {
            return Err(StoreError::Unavailable(cause.clone()));
        }
        match self.used.apply_a_few(&self.connection) {
            // A row of the log that does not parse is for `verify` to report; it must not stop all writing.
            Err(StoreError::Corrupt { table, what }) => {
                tracing::warn!(table, what, "times of last use are not up to date");
            }
            other => other?,
        }
        self.connection.prepare_cached("COMMIT")?.execute(())?;
        self.last = Some(head.seq);
        self.epoch.fetch_add(u64::from(moved), Ordering::AcqRel);
        Ok(())
    }

    fn apply(&self, head: &mut Head, entry: &Entry, change: Change) -> Result<(), StoreError> {
        let before = *head;
        self.connection.prepare_cached("SAVEPOINT change")?.execute(())?;
        let written = change(&self.connection).and_then(|removed| {
            removed.iter().try_for_each(|removed| self.append(head, removed))?;
            self.append(head, entry)
        });
        if written.is_err() {
            *head = before;
            self.connection.prepare_cached("ROLLBACK TO change")?.execute(())?;
        }
        self.connection.prepare_cached("RELEASE change")?.execute(())?;
        written
    }

    fn append(&self, head: &mut Head, entry: &Entry) -> Result<(), StoreError> {
        let event = Event::new(head.seq + 1, entry);
        let link = self.link.link(&head.link, &event.canonical());
        audit::insert(&self.connection, &event, &link)?;
        *head = Head { seq: event.seq, link };
        Ok(())
    }

    /// Dirties a page, so that the commit has to reach the disk: a full or read-only disk is found out.
    fn touch(&self) -> Result<(), StoreError> {
        let sql = "INSERT INTO meta VALUES ('ready', '1') ON CONFLICT DO UPDATE SET value = 1 - value";
        self.connection.prepare_cached(sql)?.execute(())?;
        Ok(())
    }
}

/// Waits a moment for the rest of a batch while many ask at once: a commit costs the same for one event as for sixty. It
/// waits for as many as came lately, and never for a single caller.
#[derive(Default)]
struct Gather {
    until: Option<Instant>,
    expected: usize,
}

impl Gather {
    fn begin(&mut self) {
        self.until = (self.expected > 2).then(|| Instant::now() + GATHER);
    }

    fn end(&mut self, came: usize) {
        self.expected = (self.expected + came).div_ceil(2);
    }

    fn wait(&self, queue: &Receiver<Job>, came: usize) -> Option<Job> {
        let until = self.until?;
        while came <= self.expected + self.expected / 2 && Instant::now() < until {
            std::thread::yield_now();
            if let Ok(job) = queue.try_recv() {
                return Some(job);
            }
        }
        None
    }
}
