//! The audit log: who did what to which object, when, from where, and the decision. It never contains a secret value.
//!
//! Each event has a link in a keyed hash chain over the canonical bytes of the events. An attacker who can write to the
//! database cannot alter, remove or reorder events undetected. A write event carries the digest of the row that it left
//! behind.

mod tail;
mod verify;

pub use tail::Tail;
pub use verify::{Checkpoint, Finding, Report};

use crate::error::Error;
use crate::handles::AuditLog;
use crate::vault::Vault;
pub use strongroom_store::{Action, Decision, Event, Reason};
use strongroom_store::{Actor, AuditFilter, Entry, EventPage, TenantId};

impl AuditLog<'_> {
    /// Events of a tenant, newest first, and older than `filter.before` if given. Reading the log is itself an event.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`] if that event cannot be written. Storage errors.
    pub async fn page(self, actor: &Actor, filter: &AuditFilter) -> Result<EventPage, Error> {
        let Self { vault, tenant } = self;
        vault.record(vault.entry(actor, tenant, Action::AuditRead)).await?;
        Ok(vault.inner.store.events(tenant, filter).await?)
    }
}

impl Vault {
    pub(crate) fn entry(&self, actor: &Actor, tenant: TenantId, action: Action) -> Entry {
        Entry::new(self.inner.clock.now(), actor.clone(), tenant, action)
    }

    /// Writes an event and waits until it is durable. The caller must not release anything before.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`] if the write exceeds the deadline. [`Error::Revoked`] if the caller's cached key was
    /// revoked in the meantime.
    pub(crate) async fn record(&self, entry: impl Into<Box<Entry>>) -> Result<(), Error> {
        let entry = entry.into();
        let cached_key = entry.actor.cached_key;
        self.within_deadline(self.inner.store.record(entry)).await?;
        match cached_key {
            Some(cached_key) if cached_key.epoch != self.inner.store.epoch() => self.is_still_valid(cached_key).await,
            _ => Ok(()),
        }
    }
}
