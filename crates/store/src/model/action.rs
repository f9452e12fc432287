//! The actions that events name, and what each one means for permits and callers.

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
            type Err = crate::model::NameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$name),)*
                    _ => Err(crate::model::NameError(format!("must be one of {}", [$($text),*].join(", ")))),
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
    pub fn invalidates_permits(self) -> bool {
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
    pub fn requires_live_caller(self) -> bool {
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
    pub fn removes(self) -> bool {
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
