//! An event before it has its place in the chain. Every write takes one.

use jiff::Timestamp;

use crate::model::{Action, Actor, PluginName, Target, TenantId, UserId};

/// Whether the action was allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The action was done.
    Allowed,
    /// The action was refused for this reason. Its text is a stable slug.
    Denied(Reason),
}

/// Why an action was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
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
        self.into()
    }
}

/// An event before it has its place in the chain.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The time, UTC.
    pub at: Timestamp,
    /// The tenant, unless the event is about the installation.
    pub tenant: Option<TenantId>,
    /// Who acted.
    pub actor: Actor,
    /// What was done or attempted.
    pub action: Action,
    /// Whether it was allowed.
    pub decision: Decision,
    /// The user who owns the data.
    pub user: Option<UserId>,
    /// The plugin it concerns.
    pub plugin: Option<PluginName>,
    /// The object.
    pub target: Option<Target>,
    /// SHA-256 of the row after the write.
    pub digest: Option<[u8; 32]>,
}

impl Entry {
    /// An allowed action of this actor.
    #[must_use]
    pub fn new(at: Timestamp, actor: Actor, tenant: TenantId, action: Action) -> Self {
        Self {
            at,
            tenant: Some(tenant),
            actor,
            action,
            decision: Decision::Allowed,
            user: None,
            plugin: None,
            target: None,
            digest: None,
        }
    }

    /// Names the object.
    #[must_use]
    pub fn with_target(mut self, target: impl Into<Target>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Names the user who owns the data.
    #[must_use]
    pub fn with_user(mut self, user: &UserId) -> Self {
        self.user = Some(user.clone());
        self
    }

    /// Names the plugin.
    #[must_use]
    pub fn with_plugin(mut self, plugin: &PluginName) -> Self {
        self.plugin = Some(plugin.clone());
        self
    }

    /// Adds the digest of the row that the write leaves behind.
    #[must_use]
    pub fn with_digest(mut self, digest: [u8; 32]) -> Self {
        self.digest = Some(digest);
        self
    }

    /// Makes it a refusal.
    #[must_use]
    pub fn denied(mut self, reason: Reason) -> Self {
        self.decision = Decision::Denied(reason);
        self
    }
}
