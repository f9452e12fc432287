//! Filters and pages of lists.

use crate::model::{Action, CredentialId, CredentialType, Event, PluginName, UserId};

/// Selects the credentials of a list.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct CredentialFilter {
    pub plugin: Option<PluginName>,
    pub kind: Option<CredentialType>,
    pub after: Option<CredentialId>,
    pub limit: u32,
}

/// Selects the events of a list.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AuditFilter {
    pub user: Option<UserId>,
    pub plugin: Option<PluginName>,
    pub target: Option<String>,
    pub action: Option<Action>,
    pub denied_only: bool,
    pub before: Option<u64>,
    pub after: u64,
    pub limit: u32,
}

/// A page of events, newest first. `next` is the `before` of the next page.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct EventPage {
    pub events: Vec<Event<'static>>,
    pub next: Option<u64>,
}

/// An event with its link, as verification reads it.
pub type Linked = (Event<'static>, [u8; 32]);
