//! A connection under way. The user who starts it is the user who finishes it: the start link is not signed in, the
//! callback proves only that *a* browser consented, and the code is exchanged when a session of the same user brings the
//! completing code (RFC 9700 4.7; PKCE does not help here). State and completing code are single use, and stored as hashes.

use std::str::FromStr;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strongroom_crypto::{Context, Kind, Sealed, Secret, sha256};
use url::Url;
use zeroize::Zeroize;

use super::app::Registration;
use super::keep::Connected;
use super::token::{Ask, Failure, Tokens, split, word};
use crate::access::{Actor, Who};
use crate::audit::{Action, Entry, Reason};
use crate::credential::{Credential, CredentialType};
use crate::error::Error;
use crate::fields::{Value, Values};
use crate::id::{AppId, ConnectionId, CredentialId, CredentialName, NameError, Owner, PluginName};
use crate::store::StoreError;
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

/// The last part of a start address: 256 bits in base64url.
#[derive(Debug)]
pub struct StartLink(Secret<String>);

impl FromStr for StartLink {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let fits = text.len() == 43 && BASE64URL_NOPAD.decode(text.as_bytes()).is_ok();
        if fits { Ok(Self(Secret::from(text))) } else { Err(NameError("must be a start link".to_owned())) }
    }
}

/// What the start page does: it sets the cookie and goes on to the provider.
#[derive(Debug)]
pub struct Start {
    /// The provider's page, with everything it needs.
    pub authorize: Url,
    /// Ties the browser to the state; for a `__Host-` cookie.
    pub browser: Secret<String>,
}

/// What a callback brought. It has no `Debug`: its query has the code in it.
pub struct Callback {
    /// `state`.
    pub state: Secret<String>,
    /// `code`.
    pub code: Option<Secret<String>>,
    /// `error`.
    pub error: Option<String>,
    /// `iss` (RFC 9207).
    pub iss: Option<String>,
    /// The browser's cookie.
    pub browser: Option<Secret<String>>,
    /// The whole query, for what a provider sends beside.
    pub query: Vec<(String, String)>,
}

/// The steps of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The start link is out.
    Begun,
    /// The browser is at the provider.
    Started,
    /// The code is here; the user has yet to complete it.
    Returned,
}

impl Phase {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Started => "started",
            Self::Returned => "returned",
        }
    }

    fn generation(self) -> u64 {
        match self {
            Self::Begun => 1,
            Self::Started => 2,
            Self::Returned => 3,
        }
    }
}

impl FromStr for Phase {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let all = [Self::Begun, Self::Started, Self::Returned];
        all.into_iter().find(|phase| phase.as_str() == text).ok_or_else(|| NameError("must be a phase".to_owned()))
    }
}

/// A connection as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the table `connection`")]
pub struct ConnectionRow {
    pub id: ConnectionId,
    pub owner: Owner,
    pub plugin: PluginName,
    pub app: AppId,
    pub credential: Option<CredentialId>,
    pub name: CredentialName,
    pub scopes: String,
    pub return_address: String,
    pub phase: Phase,
    pub hash: [u8; 32],
    pub sealed: Sealed,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// What a row must not lose and nobody may read.
#[derive(Default, Serialize, Deserialize)]
struct Carried {
    verifier: String,
    browser: Option<[u8; 32]>,
    code: Option<String>,
    kept: Vec<(String, String)>,
}

impl Drop for Carried {
    fn drop(&mut self) {
        self.verifier.zeroize();
        self.code.zeroize();
        self.kept.iter_mut().for_each(|(_, value)| value.zeroize());
    }
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

    /// Opens the start link, once: from here on the state belongs to this browser.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a link that is unknown, used or expired.
    pub async fn start(&self, actor: &Actor, link: &StartLink) -> Result<Start, Error> {
        let (mut row, mut carried) = self.connection(Phase::Begun, hash("start", &link.0)).await?;
        let registration = self.registration(row.owner.tenant, row.app).await?;
        let (state, browser) = (self.random_text(), self.random_text());
        carried.browser = Some(hash("browser", &browser));
        let authorize = self.authorize_address(&registration, &row, &carried, &state)?;
        self.advance(actor, &mut row, Phase::Started, hash("state", &state), &carried).await?;
        Ok(Start { authorize, browser })
    }

    /// The provider sent a browser back. Gives the address to send it on to: the plugin's page, with a completing code, or
    /// with the error's code. Nothing has been exchanged yet.
    ///
    /// # Errors
    /// [`Error::NotFound`] for everything that does not fit: a state unknown, used or expired, another registration's
    /// callback, another browser, another issuer. Each is an event with its reason.
    pub async fn call_back(&self, actor: &Actor, app: AppId, callback: Callback) -> Result<Url, Error> {
        let (mut row, mut carried) = self.connection(Phase::Started, hash("state", &callback.state)).await?;
        let registration = self.registration(row.owner.tenant, row.app).await?;
        let provider = &registration.provider;
        let browser = callback.browser.as_ref().map(|browser| hash("browser", browser));
        let refused = if row.app != app {
            Some(Reason::OtherApp)
        } else if browser.is_none() || browser != carried.browser {
            Some(Reason::OtherBrowser)
        } else {
            // Letter by letter, on errors too (RFC 9207 2.4).
            match (&provider.issuer, &callback.iss) {
                (Some(issuer), Some(iss)) if issuer != iss => Some(Reason::OtherIssuer),
                (Some(_), None) if provider.iss_required => Some(Reason::OtherIssuer),
                _ => None,
            }
        };
        if let Some(reason) = refused {
            self.record(self.entry_of(actor, &row, Action::ConnectionReturn).denied(reason)).await?;
            return Err(Error::NotFound { what: "connection" });
        }
        let mut back = Url::parse(&row.return_address).map_err(|_| Error::NotFound { what: "connection" })?;
        back.query_pairs_mut().append_pair("connection", &row.id.to_string());
        let Some(code) = callback.code.filter(|_| callback.error.is_none()) else {
            let entry = self.entry_of(actor, &row, Action::ConnectionReturn).denied(Reason::Provider);
            self.take(&row, entry).await?;
            // The provider's word is anybody's: only codes that the standard knows are passed on (RFC 6749 4.1.2.1).
            let known = ["access_denied", "invalid_scope", "server_error", "temporarily_unavailable"];
            let error = callback.error.as_deref().filter(|error| known.contains(error)).unwrap_or("failed");
            back.query_pairs_mut().append_pair("error", error);
            return Ok(back);
        };
        carried.code = Some(code.expose().clone());
        for (field, parameter) in &provider.keep.callback {
            let value = callback.query.iter().find(|(name, _)| name == parameter);
            carried.kept.extend(value.map(|(_, value)| (field.clone(), value.clone())));
        }
        let completing = self.random_text();
        self.advance(actor, &mut row, Phase::Returned, hash("complete", &completing), &carried).await?;
        back.query_pairs_mut().append_pair("code", completing.expose());
        Ok(back)
    }

    /// Completes a connection: the user who began it brings the completing code, and only now the code is exchanged.
    ///
    /// # Errors
    /// [`Error::NotFound`] for another user, an unknown, used or expired code; [`Error::Provider`] if the exchange fails;
    /// [`Error::OtherAccount`] if a reconnection ends at another account.
    pub async fn complete(
        &self,
        actor: &Actor,
        owner: &Owner,
        id: ConnectionId,
        completing: &Secret<String>,
    ) -> Result<Credential, Error> {
        let (row, carried) = self.connection(Phase::Returned, hash("complete", completing)).await?;
        let entry = self.entry(actor, owner.tenant, Action::ConnectionComplete).of_user(&owner.user);
        let entry = entry.of_plugin(&row.plugin).on(&row.id);
        if row.owner != *owner || row.id != id || !matches!(actor.who, Who::User { .. }) {
            self.record(entry.denied(Reason::OtherUser)).await?;
            return Err(Error::NotFound { what: "connection" });
        }
        // Consumed first: of two who come at once one finds nothing, and a code is never sent twice.
        self.take(&row, entry).await?;
        let (vault, actor) = (self.clone(), actor.clone());
        uninterrupted(async move { vault.finish(&actor, &row, &carried).await }).await
    }

    async fn finish(&self, actor: &Actor, row: &ConnectionRow, carried: &Carried) -> Result<Credential, Error> {
        let registration = self.registration(row.owner.tenant, row.app).await?;
        let tokens = self.exchange(&registration, carried).await?;
        let account = self.account_of(&registration, &tokens).await?;
        self.keep_tokens(actor, row, &registration, tokens, &carried.kept, account).await
    }

    async fn exchange(&self, registration: &Registration, carried: &Carried) -> Result<Tokens, Error> {
        let secret = self.app_secret(&registration.row)?;
        let redirect = self.redirect_address(registration.row.id).ok_or(Error::NoPublicAddress)?;
        let code = Secret::new(carried.code.clone().unwrap_or_default());
        let verifier = Secret::new(carried.verifier.clone());
        let pkce = registration.provider.authorize.as_ref().is_some_and(|authorize| authorize.pkce);
        let ask = Ask::Code { code: &code, verifier: pkce.then_some(&verifier), redirect: &redirect };
        let asked = registration.ask(&self.egress, secret.as_ref(), ask, self.clock.now()).await;
        asked.map_err(|failure| Error::Provider(failure.cause().to_owned()))
    }

    /// Whose account it is, where the provider tells: its unchanging id, and what people know it by.
    async fn account_of(
        &self,
        registration: &Registration,
        tokens: &Tokens,
    ) -> Result<Option<(String, Option<String>)>, Error> {
        let Some((account, template)) =
            registration.provider.account.as_ref().and_then(|account| Some((account, account.url.as_ref()?)))
        else {
            return Ok(tokens.account.clone());
        };
        let failed = |cause: &str| Error::Provider(format!("it does not say whose account it is ({cause})"));
        let url = registration.address(template).map_err(|failure| failed(failure.cause()))?;
        let call = registration.call_with(
            account.method,
            url,
            &account.headers,
            account.body.as_deref(),
            &tokens.access_token,
        );
        let answer = self.egress.send(call).await.map_err(|_| failed("no answer"))?;
        let json = answer.json().filter(|_| answer.is_success()).ok_or_else(|| failed("another answer"))?;
        let label = account.label.as_ref().and_then(|place| word(&json, place));
        Ok(Some((word(&json, &account.id).ok_or_else(|| failed("no id"))?, label)))
    }

    async fn keep_tokens(
        &self,
        actor: &Actor,
        connection: &ConnectionRow,
        registration: &Registration,
        tokens: Tokens,
        kept: &[(String, String)],
        account: Option<(String, Option<String>)>,
    ) -> Result<Credential, Error> {
        let mut values = Values::new();
        for (name, value) in kept {
            values.insert(name.clone(), Value::Text(Secret::from(value.as_str())));
        }
        // What was asked for was granted, unless the answer says otherwise (RFC 6749 5.1).
        values.insert("scopes".to_owned(), Value::list(&split(&connection.scopes, " ")));
        let refresh_expires_at = tokens.refresh_expires_at;
        tokens.lay_over(&mut values);
        if let Some((id, _)) = &account {
            values.insert("account_id".to_owned(), Value::Text(Secret::from(id.as_str())));
        }
        let account = account.and_then(|(id, label)| label.or(Some(id)));
        let owner = &connection.owner;
        let connected = Connected { values, account, refresh_expires_at };
        match connection.credential {
            Some(id) => self.reconnect(actor, owner, id, registration, connected).await,
            None => self.save_connected(actor, owner, connection, registration, connected).await,
        }
    }

    fn authorize_address(
        &self,
        registration: &Registration,
        row: &ConnectionRow,
        carried: &Carried,
        state: &Secret<String>,
    ) -> Result<Url, Error> {
        let gone = || Error::NotFound { what: "connection" };
        let authorize = registration.provider.authorize.as_ref().ok_or_else(gone)?;
        let mut url = registration
            .address(&authorize.url)
            .map_err(|failure: Failure| Error::Provider(failure.cause().to_owned()))?;
        let redirect = self.redirect_address(row.app).ok_or(Error::NoPublicAddress)?;
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("response_type", "code");
            query.append_pair("client_id", &registration.row.client_id);
            query.append_pair("redirect_uri", &redirect);
            query.append_pair("state", state.expose());
            if !row.scopes.is_empty() {
                query.append_pair(&authorize.scope_param, &row.scopes.replace(' ', &authorize.scope_separator));
            }
            if authorize.pkce {
                let challenge = BASE64URL_NOPAD.encode(&sha256(carried.verifier.as_bytes()));
                query.append_pair("code_challenge", &challenge).append_pair("code_challenge_method", "S256");
            }
            for (name, value) in &authorize.params {
                query.append_pair(name, value);
            }
        }
        Ok(url)
    }

    /// The row of a phase, if it is there, has not expired, and opens: every column that decides something is sealed to.
    async fn connection(&self, phase: Phase, hash: [u8; 32]) -> Result<(ConnectionRow, Carried), Error> {
        let gone = || Error::NotFound { what: "connection" };
        let row = self.store.connection(&hash).await?.ok_or_else(gone)?;
        if row.phase != phase || row.expires_at <= self.clock.now() {
            return Err(gone());
        }
        let bytes =
            self.in_connection_context(&row, |context| self.keyring.open(Kind::Connection, context, &row.sealed));
        let bytes = bytes.map_err(|error| {
            tracing::error!(connection = %row.id, %error, "a connection's row was altered");
            gone()
        })?;
        let carried = serde_json::from_slice(bytes.expose()).map_err(|_| gone())?;
        Ok((row, carried))
    }

    async fn advance(
        &self,
        actor: &Actor,
        row: &mut ConnectionRow,
        phase: Phase,
        hash: [u8; 32],
        carried: &Carried,
    ) -> Result<(), Error> {
        let from = std::mem::replace(&mut row.hash, hash);
        row.phase = phase;
        row.sealed = self.seal_carried(row, carried);
        let action = if phase == Phase::Started { Action::ConnectionStart } else { Action::ConnectionReturn };
        let entry = self.entry_of(actor, row, action);
        moved(self.within_deadline(self.store.advance_connection(from, row, entry)).await)
    }

    /// Takes the row out: whoever comes second finds nothing.
    async fn take(&self, row: &ConnectionRow, entry: Entry) -> Result<(), Error> {
        moved(self.within_deadline(self.store.take_connection(row.id, row.hash, entry)).await)
    }

    fn entry_of(&self, actor: &Actor, row: &ConnectionRow, action: Action) -> Entry {
        self.entry(actor, row.owner.tenant, action).of_user(&row.owner.user).of_plugin(&row.plugin).on(&row.id)
    }

    fn seal_carried(&self, row: &ConnectionRow, carried: &Carried) -> Sealed {
        let bytes = Secret::new(serde_json::to_vec(carried).unwrap_or_default());
        self.in_connection_context(row, |context| {
            self.keyring.seal(&*self.entropy, Kind::Connection, context, bytes.expose())
        })
    }

    fn in_connection_context<T>(&self, row: &ConnectionRow, then: impl FnOnce(&Context<'_>) -> T) -> T {
        then(&Context {
            instance: self.keyring.instance(),
            tenant: &row.owner.tenant.to_string(),
            user: row.owner.user.as_str(),
            object: &row.id.to_string(),
            field: "sealed",
            generation: row.phase.generation(),
            binding: &[
                row.plugin.as_str(),
                &row.app.to_string(),
                &row.credential.map(|id| id.to_string()).unwrap_or_default(),
                row.name.as_str(),
                &row.scopes,
                &row.return_address,
                &row.expires_at.as_millisecond().to_string(),
                // Else whoever writes to the database could lay a link or a state of their own under somebody's row.
                &data_encoding::HEXLOWER.encode(&row.hash),
            ],
        })
    }

    /// 256 bits, as text: a state, a verifier (RFC 7636 4.1: 43 characters), a link.
    pub(crate) fn random_text(&self) -> Secret<String> {
        let mut bytes = Secret::new([0_u8; 32]);
        self.entropy.fill(bytes.expose_mut());
        Secret::new(BASE64URL_NOPAD.encode(bytes.expose()))
    }
}

/// A row that has moved on, or is gone, was never there for whoever comes late.
fn moved(written: Result<(), Error>) -> Result<(), Error> {
    match written {
        Err(Error::Store(StoreError::Conflict(_))) => Err(Error::NotFound { what: "connection" }),
        other => other,
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

/// A hash for each use: a state is never taken for a completing code.
fn hash(purpose: &str, text: &Secret<String>) -> [u8; 32] {
    strongroom_crypto::digest(purpose, &[text.expose().as_bytes()])
}
