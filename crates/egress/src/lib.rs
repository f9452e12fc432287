//! The one HTTP client for outgoing calls of Strongroom. An [`EgressPolicy`] decides which addresses may be called, also
//! after a name was resolved. Redirects are not followed; size and time are limited.
#![deny(missing_docs)]

mod call;
mod client;
mod encode;
mod error;
mod policy;
mod public_address;

pub use call::{Answer, Call};
pub use client::{CALL_TIMEOUT, Egress};
pub use error::EgressError;
pub use policy::EgressPolicy;
