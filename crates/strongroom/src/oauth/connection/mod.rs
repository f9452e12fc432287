//! A connection under way. The user who starts it is the user who finishes it: the start link is not signed in, the
//! callback proves only that *a* browser consented, and the code is exchanged when a session of the same user brings the
//! completing code (RFC 9700 4.7; PKCE does not help here). State and completing code are single use, and stored as hashes.

mod browser;
mod device;
mod row;
mod status;

use std::str::FromStr;
use std::time::Duration;

pub use browser::{Callback, Start, StartLink};
use jiff::Timestamp;
pub use row::{ConnectionRow, Phase};
use row::{ConnectionSecrets, hash};
use serde::{Deserialize, Serialize};
pub use status::{Connection, Prompt, Status};
use strongroom_crypto::{Sealed, Secret};

use super::app::{NO_KEY_FILE, Registration};
use super::assertion::{KEY_FILE, KeyFile};
use super::keep::Granted;
use super::token::{Failure, TokenRequest, Tokens};
use crate::access::Actor;
use crate::audit::Action;
use crate::credential::{Credential, CredentialType};
use crate::error::Error;
use crate::fields::{Value, Values};
use crate::id::{AppId, ConnectionId, CredentialId, CredentialName, NameError, Owner, PluginName};
use crate::provider::Grant;
use crate::request;
use crate::vault::Vault;

/// How long a person may take.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// What is to be connected.
#[derive(Debug)]
pub struct ConnectionDraft {
    /// For which plugin.
    pub plugin: PluginName,
    /// What the credential will be called; a reconnected one keeps its name.
    pub name: CredentialName,
    /// The credential to reconnect, if any.
    pub credential: Option<CredentialId>,
    /// The registration, where there are several for the plugin's provider.
    pub app: Option<AppId>,
    /// Scopes beside the plugin's own.
    pub scopes: Vec<String>,
    /// Where to go afterwards: one of the manifest's addresses, exactly. The only one, if there is only one.
    pub return_address: Option<String>,
    /// How the user consents.
    pub flow: Flow,
    /// What happens if the account turns out to be connected for this plugin already.
    pub if_connected: IfConnected,
    /// For a service account: its key file as it was downloaded, where the registration has none.
    pub key_file: Option<Secret<String>>,
}

/// How a user consents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// Their browser goes to the provider and comes back.
    #[default]
    Redirect,
    /// They type a code in at the provider, on any device (RFC 8628).
    Device,
}

impl FromStr for Flow {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text {
            "redirect" => Ok(Self::Redirect),
            "device" => Ok(Self::Device),
            _ => Err(NameError("must be `redirect` or `device`".to_owned())),
        }
    }
}

/// What to do with an account that this user has connected for the same plugin, through the same registration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IfConnected {
    /// Make a second credential.
    #[default]
    Create,
    /// Give the existing credential the new grant, as a reconnection does. No second credential is made.
    Reconnect,
}

impl FromStr for IfConnected {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text {
            "create" => Ok(Self::Create),
            "reconnect" => Ok(Self::Reconnect),
            _ => Err(NameError("must be `create` or `reconnect`".to_owned())),
        }
    }
}

/// A connection, begun.
#[derive(Debug)]
pub struct Begun {
    /// Its id.
    pub id: ConnectionId,
    /// The page that the user's browser is sent to. Whoever opens it first can consent with an account of theirs; connecting it
    /// still takes the user's session, and the application's page that brings the completing code.
    pub start_address: String,
    /// Until when.
    pub expires_at: Timestamp,
}

/// What comes of beginning: most providers want somebody's consent; a few give a token to the client itself.
#[derive(Debug)]
pub enum Connecting {
    /// The user's browser has to go there.
    Begun(Begun),
    /// The user has to type a code in; the connection's status says when they have.
    Prompted(Connection),
    /// It is done.
    Connected(Box<Credential>),
}

impl Vault {
    /// Begins a connection for a user.
    ///
    /// # Errors
    /// [`Error::Fields`] for what does not fit; [`Error::NotFound`] for a credential to reconnect that is not theirs.
    pub async fn connect(&self, actor: &Actor, owner: &Owner, draft: ConnectionDraft) -> Result<Connecting, Error> {
        let manifest = self.genuine_manifest(owner.tenant, &draft.plugin).await?;
        let manifest =
            manifest.ok_or_else(|| Error::field("plugin", "unknown", "no plugin of this name is registered"))?;
        let wants = manifest.credentials.oauth2.as_ref();
        let wants = wants.ok_or_else(|| Error::field("plugin", "unsupported", "this plugin connects no account"))?;
        let mut scopes = wants.scopes.clone();
        let mut app = draft.app;
        let mut name = draft.name;
        if let Some(id) = draft.credential {
            let row = self.store.credential(owner, id).await?.filter(|row| row.plugin == draft.plugin);
            let row = row.ok_or(Error::NotFound { what: "credential" })?;
            if row.kind != CredentialType::Oauth2 {
                return Err(Error::field("credential", "unsupported", "only a connected account is connected again"));
            }
            // Incremental: what was granted before is asked for again.
            scopes.extend(row.scopes());
            app = app.or(row.app);
            name = row.name;
        }
        let registration = self.registration_at(owner.tenant, &wants.provider, app).await?;
        // Nobody consents: what the operator's own registration may do is for the manifest to say, not for a user.
        if registration.acts_for_itself() && draft.key_file.is_none() && !draft.scopes.is_empty() {
            let message = "are the manifest's alone where nobody is asked for consent";
            return Err(Error::field("scopes", "unsupported", message));
        }
        scopes.extend(draft.scopes);
        if let Some(authorize) = &registration.provider.authorize {
            scopes.extend(authorize.scopes.iter().cloned());
        }
        let mut seen = std::collections::BTreeSet::new();
        scopes.retain(|scope| seen.insert(scope.clone()));
        if scopes.len() > 100 || !scopes.iter().all(|scope| crate::manifest::is_scope(scope)) {
            let message = "must be at most 100 scopes without white space, quotes or backslashes (RFC 6749 3.3)";
            return Err(Error::field("scopes", "format", message));
        }
        let return_address = if registration.acts_for_itself() || draft.flow == Flow::Device {
            String::new()
        } else {
            // The console is a page of the vault's own.
            let console = self.public_url.as_ref().map(ToString::to_string);
            match draft.return_address {
                Some(address) if Some(&address) == console.as_ref() => address,
                other => return_address(other, &manifest.return_addresses)?,
            }
        };
        let now = self.clock.now();
        let start = self.random_text();
        let mut row = ConnectionRow {
            id: ConnectionId::generate(now, &*self.entropy),
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
        let entry = self.entry_of(actor, &row, Action::ConnectionCreate);
        if registration.acts_for_itself() {
            let key_file = self.key_file(&registration, draft.key_file)?;
            self.record(entry).await?;
            return self.connect_own(actor, row, registration, key_file, draft.if_connected).await;
        }
        if draft.flow == Flow::Device {
            if !wants.device {
                let message = "the plugin's manifest does not allow the device flow: it needs `\"device\": true`";
                return Err(Error::field("flow", "unsupported", message));
            }
            return self.prompt(row, &registration, draft.if_connected, entry).await;
        }
        let mut secrets = ConnectionSecrets::default();
        secrets.if_connected = draft.if_connected;
        secrets.verifier.push_str(self.random_text().expose());
        row.sealed = self.seal_secrets(&row, &secrets);
        let base = self.public_url.as_ref().ok_or(Error::NoPublicAddress)?;
        self.within_deadline(self.store.insert_connection(&row, entry)).await?;
        let start_address = format!("{}/connect/{}", base.as_str().trim_end_matches('/'), start.expose());
        Ok(Connecting::Begun(Begun { id: row.id, start_address, expires_at: row.expires_at }))
    }

    /// The key file that came with a connection; none where the registration has one.
    fn key_file(
        &self,
        registration: &Registration,
        given: Option<Secret<String>>,
    ) -> Result<Option<Secret<String>>, Error> {
        let wanted = registration.provider.token.grant == Grant::JwtBearer;
        match &given {
            Some(key) if wanted && KeyFile::read(key).is_none() => Err(Error::field("key_file", "format", NO_KEY_FILE)),
            Some(_) if !wanted => Err(Error::field("key_file", "unsupported", "this provider takes no key file")),
            None if wanted && registration.row.client_secret.is_none() => {
                let message = "must be given: neither this connection nor the OAuth app has a service account's key";
                Err(Error::field("key_file", "required", message))
            }
            _ => Ok(given),
        }
    }

    /// Nobody consents: the client asks for itself, or for the account whose key it has.
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
            let for_accounts = registration.provider.token.grant == Grant::JwtBearer;
            let named = key_file.as_ref().and_then(KeyFile::read).and_then(|key| key.account);
            let account = named.or_else(|| for_accounts.then(|| registration.row.client_id.clone()));
            let kept: Values = key_file.into_iter().map(|key| (KEY_FILE.to_owned(), Value::Text(key))).collect();
            let asked = vault.request_own_token(&registration, &row.scopes, &kept).await;
            let tokens = asked.map_err(|failure| Error::Provider(failure.cause().to_owned()))?;
            let account = account.map(|name| (name, None));
            let granted = Granted { tokens, kept, account, if_connected };
            vault.keep_tokens(&actor, &row, &registration, granted).await
        });
        Ok(Connecting::Connected(Box::new(credential.await?)))
    }

    /// The token of a client, or of a service account: asked for anew each time, there is nothing to be spent.
    pub(crate) async fn request_own_token(
        &self,
        registration: &Registration,
        scopes: &str,
        values: &Values,
    ) -> Result<Tokens, Failure> {
        if registration.provider.token.grant != Grant::JwtBearer {
            return self.ask(registration, TokenRequest::Client { scopes }).await;
        }
        if let Some(Value::Text(key)) = values.get(KEY_FILE) {
            return self.ask(registration, TokenRequest::Account { key, scopes }).await;
        }
        let key = self.app_secret(&registration.row).map_err(|_| Failure::config("app-undecryptable"))?;
        let key = key.ok_or_else(|| Failure::config("no-key-file"))?;
        self.ask(registration, TokenRequest::Account { key: &key, scopes }).await
    }
}

/// Runs in a task of its own: whoever hangs up does not lose a grant whose code is spent.
async fn run_to_completion<T: Send + 'static>(
    task: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let finished = request::spawn(task).await;
    finished.unwrap_or_else(|_| Err(Error::Provider("the connection was cut off".to_owned())))
}

/// One of the addresses that the host registered, letter by letter: anything else is an open redirect (RFC 9700 4.11).
fn return_address(wanted: Option<String>, registered: &[String]) -> Result<String, Error> {
    match (wanted, registered) {
        (None, [only]) => Ok(only.clone()),
        (Some(address), registered) if registered.contains(&address) => Ok(address),
        _ => {
            let message = "must be one of the manifest's `return_addresses`, letter by letter";
            Err(Error::field("return_address", "unknown", message))
        }
    }
}
