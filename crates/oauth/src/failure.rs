//! Why a provider gave no tokens. Of an error, only the code is kept. The description is untrusted text from the provider
//! or an attacker.

use std::time::Duration;

use strongroom_egress::EgressError;

/// Why there are no tokens. `cause` is a code that can be stored and shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The grant has ended. Only the user can fix this.
    Terminal {
        /// The cause: a stable code.
        cause: String,
    },
    /// The registration is wrong. Only the operator can fix this.
    Config {
        /// The cause: a stable code.
        cause: String,
    },
    /// A later attempt may succeed.
    Transient {
        /// The cause: a stable code.
        cause: String,
        /// The wait that the provider asked for.
        retry_after: Option<Duration>,
        /// Whether the provider may have processed the request.
        may_have_arrived: bool,
        /// The refusal is of a kind that no standard defines.
        unknown: bool,
    },
}

impl Failure {
    /// The cause: a stable code.
    #[must_use]
    pub fn cause(&self) -> &str {
        match self {
            Self::Terminal { cause } | Self::Config { cause } | Self::Transient { cause, .. } => cause,
        }
    }
}

impl Failure {
    /// A failure that only the operator can fix.
    #[must_use]
    pub fn config(cause: &str) -> Self {
        Self::Config { cause: cause.to_owned() }
    }

    fn transient(cause: &str, may_have_arrived: bool) -> Self {
        Self::Transient { cause: cause.to_owned(), retry_after: None, may_have_arrived, unknown: false }
    }
}

impl From<EgressError> for Failure {
    fn from(error: EgressError) -> Self {
        match error {
            EgressError::Forbidden(_) => Self::config("address-forbidden"),
            EgressError::Unreachable { .. } => Self::transient("unreachable", false),
            EgressError::Unanswered { .. } => Self::transient("no-answer", true),
        }
    }
}
