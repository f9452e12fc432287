//! What waits to be written. The writer is woken once for a batch, not once for each job, and by whoever completes it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// More than this many callers waiting is an outage; they are told so at once.
const LENGTH: usize = 16_384;
/// So large that a batch is bounded by the callers, so small that the first of it does not wait long.
const BATCH: usize = 1_024;
/// About two commits: a busy processor needs half a millisecond for one, and events that come too late for a batch cost a
/// commit more.
const GATHER: Duration = Duration::from_millis(1);

pub(super) struct Queue<Job> {
    waiting: Mutex<Waiting<Job>>,
    enough: Condvar,
}

struct Waiting<Job> {
    jobs: Vec<Job>,
    /// As many as wake the writer.
    wanted: usize,
    closed: bool,
}

/// Why a job was not taken.
pub(super) enum Refused {
    Full,
    Closed,
}

impl<Job> Queue<Job> {
    pub(super) fn new() -> Self {
        let waiting = Waiting { jobs: Vec::new(), wanted: 1, closed: false };
        Self { waiting: Mutex::new(waiting), enough: Condvar::new() }
    }

    pub(super) fn push(&self, job: Job) -> Result<(), Refused> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(Refused::Closed);
        }
        if waiting.jobs.len() >= LENGTH {
            return Err(Refused::Full);
        }
        waiting.jobs.push(job);
        let beyond = waiting.jobs.len().checked_sub(waiting.wanted);
        drop(waiting);
        if beyond == Some(0) {
            self.enough.notify_one();
        }
        if beyond.is_some() {
            // Else the writer may wait until this thread's time is over: by then all are in the queue, and nobody is left to
            // be served while the batch is written.
            std::thread::yield_now();
        }
        Ok(())
    }

    /// The next batch: a commit costs the same for one event as for sixty, so this waits a moment until `wanted` jobs are
    /// there, and then as long as `patience` for the first. `batch` comes empty, and stays so if there was none; its room is
    /// what the next one gathers in.
    pub(super) fn batch(&self, batch: &mut Vec<Job>, wanted: usize, patience: Duration) {
        let mut waiting = self.lock();
        for (wanted, time) in [(wanted.max(1), GATHER), (1, patience)] {
            waiting.wanted = wanted;
            let short = |waiting: &mut Waiting<Job>| waiting.jobs.len() < wanted;
            let woken = self.enough.wait_timeout_while(waiting, time, short);
            waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
            if !waiting.jobs.is_empty() {
                break;
            }
        }
        // Nobody is woken while a batch is written.
        waiting.wanted = usize::MAX;
        if waiting.jobs.len() > BATCH {
            batch.extend(waiting.jobs.drain(..BATCH));
        } else {
            std::mem::swap(batch, &mut waiting.jobs);
            // What an outage has taken is given back.
            waiting.jobs.shrink_to(BATCH);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lock().jobs.len()
    }

    /// Whoever still waits is let go: what is dropped here answers that the vault is closed.
    pub(super) fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.jobs.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<Job>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
