//! Credential tests: each response maps to one of three verdicts, and the secret is sent only where the manifest says.

use std::sync::Arc;

use strongroom::oauth::EgressPolicy;
use strongroom::{
    Actor, CredentialType, Draft, Error, Expected, Fields, Manifest, Owner, PluginName, Secret, TenantId, Vault,
    Verdict,
};

use crate::ambient::FakeClock;
use crate::oauth_fixture::OauthFixture;
use crate::provider::{Policy, Simulated, Turn};
use crate::support::{CANARY, Dir, KEY};

struct Bench {
    vault: Vault,
    tenant: TenantId,
    provider: Arc<Simulated>,
    _dir: Dir,
}

impl Bench {
    async fn new(test: &str) -> Self {
        let (dir, provider) = (Dir::new(test), Simulated::new(Policy::Strict).await);
        let builder = Vault::builder(&dir.database()).key(Secret::from(KEY)).clock(Arc::new(FakeClock::new()));
        let vault = builder.egress_policy(EgressPolicy { loopback: true, networks: Vec::new() }).open().await.unwrap();
        let tenant = vault.tenants().get(&"default".parse().unwrap()).await.unwrap().id;
        let bench = Self { vault, tenant, provider, _dir: dir };
        bench.register(&bench.provider.origin).await;
        bench
    }

    /// Registers the plugin with its test call at this origin.
    async fn register(&self, origin: &str) {
        let manifest = format!(
            r#"{{"title": "Probed", "access": "inject", "credentials": {{"custom": {{
                "schema": {{"type": "object", "required": ["key"], "properties": {{
                    "key": {{"type": "string"}}, "user": {{"type": "string", "x-secret": false}}}}}},
                "inject": [{{"in": "header", "name": "X-Api-Key", "template": "Key {{{{key}}}}"}},
                    {{"in": "basic", "username": "{{{{user}}}}", "password": "{{{{key}}}}"}}],
                "test": {{"method": "GET", "url": "{origin}/probe", "expect": [200]}}}}}}}}"#
        );
        let manifest = Manifest::parse(&manifest).unwrap();
        let (host, plugin) = (Actor::host(), plugin());
        self.vault.plugins(self.tenant).register(&host, &plugin, manifest, Expected::Any).await.unwrap();
    }

    fn owner(&self, user: &str) -> Owner {
        Owner { tenant: self.tenant, user: user.parse().unwrap() }
    }

    async fn save(&self, fields: Fields) -> strongroom::Credential {
        let (kind, name) = (CredentialType::Custom, "Work".parse().unwrap());
        let draft = Draft { plugin: plugin(), kind, name, fields };
        self.vault.credentials(&self.owner("alice")).create(&Actor::user(), draft, None).await.unwrap()
    }

    async fn try_out(
        &self,
        user: &str,
        stored: Option<strongroom::CredentialId>,
        fields: Fields,
    ) -> Result<Verdict, Error> {
        let what = (&plugin(), CredentialType::Custom);
        self.vault.credentials(&self.owner(user)).test_draft(&Actor::user(), what, stored, fields).await
    }
}

fn plugin() -> PluginName {
    "probed".parse().unwrap()
}

fn fields(user: &str) -> Fields {
    Fields::default().text("key", Secret::new(format!("k-{CANARY}"))).text("user", Secret::from(user))
}

#[tokio::test]
async fn probe_answer_has_one_of_three_results() {
    let bench = Bench::new("verdicts").await;
    let rejected = |cause: &str| Verdict::Rejected(cause.to_owned());
    let unverified = |cause: &str| Verdict::Unverified(cause.to_owned());
    for (status, body, verdict) in [
        (200, "{}", Verdict::Accepted),
        (401, "", rejected("http-401")),
        (403, "{}", rejected("http-403")),
        (404, "", unverified("http-404")),
        (500, "<b>x</b>", unverified("http-500")),
        (302, "", unverified("http-302")),
        (200, r#"{"ok":false,"error":"invalid_auth"}"#, rejected("not-ok")),
        (200, r#"{"errors":[{"message":"x"}],"data":null}"#, unverified("answered-errors")),
    ] {
        bench.provider.next(Turn::Answer(status, "application/json", body.to_owned()));
        assert_eq!(bench.try_out("alice", None, fields("ann")).await.unwrap(), verdict, "{status} {body}");
    }
    bench.provider.next(Turn::Half);
    assert_eq!(bench.try_out("alice", None, fields("ann")).await.unwrap(), Verdict::Unverified("no-answer".to_owned()));
    assert!(matches!(bench.try_out("alice", None, Fields::default()).await, Err(Error::Fields(_))));
}

#[tokio::test]
async fn probe_uses_changed_fields_and_saves_nothing() {
    let bench = Bench::new("probe").await;
    let saved = bench.save(fields("ann")).await;
    let test = async |user: &str| bench.vault.credentials(&bench.owner(user)).test(&Actor::user(), saved.id).await;
    assert_eq!(test("alice").await.unwrap(), Verdict::Accepted);
    assert!(matches!(test("bob").await, Err(Error::NotFound { .. })));
    // A stored secret replaces an absent one; an entered value takes precedence.
    let changed = Fields::default().text("user", Secret::from("zoe"));
    assert_eq!(bench.try_out("alice", Some(saved.id), changed).await.unwrap(), Verdict::Accepted);
    let changed = Fields::default().text("user", Secret::from("eve"));
    assert!(matches!(bench.try_out("bob", Some(saved.id), changed).await, Err(Error::NotFound { .. })));
    let sent: Vec<String> =
        bench.provider.asked("/probe").into_iter().filter_map(|asked| asked.authorization).collect();
    let basic = |user: &str| format!("Basic {}", data_encoding::BASE64.encode(format!("{user}:k-{CANARY}").as_bytes()));
    assert_eq!(sent, [basic("ann"), basic("zoe")]);
    let shown = bench.vault.credentials(&bench.owner("alice")).get(&Actor::user(), saved.id).await.unwrap();
    assert_eq!((shown.revision, shown.settings["user"].as_str()), (1, Some("ann")));
    let filter = strongroom::AuditFilter { limit: 100, ..Default::default() };
    let events = bench.vault.audit(bench.tenant).page(&Actor::host(), &filter).await.unwrap().events;
    let tests: Vec<&str> =
        events.iter().filter(|event| event.action == "credential.test").map(|event| &*event.decision).collect();
    assert_eq!(tests, ["denied", "allowed", "denied", "allowed"], "each use is in the log, newest first");
}

/// Attack: change the manifest with a (stolen) host key, so that a test sends stored secrets to the attacker. Reading a
/// secret needs a plugin key, and the log records the creation of that key.
#[tokio::test]
async fn stored_secret_is_probed_at_its_original_host_only() {
    let bench = Bench::new("probe-moved").await;
    let saved = bench.save(fields("ann")).await;
    let thief = Simulated::new(Policy::Strict).await;
    bench.register(&thief.origin).await;
    let changed = Verdict::Unverified("test-changed".to_owned());
    let test = async || bench.vault.credentials(&bench.owner("alice")).test(&Actor::user(), saved.id).await.unwrap();
    assert_eq!(test().await, changed);
    let typed = Fields::default().text("user", Secret::from("zoe"));
    assert_eq!(bench.try_out("alice", Some(saved.id), typed).await.unwrap(), changed);
    // A change of fields that are not secret does not change the allowed host.
    let rename = strongroom::Change { name: None, fields: Fields::default().text("user", Secret::from("eve")) };
    bench.vault.credentials(&bench.owner("alice")).update(&Actor::user(), saved.id, None, rename).await.unwrap();
    assert_eq!(test().await, changed);
    assert!(thief.asked("/probe").is_empty());
    // A secret entered again is bound to the current manifest.
    let anew = strongroom::Change { name: None, fields: Fields::default().text("key", Secret::from("k-2")) };
    bench.vault.credentials(&bench.owner("alice")).update(&Actor::user(), saved.id, None, anew).await.unwrap();
    assert_eq!(test().await, Verdict::Accepted);
}

#[tokio::test]
async fn connected_token_is_probed_at_its_provider_only() {
    let oauth = OauthFixture::new("probe-elsewhere", Policy::Strict).await;
    let thief = Simulated::new(Policy::Strict).await;
    let credential = oauth.connected("alice").await;
    let test =
        async || oauth.vault.credentials(&oauth.owner("alice")).test(&Actor::user(), credential.id).await.unwrap();
    for (origin, verdict) in
        [(&thief.origin, Verdict::Unverified("test-elsewhere".to_owned())), (&oauth.provider.origin, Verdict::Accepted)]
    {
        let manifest = format!(
            r#"{{"title": "Mail", "access": "inject", "return_addresses": ["https://app.example.com/plugins/mail"],
            "credentials": {{"oauth2": {{"provider": "sim", "scopes": [],
            "test": {{"method": "GET", "url": "{origin}/probe", "expect": [200]}}}}}}}}"#
        );
        let (plugin, manifest) = ("mail".parse().unwrap(), Manifest::parse(&manifest).unwrap());
        oauth.vault.plugins(oauth.tenant).register(&Actor::host(), &plugin, manifest, Expected::Any).await.unwrap();
        assert_eq!(test().await, verdict);
    }
    assert!(thief.asked("/probe").is_empty());
}

#[tokio::test]
async fn connected_account_probe_follows_the_provider_file() {
    let more = |origin: &str| format!("[test]\nurl = \"{origin}/probe\"\n");
    let plain = OauthFixture::new("probe-connected", Policy::Strict).await;
    let toml = format!("{}{}", plain.toml, more(&plain.provider.origin));
    let seed = 77_001;
    let vault = crate::oauth_fixture::open_at(&plain.dir.database(), &plain.clock, &toml, seed).await;
    let oauth = OauthFixture { vault, ..plain };
    let credential = oauth.connected("alice").await;
    let test =
        async || oauth.vault.credentials(&oauth.owner("alice")).test(&Actor::user(), credential.id).await.unwrap();
    assert_eq!(test().await, Verdict::Accepted);
    let first = oauth.provider.asked("/probe").pop().unwrap().authorization.unwrap();
    assert!(first.starts_with("Bearer at-"));
    oauth.clock.advance(3_600_000);
    assert_eq!(test().await, Verdict::Accepted, "refreshed before");
    assert_ne!(oauth.provider.asked("/probe").pop().unwrap().authorization.unwrap(), first);
    oauth.provider.next(Turn::Answer(401, "text/plain", String::new()));
    assert_eq!(test().await, Verdict::Rejected("http-401".to_owned()));
}
