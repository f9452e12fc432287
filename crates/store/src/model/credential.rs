//! The row of a credential. Its secrets are sealed, and the row itself knows no key.

use std::sync::OnceLock;

use jiff::Timestamp;
use strongroom_crypto::{Sealed, Unlocked, digest};

use crate::model::{AppId, CredentialId, CredentialName, NameError, Owner, PluginName};

/// The types of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "kebab-case", parse_err_ty = NameError, parse_err_fn = not_a_type)]
pub enum CredentialType {
    /// An API key that a user enters.
    ApiKey,
    /// A connected account with its access token and refresh token.
    Oauth2,
    /// Fields that the plugin defines.
    Custom,
}

impl CredentialType {
    /// All types.
    pub const ALL: [Self; 3] = [Self::ApiKey, Self::Oauth2, Self::Custom];

    /// The stored and displayed form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

fn not_a_type(_: &str) -> NameError {
    NameError("must be `api-key`, `oauth2` or `custom`".to_owned())
}

/// A credential as it is stored. The secrets are sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the table `credential`, described in docs/FORMAT.md")]
pub struct CredentialRow {
    pub owner: Owner,
    pub id: CredentialId,
    pub plugin: PluginName,
    pub revision: u64,
    /// The registration of a connected account.
    pub app: Option<AppId>,
    pub kind: CredentialType,
    pub expires_at: Option<Timestamp>,
    pub name: CredentialName,
    pub provider: Option<String>,
    pub account: Option<String>,
    pub settings: Sealed,
    pub encrypted_data: Sealed,
    pub access_token: Option<Sealed>,
    pub refresh_token: Option<Sealed>,
    pub previous_refresh_token: Option<Sealed>,
    pub scopes: String,
    pub generation: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// A row in the cache. It is sealed, and after the first read it also holds the message key of `encrypted_data`.
#[derive(Debug)]
pub struct CachedCredential {
    /// The row.
    pub row: CredentialRow,
    message_key: OnceLock<Unlocked>,
}

impl From<CredentialRow> for CachedCredential {
    fn from(row: CredentialRow) -> Self {
        Self { row, message_key: OnceLock::new() }
    }
}

impl std::ops::Deref for CachedCredential {
    type Target = CredentialRow;

    fn deref(&self) -> &CredentialRow {
        &self.row
    }
}

impl CredentialRow {
    /// A row without sealed data.
    #[must_use]
    pub fn new(id: CredentialId, owner: Owner, plugin: PluginName, kind: CredentialType, now: Timestamp) -> Self {
        let nothing = || Sealed::from_bytes(Vec::new());
        Self {
            id,
            owner,
            plugin,
            kind,
            name: CredentialName::unnamed(),
            provider: None,
            account: None,
            settings: nothing(),
            encrypted_data: nothing(),
            access_token: None,
            refresh_token: None,
            previous_refresh_token: None,
            expires_at: None,
            scopes: String::new(),
            generation: 0,
            revision: 1,
            created_at: now,
            updated_at: now,
            last_used_at: None,
            app: None,
        }
    }

    /// SHA-256 of every column except `last_used_at`, which changes without an event.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let sealed =
            |sealed: &Option<Sealed>| sealed.as_ref().map_or_else(Vec::new, |sealed| sealed.as_bytes().to_vec());
        let at = |at: Timestamp| at.as_millisecond().to_be_bytes();
        let text = |text: &Option<String>| text.clone().map_or_else(Vec::new, |text| [b"+", text.as_bytes()].concat());
        let app = self.app.map(|app| app.to_string());
        let (id, tenant) = (self.id.to_string(), self.owner.tenant.to_string());
        let tokens = [&self.access_token, &self.refresh_token, &self.previous_refresh_token].map(sealed);
        let [access_token, refresh_token, previous_refresh_token] = &tokens;
        let (provider, account) = (text(&self.provider), text(&self.account));
        let expires_at = self.expires_at.map_or_else(Vec::new, |expires| at(expires).to_vec());
        let (generation, revision) = (self.generation.to_be_bytes(), self.revision.to_be_bytes());
        let (created_at, updated_at) = (at(self.created_at), at(self.updated_at));
        let mut columns: Vec<&[u8]> = vec![
            id.as_bytes(),
            tenant.as_bytes(),
            self.owner.user.as_str().as_bytes(),
            self.plugin.as_str().as_bytes(),
            self.kind.as_str().as_bytes(),
            self.name.as_str().as_bytes(),
            &provider,
            &account,
            self.settings.as_bytes(),
            self.encrypted_data.as_bytes(),
            access_token,
            refresh_token,
            previous_refresh_token,
            &expires_at,
            self.scopes.as_bytes(),
            &generation,
            &revision,
            &created_at,
            &updated_at,
        ];
        columns.extend(app.as_ref().map(String::as_bytes));
        digest("credential", &columns)
    }

    /// The granted scopes, one by one.
    #[must_use]
    pub fn scopes(&self) -> Vec<String> {
        self.scopes.split_whitespace().map(str::to_owned).collect()
    }
}

impl CachedCredential {
    /// The message key of `encrypted_data`, if it was derived before.
    #[must_use]
    pub fn message_key(&self) -> Option<&Unlocked> {
        self.message_key.get()
    }

    /// Keeps the message key for later reads.
    pub fn set_message_key(&self, key: Unlocked) {
        let _ = self.message_key.set(key);
    }
}
