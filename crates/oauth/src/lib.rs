//! OAuth 2 as a client: providers as data, the messages to their endpoints, and the meaning of their answers. This crate
//! knows no store and no vault.
#![deny(missing_docs)]

mod answer;
mod assertion;
mod breaker;
mod client;
mod client_auth;
mod discovery;
mod failure;
mod proof;
pub mod provider;

pub use answer::{Tokens, split, word};
pub use assertion::KeyFile;
pub use breaker::Breakers;
pub use client::{Client, TokenRequest};
pub use discovery::{DiscoveryError, discover};
pub use failure::Failure;
pub use proof::{ClientProof, basic};
pub use provider::{
    Account, Address, AddressError, Catalog, CatalogError, ClientAuth, Grant, Method, Parameters, Provider, Refresh,
    RevokeStyle, Rotation, Which,
};
