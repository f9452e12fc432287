//! A vault with a simulated provider, a plugin that connects accounts, a registration, and the browser's part of the
//! flow.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use strongroom::id::{AppId, ConnectionId, CredentialId};
use strongroom::oauth::EgressPolicy;
use strongroom::oauth::app::AppDraft;
use strongroom::oauth::connection::{Begun, Callback, Connecting, ConnectionDraft, IfConnected, Start};
use strongroom::{
    Actor, Catalog, Clock, Credential, Error, Expected, Manifest, Opened, Owner, PluginName, Secret, TenantId, Vault,
};
use url::Url;

use crate::ambient::{FakeClock, SeededEntropy};
use crate::provider::{Policy, Simulated};
use crate::support::{CANARY, Dir, KEY};

pub(crate) const BACK: &str = "https://app.example.com/plugins/mail";

const MANIFEST: &str = r#"{
    "title": "Mail", "access": "read", "return_addresses": ["https://app.example.com/plugins/mail"],
    "credentials": {"oauth2": {"provider": "sim", "scopes": ["mail.read", "mail.send"]}}
}"#;

static SEED: AtomicU64 = AtomicU64::new(500_000);

pub(crate) struct OauthFixture {
    pub(crate) vault: Vault,
    pub(crate) tenant: TenantId,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) dir: Dir,
    pub(crate) provider: Arc<Simulated>,
    pub(crate) app: AppId,
    pub(crate) toml: String,
}

impl OauthFixture {
    pub(crate) async fn new(test: &str, policy: Policy) -> Self {
        Self::with(test, policy, "").await
    }

    /// Appends `more` to the provider's file.
    pub(crate) async fn with(test: &str, policy: Policy, more: &str) -> Self {
        let (dir, clock, provider) = (Dir::new(test), Arc::new(FakeClock::new()), Simulated::new(policy).await);
        let toml = provider.toml(more);
        let vault = open(&dir, &clock, &toml).await;
        let tenant = vault.tenants().get(&"default".parse().unwrap()).await.unwrap().id;
        let manifest = Manifest::parse(MANIFEST).unwrap();
        let plugin: PluginName = "mail".parse().unwrap();
        vault.plugins(tenant).register(&Actor::host(), &plugin, manifest, Expected::Any).await.unwrap();
        let app = vault.apps(tenant).create(&Actor::host(), app_draft()).await.unwrap();
        Self { vault, tenant, clock, dir, provider, app: app.id, toml }
    }

    /// Opens the same database, as another process does.
    pub(crate) async fn elsewhere(&self) -> Vault {
        open(&self.dir, &self.clock, &self.toml).await
    }

    pub(crate) fn owner(&self, user: &str) -> Owner {
        Owner { tenant: self.tenant, user: user.parse().unwrap() }
    }

    pub(crate) async fn begin(&self, user: &str, credential: Option<CredentialId>) -> Result<Begun, Error> {
        self.begin_with(user, ConnectionDraft { credential, ..draft() }).await
    }

    pub(crate) async fn begin_with(&self, user: &str, draft: ConnectionDraft) -> Result<Begun, Error> {
        match self.vault.connections(&self.owner(user)).create(&Actor::user(), draft).await? {
            Connecting::Begun(begun) => Ok(begun),
            Connecting::Connected(_) | Connecting::Prompted(_) => panic!("another way"),
        }
    }

    pub(crate) async fn start(&self, begun: &Begun) -> Result<Start, Error> {
        let link = begun.start_address.rsplit('/').next().unwrap();
        self.vault.start(&Actor::anonymous(), &link.parse().unwrap()).await
    }

    /// The callback that the browser brings back after consent.
    pub(crate) fn consent(&self, start: &Start) -> Callback {
        let state = query(&start.authorize, "state");
        Callback {
            state: Secret::new(state),
            code: Some(Secret::new(format!("code-{CANARY}"))),
            error: None,
            iss: None,
            browser: Some(Secret::from(start.browser.expose().as_str())),
            query: Vec::new(),
        }
    }

    pub(crate) async fn complete(&self, user: &str, back: &Url) -> Result<Credential, Error> {
        let id: ConnectionId = query(back, "connection").parse().unwrap();
        let code = Secret::new(query(back, "code"));
        self.vault.connections(&self.owner(user)).complete(&Actor::user(), id, &code).await
    }

    /// Runs the complete flow.
    pub(crate) async fn connected(&self, user: &str) -> Credential {
        self.connect(user, None).await.unwrap()
    }

    pub(crate) async fn connect(&self, user: &str, credential: Option<CredentialId>) -> Result<Credential, Error> {
        self.connect_with(user, ConnectionDraft { credential, ..draft() }).await
    }

    pub(crate) async fn connect_with(&self, user: &str, draft: ConnectionDraft) -> Result<Credential, Error> {
        let start = self.start(&self.begin_with(user, draft).await?).await?;
        let back = self.vault.handle_callback(&Actor::host(), self.app, self.consent(&start)).await?;
        self.complete(user, &back).await
    }

    pub(crate) async fn read(&self, credential: &Credential) -> Result<Opened, Error> {
        read(&self.vault, credential).await
    }

    pub(crate) async fn actions(&self) -> Vec<String> {
        let filter = strongroom::AuditFilter { limit: 1000, ..Default::default() };
        let page = self.vault.audit(self.tenant).page(&Actor::host(), &filter).await.unwrap();
        let line = |event: &strongroom::audit::Event<'_>| match &event.reason {
            Some(reason) => format!("{} {reason}", event.action),
            None => event.action.to_string(),
        };
        page.events.iter().rev().map(line).collect()
    }
}

pub(crate) fn draft() -> ConnectionDraft {
    ConnectionDraft {
        plugin: "mail".parse().unwrap(),
        name: "Work".parse().unwrap(),
        credential: None,
        app: None,
        scopes: Vec::new(),
        return_address: None,
        flow: Default::default(),
        if_connected: IfConnected::Create,
        key_file: None,
    }
}

pub(crate) async fn read(vault: &Vault, credential: &Credential) -> Result<Opened, Error> {
    let actor = Actor::plugin(credential.plugin.clone());
    vault.open(vault.credentials(&credential.owner).authorize(&actor, credential.id).await?).await
}

pub(crate) fn app_draft() -> AppDraft {
    AppDraft {
        provider: "sim".to_owned(),
        client_id: Some("client-1".to_owned()),
        client_secret: Some(Secret::new(format!("cs-{CANARY}"))),
        parameters: Default::default(),
    }
}

pub(crate) fn query(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

async fn open(dir: &Dir, clock: &Arc<FakeClock>, toml: &str) -> Vault {
    open_at(&dir.database(), clock, toml, SEED.fetch_add(1, Ordering::SeqCst)).await
}

pub(crate) async fn open_at(database: &Path, clock: &Arc<impl Clock + 'static>, toml: &str, seed: u64) -> Vault {
    let builder = Vault::builder(database).key(Secret::from(KEY)).clock(clock.clone());
    let builder = builder
        .entropy(Arc::new(SeededEntropy::new(seed)))
        .egress_policy(EgressPolicy { loopback: true, networks: vec![] });
    let builder = builder.catalog(Catalog::built_in().unwrap().with("sim", toml).unwrap());
    builder.public_url(Url::parse("http://127.0.0.1:8420").unwrap()).open().await.unwrap()
}
