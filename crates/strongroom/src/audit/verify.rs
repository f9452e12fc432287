//! Verification: the chain from its first event, a checkpoint exported earlier, and, when asked for deeply, every
//! stored row against the event that last wrote it.

use std::collections::HashMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Action, Event};
use crate::access::Actor;
use crate::error::Error;
use crate::id::TenantId;
use crate::store::{AuditFilter, Linked};
use crate::vault::Vault;

/// Where the chain stood at some moment; kept elsewhere, it shows whether the tail was cut off since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The installation.
    pub instance: String,
    /// The number of the last event.
    pub seq: u64,
    /// Its link, in hexadecimal.
    pub link: String,
    /// When the checkpoint was made.
    pub at: String,
    /// The keyring's MAC over the rest, in hexadecimal.
    pub mac: String,
}

/// One thing that is not as the log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// An event's bytes do not fit its link: it was altered, or one before it was removed, inserted or reordered.
    Event {
        /// Its number.
        seq: u64,
    },
    /// The numbering has a gap: events were removed.
    Gap {
        /// The number that is missing.
        seq: u64,
    },
    /// The log ends before the checkpoint, or has another event in its place.
    Checkpoint {
        /// The checkpoint's number.
        seq: u64,
    },
    /// The checkpoint was not made by this installation, or was altered.
    ForeignCheckpoint,
    /// A row is not what its last event left behind: altered or rolled back.
    Row {
        /// The object's id.
        id: String,
    },
    /// A row that no event speaks of: inserted.
    Inserted {
        /// The object's id.
        id: String,
    },
    /// An object that the log has, and the tables have not: deleted.
    Deleted {
        /// The object's id.
        id: String,
    },
    /// A row that does not parse.
    Unreadable {
        /// What the database says.
        what: String,
    },
}

/// What a verification saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many events were verified.
    pub events: u64,
    /// How many rows were compared; zero unless asked for deeply.
    pub rows: u64,
    /// What is wrong; empty if all is well. The list ends at a thousand.
    pub findings: Vec<Finding>,
}

const PAGE: u32 = 10_000;
const MOST_FINDINGS: usize = 1_000;

impl Vault {
    /// Verifies the log. `progress` is told the number of events seen so far.
    ///
    /// # Errors
    /// Storage errors only: what is wrong with the log is in the report.
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
        loop {
            let page = match self.store.chain(head.1, PAGE).await {
                Ok(page) => page,
                Err(crate::store::StoreError::Corrupt { table, what }) => {
                    report.find(Finding::Unreadable { what: format!("{table}: {what}") });
                    return Ok(report);
                }
                Err(error) => return Err(error.into()),
            };
            if page.is_empty() {
                break;
            }
            for linked in &page {
                head = self.follow(head, linked, &mut report);
                if let Some(checkpoint) = checkpoint.filter(|checkpoint| checkpoint.seq == head.1) {
                    reached = data_encoding::HEXLOWER.encode(&linked.1) == checkpoint.link;
                }
                if deep {
                    remember(&linked.0, &mut rows);
                }
            }
            progress(report.events);
        }
        if let Some(checkpoint) = checkpoint.filter(|_| !reached) {
            report.find(Finding::Checkpoint { seq: checkpoint.seq });
        }
        if deep {
            let mut found = self.compare_rows(rows).await?;
            self.leave_out_what_moved(head.1, &mut found.findings).await?;
            report.rows = found.rows;
            report.findings.append(&mut found.findings);
        }
        Ok(report)
    }

    /// Makes a checkpoint of the log as it stands, to be kept elsewhere. Making one is itself an event, its last.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`].
    pub async fn checkpoint(&self, actor: &Actor, tenant: TenantId) -> Result<Checkpoint, Error> {
        self.record(self.entry(actor, tenant, Action::AuditCheckpoint)).await?;
        // The event just written is the newest of this tenant; only what came after it has to be read.
        let newest = self.store.events(tenant, &AuditFilter { limit: 1, ..AuditFilter::default() }).await?;
        let before = newest.events.first().map_or(0, |event| event.seq.saturating_sub(1));
        let mut last = ([0; 32], before);
        while let Some((event, link)) = self.store.chain(last.1, PAGE).await?.pop() {
            last = (link, event.seq);
        }
        let mut checkpoint = Checkpoint {
            instance: self.instance().to_owned(),
            seq: last.1,
            link: data_encoding::HEXLOWER.encode(&last.0),
            at: self.clock.now().to_string(),
            mac: String::new(),
        };
        checkpoint.mac = data_encoding::HEXLOWER.encode(&self.keyring.checkpoint_mac(&checkpoint.canonical()));
        Ok(checkpoint)
    }

    fn is_genuine_checkpoint(&self, checkpoint: &Checkpoint) -> bool {
        let mac = data_encoding::HEXLOWER.encode(&self.keyring.checkpoint_mac(&checkpoint.canonical()));
        checkpoint.instance == self.instance() && checkpoint.mac == mac
    }

    /// Compares one event with the link it should have, and goes on from the link it has: one altered event is one
    /// finding, not a finding for each event after it.
    fn follow(&self, (previous, seq): ([u8; 32], u64), (event, link): &Linked, report: &mut Report) -> ([u8; 32], u64) {
        if event.seq != seq + 1 {
            report.find(Finding::Gap { seq: seq + 1 });
        }
        if self.keyring.audit_link(&previous, &event.canonical()) != *link {
            report.find(Finding::Event { seq: event.seq });
        }
        report.events += 1;
        (*link, event.seq)
    }

    async fn compare_rows(&self, mut expected: HashMap<String, [u8; 32]>) -> Result<Report, Error> {
        let mut found = Report::default();
        let visited = self
            .store
            .digests(&mut |id, digest| {
                found.rows += 1;
                match expected.remove(&id) {
                    Some(known) if known == digest => {}
                    Some(_) => found.find(Finding::Row { id }),
                    None => found.find(Finding::Inserted { id }),
                }
            })
            .await;
        match visited {
            Ok(()) => {}
            Err(crate::store::StoreError::Corrupt { table, what }) => {
                found.find(Finding::Unreadable { what: format!("{table}: {what}") });
            }
            Err(error) => return Err(error.into()),
        }
        let mut deleted: Vec<String> = expected.into_keys().collect();
        deleted.sort_unstable();
        deleted.into_iter().for_each(|id| found.find(Finding::Deleted { id }));
        Ok(found)
    }

    /// On a vault in use, rows are compared a moment after the chain was read: what was written in between is not wrong.
    async fn leave_out_what_moved(&self, mut seq: u64, findings: &mut Vec<Finding>) -> Result<(), Error> {
        while !findings.is_empty() {
            let page = self.store.chain(seq.max(1), PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            seq = last.seq;
            let moved = |id: &String| page.iter().any(|(event, _)| event.target.as_deref() == Some(id));
            findings.retain(|finding| match finding {
                Finding::Row { id } | Finding::Inserted { id } | Finding::Deleted { id } => !moved(id),
                _ => true,
            });
        }
        Ok(())
    }
}

impl Report {
    fn find(&mut self, finding: Finding) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(finding);
        }
    }
}

impl Checkpoint {
    fn canonical(&self) -> Vec<u8> {
        format!("{}\n{}\n{}\n{}", self.instance, self.seq, self.link, self.at).into_bytes()
    }
}

fn remember(event: &Event<'_>, rows: &mut HashMap<String, [u8; 32]>) {
    let (Some(target), true) = (&event.target, event.decision == "allowed") else { return };
    match (event.digest, Action::from_str(&event.action)) {
        (Some(digest), _) => drop(rows.insert(target.to_string(), digest)),
        (None, Ok(action)) if action.removes() => drop(rows.remove(target.as_ref())),
        _ => {}
    }
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
            Self::Row { id } => write!(f, "{id} is not what its last event left behind: altered or rolled back"),
            Self::Inserted { id } => write!(f, "{id} was inserted: no event speaks of it"),
            Self::Deleted { id } => write!(f, "{id} was deleted: the log has it, the table has not"),
            Self::Unreadable { what } => write!(f, "a row cannot be read: {what}"),
        }
    }
}
