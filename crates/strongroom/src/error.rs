//! Errors of the vault. The `Display` text is safe for callers: it contains no secret value and no internal cause. The
//! `source()` holds the cause for the log.

use crate::fields::FieldError;
use crate::store::StoreError;

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The object does not exist for this caller. The error is the same for a missing object and for one of another
    /// owner.
    #[error("there is no such {what}")]
    NotFound {
        /// The kind of object.
        what: &'static str,
    },
    /// The name is in use.
    #[error("a {what} of this name exists already; choose another name or update the existing one")]
    NameTaken {
        /// The kind of object.
        what: &'static str,
    },
    /// One or more fields are not valid.
    #[error("some fields are not valid")]
    Fields(Vec<FieldError>),
    /// The object changed since the caller read it.
    #[error("the {what} has changed since you read it; read it again and repeat your change")]
    Stale {
        /// The kind of object.
        what: &'static str,
    },
    /// The plugin still has credentials.
    #[error("the plugin still has credentials ({credentials}); delete them first, or remove it together with them")]
    PluginInUse {
        /// The number of credentials.
        credentials: u64,
    },
    /// The tenant still has users or pending revocations.
    #[error(
        "the tenant still has users, or accounts that are still to be revoked ({left}); delete the users, and wait until their providers have answered"
    )]
    TenantInUse {
        /// The number of users and pending revocations.
        left: u64,
    },
    /// The default tenant cannot be removed.
    #[error("the default tenant stays; delete its users and remove its plugins instead")]
    TenantStays,
    /// The registration still has connected accounts or pending revocations.
    #[error(
        "accounts are connected through this OAuth app, or still to be revoked ({credentials}); delete those credentials, and wait until the provider has answered"
    )]
    AppInUse {
        /// The number of credentials and pending revocations.
        credentials: u64,
    },
    /// The provider did not fulfil the request. The text is from Strongroom, or it is a code of the provider.
    #[error("the provider did not do what was asked: {0}")]
    Provider(String),
    /// A reconnection was authorized for a different account.
    #[error("this is another account than the one that was connected; connect it as a new credential")]
    OtherAccount,
    /// The grant has ended.
    #[error("the account has to be connected again ({cause})")]
    ReauthRequired {
        /// The cause: a stable code.
        cause: String,
    },
    /// The token has expired and could not be refreshed yet.
    #[error("the token has expired and could not be refreshed yet ({cause}); try again shortly")]
    Refresh {
        /// The cause: a stable code.
        cause: String,
    },
    /// The limit for calls to providers is reached.
    #[error("too many calls to providers were asked for; try again in {retry_after} s")]
    TooManyCalls {
        /// Seconds until the next attempt may succeed.
        retry_after: u64,
    },
    /// `server.public_url` is not set. OAuth redirects need it.
    #[error("no public address is set, so providers have nowhere to send people back to; set `server.public_url`")]
    NoPublicAddress,
    /// The plugin's manifest has the access `inject`, so its secrets cannot be read.
    #[error("this plugin's manifest says access `inject`: its secrets cannot be read; register it with access `read`")]
    AccessIsInject,
    /// The caller's key or session was revoked during the request.
    #[error("the bearer token is unknown, expired or revoked")]
    Revoked,
    /// The stored record cannot be decrypted.
    #[error("this credential cannot be decrypted any more; delete it and save it again")]
    Undecryptable,
    /// The idempotency key was used with a different request.
    #[error("this idempotency key was used with a different request; use a new key")]
    IdempotencyMismatch,
    /// The object that the first request with this idempotency key created no longer exists.
    #[error("the request with this idempotency key was carried out, and what it created is gone since; use a new key")]
    IdempotencyKeyUsed,
    /// The audit log could not be written in time. Nothing was released, but a change may still take effect.
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
