//! What Strongroom stores. `model` has the rows and the events as data, `Store` is the interface to a database, and
//! `sqlite` implements it. This crate handles sealed bytes only.
#![deny(missing_docs)]

mod chain;
mod error;
mod filter;
pub mod model;
pub mod sqlite;
mod store;

pub use chain::ChainMac;
pub use error::{Conflict, StoreError};
pub use filter::{AuditFilter, CredentialFilter, EventPage, Linked};
pub use model::{
    Action, Actor, ApiKeyId, ApiKeyRow, AppId, AppRow, CachedCredential, CachedKey, Claim, ConnectionId, ConnectionRow,
    ConsoleRow, ConsoleUser, CredentialId, CredentialName, CredentialRow, CredentialType, Decision, Entry, Event,
    IdempotencyRow, KeyOwner, Label, MacRow, NameError, ObjectId, Owner, PendingRevocations, Phase, PluginId,
    PluginName, PluginRow, Principal, Reason, RefreshRow, RefreshState, RequestId, RevocationId, RevocationRow,
    SessionId, SessionRow, Target, Tenant, TenantId, TenantName, User, UserId, UserKeyRow,
};
pub use store::Store;
