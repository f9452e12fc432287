//! Credentials of users for plugins. The fields, the settings and the tokens are sealed separately, so that a list
//! decrypts only settings. The settings are a copy of the fields that are not secret. Plugin and type are associated
//! data of each record.

mod probe;
mod sealed;
mod settings;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::Timestamp;
pub use probe::Verdict;
use strongroom_crypto::{Key, Secret};

use crate::access::Permit;
use crate::error::Error;
use crate::fields::{self, Fields, Value, Values};
use crate::handles::Credentials;
use crate::idempotency::IdempotencyKey;
use crate::manifest::{Manifest, Takes};
use crate::schema::Schema;
use crate::vault::Vault;
pub use strongroom_store::CredentialType;
use strongroom_store::{
    Action, Actor, CachedCredential, Conflict, CredentialFilter, CredentialId, CredentialName, CredentialRow, Entry,
    Owner, PluginName, Principal, Reason, RefreshState, StoreError, UserKeyRow,
};

/// Whether a credential can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum State {
    /// The credential can be used.
    Active,
    /// Its token is being refreshed.
    Refreshing,
    /// Its token could not be refreshed. The refresh is retried.
    Degraded,
    /// A refresh was interrupted, and its result is unknown. It is resolved automatically.
    Ambiguous,
    /// The user must connect the account again.
    ReauthRequired,
    /// Its record cannot be decrypted: it is damaged, was moved, or its key is gone.
    Undecryptable,
}

impl From<RefreshState> for State {
    fn from(state: RefreshState) -> Self {
        match state {
            RefreshState::Active => Self::Active,
            RefreshState::Refreshing => Self::Refreshing,
            RefreshState::Degraded => Self::Degraded,
            RefreshState::Ambiguous => Self::Ambiguous,
            RefreshState::ReauthRequired => Self::ReauthRequired,
        }
    }
}

impl State {
    /// The displayed form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A credential without secrets.
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
    /// The cause of the state: a stable code.
    pub cause: Option<String>,
    /// The fields that are not secret by the schema.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// The names of the secret fields that have a value.
    pub configured: Vec<String>,
    pub scopes: Vec<String>,
    pub expires_at: Option<Timestamp>,
    /// When the grant ends, regardless of refreshes. Then the user must connect again.
    pub grant_expires_at: Option<Timestamp>,
    pub revision: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// A credential with its secrets, for a plugin.
#[derive(Debug)]
pub struct Opened {
    /// The credential's id.
    pub id: CredentialId,
    /// Its revision. A plugin can use it to detect a changed secret.
    pub revision: u64,
    /// Its type.
    pub kind: CredentialType,
    /// When the access token expires.
    pub expires_at: Option<Timestamp>,
    json: Secret<Vec<u8>>,
}

impl Opened {
    /// All fields as one JSON object, secret ones included. It has no refresh token, because plugins do not need one.
    #[must_use]
    pub fn json(&self) -> &Secret<Vec<u8>> {
        &self.json
    }

    /// All fields by name.
    #[must_use]
    pub fn fields(&self) -> Values {
        fields::from_json(&self.json).unwrap_or_default()
    }
}

/// The credential reports the end of its grant this long before it.
const GRANT_EXPIRY_NOTICE: Duration = Duration::from_secs(7 * 24 * 3600);

/// The schema of a connected account that is imported from elsewhere.
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

/// A new credential.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Draft {
    pub plugin: PluginName,
    pub kind: CredentialType,
    pub name: CredentialName,
    pub fields: Fields,
}

/// A change to a credential. Absent members keep their values.
#[derive(Debug, Default)]
pub struct Change {
    /// The new name.
    pub name: Option<CredentialName>,
    /// The new values. An absent field keeps its value, and `null` clears it.
    pub fields: Fields,
}

/// The regex accepts impossible dates such as day 99, so parse the value too.
fn check_expiry(kind: CredentialType, values: &Values) -> Result<(), Error> {
    match values.get("expires_at") {
        Some(Value::Text(text)) if kind == CredentialType::Oauth2 && text.expose().parse::<Timestamp>().is_err() => {
            Err(Error::field("expires_at", "format", "must be a time such as 2027-01-02T03:04:05Z"))
        }
        _ => Ok(()),
    }
}

fn schema_of(manifest: &Manifest, kind: CredentialType) -> Result<&Schema, Error> {
    match manifest.takes(kind) {
        Some(Takes::Form(schema)) => Ok(schema),
        Some(Takes::Connect) => Ok(&TOKENS),
        None => Err(Error::field(
            "type",
            "unsupported",
            format!("this plugin does not accept credentials of type `{}`", kind.as_str()),
        )),
    }
}

/// A page of a user's credentials.
#[derive(Clone, Debug)]
pub struct CredentialPage {
    /// The credentials, oldest first.
    pub credentials: Vec<Credential>,
    /// The id after which the next page starts. `None` on the last page.
    pub next: Option<CredentialId>,
}

/// Maximum size of the sealed settings of a page, unless it has only one credential. Otherwise a user with large
/// credentials could exhaust the server's memory by listing them.
const MAX_PAGE_BYTES: usize = 1 << 20;

impl Credentials<'_> {
    /// Saves a new credential. With `idempotency`, a repeated request creates only one.
    ///
    /// # Errors
    /// [`Error::Fields`] with all faults. [`Error::NameTaken`] if the user has a credential of this name for this
    /// plugin.
    pub async fn create(
        self,
        actor: &Actor,
        draft: Draft,
        idempotency: Option<&IdempotencyKey>,
    ) -> Result<Credential, Error> {
        let Self { vault, owner } = self;
        let manifest = vault.genuine_manifest(owner.tenant, &draft.plugin).await?;
        let manifest =
            manifest.ok_or_else(|| Error::field("plugin", "unknown", "no plugin with this name is registered"))?;
        let schema = schema_of(&manifest, draft.kind)?;
        let values = schema.merge(schema.defaults(), draft.fields).map_err(Error::Fields)?;
        check_expiry(draft.kind, &values)?;
        let now = vault.inner.clock.now();
        let id = CredentialId::generate(now, &*vault.inner.entropy);
        let test = manifest.test_host(draft.kind);
        let mut row = CredentialRow::new(id, owner.clone(), draft.plugin, draft.kind, now);
        row.name = draft.name;
        row.provider = manifest
            .credentials
            .oauth2
            .as_ref()
            .filter(|_| draft.kind == CredentialType::Oauth2)
            .map(|connect| connect.provider.clone());
        loop {
            let (key, key_row) = vault.user_key_or_new(owner).await?;
            vault.inner.sealer.seal_credential(
                &mut row,
                &key,
                &|field| schema.is_secret(field),
                test.as_deref(),
                &values,
            );
            match vault.insert(actor, &row, &key_row, idempotency).await {
                // Another request stored the user's first data key, or the user was deleted. Seal again with the
                // current key.
                Err(Error::Store(StoreError::Conflict(Conflict::UserKey))) => {}
                Err(error) => return Err(error),
                Ok(id) => {
                    // Only a replay must read the row, to return what the first request saved.
                    let replayed = id != row.id;
                    let row = if replayed {
                        vault.inner.store.credential(owner, id).await?.ok_or(Error::IdempotencyKeyUsed)?
                    } else {
                        row
                    };
                    return vault.view(row).await;
                }
            }
        }
    }

    /// A credential without its secrets.
    ///
    /// # Errors
    /// [`Error::NotFound`] if this owner does not have it, or if it belongs to another plugin.
    pub async fn get(self, actor: &Actor, id: CredentialId) -> Result<Credential, Error> {
        let Self { vault, owner } = self;
        let (row, entry) = vault.find(actor, owner, id, Action::CredentialShow).await?;
        vault.record(entry).await?;
        vault.view(row).await
    }

    /// A page of the owner's credentials, oldest first. It has at most `filter.limit` entries, and fewer if they are
    /// large. A plugin only gets its own credentials. A credential that cannot be decrypted is listed with that state.
    ///
    /// # Errors
    /// Storage and audit errors only.
    pub async fn list(self, actor: &Actor, mut filter: CredentialFilter) -> Result<CredentialPage, Error> {
        let Self { vault, owner } = self;
        if let Principal::Plugin { name, .. } = &actor.principal {
            filter.plugin = Some(name.clone());
        }
        let mut entry = vault.entry(actor, owner.tenant, Action::CredentialList).with_user(&owner.user);
        entry.plugin.clone_from(&filter.plugin);
        vault.record(entry).await?;
        let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        filter.limit = filter.limit.saturating_add(1);
        let mut rows = vault.inner.store.credentials(owner, &filter).await?;
        let mut bytes = 0_usize;
        let mut fits = |row: &CredentialRow| {
            bytes = bytes.saturating_add(row.settings.as_bytes().len());
            bytes <= MAX_PAGE_BYTES
        };
        let fitting = rows.iter().take(limit).take_while(|row| fits(row)).count().max(1);
        let more = rows.len() > fitting;
        rows.truncate(fitting);
        let next = rows.last().filter(|_| more).map(|row| row.id);
        let mut credentials = Vec::with_capacity(rows.len());
        for row in rows {
            credentials.push(vault.view(row).await?);
        }
        Ok(CredentialPage { credentials, next })
    }

    /// Changes a credential. If `revision` is given, it must be the current one.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::Fields`], [`Error::NameTaken`], [`Error::Undecryptable`].
    pub async fn update(
        self,
        actor: &Actor,
        id: CredentialId,
        revision: Option<u64>,
        change: Change,
    ) -> Result<Credential, Error> {
        let Self { vault, owner } = self;
        let (mut row, entry) = vault.find(actor, owner, id, Action::CredentialUpdate).await?;
        let read_at = row.revision;
        if revision.is_some_and(|revision| revision != read_at) {
            return Err(Error::Stale { what: "credential" });
        }
        if !change.fields.is_empty() && row.app.is_some() {
            let message = "the tokens of a connected account come from its provider; reconnect it instead";
            return Err(Error::field("fields", "connected", message));
        }
        if !change.fields.is_empty() {
            let manifest = vault.genuine_manifest(owner.tenant, &row.plugin).await?;
            let manifest = manifest
                .ok_or_else(|| Error::field("plugin", "unknown", "the credential's plugin is no longer registered"))?;
            let schema = schema_of(&manifest, row.kind)?;
            let key = vault.key_of(&row).await?;
            // A field saved as secret stays secret until its value is replaced. Otherwise a manifest change could
            // reveal it.
            let before = vault.inner.sealer.credential_settings(&row, &key)?;
            let mut kept_secret = before.configured;
            kept_secret.retain(|field| !change.fields.0.contains_key(field));
            // While an old secret remains, it may only be tested at the host from when it was saved.
            let test = if kept_secret.is_empty() { manifest.test_host(row.kind) } else { before.test };
            let values = schema
                .merge(vault.inner.sealer.credential_values(&row, &key)?, change.fields)
                .map_err(Error::Fields)?;
            check_expiry(row.kind, &values)?;
            let is_secret = |field: &str| schema.is_secret(field) || kept_secret.iter().any(|kept| kept == field);
            vault.inner.sealer.seal_credential(&mut row, &key, &is_secret, test.as_deref(), &values);
        }
        if let Some(name) = change.name {
            row.name = name;
        }
        row.revision += 1;
        row.updated_at = vault.inner.clock.now();
        let written = vault.inner.store.update_credential(&row, read_at, entry.with_digest(row.digest()));
        match vault.within_deadline(written).await {
            Ok(()) => vault.view(row).await,
            Err(Error::Store(StoreError::Conflict(Conflict::Name))) => Err(Error::NameTaken { what: "credential" }),
            Err(Error::Store(StoreError::Conflict(_))) => Err(Error::Stale { what: "credential" }),
            Err(error) => Err(error),
        }
    }

    /// Deletes a credential. If `revision` is given, it must be the current one.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`].
    pub async fn delete(self, actor: &Actor, id: CredentialId, revision: Option<u64>) -> Result<(), Error> {
        let Self { vault, owner } = self;
        let (row, entry) = vault.find(actor, owner, id, Action::CredentialDelete).await?;
        if revision.is_some_and(|revision| revision != row.revision) {
            return Err(Error::Stale { what: "credential" });
        }
        let revocations = vault.pending_revocation(&row).await?;
        match vault
            .within_deadline(vault.inner.store.delete_credential(owner, id, row.revision, revocations.as_ref(), entry))
            .await
        {
            Err(Error::Store(StoreError::Conflict(_))) => Err(Error::Stale { what: "credential" }),
            other => other,
        }
    }
}

impl Vault {
    async fn insert(
        &self,
        actor: &Actor,
        row: &CredentialRow,
        key: &UserKeyRow,
        idempotency: Option<&IdempotencyKey>,
    ) -> Result<CredentialId, Error> {
        let tenant = row.owner.tenant;
        let entry = self.entry_for(actor, row, Action::CredentialSave).with_digest(row.digest());
        let idempotency_row =
            idempotency.map(|idempotency| self.idempotency_row(tenant, idempotency, row.id.to_string(), None));
        match self
            .within_deadline(self.inner.store.insert_credential(row, key, idempotency_row.as_ref(), None, entry))
            .await
        {
            Ok(()) => Ok(row.id),
            Err(Error::Store(StoreError::Conflict(Conflict::IdempotencyKey))) => {
                Ok(self.replayed(tenant, idempotency).await?.0)
            }
            Err(Error::Store(StoreError::Conflict(Conflict::Name))) => Err(Error::NameTaken { what: "credential" }),
            Err(Error::Store(StoreError::Conflict(Conflict::Plugin))) => {
                Err(Error::field("plugin", "unknown", "no plugin with this name is registered"))
            }
            Err(error) => Err(error),
        }
    }

    /// Releases the secrets of a credential after the event of the read is durable.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`] if the event is not durable in time. [`Error::Undecryptable`].
    pub async fn open(&self, permit: Permit) -> Result<Opened, Error> {
        let Permit { owner, row, entry, epoch } = permit;
        let principal = entry.actor.principal.clone();
        match self.for_a_plugin(&row).await {
            Ok(mut json) => {
                self.record(entry).await?;
                let read = row.revision;
                let row = self.recheck(&principal, &owner, row, epoch).await?;
                if row.revision != read {
                    json = self.for_a_plugin(&row).await?;
                }
                Ok(Opened { id: row.id, revision: row.revision, kind: row.kind, expires_at: row.expires_at, json })
            }
            Err(error) => {
                self.record(entry.denied(Reason::Undecryptable)).await?;
                self.recheck(&principal, &owner, row, epoch).await?;
                Err(error)
            }
        }
    }

    pub(crate) async fn values(&self, row: &CredentialRow) -> Result<Values, Error> {
        self.inner.sealer.credential_values(row, &*self.key_of(row).await?)
    }

    async fn for_a_plugin(&self, row: &CachedCredential) -> Result<Secret<Vec<u8>>, Error> {
        if let Some(found) = sealed::reopen(row) {
            return found;
        }
        self.inner.sealer.open_for_plugin(row, &*self.key_of(row).await?)
    }

    /// The data key of a credential's user. It seals and opens the columns of the row.
    pub(crate) async fn key_of(&self, row: &CredentialRow) -> Result<Arc<Key>, Error> {
        self.user_key(&row.owner, &row.encrypted_data).await?.ok_or(Error::Undecryptable)
    }

    pub(crate) async fn find(
        &self,
        actor: &Actor,
        owner: &Owner,
        id: CredentialId,
        action: Action,
    ) -> Result<(CredentialRow, Entry), Error> {
        let denied = match self.inner.store.credential(owner, id).await? {
            None => Reason::NotFound,
            Some(row) => match &actor.principal {
                Principal::Plugin { name, .. } if name != &row.plugin => Reason::OtherPlugin,
                _ => {
                    let entry = self.entry_for(actor, &row, action);
                    return Ok((row, entry));
                }
            },
        };
        let entry = self.entry(actor, owner.tenant, action).with_user(&owner.user).with_target(id);
        self.record(entry.denied(denied)).await?;
        Err(Error::NotFound { what: "credential" })
    }

    pub(crate) fn entry_for(&self, actor: &Actor, row: &CredentialRow, action: Action) -> Entry {
        self.entry(actor, row.owner.tenant, action)
            .with_user(&row.owner.user)
            .with_plugin(&row.plugin)
            .with_target(row.id)
    }

    pub(crate) async fn view(&self, row: CredentialRow) -> Result<Credential, Error> {
        let settings = match self.user_key(&row.owner, &row.settings).await {
            Ok(Some(key)) => self.inner.sealer.credential_settings(&row, &key).ok(),
            Ok(None) | Err(Error::Undecryptable) => None,
            Err(error) => return Err(error),
        };
        let manifest = self.genuine_manifest(row.owner.tenant, &row.plugin).await?;
        let schema = manifest.as_ref().and_then(|manifest| schema_of(manifest, row.kind).ok());
        let connected = row.app.is_some();
        let mut credential = Credential::from_row(row, settings, schema);
        if connected
            && credential.state == State::Active
            && let Some(refresh) = self.inner.store.refresh(credential.id).await?
        {
            (credential.state, credential.cause) = (refresh.state.into(), refresh.cause);
            credential.grant_expires_at = refresh.refresh_expires_at;
            let soon = self.inner.clock.now().saturating_add(GRANT_EXPIRY_NOTICE).ok();
            if credential.cause.is_none()
                && refresh.refresh_expires_at.is_some_and(|at| soon.is_some_and(|soon| at <= soon))
            {
                credential.cause = Some("grant-ends-soon".to_owned());
            }
        }
        Ok(credential)
    }
}
