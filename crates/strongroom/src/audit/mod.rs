//! The audit log: who did what to which object, when, from where, and the decision. It never contains a secret value.
//!
//! Each event has a link in a keyed hash chain over the canonical bytes of the events. An attacker who can write to the
//! database cannot alter, remove or reorder events undetected. A write event carries the digest of the row that it left
//! behind.

mod reading;
mod target;
mod verify;

use std::borrow::Cow;

use jiff::Timestamp;
pub use reading::Reading;
pub(crate) use target::Target;
pub use verify::{Checkpoint, Finding, Report};

use crate::access::{Actor, Principal};
use crate::error::Error;
use crate::id::{ObjectId, PluginName, TenantId, UserId};
use crate::store::{AuditFilter, EventPage};
use crate::vault::Vault;

macro_rules! actions {
    ($($name:ident $text:literal)*) => {
        /// What was done or attempted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each variant is the text beside it: a noun and a verb of the API")]
        pub enum Action { $($name),* }

        impl Action {
            /// All actions.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stored and displayed form, `noun.verb`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }

        impl std::str::FromStr for Action {
            type Err = crate::id::NameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$name),)*
                    _ => Err(crate::id::NameError(format!("must be one of {}", [$($text),*].join(", ")))),
                }
            }
        }
    };
}

actions! {
    CredentialSave "credential.save"
    CredentialList "credential.list"
    CredentialShow "credential.show"
    CredentialOpen "credential.open"
    CredentialTest "credential.test"
    CredentialUpdate "credential.update"
    CredentialDelete "credential.delete"
    CredentialRefresh "credential.refresh"
    CredentialRefreshBegin "credential.refresh-begin"
    CredentialRefreshed "credential.refreshed"
    CredentialReportUnauthorized "credential.report-unauthorized"
    CredentialRevoke "credential.revoke"
    ConnectionCreate "connection.create"
    ConnectionStart "connection.start"
    ConnectionReturn "connection.return"
    ConnectionPoll "connection.poll"
    ConnectionComplete "connection.complete"
    ConnectionSettled "connection.settled"
    OauthAppCreate "oauth-app.create"
    OauthAppRemove "oauth-app.remove"
    PluginRegister "plugin.register"
    PluginUpdate "plugin.update"
    PluginRemove "plugin.remove"
    PluginKeyCreate "plugin-key.create"
    PluginKeyRevoke "plugin-key.revoke"
    HostKeyCreate "host-key.create"
    HostKeyRevoke "host-key.revoke"
    SessionCreate "session.create"
    SessionRevoke "session.revoke"
    ConsoleInvite "console.invite"
    ConsoleSignIn "console.sign-in"
    ConsoleSeen "console.seen"
    ConsoleSignOut "console.sign-out"
    UserDelete "user.delete"
    TenantCreate "tenant.create"
    TenantRemove "tenant.remove"
    AuditRead "audit.read"
    AuditCheckpoint "audit.checkpoint"
}

impl Action {
    /// Whether an event of this kind may invalidate a permit. It concerns a plugin or its keys, a user or a tenant, or
    /// it changes or deletes the credential.
    pub(crate) fn invalidates_permits(self) -> bool {
        matches!(
            self,
            Self::PluginKeyRevoke
                | Self::PluginUpdate
                | Self::PluginRemove
                | Self::TenantRemove
                | Self::UserDelete
                | Self::CredentialDelete
                | Self::CredentialUpdate
        )
    }

    /// Whether the caller's key or session must still exist when the event is written. Results of requests to a
    /// provider are exempt, because a token that is not written is lost.
    pub(crate) fn requires_live_caller(self) -> bool {
        !matches!(
            self,
            Self::CredentialRefresh
                | Self::CredentialRefreshBegin
                | Self::CredentialRefreshed
                | Self::CredentialReportUnauthorized
                | Self::CredentialRevoke
                | Self::ConnectionComplete
                | Self::ConnectionSettled
        )
    }

    /// Whether the object no longer exists after an allowed event of this kind.
    pub(crate) fn removes(self) -> bool {
        matches!(
            self,
            Self::CredentialDelete
                | Self::PluginRemove
                | Self::PluginKeyRevoke
                | Self::HostKeyRevoke
                | Self::OauthAppRemove
                | Self::TenantRemove
        )
    }
}

/// Whether the action was allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The action was done.
    Allowed,
    /// The action was refused for this reason. Its text is a stable slug.
    Denied(Reason),
}

/// Why an action was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The owner has no such object.
    NotFound,
    /// The credential belongs to another plugin.
    OtherPlugin,
    /// The plugin's manifest has the access `inject`, not `read`.
    AccessIsInject,
    /// The credential's record cannot be decrypted.
    Undecryptable,
    /// The plugin is not registered, or its row is not genuine.
    NoPlugin,
    /// A callback for one registration arrived at the address of another.
    OtherApp,
    /// A callback arrived from a browser that did not start the connection.
    OtherBrowser,
    /// The callback's issuer is wrong, or is missing where it is required.
    OtherIssuer,
    /// The user is not the one who started the connection.
    OtherUser,
    /// The provider refused or did not answer.
    Provider,
    /// The request was interrupted, and its effect at the provider is unknown.
    Interrupted,
}

impl Reason {
    /// The stored and displayed form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::OtherPlugin => "other-plugin",
            Self::AccessIsInject => "access-is-inject",
            Self::Undecryptable => "undecryptable",
            Self::NoPlugin => "no-plugin",
            Self::OtherApp => "other-app",
            Self::OtherBrowser => "other-browser",
            Self::OtherIssuer => "other-issuer",
            Self::OtherUser => "other-user",
            Self::Provider => "provider",
            Self::Interrupted => "interrupted",
        }
    }
}

/// An event before it has its place in the chain.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(crate) at: Timestamp,
    pub(crate) tenant: Option<TenantId>,
    pub(crate) actor: Actor,
    pub(crate) action: Action,
    pub(crate) decision: Decision,
    pub(crate) user: Option<UserId>,
    pub(crate) plugin: Option<PluginName>,
    pub(crate) target: Option<Target>,
    pub(crate) digest: Option<[u8; 32]>,
}

impl Entry {
    pub(crate) fn with_target(mut self, target: impl Into<Target>) -> Self {
        self.target = Some(target.into());
        self
    }

    pub(crate) fn with_user(mut self, user: &UserId) -> Self {
        self.user = Some(user.clone());
        self
    }

    pub(crate) fn with_plugin(mut self, plugin: &PluginName) -> Self {
        self.plugin = Some(plugin.clone());
        self
    }

    pub(crate) fn with_digest(mut self, digest: [u8; 32]) -> Self {
        self.digest = Some(digest);
        self
    }

    pub(crate) fn denied(mut self, reason: Reason) -> Self {
        self.decision = Decision::Denied(reason);
        self
    }
}

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
    pub(crate) fn new(seq: u64, entry: &'a Entry) -> Self {
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
    pub(crate) fn canonical(&self) -> Vec<u8> {
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

impl Vault {
    pub(crate) fn entry(&self, actor: &Actor, tenant: TenantId, action: Action) -> Entry {
        Entry {
            at: self.clock.now(),
            tenant: Some(tenant),
            actor: actor.clone(),
            action,
            decision: Decision::Allowed,
            user: None,
            plugin: None,
            target: None,
            digest: None,
        }
    }

    /// Writes an event and waits until it is durable. The caller must not release anything before.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`] if the write exceeds the deadline. [`Error::Revoked`] if the caller's cached key was
    /// revoked in the meantime.
    pub(crate) async fn record(&self, entry: impl Into<Box<Entry>>) -> Result<(), Error> {
        let entry = entry.into();
        let cached_key = entry.actor.cached_key;
        self.within_deadline(self.store.record(entry)).await?;
        match cached_key {
            Some(cached_key) if cached_key.epoch != self.store.epoch() => self.is_still_valid(cached_key).await,
            _ => Ok(()),
        }
    }

    /// Events of a tenant, newest first, and older than `filter.before` if given. Reading the log is itself an event.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`] if that event cannot be written. Storage errors.
    pub async fn audit(&self, actor: &Actor, tenant: TenantId, filter: &AuditFilter) -> Result<EventPage, Error> {
        self.record(self.entry(actor, tenant, Action::AuditRead)).await?;
        Ok(self.store.events(tenant, filter).await?)
    }
}

impl Principal {
    fn kind(&self) -> &'static str {
        match self {
            Self::Operator { .. } => "operator",
            Self::Anonymous => "anybody",
            Self::Strongroom => "strongroom",
            Self::Host { .. } => "host",
            Self::User { .. } => "user",
            Self::Plugin { .. } => "plugin",
        }
    }

    fn id(&self) -> Option<ObjectId> {
        match self {
            Self::Anonymous | Self::Strongroom => None,
            Self::Host { key } | Self::Plugin { key, .. } => key.map(ObjectId::from),
            Self::User { session } | Self::Operator { session } => session.map(ObjectId::from),
        }
    }

    /// The name of the plugin, if the principal is one.
    #[must_use]
    pub fn plugin(&self) -> Option<&PluginName> {
        match self {
            Self::Plugin { name, .. } => Some(name),
            _ => None,
        }
    }
}
