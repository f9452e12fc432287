//! Verification of the log. It checks the chain from its first event, and an earlier checkpoint if one is given. A deep
//! verification compares every stored row with the event that last wrote it.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::handles::AuditLog;
use crate::vault::Vault;
use strongroom_store::{Action, Actor, AuditFilter, Event, Linked};

/// A signed statement of the chain's end. Kept outside the database, it reveals whether the tail was cut off later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The id of the installation.
    pub instance: String,
    /// The number of the last event.
    pub seq: u64,
    /// The link of that event, in hexadecimal.
    pub link: String,
    /// When the checkpoint was made.
    pub at: String,
    /// The keyring's MAC over the other members, in hexadecimal.
    pub mac: String,
}

/// One contradiction to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// An event does not match its link. The event was altered, or an event before it was removed, inserted or
    /// reordered.
    Event {
        /// The event's number.
        seq: u64,
    },
    /// The numbering has a gap: events were removed.
    Gap {
        /// The missing number.
        seq: u64,
    },
    /// The log ends before the checkpoint, or has another event at its position.
    Checkpoint {
        /// The checkpoint's event number.
        seq: u64,
    },
    /// The checkpoint is not from this installation, or was altered.
    ForeignCheckpoint,
    /// A row differs from what its last event left behind. It was altered or rolled back.
    Row {
        /// The object's id.
        id: String,
    },
    /// A row that no event mentions. It was inserted.
    Inserted {
        /// The object's id.
        id: String,
    },
    /// An object in the log whose row is missing. It was deleted.
    Deleted {
        /// The object's id.
        id: String,
    },
    /// A row that does not parse.
    Unreadable {
        /// The database error.
        what: String,
    },
}

/// The result of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The number of verified events.
    pub events: u64,
    /// The number of compared rows. Zero unless the verification is deep.
    pub rows: u64,
    /// The findings, at most 1,000. Empty if everything is correct.
    pub findings: Vec<Finding>,
}

const PAGE_SIZE: u32 = 10_000;
const MAX_FINDINGS: usize = 1_000;

impl AuditLog<'_> {
    /// Makes a checkpoint of the log, to be kept outside the database. Making one is itself an event, which the
    /// checkpoint covers.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`].
    pub async fn checkpoint(self, actor: &Actor) -> Result<Checkpoint, Error> {
        let Self { vault, tenant } = self;
        vault.record(vault.entry(actor, tenant, Action::AuditCheckpoint)).await?;
        // The event just written is the newest of this tenant. Only later events must be read.
        let newest = vault.inner.store.events(tenant, &AuditFilter { limit: 1, ..AuditFilter::default() }).await?;
        let before = newest.events.first().map_or(0, |event| event.seq.saturating_sub(1));
        let mut last = ([0; 32], before);
        loop {
            let mut page = vault.inner.store.chain(last.1, PAGE_SIZE).await?;
            let whole = u32::try_from(page.len()).is_ok_and(|length| length == PAGE_SIZE);
            last = page.pop().map_or(last, |(event, link)| (link, event.seq));
            if !whole {
                break;
            }
        }
        let mut checkpoint = Checkpoint {
            instance: vault.instance().to_owned(),
            seq: last.1,
            link: data_encoding::HEXLOWER.encode(&last.0),
            at: vault.inner.clock.now().to_string(),
            mac: String::new(),
        };
        checkpoint.mac =
            data_encoding::HEXLOWER.encode(&vault.inner.sealer.keyring().checkpoint_mac(&checkpoint.canonical()));
        Ok(checkpoint)
    }
}

impl Vault {
    /// Verifies the log. `progress` receives the number of events so far.
    ///
    /// # Errors
    /// Storage errors only. Faults of the log are in the report.
    pub async fn verify(
        &self,
        deep: bool,
        checkpoint: Option<&Checkpoint>,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Report, Error> {
        let mut report = Report::default();
        let mut rows: HashMap<String, [u8; 32]> = HashMap::new();
        let mut head = ([0; 32], 0);
        let mut reached = checkpoint.is_none_or(|checkpoint| checkpoint.seq == 0);
        if checkpoint.is_some_and(|checkpoint| !self.is_genuine_checkpoint(checkpoint)) {
            report.find(Finding::ForeignCheckpoint);
        }
        let mut remember = |(event, link): &Linked| {
            if let Some(checkpoint) = checkpoint.filter(|checkpoint| checkpoint.seq == event.seq) {
                reached = data_encoding::HEXLOWER.encode(link) == checkpoint.link;
            }
            match left_behind(event).filter(|_| deep) {
                Some((id, Some(digest))) => drop(rows.insert(id, digest)),
                Some((id, None)) => drop(rows.remove(&id)),
                None => {}
            }
        };
        if !self.walk(&mut head, &mut report, progress, &mut remember).await? {
            return Ok(report);
        }
        if let Some(checkpoint) = checkpoint.filter(|_| !reached) {
            report.find(Finding::Checkpoint { seq: checkpoint.seq });
        }
        if deep {
            let suspects = self.compare_rows(rows, &mut report).await?;
            // Rows are compared after the chain was read, and the vault may be in use. A row is correct if a later
            // event left it in this state or removed it. An event that only mentions the object does not count.
            let mut meanwhile = HashSet::new();
            if !suspects.is_empty() {
                let mut note = |(event, _): &Linked| meanwhile.extend(left_behind(event));
                self.walk(&mut head, &mut report, progress, &mut note).await?;
            }
            for (row, finding) in suspects {
                if !meanwhile.contains(&row) {
                    report.find(finding);
                }
            }
        }
        Ok(report)
    }

    /// Continues from `head` to the current end of the log. Returns whether it reached the end.
    async fn walk(
        &self,
        head: &mut ([u8; 32], u64),
        report: &mut Report,
        progress: &mut (dyn FnMut(u64) + Send),
        visit: &mut (dyn FnMut(&Linked) + Send),
    ) -> Result<bool, Error> {
        loop {
            let page = match self.inner.store.chain(head.1, PAGE_SIZE).await {
                Ok(page) => page,
                Err(strongroom_store::StoreError::Corrupt { table, what }) => {
                    report.find(Finding::Unreadable { what: format!("{table}: {what}") });
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            };
            for linked in &page {
                *head = self.follow(*head, linked, report);
                visit(linked);
            }
            progress(report.events);
            if u32::try_from(page.len()).is_ok_and(|length| length < PAGE_SIZE) {
                return Ok(true);
            }
        }
    }

    fn is_genuine_checkpoint(&self, checkpoint: &Checkpoint) -> bool {
        let mac = data_encoding::HEXLOWER.encode(&self.inner.sealer.keyring().checkpoint_mac(&checkpoint.canonical()));
        checkpoint.instance == self.instance() && checkpoint.mac == mac
    }

    /// Checks the link of one event and continues from the stored link. So one altered event is one finding, not one
    /// for each event after it.
    fn follow(&self, (previous, seq): ([u8; 32], u64), (event, link): &Linked, report: &mut Report) -> ([u8; 32], u64) {
        if event.seq != seq + 1 {
            report.find(Finding::Gap { seq: seq + 1 });
        }
        if self.inner.sealer.keyring().audit_link(&previous, &event.canonical()) != *link {
            report.find(Finding::Event { seq: event.seq });
        }
        report.events += 1;
        (*link, event.seq)
    }

    /// The rows that differ from `expected`: the current state of each row, if any, and the finding.
    async fn compare_rows(
        &self,
        mut expected: HashMap<String, [u8; 32]>,
        report: &mut Report,
    ) -> Result<Vec<(Left, Finding)>, Error> {
        let mut suspects = Vec::new();
        let visited = self
            .inner
            .store
            .digests(&mut |id, digest| {
                report.rows += 1;
                let known = expected.remove(&id);
                if known == Some(digest) {
                    return;
                }
                let finding = if known.is_some() {
                    Finding::Row { id: id.clone() }
                } else {
                    Finding::Inserted { id: id.clone() }
                };
                suspects.push(((id, Some(digest)), finding));
            })
            .await;
        match visited {
            Ok(()) => {}
            Err(strongroom_store::StoreError::Corrupt { table, what }) => {
                report.find(Finding::Unreadable { what: format!("{table}: {what}") });
            }
            Err(error) => return Err(error.into()),
        }
        let mut deleted: Vec<String> = expected.into_keys().collect();
        deleted.sort_unstable();
        suspects.extend(deleted.into_iter().map(|id| ((id.clone(), None), Finding::Deleted { id })));
        Ok(suspects)
    }
}

/// A row's id and its digest. `None` if the row does not exist.
type Left = (String, Option<[u8; 32]>);

impl Report {
    fn find(&mut self, finding: Finding) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }
}

impl Checkpoint {
    fn canonical(&self) -> Vec<u8> {
        format!("{}\n{}\n{}\n{}", self.instance, self.seq, self.link, self.at).into_bytes()
    }
}

/// The state that an event left behind.
fn left_behind(event: &Event<'_>) -> Option<Left> {
    let target = event.target.as_ref().filter(|_| event.decision == "allowed")?;
    let removes = || Action::from_str(&event.action).is_ok_and(Action::removes);
    (event.digest.is_some() || removes()).then(|| (target.to_string(), event.digest))
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Event { seq } => write!(f, "event {seq} was altered, or the events before it were changed"),
            Self::Gap { seq } => write!(f, "event {seq} is missing: events were removed"),
            Self::Checkpoint { seq } => {
                write!(f, "the log does not contain the checkpoint's event {seq}: its tail was cut off or replaced")
            }
            Self::ForeignCheckpoint => f.write_str("the checkpoint was not made by this installation, or was altered"),
            Self::Row { id } => write!(f, "{id} does not match its last event: it was altered or rolled back"),
            Self::Inserted { id } => write!(f, "{id} was inserted: no event names it"),
            Self::Deleted { id } => write!(f, "{id} was deleted: it is in the log, but not in the table"),
            Self::Unreadable { what } => write!(f, "a row cannot be read: {what}"),
        }
    }
}
