//! The target object of an event.
//! A removed row can have an id that does not parse, so a target can also be the stored text.

use std::borrow::Cow;

use super::id::{CredentialId, ObjectId};

/// The object of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An id.
    Id(ObjectId),
    /// The id of a removed row as stored in the database. It may not parse.
    Text(String),
}

impl Target {
    /// The stored form.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Id(id) => id.to_string().into(),
            Self::Text(text) => text.into(),
        }
    }

    /// The credential id, if the target is a credential.
    #[must_use]
    pub fn credential(&self) -> Option<CredentialId> {
        match self {
            Self::Id(id) => id.credential(),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

impl<Id: Into<ObjectId>> From<Id> for Target {
    fn from(id: Id) -> Self {
        Self::Id(id.into())
    }
}

impl From<String> for Target {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
