//! The error policy, once: `Display` is what a caller may be told and never holds a value or an internal cause;
//! the cause, for the log, is the `source()`.

use crate::fields::FieldError;
use crate::store::StoreError;

/// Why a verb did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not exist for this caller. A stranger's object and a missing one are told apart by nobody.
    #[error("there is no such {what}")]
    NotFound {
        /// The noun.
        what: &'static str,
    },
    /// The name is in use.
    #[error("a {what} of this name exists already; choose another name or update the existing one")]
    NameTaken {
        /// The noun.
        what: &'static str,
    },
    /// A field, or several, do not fit.
    #[error("some fields are not valid")]
    Fields(Vec<FieldError>),
    /// The object changed since the caller read it.
    #[error("the {what} has changed since you read it; read it again and repeat your change")]
    Stale {
        /// The noun.
        what: &'static str,
    },
    /// The plugin still has credentials.
    #[error("the plugin still has credentials ({credentials}); delete them first, or remove it together with them")]
    PluginInUse {
        /// How many.
        credentials: u64,
    },
    /// The tenant still has users, or grants of theirs are still to be revoked.
    #[error(
        "the tenant still has users, or accounts that are still to be revoked ({left}); delete the users, and wait until their providers have answered"
    )]
    TenantInUse {
        /// How many of both.
        left: u64,
    },
    /// The tenant that there always is.
    #[error("the default tenant stays; delete its users and remove its plugins instead")]
    TenantStays,
    /// Accounts are connected through the registration, or are still to be revoked.
    #[error(
        "accounts are connected through this OAuth app, or still to be revoked ({credentials}); delete those credentials, and wait until the provider has answered"
    )]
    AppInUse {
        /// How many.
        credentials: u64,
    },
    /// The provider did not do what was asked. The text is ours, or a code.
    #[error("the provider did not do what was asked: {0}")]
    Provider(String),
    /// A reconnection ended at another account.
    #[error("this is another account than the one that was connected; connect it as a new credential")]
    OtherAccount,
    /// The grant is gone.
    #[error("the account has to be connected again ({cause})")]
    ReauthRequired {
        /// A code.
        cause: String,
    },
    /// The token has expired and could not be refreshed yet.
    #[error("the token has expired and could not be refreshed yet ({cause}); try again shortly")]
    Refresh {
        /// A code.
        cause: String,
    },
    /// Too many calls to providers were asked for.
    #[error("too many calls to providers were asked for; try again in {retry_after} s")]
    TooManyCalls {
        /// Seconds.
        retry_after: u64,
    },
    /// Providers have nowhere to send people back to.
    #[error("no public address is set, so providers have nowhere to send people back to; set `server.public_url`")]
    NoPublicAddress,
    /// The plugin's manifest asks for injection; its secrets are not given out.
    #[error("this plugin's manifest says access `inject`: its secrets cannot be read; register it with access `read`")]
    AccessIsInject,
    /// The caller's key was revoked while the request was under way.
    #[error("the bearer token is unknown, expired or revoked")]
    Revoked,
    /// The stored record does not open.
    #[error("this credential cannot be decrypted any more; delete it and save it again")]
    Undecryptable,
    /// The same idempotency key came with another request.
    #[error("this idempotency key was used with a different request; use a new key")]
    IdempotencyMismatch,
    /// The object that the first request created is gone.
    #[error("the request with this idempotency key was carried out, and what it created is gone since; use a new key")]
    IdempotencyKeyUsed,
    /// The audit log could not be written in time, so nothing was done or given out.
    #[error(
        "the audit log cannot be written at the moment, so nothing was given out; try again shortly, and look first whether a change was made"
    )]
    AuditUnavailable(#[source] Option<StoreError>),
    /// The database failed.
    #[error("the database is not available at the moment; try again shortly")]
    Store(#[from] StoreError),
}

impl Error {
    pub(crate) fn field(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self::Fields(vec![FieldError { field: field.to_owned(), code, message: message.into() }])
    }
}
