//! A vault for one test, with a plugin, two users and a manual clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;
use strongroom::{
    Actor, Credential, CredentialType, Draft, Error, Expected, Fields, Manifest, Opened, Owner, PluginName, Secret,
    TenantId, Vault,
};

use crate::ambient::{FakeClock, SeededEntropy};
use crate::support::{Dir, KEY, canary};

pub(crate) struct Fixture {
    pub(crate) vault: Vault,
    pub(crate) tenant: TenantId,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) dir: Dir,
}

pub(crate) const MANIFEST: &str = r#"{
    "title": "OpenAI", "access": "read", "hosts": ["api.openai.com"],
    "credentials": {
        "api-key": {"schema": {"type": "object", "required": ["api_key"], "properties": {
            "api_key": {"type": "string", "minLength": 4, "pattern": "^sk-"},
            "organization": {"type": "string", "x-secret": false},
            "webhook": {"type": "string", "x-secret": true}}}},
        "custom": {"schema": {"type": "object", "required": ["host"], "additionalProperties": true, "properties": {
            "host": {"type": "string", "format": "hostname", "x-secret": false},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535, "default": 5432, "x-secret": false},
            "tls": {"type": "boolean", "default": true, "x-secret": false},
            "certificate": {"type": "string", "x-secret": false, "x-widget": "pem", "x-visible-when": {"field": "tls", "in": ["true"]}},
            "password": {"type": "string"}}}},
        "oauth2": {"provider": "github", "scopes": ["repo"]}
    }
}"#;

/// Each instance has its own seed, so that no two installations are equal.
static SEED: AtomicU64 = AtomicU64::new(1000);

impl Fixture {
    pub(crate) async fn new(test: &str) -> Self {
        let (dir, clock) = (Dir::new(test), Arc::new(FakeClock::new()));
        let vault = open(&dir, &clock, SEED.fetch_add(1, Ordering::SeqCst)).await;
        let tenant = vault.tenants().get(&"default".parse().unwrap()).await.unwrap().id;
        let fixture = Self { vault, tenant, clock, dir };
        for plugin in ["openai", "stripe"] {
            fixture.register(plugin, MANIFEST).await.unwrap();
        }
        fixture
    }

    /// Reopens the same database, as after a restart.
    pub(crate) async fn reopened(self) -> Self {
        self.vault.close().await;
        let vault = open(&self.dir, &self.clock, SEED.fetch_add(1, Ordering::SeqCst)).await;
        Self { vault, ..self }
    }

    /// Opens the same database, as another process does.
    pub(crate) async fn elsewhere(&self) -> Vault {
        open(&self.dir, &self.clock, SEED.fetch_add(1, Ordering::SeqCst)).await
    }

    pub(crate) async fn register(&self, name: &str, manifest: &str) -> Result<bool, Error> {
        let manifest = Manifest::parse(manifest)?;
        let name = name.parse().unwrap();
        self.vault
            .plugins(self.tenant)
            .register(&Actor::host(), &name, manifest, Expected::Any)
            .await
            .map(|(_, was_there)| was_there)
    }

    pub(crate) fn owner(&self, user: &str) -> Owner {
        Owner { tenant: self.tenant, user: user.parse().unwrap() }
    }

    pub(crate) async fn save(&self, user: &str, name: &str) -> Result<Credential, Error> {
        self.vault.credentials(&self.owner(user)).create(&Actor::user(), draft(name), None).await
    }

    pub(crate) async fn open(&self, user: &str, plugin: &str, credential: &Credential) -> Result<Opened, Error> {
        let actor = Actor::plugin(plugin.parse::<PluginName>().unwrap());
        let permit = self.vault.credentials(&self.owner(user)).authorize(&actor, credential.id).await?;
        self.vault.open(permit).await
    }

    /// An attacker with write access to the database file.
    pub(crate) fn intruder(&self) -> Connection {
        Connection::open(self.dir.database()).unwrap()
    }
}

pub(crate) fn draft(name: &str) -> Draft {
    Draft {
        plugin: "openai".parse().unwrap(),
        kind: CredentialType::ApiKey,
        name: name.parse().unwrap(),
        fields: Fields::default().text("api_key", Secret::new(canary(name))),
    }
}

async fn open(dir: &Dir, clock: &Arc<FakeClock>, seed: u64) -> Vault {
    let builder = Vault::builder(&dir.database()).key(Secret::from(KEY)).clock(clock.clone());
    builder.entropy(Arc::new(SeededEntropy::new(seed))).open().await.unwrap()
}

pub(crate) fn text(opened: &Opened, field: &str) -> String {
    match opened.fields().get(field) {
        Some(strongroom::fields::Value::Text(text)) => text.expose().clone(),
        other => panic!("{field} is {other:?}"),
    }
}
