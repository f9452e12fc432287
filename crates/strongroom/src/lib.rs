//! The Strongroom library stores the credentials that an application's plugins need.
//!
//! A user saves an API key or connects an account once, and plugins use it. The secret is not shown again. To start,
//! open a [`Vault`] on a SQLite file with a 32-byte key and register a plugin's [`Manifest`]:
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use strongroom::{Actor, Draft, Fields, Owner, Secret, Vault};
//!
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("vault").join("strongroom.db");
//! # let key = Secret::from("c3Ryb25ncm9vbSBkb2MgdGVzdCBrZXksIDMyIGJ5dGU=");
//! let vault = Vault::builder(&path).key(key).open().await?;
//! let tenant = vault.tenants().get(&"default".parse()?).await?.id;
//!
//! let manifest = strongroom::Manifest::parse(r#"{
//!     "title": "OpenAI", "access": "read",
//!     "credentials": {"api-key": {"schema": {"type": "object", "required": ["api_key"],
//!         "properties": {"api_key": {"type": "string"}}}}}
//! }"#)?;
//! vault.plugins(tenant).register(&Actor::host(), &"openai".parse()?, manifest, strongroom::Expected::Any).await?;
//!
//! let alice = Owner { tenant, user: "alice".parse()? };
//! let draft = Draft {
//!     plugin: "openai".parse()?,
//!     kind: strongroom::CredentialType::ApiKey,
//!     name: "Work".parse()?,
//!     fields: Fields::default().text("api_key", Secret::from("sk-example")),
//! };
//! let saved = vault.credentials(&alice).create(&Actor::user(), draft, None).await?;
//!
//! let permit = vault.credentials(&alice).authorize(&Actor::plugin("openai".parse()?), saved.id).await?;
//! let opened = vault.open(permit).await?;
//! assert!(opened.fields().contains_key("api_key"));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
#![deny(missing_docs)]

pub mod access;
pub mod audit;
mod authenticated;
mod builder;
pub mod clock;
pub mod console;
pub mod credential;
pub mod error;
pub mod fields;
pub mod handles;
/// Ids and names.
pub use strongroom_store::model as id;
pub mod idempotency;
pub mod json;
pub mod key;
pub mod manifest;
pub mod oauth;
pub mod plugin;
/// Providers as data.
pub use strongroom_oauth::provider;
pub mod request;
pub mod schema;
mod sealer;
pub mod session;
pub mod tenant;
pub mod user;
pub mod vault;
mod violations;

pub use access::Permit;
pub use builder::{Builder, OpenError};
pub use clock::Clock;
pub use credential::{Change, Credential, CredentialPage, Draft, Opened, State, Verdict};
pub use error::Error;
pub use fields::Fields;
pub use idempotency::IdempotencyKey;
pub use manifest::Manifest;
pub use plugin::Expected;
pub use strongroom_crypto::{Entropy, Key, OsEntropy, Secret, Token, TokenKind, digest, sha256};
pub use strongroom_oauth::{Catalog, Provider};
pub use strongroom_store::{Actor, CredentialType, KeyOwner, Principal};
pub use strongroom_store::{
    ApiKeyId, AppId, CredentialId, CredentialName, Label, Owner, PluginName, SessionId, TenantId, TenantName, UserId,
};
pub use strongroom_store::{AuditFilter, CredentialFilter};
pub use vault::Vault;
