//! The refresh state of a credential, and a request for its lease.

use jiff::Timestamp;

use crate::model::{CredentialId, NameError, Owner};

/// The state of a connected account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "kebab-case", parse_err_ty = NameError, parse_err_fn = not_a_state)]
pub enum RefreshState {
    /// The last refresh succeeded.
    Active,
    /// A process has the lease.
    Refreshing,
    /// The last refresh failed. It will be retried.
    Degraded,
    /// A refresh was interrupted. It is unknown whether the refresh token was used.
    Ambiguous,
    /// The grant has ended. The user must connect again.
    ReauthRequired,
}

impl RefreshState {
    /// The stored and displayed form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

fn not_a_state(_: &str) -> NameError {
    NameError("must be a state".to_owned())
}

/// The refresh state of a credential, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the table `refresh`")]
pub struct RefreshRow {
    pub credential: CredentialId,
    pub owner: Owner,
    pub state: RefreshState,
    pub cause: Option<String>,
    pub due_at: Option<Timestamp>,
    pub fence: u64,
    pub lease_until: Option<Timestamp>,
    pub intent_at: Option<Timestamp>,
    pub failures: u64,
    pub refreshed_at: Timestamp,
    pub refresh_expires_at: Option<Timestamp>,
}

/// A request for a lease. It requires this fence and this generation of the credential.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Claim {
    pub credential: CredentialId,
    pub fence: u64,
    pub generation: u64,
    pub state: RefreshState,
    pub until: Timestamp,
    /// When the refresh token was first sent. A retry of an interrupted refresh keeps this time.
    pub intent_at: Timestamp,
}

impl RefreshRow {
    /// The grant has ended: nothing is due, and there is no lease.
    #[must_use]
    pub fn ended(self, cause: impl Into<String>) -> Self {
        let cause = Some(cause.into());
        Self { state: RefreshState::ReauthRequired, cause, due_at: None, lease_until: None, ..self }
    }
}
