//! Connections. Only the user who starts a connection can complete it. The start link carries no session, and the
//! callback proves only that some browser consented. So the code is exchanged only when a session of the same user
//! sends the completing code (RFC 9700 4.7). PKCE does not prevent this attack. State and completing code are single
//! use and stored as hashes.

mod browser;
mod device;
mod draft;
mod phases;
mod secrets;
mod status;
mod task;

use std::time::Duration;

pub use browser::{Callback, Start, StartLink};
pub use draft::{ConnectionDraft, Flow, IfConnected};
use jiff::Timestamp;
use phases::hash;
use secrets::ConnectionSecrets;
pub use status::{Connection, Prompt, Status};
use strongroom_crypto::{Sealed, Secret};
use task::run_to_completion;

use super::app::{NO_KEY_FILE, Registration};
use super::store_tokens::Granted;
use crate::credential::Credential;
use crate::error::Error;
use crate::fields::{KEY_FILE, Value, Values};
use crate::handles::Connections;
use crate::vault::Vault;
use strongroom_oauth::{Failure, Grant, KeyFile, TokenRequest, Tokens};
use strongroom_store::{Action, Actor, ConnectionId, ConnectionRow, CredentialType, Phase};

/// Maximum duration of a connection.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// A started connection.
#[derive(Debug)]
pub struct Begun {
    /// The id of the connection.
    pub id: ConnectionId,
    /// The address for the user's browser. Another person who opens it first can consent with another account.
    /// Completing still requires the user's session, and the application's page that sends the completing code.
    pub start_address: String,
    /// The end of the connection.
    pub expires_at: Timestamp,
}

/// The result of starting a connection. Most providers need a user's consent. Some issue a token to the client itself.
#[derive(Debug)]
pub enum Connecting {
    /// The user's browser must open the start address.
    Begun(Begun),
    /// The user must enter a code. The connection's status tells when that is done.
    Prompted(Connection),
    /// The account is connected.
    Connected(Box<Credential>),
}

impl Connections<'_> {
    /// Starts a connection for a user.
    ///
    /// # Errors
    /// [`Error::Fields`] for invalid fields. [`Error::NotFound`] if the user does not have the credential to reconnect.
    pub async fn create(self, actor: &Actor, draft: ConnectionDraft) -> Result<Connecting, Error> {
        let Self { vault, owner } = self;
        let manifest = vault.genuine_manifest(owner.tenant, &draft.plugin).await?;
        let manifest =
            manifest.ok_or_else(|| Error::field("plugin", "unknown", "no plugin with this name is registered"))?;
        let wants = manifest.credentials.oauth2.as_ref();
        let wants =
            wants.ok_or_else(|| Error::field("plugin", "unsupported", "this plugin does not connect accounts"))?;
        let mut scopes = wants.scopes.clone();
        let mut app = draft.app;
        let mut name = draft.name;
        if let Some(id) = draft.credential {
            let row = vault.inner.store.credential(owner, id).await?.filter(|row| row.plugin == draft.plugin);
            let row = row.ok_or(Error::NotFound { what: "credential" })?;
            if row.kind != CredentialType::Oauth2 {
                return Err(Error::field("credential", "unsupported", "only a connected account can be reconnected"));
            }
            // Incremental consent: request the scopes of the old grant again.
            scopes.extend(row.scopes());
            app = app.or(row.app);
            name = row.name;
        }
        let registration = vault.registration_at(owner.tenant, &wants.provider, app).await?;
        // Without consent, only the manifest may choose the scopes of the operator's registration. A user may not.
        if registration.client.acts_for_itself() && draft.key_file.is_none() && !draft.scopes.is_empty() {
            let message = "must be absent: without a user's consent, the manifest sets the scopes";
            return Err(Error::field("scopes", "unsupported", message));
        }
        scopes.extend(draft.scopes);
        if let Some(authorize) = &registration.client.provider.authorize {
            scopes.extend(authorize.scopes.iter().cloned());
        }
        let mut seen = std::collections::BTreeSet::new();
        scopes.retain(|scope| seen.insert(scope.clone()));
        if scopes.len() > 100 || !scopes.iter().all(|scope| crate::manifest::is_scope(scope)) {
            let message = "must be at most 100 scopes without white space, quotes or backslashes (RFC 6749 3.3)";
            return Err(Error::field("scopes", "format", message));
        }
        let return_address = if registration.client.acts_for_itself() || draft.flow == Flow::Device {
            String::new()
        } else {
            // The console is a page of the vault itself.
            let console = vault.inner.public_url.as_ref().map(ToString::to_string);
            match draft.return_address {
                Some(address) if Some(&address) == console.as_ref() => address,
                other => return_address(other, &manifest.return_addresses)?,
            }
        };
        let now = vault.inner.clock.now();
        let start = vault.inner.sealer.random_text();
        let mut row = ConnectionRow {
            id: ConnectionId::generate(now, &*vault.inner.entropy),
            owner: owner.clone(),
            plugin: draft.plugin,
            app: registration.row.id,
            credential: draft.credential,
            name,
            scopes: scopes.join(" "),
            return_address,
            phase: Phase::Begun,
            hash: hash("start", &start),
            sealed: Sealed::from_bytes(Vec::new()),
            cause: None,
            created_at: now,
            expires_at: now.saturating_add(CONNECTION_LIFETIME).unwrap_or(now),
        };
        let entry = vault.entry_of(actor, &row, Action::ConnectionCreate);
        if registration.client.acts_for_itself() {
            let key_file = vault.key_file(&registration, draft.key_file)?;
            vault.record(entry).await?;
            return vault.connect_own(actor, row, registration, key_file, draft.if_connected).await;
        }
        if draft.flow == Flow::Device {
            if !wants.device {
                let message = "the plugin's manifest does not allow the device flow: it needs `\"device\": true`";
                return Err(Error::field("flow", "unsupported", message));
            }
            return vault.prompt(row, &registration, draft.if_connected, entry).await;
        }
        let secrets = ConnectionSecrets::new(vault.inner.sealer.random_text(), draft.if_connected);
        row.sealed = vault.inner.sealer.seal_connection(&row, &secrets);
        let base = vault.inner.public_url.as_ref().ok_or(Error::NoPublicAddress)?;
        vault.within_deadline(vault.inner.store.insert_connection(&row, entry)).await?;
        let start_address = format!("{}/connect/{}", base.as_str().trim_end_matches('/'), start.expose());
        Ok(Connecting::Begun(Begun { id: row.id, start_address, expires_at: row.expires_at }))
    }
}

impl Vault {
    /// Checks the key file of a connection. It is required if the registration has none.
    fn key_file(
        &self,
        registration: &Registration,
        given: Option<Secret<String>>,
    ) -> Result<Option<Secret<String>>, Error> {
        let wanted = registration.client.provider.token.grant == Grant::JwtBearer;
        match &given {
            Some(key) if wanted && KeyFile::read(key).is_none() => Err(Error::field("key_file", "format", NO_KEY_FILE)),
            Some(_) if !wanted => {
                Err(Error::field("key_file", "unsupported", "this provider does not accept a key file"))
            }
            None if wanted && registration.row.client_secret.is_none() => {
                let message =
                    "must be given: neither this connection nor the OAuth app has the key of a service account";
                Err(Error::field("key_file", "required", message))
            }
            _ => Ok(given),
        }
    }

    /// Connects without a user's consent: for the client itself, or for the service account of the key file.
    async fn connect_own(
        &self,
        actor: &Actor,
        row: ConnectionRow,
        registration: Registration,
        key_file: Option<Secret<String>>,
        if_connected: IfConnected,
    ) -> Result<Connecting, Error> {
        let (vault, actor) = (self.clone(), actor.clone());
        let credential = run_to_completion(async move {
            let for_accounts = registration.client.provider.token.grant == Grant::JwtBearer;
            let named = key_file.as_ref().and_then(KeyFile::read).and_then(|key| key.account);
            let account = named.or_else(|| for_accounts.then(|| registration.client.id.clone()));
            let kept: Values = key_file.into_iter().map(|key| (KEY_FILE.to_owned(), Value::Text(key))).collect();
            let asked = vault.request_own_token(&registration, &row.scopes, &kept).await;
            let tokens = asked.map_err(|failure| Error::Provider(failure.cause().to_owned()))?;
            let account = account.map(|name| (name, None));
            let granted = Granted { tokens, kept, account, if_connected };
            vault.keep_tokens(&actor, &row, &registration, granted).await
        });
        Ok(Connecting::Connected(Box::new(credential.await?)))
    }

    /// Requests a token for a client or a service account. Nothing is used up, so each call is a new request.
    pub(crate) async fn request_own_token(
        &self,
        registration: &Registration,
        scopes: &str,
        values: &Values,
    ) -> Result<Tokens, Failure> {
        if registration.client.provider.token.grant != Grant::JwtBearer {
            return self.ask(registration, TokenRequest::Client { scopes }).await;
        }
        if let Some(Value::Text(key)) = values.get(KEY_FILE) {
            return self.ask(registration, TokenRequest::Account { key, scopes }).await;
        }
        let key = self.inner.sealer.app_secret(&registration.row).map_err(|_| Failure::config("app-undecryptable"))?;
        let key = key.ok_or_else(|| Failure::config("no-key-file"))?;
        self.ask(registration, TokenRequest::Account { key: &key, scopes }).await
    }
}

/// Returns one of the registered addresses, compared exactly. Any other address would be an open redirect (RFC 9700
/// 4.11).
fn return_address(wanted: Option<String>, registered: &[String]) -> Result<String, Error> {
    match (wanted, registered) {
        (None, [only]) => Ok(only.clone()),
        (Some(address), registered) if registered.contains(&address) => Ok(address),
        _ => {
            let message = "must exactly match one of the manifest's `return_addresses`";
            Err(Error::field("return_address", "unknown", message))
        }
    }
}
