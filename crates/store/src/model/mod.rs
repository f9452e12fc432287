//! Rows, ids and events. They are data: they know no key, no database and no vault.

mod action;
mod actor;
mod api_key;
mod connection;
mod console;
mod credential;
mod entry;
mod event;
mod id;
mod idempotency;
mod mac_row;
mod oauth_app;
mod plugin;
mod refresh;
mod request_id;
mod revocation;
mod session;
mod target;
mod tenant;
mod user;

pub use action::Action;
pub use actor::{Actor, CachedKey, Principal};
pub use api_key::{ApiKeyRow, KeyOwner};
pub use connection::{ConnectionRow, Phase};
pub use console::{ConsoleRow, ConsoleUser};
pub use credential::{CachedCredential, CredentialRow, CredentialType};
pub use entry::{Decision, Entry, Reason};
pub use event::Event;
pub use id::{
    ApiKeyId, AppId, ConnectionId, CredentialId, CredentialName, Label, NameError, ObjectId, Owner, PluginId,
    PluginName, RevocationId, SessionId, TenantId, TenantName, UserId,
};
pub use idempotency::IdempotencyRow;
pub use mac_row::MacRow;
pub use oauth_app::AppRow;
pub use plugin::PluginRow;
pub use refresh::{Claim, RefreshRow, RefreshState};
pub use request_id::RequestId;
pub use revocation::{PendingRevocations, RevocationRow};
pub use session::SessionRow;
pub use target::Target;
pub use tenant::Tenant;
pub use user::{User, UserKeyRow};
