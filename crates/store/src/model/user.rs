//! A user, and the row of the user's data key.

use jiff::Timestamp;
use strongroom_crypto::Sealed;

use crate::model::{Owner, UserId};

/// A user who has a data key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct User {
    pub id: UserId,
    pub credentials: u64,
    pub created_at: Timestamp,
}

/// A user's data key, wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the table `user_key`")]
pub struct UserKeyRow {
    pub owner: Owner,
    pub sealed: Sealed,
    pub created_at: Timestamp,
    /// Whether the row was read from the database. If not, it is a new key for the credential in the same write.
    pub found: bool,
}
