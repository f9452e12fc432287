//! The row of a credential: its sealed columns, their associated data and their decryption.
//! The associated data binds each column to its owner, credential, generation, plugin, type and registration.

use std::sync::OnceLock;

use jiff::Timestamp;
use strongroom_crypto::{Context, Key, Kind, OpenError, Sealed, Secret, Unlocked, digest};

use super::{Credential, CredentialType, State};
use crate::error::Error;
use crate::fields::{self, Value, Values};
use crate::id::{AppId, CredentialId, CredentialName, Owner, PluginName};
use crate::oauth::KEY_FILE;
use crate::schema::Schema;
use crate::vault::Vault;

/// The fields of a connected account that have their own columns.
const TOKEN_COLUMNS: [&str; 4] = ["access_token", "refresh_token", "expires_at", "scopes"];

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
    pub(crate) fn new(
        id: CredentialId,
        owner: Owner,
        plugin: PluginName,
        kind: CredentialType,
        now: Timestamp,
    ) -> Self {
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

    /// Seals the values. `test` is the origin that a test may send the secrets to: that of the manifest when they were
    /// saved.
    pub(crate) fn seal(
        &mut self,
        vault: &Vault,
        key: &Key,
        is_secret: &dyn Fn(&str) -> bool,
        test: Option<&str>,
        values: &Values,
    ) {
        self.generation += 1;
        // It is sealed to the previous generation.
        self.previous_refresh_token = None;
        let tokens: &[&str] = if self.kind == CredentialType::Oauth2 { &TOKEN_COLUMNS } else { &[] };
        if self.kind == CredentialType::Oauth2 {
            self.access_token = self.seal_token(vault, key, "access_token", values);
            self.refresh_token = self.seal_token(vault, key, "refresh_token", values);
            self.expires_at = match values.get("expires_at") {
                Some(Value::Text(text)) => text.expose().parse().ok().map(crate::clock::whole_milliseconds),
                _ => None,
            };
            self.scopes = match values.get("scopes") {
                Some(Value::List(items)) => {
                    items.iter().map(|item| item.expose().as_str()).collect::<Vec<_>>().join(" ")
                }
                _ => String::new(),
            };
        }
        let fields = values.iter().filter(|(field, _)| !tokens.contains(&field.as_str()));
        let plain = fields.clone().filter(|(field, _)| !is_secret(field));
        let settings = serde_json::json!({
            "settings": plain.map(|(field, value)| (field.clone(), value.as_json())).collect::<serde_json::Map<_, _>>(),
            "configured": fields.clone().map(|(field, _)| field).filter(|field| is_secret(field)).collect::<Vec<_>>(),
            "test": test,
        });
        self.settings = self.seal_column(vault, key, "settings", settings.to_string().as_bytes());
        // This record has every field, so that a plugin's read opens only one record.
        self.encrypted_data = self.seal_column(vault, key, "encrypted_data", fields::to_json(fields).expose());
    }

    /// Keeps the used refresh token until the next refresh proves that the new one works.
    pub(crate) fn keep_previous(&mut self, vault: &Vault, key: &Key, spent: &Secret<String>) {
        let sealed = self.seal_column(vault, key, "previous_refresh_token", spent.expose().as_bytes());
        self.previous_refresh_token = Some(sealed);
    }

    fn seal_token(&self, vault: &Vault, key: &Key, column: &str, values: &Values) -> Option<Sealed> {
        match values.get(column)? {
            Value::Text(text) => Some(self.seal_column(vault, key, column, text.expose().as_bytes())),
            _ => None,
        }
    }

    fn seal_column(&self, vault: &Vault, key: &Key, column: &str, bytes: &[u8]) -> Sealed {
        self.in_context(vault, column, |context| key.seal(&*vault.entropy, Kind::Credential, context, bytes))
    }

    fn open_column(&self, vault: &Vault, key: &Key, column: &str, sealed: &Sealed) -> Result<Secret<Vec<u8>>, Error> {
        self.in_context(vault, column, |context| key.open(Kind::Credential, context, sealed))
            .map_err(|error| self.undecryptable(column, &error))
    }

    fn undecryptable(&self, column: &str, error: &OpenError) -> Error {
        tracing::error!(credential = %self.id, column, %error, "a sealed column does not open");
        Error::Undecryptable
    }

    fn in_context<T>(&self, vault: &Vault, field: &str, then: impl FnOnce(&Context<'_>) -> T) -> T {
        let (tenant, object) = (self.owner.tenant.to_string(), self.id.to_string());
        // A refresh token is sent to the token endpoint of its registration, so the registration is associated data.
        // Otherwise a changed row could redirect the token.
        let app = self.app.map(|app| app.to_string());
        let binding = [self.plugin.as_str(), self.kind.as_str(), app.as_deref().unwrap_or_default()];
        let (whole, without) = (&binding[..], binding.split_last().map_or(&[][..], |(_, rest)| rest));
        then(&Context {
            instance: vault.keyring.instance(),
            tenant: &tenant,
            user: self.owner.user.as_str(),
            object: &object,
            field,
            generation: self.generation,
            binding: if app.is_some() { whole } else { without },
        })
    }

    /// All values of the credential, with the refresh token.
    pub(super) fn values(&self, vault: &Vault, key: &Key) -> Result<Values, Error> {
        let data = self.open_column(vault, key, "encrypted_data", &self.encrypted_data)?;
        let mut values = fields::from_json(&data).ok_or(Error::Undecryptable)?;
        for (column, token) in [("access_token", &self.access_token), ("refresh_token", &self.refresh_token)] {
            if let Some(sealed) = token {
                let text =
                    self.open_column(vault, key, column, sealed)?.into_text().map_err(|_| Error::Undecryptable)?;
                values.insert(column.to_owned(), Value::Text(text));
            }
        }
        if self.kind == CredentialType::Oauth2 {
            values.insert("scopes".to_owned(), Value::list(&self.scopes()));
            if let Some(at) = self.expires_at {
                values.insert("expires_at".to_owned(), Value::Text(Secret::new(at.to_string())));
            }
        }
        Ok(values)
    }

    pub(super) fn settings(&self, vault: &Vault, key: &Key) -> Result<Settings, Error> {
        let bytes = self.open_column(vault, key, "settings", &self.settings)?;
        serde_json::from_slice(bytes.expose()).map_err(|_| Error::Undecryptable)
    }

    pub(crate) fn scopes(&self) -> Vec<String> {
        self.scopes.split_whitespace().map(str::to_owned).collect()
    }

    /// `schema` is the current one. A field that it marks as secret is not shown, even if it was saved as not secret.
    pub(super) fn into_credential(self, settings: Option<Settings>, schema: Option<&Schema>) -> Credential {
        let state = if settings.is_some() { State::Active } else { State::Undecryptable };
        let Settings { mut settings, mut configured, .. } = settings.unwrap_or_default();
        let is_shown = |field: &str| schema.is_some_and(|schema| !schema.is_secret(field));
        configured.extend(settings.keys().filter(|field| !is_shown(field)).cloned());
        settings.retain(|field, _| is_shown(field));
        for (name, token) in [("access_token", &self.access_token), ("refresh_token", &self.refresh_token)] {
            configured.extend(token.as_ref().map(|_| name.to_owned()));
        }
        Credential {
            scopes: self.scopes(),
            id: self.id,
            owner: self.owner,
            plugin: self.plugin,
            kind: self.kind,
            name: self.name,
            provider: self.provider,
            account: self.account,
            state,
            cause: None,
            settings,
            configured,
            expires_at: self.expires_at,
            grant_expires_at: None,
            revision: self.revision,
            created_at: self.created_at,
            updated_at: self.updated_at,
            last_used_at: self.last_used_at,
        }
    }
}

impl CachedCredential {
    /// The JSON for a plugin, if the message key was derived before.
    pub(super) fn reopened(&self) -> Option<Result<Secret<Vec<u8>>, Error>> {
        let unlocked = self.message_key.get()?;
        Some(unlocked.open().map_err(|error| self.undecryptable("encrypted_data", &error)))
    }

    /// The JSON for a plugin. A credential without tokens is returned as it was sealed.
    pub(super) fn for_a_plugin(&self, vault: &Vault, key: &Key) -> Result<Secret<Vec<u8>>, Error> {
        if self.kind != CredentialType::Oauth2 && self.app.is_none() {
            let opened = self.in_context(vault, "encrypted_data", |context| {
                let unlocked = key.unlock(Kind::Credential, context, &self.encrypted_data)?;
                Ok((unlocked.open()?, unlocked))
            });
            let (data, unlocked) = opened.map_err(|error| self.undecryptable("encrypted_data", &error))?;
            if !fields::is_object(&data) {
                return Err(Error::Undecryptable);
            }
            let _ = self.message_key.set(unlocked);
            return Ok(data);
        }
        let mut values = self.values(vault, key)?;
        // A plugin does not need the secrets that obtain new tokens.
        values.remove("refresh_token");
        values.remove(KEY_FILE);
        Ok(fields::to_json(values.iter()))
    }
}

#[derive(Default, serde::Deserialize)]
pub(super) struct Settings {
    settings: serde_json::Map<String, serde_json::Value>,
    pub(super) configured: Vec<String>,
    #[serde(default)]
    pub(super) test: Option<String>,
}
