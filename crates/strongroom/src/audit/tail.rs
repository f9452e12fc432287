//! Reads the log in several pages as one event. If each page were an event, following the log would make it grow
//! without end.

use crate::error::Error;
use crate::handles::AuditLog;
use crate::vault::Vault;
use strongroom_store::{Action, Actor, AuditFilter, Event, TenantId};

/// The number of events that one step searches before it returns what it found.
const EVENTS_PER_STEP: u64 = 10_000;
const PAGE_SIZE: u32 = 1_000;

/// A reader of a tenant's log. It knows the events at its start and finds those that follow.
#[derive(Debug)]
pub struct Tail<'a> {
    vault: &'a Vault,
    tenant: TenantId,
    filter: AuditFilter,
    seen: u64,
}

impl<'a> AuditLog<'a> {
    /// Starts to read a tenant's log. `filter` selects events. Its position and limit are ignored.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`] if the event of the read cannot be written. Storage errors.
    pub async fn tail(self, actor: &Actor, filter: AuditFilter) -> Result<Tail<'a>, Error> {
        let Self { vault, tenant } = self;
        vault.record(vault.entry(actor, tenant, Action::AuditRead)).await?;
        let mut tail = Tail { vault, tenant, filter, seen: 0 };
        tail.seen = tail.head().await?;
        Ok(tail)
    }
}

impl Tail<'_> {
    /// The newest events that existed at the start, oldest first, at most `number`.
    ///
    /// # Errors
    /// Storage errors only.
    pub async fn newest(&self, number: usize) -> Result<Vec<Event<'static>>, Error> {
        self.between(0, self.seen, number).await
    }

    /// The next events since the last call, oldest first. `None` if there are no new events. The list can be empty.
    ///
    /// # Errors
    /// Storage errors only.
    pub async fn more(&mut self) -> Result<Option<Vec<Event<'static>>>, Error> {
        let to = self.head().await?.min(self.seen + EVENTS_PER_STEP);
        if to <= self.seen {
            return Ok(None);
        }
        let events = self.between(self.seen, to, usize::MAX).await?;
        self.seen = to;
        Ok(Some(events))
    }

    async fn head(&self) -> Result<u64, Error> {
        let newest = AuditFilter { after: self.seen, limit: 1, ..AuditFilter::default() };
        let newest = self.vault.inner.store.events(self.tenant, &newest).await?;
        Ok(newest.events.first().map_or(self.seen, |event| event.seq))
    }

    async fn between(&self, after: u64, to: u64, number: usize) -> Result<Vec<Event<'static>>, Error> {
        let mut events = Vec::new();
        let mut before = Some(to + 1);
        while let Some(from) = before.filter(|_| events.len() < number) {
            let limit = u32::try_from(number - events.len()).unwrap_or(PAGE_SIZE).min(PAGE_SIZE);
            let filter = AuditFilter { before: Some(from), after, limit, ..self.filter.clone() };
            let page = self.vault.inner.store.events(self.tenant, &filter).await?;
            events.extend(page.events);
            before = page.next;
        }
        events.reverse();
        Ok(events)
    }
}
