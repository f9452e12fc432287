//! A credential: what one user gave one plugin. Its fields, its settings (the fields that are not secret, once more) and
//! its tokens are sealed apart, so that a list opens settings only; plugin and type are authenticated with each of them.

use std::str::FromStr;
use std::sync::LazyLock;

use jiff::Timestamp;
use strongroom_crypto::{Context, Key, Kind, Sealed, Secret, digest};

use crate::access::{Actor, Grant, Who};
use crate::audit::{Action, Entry, Reason};
use crate::error::Error;
use crate::fields::{self, Fields, Value, Values};
use crate::id::{CredentialId, CredentialName, NameError, Owner, PluginName};
use crate::manifest::{Manifest, Takes};
use crate::once::Once;
use crate::schema::Schema;
use crate::store::{Conflict, CredentialFilter, StoreError, UserKeyRow};
use crate::vault::Vault;

/// The types of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CredentialType {
    /// A key that somebody pasted.
    ApiKey,
    /// An account that somebody connected: access and refresh token.
    Oauth2,
    /// Fields of the plugin's own.
    Custom,
}

impl CredentialType {
    /// Every type there is.
    pub const ALL: [Self; 3] = [Self::ApiKey, Self::Oauth2, Self::Custom];

    /// The stored and shown form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api-key",
            Self::Oauth2 => "oauth2",
            Self::Custom => "custom",
        }
    }
}

impl FromStr for CredentialType {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| NameError("must be `api-key`, `oauth2` or `custom`".to_owned()))
    }
}

/// Whether a credential can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It opens.
    Active,
    /// Its record does not open: damaged, moved, or sealed under a key that is gone.
    Undecryptable,
}

impl State {
    /// The shown form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Undecryptable => "undecryptable",
        }
    }
}

/// A credential as anybody may see it who may see it at all: without any secret.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it; docs/API.md describes each for callers")]
pub struct Credential {
    pub id: CredentialId,
    pub owner: Owner,
    pub plugin: PluginName,
    pub kind: CredentialType,
    pub name: CredentialName,
    pub provider: Option<String>,
    pub account: Option<String>,
    pub state: State,
    /// The fields that the schema says are not secret.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// The secret fields that have a value, by name.
    pub configured: Vec<String>,
    pub scopes: Vec<String>,
    pub expires_at: Option<Timestamp>,
    pub revision: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// A credential with its secrets: what a plugin gets.
#[derive(Debug)]
pub struct Opened {
    /// The credential's id.
    pub id: CredentialId,
    /// Its revision, to tell a changed secret from the one in use.
    pub revision: u64,
    /// Its type.
    pub kind: CredentialType,
    /// When the access token expires.
    pub expires_at: Option<Timestamp>,
    /// Every field, secret and not. A refresh token is not among them: a plugin has no use for it.
    pub fields: Values,
}

/// A credential as it is stored: sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the table `credential`, described in docs/FORMAT.md")]
pub struct CredentialRow {
    pub id: CredentialId,
    pub owner: Owner,
    pub plugin: PluginName,
    pub kind: CredentialType,
    pub name: CredentialName,
    pub provider: Option<String>,
    pub account: Option<String>,
    pub settings: Sealed,
    pub encrypted_data: Sealed,
    pub access_token: Option<Sealed>,
    pub refresh_token: Option<Sealed>,
    pub previous_refresh_token: Option<Sealed>,
    pub expires_at: Option<Timestamp>,
    pub scopes: String,
    pub generation: u64,
    pub revision: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

impl CredentialRow {
    /// SHA-256 of every column but `last_used_at`, which changes without an event of its own.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let sealed =
            |sealed: &Option<Sealed>| sealed.as_ref().map_or_else(Vec::new, |sealed| sealed.as_bytes().to_vec());
        let at = |at: Timestamp| at.as_millisecond().to_be_bytes();
        let text = |text: &Option<String>| text.clone().map_or_else(Vec::new, |text| [b"+", text.as_bytes()].concat());
        digest(
            "credential",
            &[
                self.id.to_string().as_bytes(),
                self.owner.tenant.to_string().as_bytes(),
                self.owner.user.as_str().as_bytes(),
                self.plugin.as_str().as_bytes(),
                self.kind.as_str().as_bytes(),
                self.name.as_str().as_bytes(),
                &text(&self.provider),
                &text(&self.account),
                self.settings.as_bytes(),
                self.encrypted_data.as_bytes(),
                &sealed(&self.access_token),
                &sealed(&self.refresh_token),
                &sealed(&self.previous_refresh_token),
                &self.expires_at.map_or_else(Vec::new, |expires| at(expires).to_vec()),
                self.scopes.as_bytes(),
                &self.generation.to_be_bytes(),
                &self.revision.to_be_bytes(),
                &at(self.created_at),
                &at(self.updated_at),
            ],
        )
    }

    fn seal(&mut self, vault: &Vault, key: &Key, schema: &Schema, values: &Values) {
        self.generation += 1;
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
        let plain = fields.clone().filter(|(field, _)| !schema.is_secret(field));
        let settings = serde_json::json!({
            "settings": plain.map(|(field, value)| (field.clone(), value.as_json())).collect::<serde_json::Map<_, _>>(),
            "configured": fields.clone().map(|(field, _)| field).filter(|field| schema.is_secret(field)).collect::<Vec<_>>(),
        });
        self.settings = self.seal_column(vault, key, "settings", settings.to_string().as_bytes());
        // Every field, so that a plugin's read opens one record.
        self.encrypted_data = self.seal_column(vault, key, "encrypted_data", fields::to_json(fields).expose());
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
        self.in_context(vault, column, |context| key.open(Kind::Credential, context, sealed)).map_err(|error| {
            tracing::error!(credential = %self.id, column, %error, "a sealed column does not open");
            Error::Undecryptable
        })
    }

    fn in_context<T>(&self, vault: &Vault, field: &str, then: impl FnOnce(&Context<'_>) -> T) -> T {
        let (tenant, object) = (self.owner.tenant.to_string(), self.id.to_string());
        then(&Context {
            instance: vault.keyring.instance(),
            tenant: &tenant,
            user: self.owner.user.as_str(),
            object: &object,
            field,
            generation: self.generation,
            binding: &[self.plugin.as_str(), self.kind.as_str()],
        })
    }

    /// Every value of the credential, the refresh token included.
    fn values(&self, vault: &Vault, key: &Key) -> Result<Values, Error> {
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
            values.insert(
                "scopes".to_owned(),
                Value::List(self.scopes().iter().map(|s| Secret::from(s.as_str())).collect()),
            );
            if let Some(at) = self.expires_at {
                values.insert("expires_at".to_owned(), Value::Text(Secret::new(at.to_string())));
            }
        }
        Ok(values)
    }

    fn settings(&self, vault: &Vault, key: &Key) -> Result<Settings, Error> {
        let bytes = self.open_column(vault, key, "settings", &self.settings)?;
        serde_json::from_slice(bytes.expose()).map_err(|_| Error::Undecryptable)
    }

    fn scopes(&self) -> Vec<String> {
        self.scopes.split_whitespace().map(str::to_owned).collect()
    }

    fn into_credential(self, settings: Option<Settings>) -> Credential {
        let state = if settings.is_some() { State::Active } else { State::Undecryptable };
        let Settings { settings, mut configured } = settings.unwrap_or_default();
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
            settings,
            configured,
            expires_at: self.expires_at,
            revision: self.revision,
            created_at: self.created_at,
            updated_at: self.updated_at,
            last_used_at: self.last_used_at,
        }
    }
}

#[derive(Default, serde::Deserialize)]
struct Settings {
    settings: serde_json::Map<String, serde_json::Value>,
    configured: Vec<String>,
}

/// The fields of a connected account that have columns of their own.
const TOKEN_COLUMNS: [&str; 4] = ["access_token", "refresh_token", "expires_at", "scopes"];

/// What a connected account is made of, when it is brought from elsewhere.
static TOKENS: LazyLock<Schema> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "a constant of this file, read by every test of oauth2 credentials")]
    serde_json::from_value(serde_json::json!({
        "type": "object",
        "required": ["access_token"],
        "properties": {
            "access_token": {"type": "string", "x-secret": true},
            "refresh_token": {"type": "string", "x-secret": true},
            "expires_at": {"type": "string", "x-secret": false, "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$"},
            "scopes": {"type": "array", "x-secret": false},
        },
    }))
    .expect("the schema of tokens")
});

/// A credential to be saved.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Draft {
    pub plugin: PluginName,
    pub kind: CredentialType,
    pub name: CredentialName,
    pub fields: Fields,
}

/// A change to a credential: what is absent stays.
#[derive(Debug, Default)]
pub struct Change {
    /// A new name.
    pub name: Option<CredentialName>,
    /// New values; an absent field keeps its value, `null` clears it.
    pub fields: Fields,
}

fn schema_of(manifest: &Manifest, kind: CredentialType) -> Result<&Schema, Error> {
    match manifest.takes(kind) {
        Some(Takes::Form(schema)) => Ok(schema),
        Some(Takes::Connect) => Ok(&TOKENS),
        None => Err(Error::field(
            "type",
            "unsupported",
            format!("this plugin takes no credential of type `{}`", kind.as_str()),
        )),
    }
}

impl Vault {
    /// Saves a new credential. With `once`, the same request sent twice creates one.
    ///
    /// # Errors
    /// [`Error::Fields`] with every fault; [`Error::NameTaken`] if this user has one of this name for this plugin.
    pub async fn save(
        &self,
        actor: &Actor,
        owner: &Owner,
        draft: Draft,
        once: Option<&Once>,
    ) -> Result<Credential, Error> {
        let manifest = self.genuine_manifest(owner.tenant, &draft.plugin).await?;
        let manifest =
            manifest.ok_or_else(|| Error::field("plugin", "unknown", "no plugin of this name is registered"))?;
        let schema = schema_of(&manifest, draft.kind)?;
        let values = schema.merge(schema.defaults(), draft.fields).map_err(Error::Fields)?;
        let now = self.clock.now();
        let mut row = CredentialRow {
            id: CredentialId::generate(now, &*self.entropy),
            owner: owner.clone(),
            plugin: draft.plugin,
            kind: draft.kind,
            name: draft.name,
            provider: manifest
                .credentials
                .oauth2
                .as_ref()
                .filter(|_| draft.kind == CredentialType::Oauth2)
                .map(|c| c.provider.clone()),
            account: None,
            settings: Sealed::from_bytes(Vec::new()),
            encrypted_data: Sealed::from_bytes(Vec::new()),
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
        };
        loop {
            let (key, key_row) = self.user_key_or_new(owner).await?;
            row.seal(self, &key, schema, &values);
            match self.insert(actor, &row, &key_row, once).await {
                // The user's first credentials came at the same moment, or the user was deleted: seal under the key that is there.
                Err(Error::Store(StoreError::Conflict(Conflict::UserKey))) => {}
                Err(error) => return Err(error),
                Ok(id) => {
                    let row = self.store.credential(owner, id).await?.ok_or(Error::OnceSpent)?;
                    return self.view(row).await;
                }
            }
        }
    }

    async fn insert(
        &self,
        actor: &Actor,
        row: &CredentialRow,
        key: &UserKeyRow,
        once: Option<&Once>,
    ) -> Result<CredentialId, Error> {
        let tenant = row.owner.tenant;
        let entry = self.entry_for(actor, row, Action::CredentialSave).leaving(row.digest());
        let once_row = once.map(|once| self.once_row(tenant, once, row.id.to_string(), None));
        match self.within_deadline(self.store.insert_credential(row, key, once_row.as_ref(), entry)).await {
            Ok(()) => Ok(row.id),
            Err(Error::Store(StoreError::Conflict(Conflict::Once))) => Ok(self.replayed(tenant, once).await?.0),
            Err(Error::Store(StoreError::Conflict(Conflict::Name))) => Err(Error::NameTaken { what: "credential" }),
            Err(error) => Err(error),
        }
    }

    /// One credential, without its secrets.
    ///
    /// # Errors
    /// [`Error::NotFound`] if this owner has none of this id, or the asking plugin is another one.
    pub async fn show(&self, actor: &Actor, owner: &Owner, id: CredentialId) -> Result<Credential, Error> {
        let (row, entry) = self.find(actor, owner, id, Action::CredentialShow).await?;
        self.record(entry).await?;
        self.view(row).await
    }

    /// The owner's credentials, oldest first, at most `filter.limit`. A plugin sees its own only.
    /// One that does not open is in the list with its state, and the list is whole.
    ///
    /// # Errors
    /// Storage and audit errors only.
    pub async fn list(
        &self,
        actor: &Actor,
        owner: &Owner,
        mut filter: CredentialFilter,
    ) -> Result<Vec<Credential>, Error> {
        if let Who::Plugin { name, .. } = &actor.who {
            filter.plugin = Some(name.clone());
        }
        let mut entry = self.entry(actor, owner.tenant, Action::CredentialList).of_user(&owner.user);
        entry.plugin.clone_from(&filter.plugin);
        self.record(entry).await?;
        let rows = self.store.credentials(owner, &filter).await?;
        let mut credentials = Vec::with_capacity(rows.len());
        for row in rows {
            credentials.push(self.view(row).await?);
        }
        Ok(credentials)
    }

    /// Changes a credential, if it is still at `revision` (when one is given).
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::Fields`], [`Error::NameTaken`], [`Error::Undecryptable`].
    pub async fn update(
        &self,
        actor: &Actor,
        owner: &Owner,
        id: CredentialId,
        revision: Option<u64>,
        change: Change,
    ) -> Result<Credential, Error> {
        let (mut row, entry) = self.find(actor, owner, id, Action::CredentialUpdate).await?;
        let read_at = row.revision;
        if revision.is_some_and(|revision| revision != read_at) {
            return Err(Error::Stale { what: "credential" });
        }
        if !change.fields.is_empty() {
            let manifest = self.genuine_manifest(owner.tenant, &row.plugin).await?;
            let manifest = manifest.ok_or_else(|| {
                Error::field("plugin", "unknown", "the credential's plugin is not registered any more")
            })?;
            let schema = schema_of(&manifest, row.kind)?;
            let key = self.user_key(owner).await?.ok_or(Error::Undecryptable)?;
            let values = schema.merge(row.values(self, &key)?, change.fields).map_err(Error::Fields)?;
            row.seal(self, &key, schema, &values);
        }
        if let Some(name) = change.name {
            row.name = name;
        }
        row.revision += 1;
        row.updated_at = self.clock.now();
        let written = self.store.update_credential(&row, read_at, entry.leaving(row.digest()));
        match self.within_deadline(written).await {
            Ok(()) => self.view(row).await,
            Err(Error::Store(StoreError::Conflict(Conflict::Name))) => Err(Error::NameTaken { what: "credential" }),
            Err(Error::Store(StoreError::Conflict(_))) => Err(Error::Stale { what: "credential" }),
            Err(error) => Err(error),
        }
    }

    /// Deletes a credential, if it is still at `revision` (when one is given).
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`].
    pub async fn delete(
        &self,
        actor: &Actor,
        owner: &Owner,
        id: CredentialId,
        revision: Option<u64>,
    ) -> Result<(), Error> {
        let (row, entry) = self.find(actor, owner, id, Action::CredentialDelete).await?;
        if revision.is_some_and(|revision| revision != row.revision) {
            return Err(Error::Stale { what: "credential" });
        }
        match self.within_deadline(self.store.delete_credential(owner, id, row.revision, entry)).await {
            Err(Error::Store(StoreError::Conflict(_))) => Err(Error::Stale { what: "credential" }),
            other => other,
        }
    }

    /// Gives out the secrets of a credential, after the event that says so is durable.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`] if that takes too long; [`Error::Undecryptable`].
    pub async fn open(&self, grant: Grant) -> Result<Opened, Error> {
        let Grant { owner, row, entry, epoch } = grant;
        let actor = entry.actor.clone();
        let opened = match self.user_key(&owner).await? {
            Some(key) => row.values(self, &key),
            None => Err(Error::Undecryptable),
        };
        match opened {
            Ok(mut fields) => {
                self.record(entry).await?;
                self.still_granted(&actor, &owner, row.id, epoch).await?;
                if row.kind == CredentialType::Oauth2 {
                    fields.remove("refresh_token");
                }
                Ok(Opened { id: row.id, revision: row.revision, kind: row.kind, expires_at: row.expires_at, fields })
            }
            Err(error) => {
                self.record(entry.denied(Reason::Undecryptable)).await?;
                Err(error)
            }
        }
    }

    async fn find(
        &self,
        actor: &Actor,
        owner: &Owner,
        id: CredentialId,
        action: Action,
    ) -> Result<(CredentialRow, Entry), Error> {
        let denied = match self.store.credential(owner, id).await? {
            None => Reason::NotFound,
            Some(row) => match &actor.who {
                Who::Plugin { name, .. } if name != &row.plugin => Reason::OtherPlugin,
                _ => {
                    let entry = self.entry_for(actor, &row, action);
                    return Ok((row, entry));
                }
            },
        };
        let entry = self.entry(actor, owner.tenant, action).of_user(&owner.user).on(&id);
        self.record(entry.denied(denied)).await?;
        Err(Error::NotFound { what: "credential" })
    }

    fn entry_for(&self, actor: &Actor, row: &CredentialRow, action: Action) -> Entry {
        self.entry(actor, row.owner.tenant, action).of_user(&row.owner.user).of_plugin(&row.plugin).on(&row.id)
    }

    async fn view(&self, row: CredentialRow) -> Result<Credential, Error> {
        let settings = match self.user_key(&row.owner).await {
            Ok(Some(key)) => row.settings(self, &key).ok(),
            Ok(None) | Err(Error::Undecryptable) => None,
            Err(error) => return Err(error),
        };
        Ok(row.into_credential(settings))
    }
}
