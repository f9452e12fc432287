//! The id of a request in logs, events and the response header.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use data_encoding::HEXLOWER;

use crate::model::NameError;

/// The id of a request in logs, events and the response header. It has only letters, digits and hyphens.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestId(Inner);

/// Every event carries an id, so a generated id stays binary until it is written.
#[derive(Clone, PartialEq, Eq)]
enum Inner {
    Made([u8; 16]),
    Given(Arc<str>),
}

impl RequestId {
    /// An id from 16 random bytes. They must be unique.
    #[must_use]
    pub fn of(bytes: [u8; 16]) -> Self {
        Self(Inner::Made(bytes))
    }
}

/// Parses an id from a caller: 8 to 64 letters, digits and hyphens.
impl FromStr for RequestId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if (8..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Ok(Self(Inner::Given(text.into())));
        }
        Err(NameError("must have 8 to 64 letters, digits and hyphens".to_owned()))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Made(bytes) => f.write_str(&HEXLOWER.encode(bytes)),
            Inner::Given(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
