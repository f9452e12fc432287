//! An OAuth app: a client registration at a provider, one tenant's own. Its secret is sealed and its row carries a MAC,
//! because it decides where codes and refresh tokens are sent. Its id is in its callback address, so that an answer for
//! one registration is never taken for another's (RFC 9700 4.4).

use std::sync::Arc;

use jiff::Timestamp;
use strongroom_crypto::{Context, Kind, Sealed, Secret, digest};

use super::assertion::KeyFile;
use super::discovery;
use crate::access::Actor;
use crate::audit::Action;
use crate::error::Error;
use crate::id::{AppId, TenantId};
use crate::manifest::{Connect, Manifest};
use crate::provider::{AddressError, ClientAuth, Grant, Parameters, Provider, Refresh, Rotation};
use crate::store::{Conflict, StoreError};
use crate::vault::Vault;

/// What is said of a key that is none.
pub(crate) const NO_KEY_FILE: &str =
    "must be an RSA or P-256 private key in PEM without a passphrase, or a JSON file with one as `private_key`";

/// A registration to be kept.
#[derive(Debug)]
pub struct AppDraft {
    /// A name of the catalogue, or the address of an issuer that describes itself.
    pub provider: String,
    /// The client's id; of a service account it is the account's name, and may be left to its key file.
    pub client_id: Option<String>,
    /// The client's secret, or its private key (PEM, or a JSON file with one); none for a public client.
    pub client_secret: Option<Secret<String>>,
    /// What fills the provider's addresses.
    pub parameters: Parameters,
}

/// A registration, without its secret.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct App {
    pub id: AppId,
    pub provider: String,
    pub title: String,
    pub client_id: String,
    pub parameters: Parameters,
    /// The address to register at the provider.
    pub redirect_address: Option<String>,
    pub notices: Vec<String>,
    pub created_at: Timestamp,
}

/// What a page shows of a provider before somebody connects.
#[derive(Clone, Debug)]
pub struct Connectable {
    /// The provider's name for people.
    pub title: String,
    /// What people should know before.
    pub notices: Vec<String>,
    /// Whether there is a registration to connect through.
    pub registered: bool,
    /// Whether a code can be typed in at the provider (RFC 8628).
    pub device: bool,
    /// Whether nobody is asked.
    pub unattended: bool,
}

/// A registration as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the table `oauth_app`")]
pub struct AppRow {
    pub id: AppId,
    pub tenant: TenantId,
    pub provider: String,
    pub definition: Option<String>,
    pub parameters: String,
    pub client_id: String,
    pub client_secret: Option<Sealed>,
    pub created_at: Timestamp,
    pub mac: [u8; 32],
}

impl AppRow {
    /// SHA-256 of every column.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.columns(|columns| digest("oauth_app", columns))
    }

    fn columns<T>(&self, then: impl FnOnce(&[&[u8]]) -> T) -> T {
        then(&[
            self.id.to_string().as_bytes(),
            self.tenant.to_string().as_bytes(),
            self.provider.as_bytes(),
            self.definition.as_deref().unwrap_or_default().as_bytes(),
            self.parameters.as_bytes(),
            self.client_id.as_bytes(),
            self.client_secret.as_ref().map_or(&[][..], Sealed::as_bytes),
            &self.created_at.as_millisecond().to_be_bytes(),
        ])
    }
}

/// A registration that is genuine, with its provider: what every call to the outside is made from.
pub(crate) struct Registration {
    pub(crate) row: AppRow,
    pub(crate) provider: Arc<Provider>,
    pub(crate) parameters: Parameters,
}

impl Registration {
    /// A provider that nobody consents at gives tokens to the client itself (RFC 6749 4.4).
    pub(crate) fn acts_for_itself(&self) -> bool {
        self.provider.authorize.is_none()
    }

    /// A client asks for itself as often as it likes.
    pub(crate) fn refresh_policy(&self) -> Refresh {
        let policy = self.provider.refresh.clone();
        if self.acts_for_itself() { Refresh { rotation: Rotation::None, ..policy } } else { policy }
    }
}

impl Vault {
    /// Keeps a client registration. An issuer's address is asked for its description (RFC 8414, OpenID Connect
    /// Discovery), which is then part of the row.
    ///
    /// # Errors
    /// [`Error::Fields`] for what does not fit; [`Error::Provider`] if the issuer does not describe itself.
    pub async fn create_app(&self, actor: &Actor, tenant: TenantId, draft: AppDraft) -> Result<App, Error> {
        let key = draft.client_secret.as_ref().and_then(KeyFile::read);
        let (provider, definition) = if draft.provider.contains("://") {
            let provider = discovery::discover(&self.egress, &draft.provider, key.is_some()).await?;
            let text =
                serde_json::to_string(&provider).map_err(|_| Error::Provider("it describes itself oddly".into()))?;
            (Arc::new(provider), Some(text))
        } else {
            let known = self.catalog.provider(&draft.provider).cloned();
            let unknown =
                || Error::field("provider", "unknown", "no such provider; `strongroom provider list` shows all");
            (known.ok_or_else(unknown)?, None)
        };
        provider.check_parameters(&draft.parameters).map_err(|error| parameter_fault(&error))?;
        let auth = provider.token.client_auth;
        let for_accounts = provider.token.grant == Grant::JwtBearer;
        // A service account's key file comes with the registration, or with each connection.
        if !for_accounts && (auth == ClientAuth::None) != draft.client_secret.is_none() {
            let message = match auth {
                ClientAuth::None => "no secret is wanted: clients of this provider are public ones",
                _ => "a secret is needed: clients of this provider have one",
            };
            return Err(Error::field("client_secret", "required", message));
        }
        let is_text = !for_accounts && auth != ClientAuth::PrivateKeyJwt;
        if let Some(fault) = draft.client_secret.as_ref().filter(|_| is_text).and_then(fault_in_secret) {
            return Err(Error::field("client_secret", "format", fault));
        }
        if draft.client_secret.is_some() && key.is_none() && (for_accounts || auth == ClientAuth::PrivateKeyJwt) {
            return Err(Error::field("client_secret", "format", NO_KEY_FILE));
        }
        if key.is_some() && !for_accounts && auth != ClientAuth::PrivateKeyJwt {
            let message = "is a private key, and this provider takes secrets as words: it would be sent to it whole";
            return Err(Error::field("client_secret", "format", message));
        }
        let named = key.filter(|_| for_accounts).and_then(|key| key.account);
        let client_id = match (draft.client_id, named) {
            (Some(id), Some(named)) if id != named => {
                return Err(Error::field("client_id", "unknown", "is not the account that the key file names"));
            }
            (Some(id), _) | (None, Some(id)) => id,
            (None, None) => return Err(Error::field("client_id", "required", "must be given")),
        };
        if !(1..=500).contains(&client_id.len()) || client_id.chars().any(char::is_control) {
            return Err(Error::field("client_id", "length", "must have 1 to 500 characters and no control characters"));
        }
        let now = self.clock.now();
        let mut row = AppRow {
            id: AppId::generate(now, &*self.entropy),
            tenant,
            provider: draft.provider,
            definition,
            parameters: serde_json::to_string(&draft.parameters).unwrap_or_default(),
            client_id,
            client_secret: None,
            created_at: now,
            mac: [0; 32],
        };
        row.client_secret = draft.client_secret.map(|secret| self.seal_app_secret(&row, &secret));
        row.mac = row.columns(|columns| self.keyring.row_mac("oauth_app", columns));
        let entry = self.entry(actor, tenant, Action::OauthAppCreate).with_target(row.id).with_digest(row.digest());
        match self.within_deadline(self.store.insert_app(&row, entry)).await {
            Ok(()) => self.shown_app(row),
            Err(Error::Store(StoreError::Conflict(_))) => Err(Error::NotFound { what: "tenant" }),
            Err(error) => Err(error),
        }
    }

    /// The tenant's registrations, oldest first. One that is not genuine is left out and logged.
    ///
    /// # Errors
    /// Storage errors only.
    pub async fn apps(&self, tenant: TenantId) -> Result<Vec<App>, Error> {
        let rows = self.store.apps(tenant).await?;
        Ok(rows.into_iter().filter_map(|row| self.shown_app(row).ok()).collect())
    }

    /// Removes a registration, if nothing was connected through it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::AppInUse`].
    pub async fn remove_app(&self, actor: &Actor, tenant: TenantId, id: AppId) -> Result<(), Error> {
        let entry = self.entry(actor, tenant, Action::OauthAppRemove).with_target(id);
        match self.within_deadline(self.store.delete_app(tenant, id, entry)).await {
            Err(Error::Store(StoreError::Conflict(Conflict::InUse(credentials)))) => {
                Err(Error::AppInUse { credentials })
            }
            Err(Error::Store(StoreError::Conflict(_))) => Err(Error::NotFound { what: "OAuth app" }),
            other => other,
        }
    }

    /// A registration as it may be used: there, genuine, and of a provider that is still known.
    pub(crate) async fn registration(&self, tenant: TenantId, id: AppId) -> Result<Registration, Error> {
        let row = self.store.app(tenant, id).await?.ok_or(Error::NotFound { what: "OAuth app" })?;
        self.registered(row)
    }

    /// The tenant's registration at a provider, if there is exactly one or one is named.
    pub(crate) async fn registration_at(
        &self,
        tenant: TenantId,
        provider: &str,
        named: Option<AppId>,
    ) -> Result<Registration, Error> {
        let mut rows: Vec<AppRow> = self.store.apps(tenant).await?;
        rows.retain(|row| row.provider == provider && named.is_none_or(|id| id == row.id));
        match (rows.pop(), rows.is_empty()) {
            (Some(row), true) => self.registered(row),
            (None, _) => {
                let message =
                    format!("no OAuth app for `{provider}` is registered: strongroom oauth-app create {provider}");
                Err(Error::field("app", "unknown", message))
            }
            (Some(_), false) => Err(Error::field("app", "ambiguous", "there are several OAuth apps: name one")),
        }
    }

    /// What a page shows of the providers that these plugins connect at, in their order; nothing for one that connects none.
    ///
    /// # Errors
    /// Storage errors only.
    pub async fn connectable(
        &self,
        tenant: TenantId,
        manifests: &[&Manifest],
    ) -> Result<Vec<Option<Connectable>>, Error> {
        let wanted: Vec<_> = manifests.iter().map(|manifest| manifest.credentials.oauth2.as_ref()).collect();
        if wanted.iter().all(Option::is_none) {
            return Ok(wanted.iter().map(|_| None).collect());
        }
        let mut apps = self.store.apps(tenant).await?;
        apps.retain(|row| wanted.iter().flatten().any(|connect| connect.provider == row.provider));
        let known: Vec<Registration> = apps.into_iter().filter_map(|row| self.registered(row).ok()).collect();
        Ok(wanted.into_iter().map(|connect| connect.map(|connect| self.shown_provider(connect, &known))).collect())
    }

    fn shown_provider(&self, connect: &Connect, known: &[Registration]) -> Connectable {
        let app = known.iter().find(|app| app.row.provider == connect.provider);
        let registered = app.is_some();
        match app.map(|app| &app.provider).or_else(|| self.catalog.provider(&connect.provider)) {
            Some(provider) => Connectable {
                title: provider.title.clone(),
                notices: provider.notices.clone(),
                registered,
                device: connect.device && provider.device.is_some(),
                unattended: provider.authorize.is_none(),
            },
            None => Connectable {
                title: connect.provider.clone(),
                notices: Vec::new(),
                registered,
                device: false,
                unattended: false,
            },
        }
    }

    pub(crate) fn seal_app_secret(&self, row: &AppRow, secret: &Secret<String>) -> Sealed {
        self.in_app_context(row, |context| {
            self.keyring.seal(&*self.entropy, Kind::App, context, secret.expose().as_bytes())
        })
    }

    pub(crate) fn app_secret(&self, row: &AppRow) -> Result<Option<Secret<String>>, Error> {
        let Some(sealed) = &row.client_secret else { return Ok(None) };
        let bytes = self.in_app_context(row, |context| self.keyring.open(Kind::App, context, sealed));
        bytes.ok().and_then(|bytes| bytes.into_text().ok()).map(Some).ok_or(Error::Undecryptable)
    }

    /// Where the provider sends people back to: an address for each registration.
    pub(crate) fn redirect_address(&self, id: AppId) -> Option<String> {
        let base = self.public_url.as_ref()?;
        Some(format!("{}/api/auth/oauth/callback/{id}", base.as_str().trim_end_matches('/')))
    }

    fn registered(&self, row: AppRow) -> Result<Registration, Error> {
        if !row.columns(|columns| self.keyring.row_is_genuine("oauth_app", columns, &row.mac)) {
            tracing::error!(app = %row.id, "the OAuth app's row was altered behind Strongroom's back; create it again");
            return Err(Error::NotFound { what: "OAuth app" });
        }
        let provider = match &row.definition {
            Some(text) => serde_json::from_str(text).ok().map(Arc::new),
            None => self.catalog.provider(&row.provider).cloned(),
        };
        let provider = provider.ok_or_else(|| {
            tracing::warn!(app = %row.id, provider = row.provider, "the OAuth app's provider is not in the catalogue any more");
            Error::Provider(format!("`{}` is not in the catalogue", row.provider))
        })?;
        let parameters = serde_json::from_str(&row.parameters).unwrap_or_default();
        // Checked again where it is used: the catalogue may have become stricter since.
        provider.check_parameters(&parameters).map_err(|error| parameter_fault(&error))?;
        Ok(Registration { row, provider, parameters })
    }

    fn shown_app(&self, row: AppRow) -> Result<App, Error> {
        let Registration { row, provider, parameters } = self.registered(row)?;
        Ok(App {
            id: row.id,
            title: provider.title.clone(),
            notices: provider.notices.clone(),
            redirect_address: self.redirect_address(row.id),
            provider: row.provider,
            client_id: row.client_id,
            parameters,
            created_at: row.created_at,
        })
    }

    fn in_app_context<T>(&self, row: &AppRow, then: impl FnOnce(&Context<'_>) -> T) -> T {
        then(&Context {
            instance: self.keyring.instance(),
            tenant: &row.tenant.to_string(),
            user: "",
            object: &row.id.to_string(),
            field: "client_secret",
            generation: 1,
            binding: &[&row.provider, &row.client_id, &row.parameters],
        })
    }
}

fn parameter_fault(error: &AddressError) -> Error {
    let name = match error {
        AddressError::Missing(name) | AddressError::Unknown(name) | AddressError::Pattern { name, .. } => name,
        AddressError::Host(_) => "",
    };
    Error::field(&format!("parameters/{name}"), "pattern", error.to_string())
}

/// What cannot be a client's secret, whatever the provider.
fn fault_in_secret(secret: &Secret<String>) -> Option<&'static str> {
    let text = secret.expose().trim();
    if text.is_empty() {
        return Some("must not be empty");
    }
    text.starts_with('{').then_some(
        "is a JSON document; the secret itself is wanted, which in the file that Google gives for download is client_secret in `web`",
    )
}
