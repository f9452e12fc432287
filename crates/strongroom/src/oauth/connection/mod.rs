//! A connection under way. The user who starts it is the user who finishes it: the start link is not signed in, the
//! callback proves only that *a* browser consented, and the code is exchanged when a session of the same user brings the
//! completing code (RFC 9700 4.7; PKCE does not help here). State and completing code are single use, and stored as hashes.

mod browser;
mod row;

use std::time::Duration;

pub use browser::{Callback, Start, StartLink};
use jiff::Timestamp;
use row::{Carried, hash};
pub use row::{ConnectionRow, Phase};
use strongroom_crypto::Sealed;

use super::app::Registration;
use super::token::Ask;
use crate::access::Actor;
use crate::audit::Action;
use crate::credential::{Credential, CredentialType};
use crate::error::Error;
use crate::id::{AppId, ConnectionId, CredentialId, CredentialName, Owner, PluginName};
use crate::vault::Vault;

/// How long a person may take.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

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
        scopes.extend(draft.scopes);
        let registration = self.registration_at(owner.tenant, &wants.provider, app).await?;
        if let Some(authorize) = &registration.provider.authorize {
            scopes.extend(authorize.scopes.iter().cloned());
        }
        let mut seen = std::collections::BTreeSet::new();
        scopes.retain(|scope| seen.insert(scope.clone()));
        if scopes.len() > 100 || !scopes.iter().all(|scope| crate::manifest::is_scope(scope)) {
            let message = "must be at most 100 scopes without white space, quotes or backslashes (RFC 6749 3.3)";
            return Err(Error::field("scopes", "format", message));
        }
        let return_address = if registration.is_for_itself() {
            String::new()
        } else {
            return_address(draft.return_address, &manifest.return_addresses)?
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
            created_at: now,
            expires_at: now.saturating_add(LIFETIME).unwrap_or(now),
        };
        let entry = self.entry_of(actor, &row, Action::ConnectionCreate);
        if registration.is_for_itself() {
            self.record(entry).await?;
            return self.connect_itself(actor, row, registration).await;
        }
        let mut carried = Carried::default();
        carried.verifier.push_str(self.random_text().expose());
        row.sealed = self.seal_carried(&row, &carried);
        let base = self.public_url.as_ref().ok_or(Error::NoPublicAddress)?;
        self.within_deadline(self.store.insert_connection(&row, entry)).await?;
        let start_address = format!("{}/connect/{}", base.as_str().trim_end_matches('/'), start.expose());
        Ok(Connecting::Begun(Begun { id: row.id, start_address, expires_at: row.expires_at }))
    }

    /// Nobody consents: the client asks for itself.
    async fn connect_itself(
        &self,
        actor: &Actor,
        row: ConnectionRow,
        registration: Registration,
    ) -> Result<Connecting, Error> {
        let (vault, actor) = (self.clone(), actor.clone());
        let credential = uninterrupted(async move {
            let secret = vault.app_secret(&registration.row)?;
            let ask = Ask::Client { scopes: &row.scopes };
            let asked = registration.ask(&vault.egress, secret.as_ref(), ask, vault.clock.now()).await;
            let tokens = asked.map_err(|failure| Error::Provider(failure.cause().to_owned()))?;
            vault.keep_tokens(&actor, &row, &registration, tokens, &[], None).await
        });
        Ok(Connecting::Connected(Box::new(credential.await?)))
    }
}

/// Runs in a task of its own: whoever hangs up does not lose a grant whose code is spent.
async fn uninterrupted(
    task: impl Future<Output = Result<Credential, Error>> + Send + 'static,
) -> Result<Credential, Error> {
    let finished = tokio::spawn(task).await;
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
