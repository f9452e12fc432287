//! Errors of the vault. The `Display` text is safe for callers: it contains no secret value and no internal cause. The
//! `source()` holds the cause for the log.

use crate::fields::FieldError;
use strongroom_store::StoreError;

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
    #[error("a {what} with this name already exists; choose another name or update the existing one")]
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
    #[error(
        "the plugin still has credentials ({credentials}); delete them first, or remove the plugin with its credentials"
    )]
    PluginInUse {
        /// The number of credentials.
        credentials: u64,
    },
    /// The tenant still has users or pending revocations.
    #[error(
        "the tenant still has users or pending revocations ({left}); delete the users, and wait until the providers accept the revocations"
    )]
    TenantInUse {
        /// The number of users and pending revocations.
        left: u64,
    },
    /// The default tenant cannot be removed.
    #[error("the default tenant cannot be removed; delete its users and remove its plugins instead")]
    TenantStays,
    /// The registration still has connected accounts or pending revocations.
    #[error(
        "the OAuth app still has credentials or pending revocations ({credentials}); delete the credentials, and wait until the provider accepts the revocations"
    )]
    AppInUse {
        /// The number of credentials and pending revocations.
        credentials: u64,
    },
    /// The provider did not fulfil the request. The text is from Strongroom, or it is a code of the provider.
    #[error("the provider did not fulfil the request: {0}")]
    Provider(String),
    /// A reconnection was authorized for a different account.
    #[error("a different account was authorized; to use it, create a new credential")]
    OtherAccount,
    /// The grant has ended.
    #[error("the account must be reconnected ({cause})")]
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
    #[error("provider call limit reached; retry in {retry_after} s")]
    TooManyCalls {
        /// Seconds until the next attempt may succeed.
        retry_after: u64,
    },
    /// `server.public_url` is not set. OAuth redirects need it.
    #[error("`server.public_url` is not set; OAuth redirects need it")]
    NoPublicAddress,
    /// The plugin's manifest has the access `inject`, so its secrets cannot be read.
    #[error(
        "this plugin's manifest has the access `inject`, so its secrets cannot be read; register it with access `read`"
    )]
    AccessIsInject,
    /// The caller's key or session was revoked during the request.
    #[error("the bearer token is unknown, expired or revoked")]
    Revoked,
    /// The stored record cannot be decrypted.
    #[error("this credential can no longer be decrypted; delete it and save it again")]
    Undecryptable,
    /// The idempotency key was used with a different request.
    #[error("this idempotency key was used with a different request; use a new key")]
    IdempotencyMismatch,
    /// The object that the first request with this idempotency key created no longer exists.
    #[error("the object that was created with this idempotency key no longer exists; use a new key")]
    IdempotencyKeyUsed,
    /// The audit log could not be written in time. Nothing was released, but a change may still take effect.
    #[error(
        "the audit log cannot be written at the moment, so nothing was released; check whether the change was made before you retry"
    )]
    AuditUnavailable(#[source] Option<StoreError>),
    /// The database failed.
    #[error("the database is not available at the moment; try again shortly")]
    Store(#[from] StoreError),
}

impl From<strongroom_oauth::DiscoveryError> for Error {
    fn from(error: strongroom_oauth::DiscoveryError) -> Self {
        Self::Provider(error.to_string())
    }
}

impl Error {
    pub(crate) fn field(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self::Fields(vec![FieldError { field: field.to_owned(), code, message: message.into() }])
    }
}
