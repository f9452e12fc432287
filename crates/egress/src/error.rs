//! Why a call failed, by what is known of the request: not sent, or perhaps received.

/// Why a call was not made or got no answer. The text is for the log. Callers do not learn which address was refused.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// The address may not be called.
    #[error("the egress policy does not allow {0}")]
    Forbidden(String),
    /// No connection was made, so the request was not sent.
    #[error("no connection to {host}: {what}")]
    Unreachable {
        /// The host.
        host: String,
        /// The reason.
        what: String,
    },
    /// The request may have arrived, but there was no complete answer.
    #[error("no answer from {host}: {what}")]
    Unanswered {
        /// The host.
        host: String,
        /// The reason.
        what: String,
    },
}
