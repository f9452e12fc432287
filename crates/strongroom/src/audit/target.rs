//! What an event is about: an object by its id, which is text only where it is written.

use crate::id::{CredentialId, ID_BYTES, ObjectId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Id(ObjectId),
    /// As a row has it that was removed: that goes on whatever somebody has written there.
    Text(String),
}

impl Target {
    pub(super) fn write<'a>(&'a self, room: &'a mut [u8; ID_BYTES]) -> &'a str {
        match self {
            Self::Id(id) => id.write(room),
            Self::Text(text) => text,
        }
    }

    /// If it is a credential.
    pub(crate) fn credential(&self) -> Option<CredentialId> {
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
