//! Registrations: OAuth apps of a tenant at a provider. The secret is sealed and the row carries a MAC, because the row
//! decides where codes and refresh tokens are sent. The callback address contains the id of the registration. So the
//! callback of one registration is never accepted for another (RFC 9700 4.4).

use std::sync::Arc;

use jiff::Timestamp;
use strongroom_crypto::{Context, Kind, Sealed, Secret};

use crate::error::Error;
use crate::handles::Apps;
use crate::manifest::{Connect, Manifest};
use crate::sealer::Sealer;
use crate::vault::Vault;
use strongroom_oauth::{AddressError, Client, ClientAuth, Grant, KeyFile, Parameters, discover};
use strongroom_store::{Action, Actor, AppId, AppRow, Conflict, StoreError, TenantId};

/// The message for an invalid private key.
pub(crate) const NO_KEY_FILE: &str =
    "must be an RSA or P-256 private key in PEM without a passphrase, or a JSON file with one as `private_key`";

/// A registration to be created.
#[derive(Debug)]
pub struct AppDraft {
    /// A name of the catalogue, or the address of an issuer that supports discovery.
    pub provider: String,
    /// The client id. For a service account it is the account's name, and optional if the key file contains it.
    pub client_id: Option<String>,
    /// The client secret, or the private key (PEM, or a JSON file with one). `None` for a public client.
    pub client_secret: Option<Secret<String>>,
    /// The values of the provider's address parameters.
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
    /// The redirect address to register at the provider.
    pub redirect_address: Option<String>,
    pub notices: Vec<String>,
    pub created_at: Timestamp,
}

/// Information about a provider that a page shows before a user connects an account.
#[derive(Clone, Debug)]
pub struct Connectable {
    /// The provider's displayed name.
    pub title: String,
    /// Notices for the user.
    pub notices: Vec<String>,
    /// Whether a registration exists.
    pub registered: bool,
    /// Whether the device flow is available (RFC 8628).
    pub device: bool,
    /// Whether the connection needs no user consent.
    pub unattended: bool,
}

/// A genuine registration with its provider. All calls to a provider use one.
pub(crate) struct Registration {
    pub(crate) row: AppRow,
    pub(crate) client: Client,
}

impl Apps<'_> {
    /// Creates a registration. If the provider is an issuer's address, its metadata is fetched (RFC 8414, OpenID
    /// Connect Discovery) and stored in the row.
    ///
    /// # Errors
    /// [`Error::Fields`] for invalid fields. [`Error::Provider`] if discovery fails.
    pub async fn create(self, actor: &Actor, draft: AppDraft) -> Result<App, Error> {
        let Self { vault, tenant } = self;
        let key = draft.client_secret.as_ref().and_then(KeyFile::read);
        let (provider, definition) = if draft.provider.contains("://") {
            let provider = discover(&vault.inner.egress, &draft.provider, key.is_some()).await?;
            let text = serde_json::to_string(&provider)
                .map_err(|_| Error::Provider("its metadata cannot be stored".into()))?;
            (Arc::new(provider), Some(text))
        } else {
            let known = vault.inner.catalog.provider(&draft.provider).cloned();
            let unknown = || {
                Error::field("provider", "unknown", "unknown provider; `strongroom provider list` lists all providers")
            };
            (known.ok_or_else(unknown)?, None)
        };
        provider.check_parameters(&draft.parameters).map_err(|error| parameter_fault(&error))?;
        let auth = provider.token.client_auth;
        let for_accounts = provider.token.grant == Grant::JwtBearer;
        // The key file of a service account comes with the registration or with each connection.
        if !for_accounts && (auth == ClientAuth::None) != draft.client_secret.is_none() {
            let message = match auth {
                ClientAuth::None => "must be absent: clients of this provider are public",
                _ => "must be given: clients of this provider have a secret",
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
            let message =
                "is a private key, but this provider expects a client secret; a private key must never be sent";
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
        let now = vault.inner.clock.now();
        let mut row = AppRow {
            id: AppId::generate(now, &*vault.inner.entropy),
            tenant,
            provider: draft.provider,
            definition,
            parameters: serde_json::to_string(&draft.parameters).unwrap_or_default(),
            client_id,
            client_secret: None,
            created_at: now,
            mac: [0; 32],
        };
        row.client_secret = draft.client_secret.map(|secret| vault.inner.sealer.seal_app_secret(&row, &secret));
        vault.inner.sealer.set_mac(&mut row);
        let entry = vault.entry(actor, tenant, Action::OauthAppCreate).with_target(row.id).with_digest(row.digest());
        match vault.within_deadline(vault.inner.store.insert_app(&row, entry)).await {
            Ok(()) => vault.shown_app(row),
            Err(Error::Store(StoreError::Conflict(_))) => Err(Error::NotFound { what: "tenant" }),
            Err(error) => Err(error),
        }
    }

    /// The tenant's registrations, oldest first. A row that is not genuine is skipped and logged.
    ///
    /// # Errors
    /// Storage errors only.
    pub async fn list(self) -> Result<Vec<App>, Error> {
        let Self { vault, tenant } = self;
        let rows = vault.inner.store.apps(tenant).await?;
        Ok(rows.into_iter().filter_map(|row| vault.shown_app(row).ok()).collect())
    }

    /// Removes a registration that has no connected accounts and no pending revocations.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::AppInUse`].
    pub async fn remove(self, actor: &Actor, id: AppId) -> Result<(), Error> {
        let Self { vault, tenant } = self;
        let entry = vault.entry(actor, tenant, Action::OauthAppRemove).with_target(id);
        match vault.within_deadline(vault.inner.store.delete_app(tenant, id, entry)).await {
            Err(Error::Store(StoreError::Conflict(Conflict::InUse(credentials)))) => {
                Err(Error::AppInUse { credentials })
            }
            Err(Error::Store(StoreError::Conflict(_))) => Err(Error::NotFound { what: "OAuth app" }),
            other => other,
        }
    }

    /// The providers of these plugins, in the same order. `None` for a plugin that connects no account.
    ///
    /// # Errors
    /// Storage errors only.
    pub async fn connectable(self, manifests: &[&Manifest]) -> Result<Vec<Option<Connectable>>, Error> {
        let Self { vault, tenant } = self;
        let wanted: Vec<_> = manifests.iter().map(|manifest| manifest.credentials.oauth2.as_ref()).collect();
        if wanted.iter().all(Option::is_none) {
            return Ok(wanted.iter().map(|_| None).collect());
        }
        let mut apps = vault.inner.store.apps(tenant).await?;
        apps.retain(|row| wanted.iter().flatten().any(|connect| connect.provider == row.provider));
        let known: Vec<Registration> = apps.into_iter().filter_map(|row| vault.registered(row).ok()).collect();
        Ok(wanted.into_iter().map(|connect| connect.map(|connect| vault.shown_provider(connect, &known))).collect())
    }
}

impl Vault {
    /// A usable registration: it exists, its row is genuine and its provider is still known.
    pub(crate) async fn registration(&self, tenant: TenantId, id: AppId) -> Result<Registration, Error> {
        let row = self.inner.store.app(tenant, id).await?.ok_or(Error::NotFound { what: "OAuth app" })?;
        self.registered(row)
    }

    /// The tenant's registration at a provider. If there are several, `named` must select one.
    pub(crate) async fn registration_at(
        &self,
        tenant: TenantId,
        provider: &str,
        named: Option<AppId>,
    ) -> Result<Registration, Error> {
        let mut rows: Vec<AppRow> = self.inner.store.apps(tenant).await?;
        rows.retain(|row| row.provider == provider && named.is_none_or(|id| id == row.id));
        match (rows.pop(), rows.is_empty()) {
            (Some(row), true) => self.registered(row),
            (None, _) => {
                let message = format!(
                    "no OAuth app for `{provider}` is registered; run `strongroom oauth-app create {provider}`"
                );
                Err(Error::field("app", "unknown", message))
            }
            (Some(_), false) => Err(Error::field("app", "ambiguous", "several OAuth apps are registered; name one")),
        }
    }

    fn shown_provider(&self, connect: &Connect, known: &[Registration]) -> Connectable {
        let app = known.iter().find(|app| app.row.provider == connect.provider);
        let registered = app.is_some();
        match app.map(|app| &app.client.provider).or_else(|| self.inner.catalog.provider(&connect.provider)) {
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

    /// The callback address of a registration.
    pub(crate) fn redirect_address(&self, id: AppId) -> Option<String> {
        let base = self.inner.public_url.as_ref()?;
        Some(format!("{}/api/auth/oauth/callback/{id}", base.as_str().trim_end_matches('/')))
    }

    fn registered(&self, row: AppRow) -> Result<Registration, Error> {
        if !self.inner.sealer.is_genuine(&row) {
            tracing::error!(app = %row.id, "the OAuth app's row was altered outside Strongroom; create it again");
            return Err(Error::NotFound { what: "OAuth app" });
        }
        let provider = match &row.definition {
            Some(text) => serde_json::from_str(text).ok().map(Arc::new),
            None => self.inner.catalog.provider(&row.provider).cloned(),
        };
        let provider = provider.ok_or_else(|| {
            tracing::warn!(app = %row.id, provider = row.provider, "the OAuth app's provider is no longer in the catalog");
            Error::Provider(format!("`{}` is not in the catalog", row.provider))
        })?;
        let parameters = serde_json::from_str(&row.parameters).unwrap_or_default();
        // Check again on use, because the catalogue may have become stricter.
        provider.check_parameters(&parameters).map_err(|error| parameter_fault(&error))?;
        let client = Client { id: row.client_id.clone(), provider, parameters };
        Ok(Registration { row, client })
    }

    fn shown_app(&self, row: AppRow) -> Result<App, Error> {
        let Registration { row, client: Client { id, provider, parameters } } = self.registered(row)?;
        Ok(App {
            id: row.id,
            title: provider.title.clone(),
            notices: provider.notices.clone(),
            redirect_address: self.redirect_address(row.id),
            provider: row.provider,
            client_id: id,
            parameters,
            created_at: row.created_at,
        })
    }
}

impl Sealer {
    pub(crate) fn seal_app_secret(&self, row: &AppRow, secret: &Secret<String>) -> Sealed {
        self.in_app_context(row, |context| self.seal(Kind::App, context, secret.expose().as_bytes()))
    }

    pub(crate) fn app_secret(&self, row: &AppRow) -> Result<Option<Secret<String>>, Error> {
        let Some(sealed) = &row.client_secret else { return Ok(None) };
        let bytes = self.in_app_context(row, |context| self.open(Kind::App, context, sealed));
        bytes.ok().and_then(|bytes| bytes.into_text().ok()).map(Some).ok_or(Error::Undecryptable)
    }

    fn in_app_context<T>(&self, row: &AppRow, then: impl FnOnce(&Context<'_>) -> T) -> T {
        then(&Context {
            instance: self.instance(),
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

/// Finds texts that cannot be a client secret of any provider.
fn fault_in_secret(secret: &Secret<String>) -> Option<&'static str> {
    let text = secret.expose().trim();
    if text.is_empty() {
        return Some("must not be empty");
    }
    text.starts_with('{')
        .then_some("is a JSON document; give only the secret (in Google's file: client_secret in `web`)")
}
