//! A reading of the log. It is an event itself: one, however many pages it takes and however long it goes on. Were each page
//! an event, whoever follows the log would make it grow by reading what grew.

use crate::access::Actor;
use crate::audit::{Action, Event};
use crate::error::Error;
use crate::id::TenantId;
use crate::store::AuditFilter;
use crate::vault::Vault;

/// So much of the log is looked at before what was found is given out.
const EVENTS_PER_STEP: u64 = 10_000;
const PAGE_SIZE: u32 = 1_000;

/// A tenant's log as it stood when the reading began, and what came since.
#[derive(Debug)]
pub struct Reading<'a> {
    vault: &'a Vault,
    tenant: TenantId,
    filter: AuditFilter,
    seen: u64,
}

impl Vault {
    /// Begins to read a tenant's log, of which `filter` says what is wanted, but neither from where nor how many.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`] if the event of it cannot be written; storage errors.
    pub async fn read_audit(&self, actor: &Actor, tenant: TenantId, filter: AuditFilter) -> Result<Reading<'_>, Error> {
        self.record(self.entry(actor, tenant, Action::AuditRead)).await?;
        let mut reading = Reading { vault: self, tenant, filter, seen: 0 };
        reading.seen = reading.head().await?;
        Ok(reading)
    }
}

impl Reading<'_> {
    /// The newest events of those that were there when the reading began, oldest first.
    ///
    /// # Errors
    /// Storage errors only.
    pub async fn newest(&self, number: usize) -> Result<Vec<Event<'static>>, Error> {
        self.between(0, self.seen, number).await
    }

    /// What came since this was asked last, oldest first, or some of it: nothing is left when this is `None`.
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
        let newest = self.vault.store.events(self.tenant, &newest).await?;
        Ok(newest.events.first().map_or(self.seen, |event| event.seq))
    }

    async fn between(&self, after: u64, to: u64, number: usize) -> Result<Vec<Event<'static>>, Error> {
        let mut events = Vec::new();
        let mut before = Some(to + 1);
        while let Some(from) = before.filter(|_| events.len() < number) {
            let limit = u32::try_from(number - events.len()).unwrap_or(PAGE_SIZE).min(PAGE_SIZE);
            let filter = AuditFilter { before: Some(from), after, limit, ..self.filter.clone() };
            let page = self.vault.store.events(self.tenant, &filter).await?;
            events.extend(page.events);
            before = page.next;
        }
        events.reverse();
        Ok(events)
    }
}
