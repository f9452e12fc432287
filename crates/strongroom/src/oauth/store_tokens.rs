//! Turns tokens into a credential: a new one, or the existing one if it is a reconnection of the same account.
//! A new grant never replaces the grant of a different known account.

use jiff::Timestamp;

use strongroom_crypto::Secret;

use super::app::Registration;
use super::connection::IfConnected;
use crate::credential::Credential;
use crate::error::Error;
use crate::fields::{Value, Values};
use crate::oauth::token::merge_tokens;
use crate::vault::Vault;
use strongroom_oauth::{Tokens, split, word};
use strongroom_store::{
    Action, Actor, Conflict, ConnectionRow, CredentialFilter, CredentialId, CredentialRow, CredentialType, Owner,
    Phase, RefreshRow, RefreshState, StoreError,
};

/// Scopes that answers do not repeat, because they concern the answer itself (OpenID Connect Core 3.1.2.1, 11).
const UNREPEATED: [&str; 2] = ["openid", "offline_access"];

/// The result of a grant: the tokens, other values to keep, and the account if it is known.
pub(super) struct Granted {
    pub(super) tokens: Tokens,
    pub(super) kept: Values,
    pub(super) account: Option<(String, Option<String>)>,
    pub(super) if_connected: IfConnected,
}

/// The connected account: the credential's values, the account, and when the grant ends.
struct Connected {
    values: Values,
    account: Option<String>,
    refresh_expires_at: Option<Timestamp>,
}

impl Vault {
    /// Stores the result of a user's consent: finds the account, then writes the credential.
    pub(super) async fn keep_granted(
        &self,
        actor: &Actor,
        connection: &ConnectionRow,
        registration: &Registration,
        mut granted: Granted,
    ) -> Result<Credential, Error> {
        granted.account = self.account_of(registration, &granted.tokens).await?;
        self.keep_tokens(actor, connection, registration, granted).await
    }

    /// The account, if the provider reports it: its permanent id and its displayed name.
    async fn account_of(
        &self,
        registration: &Registration,
        tokens: &Tokens,
    ) -> Result<Option<(String, Option<String>)>, Error> {
        let Some((account, template)) =
            registration.client.provider.account.as_ref().and_then(|account| Some((account, account.url.as_ref()?)))
        else {
            return Ok(tokens.account.clone());
        };
        let failed = |cause: &str| Error::Provider(format!("it did not identify the account ({cause})"));
        let url = registration.client.address(template).map_err(|failure| failed(failure.cause()))?;
        let call = registration.client.call_with(
            account.method,
            url,
            &account.headers,
            account.body.as_deref(),
            &tokens.access_token,
        );
        let answer = self.inner.egress.send(call).await.map_err(|_| failed("no answer"))?;
        let json = answer.json().filter(|_| answer.is_success()).ok_or_else(|| failed("unexpected answer"))?;
        let label = account.label.as_ref().and_then(|place| word(&json, place));
        Ok(Some((word(&json, &account.id).ok_or_else(|| failed("no id"))?, label)))
    }

    pub(super) async fn keep_tokens(
        &self,
        actor: &Actor,
        connection: &ConnectionRow,
        registration: &Registration,
        granted: Granted,
    ) -> Result<Credential, Error> {
        let Granted { tokens, kept: mut values, account, if_connected } = granted;
        // The requested scopes were granted unless the answer says otherwise (RFC 6749 5.1).
        values.insert("scopes".to_owned(), Value::list(&split(&connection.scopes, " ")));
        let refresh_expires_at = tokens.refresh_expires_at;
        merge_tokens(tokens, &mut values);
        if let Some((id, _)) = &account {
            values.insert("account_id".to_owned(), Value::Text(Secret::from(id.as_str())));
        }
        let account = account.and_then(|(id, label)| label.or(Some(id)));
        let owner = &connection.owner;
        let mut connected = Connected { values, account, refresh_expires_at };
        if let Some(id) = connection.credential {
            return self.reconnect(actor, owner, id, registration, &mut connected).await;
        }
        let known = match if_connected {
            IfConnected::Reconnect => self.credential_of_account(connection, registration, &connected).await?,
            IfConnected::Create => None,
        };
        if let Some(id) = known {
            match self.reconnect(actor, owner, id, registration, &mut connected).await {
                // The credential was deleted after it was found. The user wanted a connection, so create a new
                // credential.
                Err(Error::NotFound { what: "credential" }) => {}
                done => return done,
            }
        }
        self.save_connected(actor, owner, connection, registration, connected).await
    }

    /// The credential of this plugin with the same account and registration. A credential with a scope that is not in
    /// the new grant does not count, because it would lose that scope.
    async fn credential_of_account(
        &self,
        connection: &ConnectionRow,
        registration: &Registration,
        connected: &Connected,
    ) -> Result<Option<CredentialId>, Error> {
        let Some(account) = account_id(&connected.values) else { return Ok(None) };
        let mut granted = UNREPEATED.map(str::to_owned).to_vec();
        if let Some(Value::List(scopes)) = connected.values.get("scopes") {
            granted.extend(scopes.iter().map(|scope| scope.expose().clone()));
        }
        let filter = CredentialFilter {
            plugin: Some(connection.plugin.clone()),
            kind: Some(CredentialType::Oauth2),
            limit: 1000,
            ..CredentialFilter::default()
        };
        for row in self.inner.store.credentials(&connection.owner, &filter).await? {
            if row.app != Some(registration.row.id) || !row.scopes().iter().all(|scope| granted.contains(scope)) {
                continue;
            }
            match self.values(&row).await {
                Ok(values) if account_id(&values) == Some(account) => return Ok(Some(row.id)),
                Err(Error::Store(error)) => return Err(Error::Store(error)),
                // The account of a record that cannot be decrypted is unknown.
                Ok(_) | Err(_) => {}
            }
        }
        Ok(None)
    }

    async fn save_connected(
        &self,
        actor: &Actor,
        owner: &Owner,
        connection: &ConnectionRow,
        registration: &Registration,
        connected: Connected,
    ) -> Result<Credential, Error> {
        let now = self.inner.clock.now();
        let id = CredentialId::generate(now, &*self.inner.entropy);
        let mut row = CredentialRow::new(id, owner.clone(), connection.plugin.clone(), CredentialType::Oauth2, now);
        row.name = connection.name.clone();
        row.provider = Some(registration.row.provider.clone());
        row.account = connected.account;
        row.app = Some(registration.row.id);
        // A connection that waited for its user still exists, unless the user was deleted. Then this must not recreate
        // the user.
        let of = (connection.phase == Phase::Settling).then_some(connection.id);
        loop {
            let (key, key_row) = self.user_key_or_new(owner).await?;
            self.inner.sealer.seal_credential(&mut row, &key, &|_| true, None, &connected.values);
            let refresh = self.new_refresh(&row, registration, connected.refresh_expires_at);
            let entry = self.entry_for(actor, &row, Action::CredentialSave).with_digest(row.digest());
            let written = self.inner.store.insert_credential(&row, &key_row, None, Some((&refresh, of)), entry);
            match self.within_deadline(written).await {
                Ok(()) => return self.view(row).await,
                Err(Error::Store(StoreError::Conflict(Conflict::UserKey))) => {}
                // Use another name. The grant matters more than the chosen name.
                Err(Error::Store(StoreError::Conflict(Conflict::Name))) => {
                    row.name = self.another_name(owner, &row).await?;
                }
                Err(error) => {
                    let error = match error {
                        Error::Store(StoreError::Conflict(Conflict::Revision)) => {
                            Error::NotFound { what: "connection" }
                        }
                        Error::Store(StoreError::Conflict(_)) => Error::NotFound { what: "plugin" },
                        Error::Revoked => Error::Revoked,
                        other => return Err(other),
                    };
                    self.revoke_orphaned(&row, registration, connected.values).await?;
                    return Err(error);
                }
            }
        }
    }

    /// Replaces the grant if the new one is for the same account. The old grant is not revoked, because many providers
    /// would then end the new one too.
    async fn reconnect(
        &self,
        actor: &Actor,
        owner: &Owner,
        id: CredentialId,
        registration: &Registration,
        connected: &mut Connected,
    ) -> Result<Credential, Error> {
        loop {
            let mut row =
                self.inner.store.credential(owner, id).await?.ok_or(Error::NotFound { what: "credential" })?;
            // If the record cannot be decrypted, its account is unknown, so this is not a reconnection.
            let old = self.values(&row).await?;
            if account_id(&old).is_some_and(|known| account_id(&connected.values).is_none_or(|id| id != known)) {
                return Err(Error::OtherAccount);
            }
            // Some providers issue a refresh token only at the first consent.
            if row.app == Some(registration.row.id)
                && !connected.values.contains_key("refresh_token")
                && let Some(Value::Text(token)) = old.get("refresh_token")
            {
                let kept = strongroom_crypto::Secret::from(token.expose().as_str());
                connected.values.insert("refresh_token".to_owned(), Value::Text(kept));
            }
            let read_at = row.revision;
            let key = self.key_of(&row).await?;
            row.app = Some(registration.row.id);
            row.provider = Some(registration.row.provider.clone());
            row.account.clone_from(&connected.account);
            self.inner.sealer.seal_credential(&mut row, &key, &|_| true, None, &connected.values);
            row.revision += 1;
            row.updated_at = self.inner.clock.now();
            let refresh = self.new_refresh(&row, registration, connected.refresh_expires_at);
            let entry = self.entry_for(actor, &row, Action::CredentialUpdate).with_digest(row.digest());
            match self.within_deadline(self.inner.store.reconnect_credential(&row, read_at, &refresh, entry)).await {
                Ok(()) => return self.view(row).await,
                Err(Error::Store(StoreError::Conflict(_))) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn new_refresh(
        &self,
        row: &CredentialRow,
        registration: &Registration,
        refresh_expires_at: Option<Timestamp>,
    ) -> RefreshRow {
        let now = self.inner.clock.now();
        let policy = &registration.client.refresh_policy();
        let day = 24 * 3_600_000;
        let absolute = policy.absolute_days.map(|days| now.as_millisecond() + i64::from(days) * day);
        let stays_fresh = row.refresh_token.is_some() || registration.client.acts_for_itself();
        RefreshRow {
            credential: row.id,
            owner: row.owner.clone(),
            state: RefreshState::Active,
            cause: None,
            due_at: if stays_fresh { self.due_at(policy, now, row.expires_at) } else { None },
            fence: 0,
            lease_until: None,
            intent_at: None,
            failures: 0,
            refreshed_at: now,
            refresh_expires_at: refresh_expires_at.or(absolute.and_then(|at| Timestamp::from_millisecond(at).ok())),
        }
    }

    async fn another_name(
        &self,
        owner: &Owner,
        row: &CredentialRow,
    ) -> Result<strongroom_store::CredentialName, Error> {
        let filter = CredentialFilter { plugin: Some(row.plugin.clone()), limit: 1000, ..Default::default() };
        let taken: Vec<_> =
            self.inner.store.credentials(owner, &filter).await?.into_iter().map(|row| row.name).collect();
        let base: String = row.name.as_str().chars().take(90).collect();
        let free = (2..2000)
            .filter_map(|number| {
                format!("{} {number}", base.trim_end()).parse::<strongroom_store::CredentialName>().ok()
            })
            .find(|name| !taken.contains(name));
        free.ok_or(Error::NameTaken { what: "credential" })
    }
}

fn account_id(values: &Values) -> Option<&str> {
    match values.get("account_id") {
        Some(Value::Text(id)) => Some(id.expose()),
        _ => None,
    }
}
