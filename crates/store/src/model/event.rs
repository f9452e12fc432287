//! An event in the log, and the bytes that the chain covers.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::model::{Decision, Entry, Target};

/// An event in the log. Its columns are texts, as they are chained and displayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The position in the chain, from 1 without gaps.
    pub seq: u64,
    /// The time, UTC.
    pub at: Timestamp,
    /// The tenant, unless the event is about the installation.
    pub tenant: Option<Cow<'a, str>>,
    /// `operator`, `host`, `user`, `plugin`, `anybody` or `strongroom`.
    pub actor: Cow<'a, str>,
    /// The id of the key or session of the request, if any.
    pub actor_id: Option<Cow<'a, str>>,
    /// `noun.verb`.
    pub action: Cow<'a, str>,
    /// `allowed` or `denied`.
    pub decision: Cow<'a, str>,
    /// Why it was denied.
    pub reason: Option<Cow<'a, str>>,
    /// The user who owns the data.
    pub user: Option<Cow<'a, str>>,
    /// The plugin it concerns.
    pub plugin: Option<Cow<'a, str>>,
    /// The object's id.
    pub target: Option<Cow<'a, str>>,
    /// The caller's address.
    pub address: Option<Cow<'a, str>>,
    /// The request's id, as in the logs and the answer's header.
    pub request_id: Option<Cow<'a, str>>,
    /// SHA-256 of the row after the write.
    pub digest: Option<[u8; 32]>,
}

impl<'a> Event<'a> {
    /// The event of an entry at its place in the chain.
    #[must_use]
    pub fn new(seq: u64, entry: &'a Entry) -> Self {
        let (decision, reason) = match entry.decision {
            Decision::Allowed => ("allowed", None),
            Decision::Denied(reason) => ("denied", Some(reason.as_str().into())),
        };
        let plugin = entry.plugin.as_ref().or(entry.actor.principal.plugin());
        Self {
            seq,
            at: entry.at,
            tenant: entry.tenant.map(|id| id.to_string().into()),
            actor: entry.actor.principal.kind().into(),
            actor_id: entry.actor.principal.id().map(|id| id.to_string().into()),
            action: entry.action.as_str().into(),
            decision: decision.into(),
            reason,
            user: entry.user.as_ref().map(|user| user.as_str().into()),
            plugin: plugin.map(|name| name.as_str().into()),
            target: entry.target.as_ref().map(Target::text),
            address: entry.actor.address.map(|address| address.to_string().into()),
            request_id: entry.actor.request_id.as_ref().map(|id| id.to_string().into()),
            digest: entry.digest,
        }
    }

    /// The bytes for the chain: every column in order with its length. An absent column differs from an empty one.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(320);
        let seq = self.seq.to_be_bytes();
        let at = self.at.as_millisecond().to_be_bytes();
        let columns: [Option<&[u8]>; 14] = [
            Some(&seq),
            Some(&at),
            bytes(&self.tenant),
            Some(self.actor.as_bytes()),
            bytes(&self.actor_id),
            Some(self.action.as_bytes()),
            Some(self.decision.as_bytes()),
            bytes(&self.reason),
            bytes(&self.user),
            bytes(&self.plugin),
            bytes(&self.target),
            bytes(&self.address),
            bytes(&self.request_id),
            self.digest.as_ref().map(<[u8; 32]>::as_slice),
        ];
        for column in columns {
            match column {
                None => out.push(0),
                Some(column) => {
                    out.push(1);
                    out.extend_from_slice(&u64::try_from(column.len()).unwrap_or(u64::MAX).to_be_bytes());
                    out.extend_from_slice(column);
                }
            }
        }
        out
    }
}

fn bytes<'a>(text: &'a Option<Cow<'_, str>>) -> Option<&'a [u8]> {
    text.as_ref().map(|text| text.as_bytes())
}
