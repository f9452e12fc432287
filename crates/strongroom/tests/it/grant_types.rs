//! Other grant types: device flow, service account key file, and private-key client authentication.

use std::sync::Arc;

use serde_json::Value as Json;
use strongroom::oauth::app::AppDraft;
use strongroom::oauth::connection::{Connecting, Connection, ConnectionDraft, Flow, IfConnected, Status};
use strongroom::{Actor, Catalog, Error, Expected, Manifest, Secret, Vault};
use tokio::sync::Semaphore;

use crate::fixture::text;
use crate::oauth_fixture::OauthFixture;
use crate::provider::{Policy, Turn};
use crate::support::{CANARY, KEY};

/// A key made for this test only.
const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4xlOA1HC0NDVcBj4\n\
    HiZ87RW4iT7VHOraiQVDxlWXi9ihRANCAASIW3bLxoWLm29uOW34j86HNtVAuA7j\n\
    FAuwXKr/HIcpZvY4Igfu+5gDzslD3bRYxEZtRdW0PBzjHlPZrkvxfA34\n-----END PRIVATE KEY-----\n";

pub(crate) fn key_file() -> Secret<String> {
    let file = serde_json::json!({
        "type": "service_account", "private_key": PEM, "private_key_id": "kid-1", "note": CANARY,
        "client_email": "robot@project.example", "token_uri": "https://evil.example/token",
    });
    Secret::new(file.to_string())
}

fn draft(plugin: &str, flow: Flow, key_file: Option<Secret<String>>) -> ConnectionDraft {
    ConnectionDraft {
        plugin: plugin.parse().unwrap(),
        name: "Work".parse().unwrap(),
        credential: None,
        app: None,
        scopes: Vec::new(),
        return_address: None,
        flow,
        if_connected: IfConnected::Create,
        key_file,
    }
}

async fn device(test: &str) -> OauthFixture {
    let oauth = OauthFixture::new(test, Policy::Strict).await;
    let more = format!("[device]\nurl = \"{}/device\"\n", oauth.provider.origin);
    let toml = format!("{}{more}", oauth.toml);
    let vault = vault_with(&oauth, "sim", &toml).await;
    register(&vault, oauth.tenant, true).await;
    OauthFixture { vault, toml, ..oauth }
}

async fn register(vault: &Vault, tenant: strongroom::TenantId, device: bool) {
    let manifest = format!(
        r#"{{"title": "Mail", "access": "read",
        "credentials": {{"oauth2": {{"provider": "sim", "scopes": ["mail.read", "mail.send"], "device": {device}}}}}}}"#
    );
    let (plugin, manifest) = ("mail".parse().unwrap(), Manifest::parse(&manifest).unwrap());
    vault.plugins(tenant).register(&Actor::host(), &plugin, manifest, Expected::Any).await.unwrap();
}

async fn vault_with(oauth: &OauthFixture, name: &str, toml: &str) -> Vault {
    let egress_policy = strongroom::oauth::EgressPolicy { loopback: true, networks: Vec::new() };
    let builder = Vault::builder(&oauth.dir.database()).key(Secret::from(KEY)).clock(oauth.clock.clone());
    let catalog = Catalog::built_in().unwrap().with("sim", &oauth.toml).unwrap().with(name, toml).unwrap();
    builder
        .catalog(catalog)
        .egress_policy(egress_policy)
        .public_url("http://127.0.0.1:8420".parse().unwrap())
        .open()
        .await
        .unwrap()
}

async fn prompted(oauth: &OauthFixture) -> Connection {
    let draft = draft("mail", Flow::Device, None);
    match oauth.vault.connections(&oauth.owner("alice")).create(&Actor::user(), draft).await.unwrap() {
        Connecting::Prompted(connection) => connection,
        other => panic!("{other:?}"),
    }
}

async fn ask(oauth: &OauthFixture, user: &str, connection: &Connection) -> Result<Connection, Error> {
    oauth.vault.connections(&oauth.owner(user)).get(&Actor::user(), connection.id).await
}

fn says(oauth: &OauthFixture, error: &str) {
    oauth.provider.next(Turn::Answer(400, "application/json", format!(r#"{{"error":"{error}"}}"#)));
}

#[tokio::test]
async fn device_flow_connects_with_a_user_code() {
    let oauth = device("device").await;
    let begun = prompted(&oauth).await;
    let prompt = begun.prompt.clone().unwrap();
    assert_eq!(prompt.user_code, "WDJB-MJHT");
    assert!(prompt.complete_address.unwrap().ends_with("?c=1"));
    let [asked] = oauth.provider.asked("/device").try_into().unwrap();
    assert_eq!(asked.member("scope").as_deref(), Some("mail.read mail.send"));
    assert!(asked.member("client_secret").is_some(), "a confidential client says who it is (RFC 8628 3.1)");

    let polls = || oauth.provider.asked("/token").len();
    assert_eq!(ask(&oauth, "alice", &begun).await.unwrap().status, Status::Waiting);
    assert_eq!(polls(), 0, "not before the interval is over");
    oauth.clock.advance(5_000);
    says(&oauth, "authorization_pending");
    let waiting = ask(&oauth, "alice", &begun).await.unwrap();
    assert_eq!((waiting.status, waiting.prompt.is_some(), polls()), (Status::Waiting, true, 1));
    ask(&oauth, "alice", &begun).await.unwrap();
    assert_eq!(polls(), 1);
    oauth.clock.advance(5_000);
    says(&oauth, "slow_down");
    ask(&oauth, "alice", &begun).await.unwrap();
    assert_eq!(polls(), 2);
    oauth.clock.advance(5_000);
    ask(&oauth, "alice", &begun).await.unwrap();
    assert_eq!(polls(), 2, "five seconds more, for good (RFC 8628 3.5)");
    assert!(matches!(ask(&oauth, "bob", &begun).await, Err(Error::NotFound { .. })));
    oauth.clock.advance(5_000);
    let connected = ask(&oauth, "alice", &begun).await.unwrap();
    assert_eq!((connected.status, polls()), (Status::Connected, 3));
    let asked = oauth.provider.asked("/token").pop().unwrap();
    assert!(asked.member("device_code").unwrap().starts_with("dc-"));
    let credential = oauth
        .vault
        .credentials(&oauth.owner("alice"))
        .get(&Actor::user(), connected.credential.unwrap())
        .await
        .unwrap();
    assert_eq!(credential.account.as_deref(), Some("account-1@example.com"));
    assert!(text(&oauth.read(&credential).await.unwrap(), "access_token").starts_with("at-"));
    oauth.clock.advance(3_600_000);
    assert!(oauth.read(&credential).await.is_ok(), "the same life as any other");
}

/// Concurrent polls send the device code once per interval and store the result once.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_polls_are_merged() {
    let oauth = device("device-many").await;
    let begun = prompted(&oauth).await;
    oauth.clock.advance(5_000);
    let asking = (0..20).map(|_| {
        let (vault, owner, id) = (oauth.vault.clone(), oauth.owner("alice"), begun.id);
        tokio::spawn(async move { vault.connections(&owner).get(&Actor::user(), id).await.unwrap().status })
    });
    for asked in asking.collect::<Vec<_>>() {
        asked.await.unwrap();
    }
    assert_eq!(oauth.provider.asked("/token").len(), 1);
    assert_eq!(ask(&oauth, "alice", &begun).await.unwrap().status, Status::Connected);
    let filter = strongroom::CredentialFilter { limit: 10, ..Default::default() };
    assert_eq!(
        oauth.vault.credentials(&oauth.owner("alice")).list(&Actor::user(), filter).await.unwrap().credentials.len(),
        1
    );
}

/// The response with the tokens takes longer than the poll interval. No second poll starts, and the tokens are stored.
#[tokio::test(flavor = "multi_thread")]
async fn slow_device_answer_is_not_lost() {
    let oauth = device("device-slow").await;
    let begun = prompted(&oauth).await;
    oauth.clock.advance(5_000);
    let (arrived, let_go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    oauth.provider.next(Turn::Hold(arrived.clone(), let_go.clone()));
    let (vault, owner, id) = (oauth.vault.clone(), oauth.owner("alice"), begun.id);
    let first = tokio::spawn(async move { vault.connections(&owner).get(&Actor::user(), id).await.unwrap().status });
    drop(arrived.acquire().await.unwrap());
    oauth.clock.advance(15_000);
    assert_eq!(ask(&oauth, "alice", &begun).await.unwrap().status, Status::Waiting);
    assert_eq!(oauth.provider.asked("/token").len(), 1, "one question at a time");
    let_go.add_permits(1);
    assert_eq!(first.await.unwrap(), Status::Connected);
    assert_eq!(ask(&oauth, "alice", &begun).await.unwrap().status, Status::Connected);
}

#[tokio::test]
async fn device_flow_failure_has_a_cause() {
    let oauth = device("device-ends").await;
    for (error, cause) in [("access_denied", "access_denied"), ("expired_token", "expired_token")] {
        let begun = prompted(&oauth).await;
        oauth.clock.advance(5_000);
        says(&oauth, error);
        let ended = ask(&oauth, "alice", &begun).await.unwrap();
        assert_eq!((ended.status, ended.cause.as_deref()), (Status::Failed, Some(cause)));
        oauth.clock.advance(60_000);
        let polls = oauth.provider.asked("/token").len();
        assert_eq!(ask(&oauth, "alice", &begun).await.unwrap().status, Status::Failed);
        assert_eq!(oauth.provider.asked("/token").len(), polls, "the provider was polled after the end");
    }
    // During an outage, polling continues less often. An expired device code ends the connection.
    let begun = prompted(&oauth).await;
    oauth.clock.advance(5_000);
    oauth.provider.next(Turn::Answer(503, "text/html", "<h1>down</h1>".to_owned()));
    assert_eq!(ask(&oauth, "alice", &begun).await.unwrap().status, Status::Waiting);
    oauth.clock.advance(900_000);
    assert_eq!(ask(&oauth, "alice", &begun).await.unwrap().status, Status::Expired);
    // The plugin does not allow the device flow, or the provider does not support it.
    let plain = OauthFixture::new("device-none", Policy::Strict).await;
    register(&oauth.vault, oauth.tenant, false).await;
    register(&plain.vault, plain.tenant, true).await;
    for oauth in [&oauth, &plain] {
        let draft = draft("mail", Flow::Device, None);
        let refused = oauth.vault.connections(&oauth.owner("alice")).create(&Actor::user(), draft).await;
        assert!(matches!(refused, Err(Error::Fields(faults)) if faults[0].field == "flow"));
    }
}

/// Status of a redirect flow, for the page that polls it.
#[tokio::test]
async fn connection_reports_its_result() {
    let oauth = OauthFixture::new("status", Policy::Strict).await;
    let status = async |id| {
        let found = oauth.vault.connections(&oauth.owner("alice")).get(&Actor::user(), id).await.unwrap();
        (found.status, found.cause, found.credential)
    };
    let begun = oauth.begin("alice", None).await.unwrap();
    assert_eq!(status(begun.id).await, (Status::Waiting, None, None));
    let start = oauth.start(&begun).await.unwrap();
    let back = oauth.vault.handle_callback(&Actor::anonymous(), oauth.app, oauth.consent(&start)).await.unwrap();
    assert_eq!(status(begun.id).await.0, Status::Returned);
    let credential = oauth.complete("alice", &back).await.unwrap();
    assert_eq!(status(begun.id).await, (Status::Connected, None, Some(credential.id)));
    // The user denied consent at the provider.
    let begun = oauth.begin("alice", None).await.unwrap();
    let start = oauth.start(&begun).await.unwrap();
    let denied = strongroom::oauth::connection::Callback {
        error: Some("access_denied".to_owned()),
        code: None,
        ..oauth.consent(&start)
    };
    oauth.vault.handle_callback(&Actor::anonymous(), oauth.app, denied).await.unwrap();
    assert_eq!(status(begun.id).await, (Status::Failed, Some("access_denied".to_owned()), None));
    // The token exchange was refused, and a connection expired without a callback.
    let begun = oauth.begin("alice", None).await.unwrap();
    let start = oauth.start(&begun).await.unwrap();
    let back = oauth.vault.handle_callback(&Actor::anonymous(), oauth.app, oauth.consent(&start)).await.unwrap();
    says(&oauth, "invalid_grant");
    assert!(oauth.complete("alice", &back).await.is_err());
    assert_eq!(status(begun.id).await, (Status::Failed, Some("invalid_grant".to_owned()), None));
    let begun = oauth.begin("alice", None).await.unwrap();
    oauth.clock.advance(600_000);
    assert_eq!(status(begun.id).await.0, Status::Expired);
    let strangers = oauth.vault.connections(&oauth.owner("bob")).get(&Actor::user(), begun.id).await;
    assert!(matches!(strangers, Err(Error::NotFound { .. })));
}

fn decoded(assertion: &str) -> (Json, Json) {
    let part = |at: usize| {
        let part = assertion.split('.').nth(at).unwrap();
        serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
    };
    (part(0), part(1))
}

#[tokio::test]
async fn service_account_connects_with_key_file() {
    let oauth = OauthFixture::new("service-account", Policy::Strict).await;
    let toml = format!(
        "title = \"Robots\"\ndocs = \"https://example.com\"\n[parameters.subject]\ntitle = \"For\"\npattern = \".*\"\n\
         default = \"\"\n[token]\nurl = \"{}/token\"\nclient_auth = \"none\"\ngrant = \"jwt-bearer\"\n",
        oauth.provider.origin
    );
    let vault = vault_with(&oauth, "robots", &toml).await;
    let manifest = r#"{"title": "Jobs", "access": "read",
        "credentials": {"oauth2": {"provider": "robots", "scopes": ["https://robots.example/run"]}}}"#;
    let (plugin, owner) = ("jobs".parse().unwrap(), oauth.owner("alice"));
    let manifest = Manifest::parse(manifest).unwrap();
    vault.plugins(oauth.tenant).register(&Actor::host(), &plugin, manifest, Expected::Any).await.unwrap();
    let connect =
        async |key| vault.connections(&owner).create(&Actor::user(), draft("jobs", Flow::Redirect, key)).await;
    let app = |id: Option<&str>, secret| AppDraft {
        provider: "robots".to_owned(),
        client_id: id.map(str::to_owned),
        client_secret: secret,
        parameters: Default::default(),
    };
    let create = async |draft| vault.apps(oauth.tenant).create(&Actor::host(), draft).await;

    // Each connection brings its own key file.
    let first = create(app(Some("robots"), None)).await.unwrap();
    assert!(matches!(connect(None).await, Err(Error::Fields(faults)) if faults[0].field == "key_file"));
    assert!(matches!(connect(Some(Secret::from("{}"))).await, Err(Error::Fields(_))));
    let Connecting::Connected(credential) = connect(Some(key_file())).await.unwrap() else {
        panic!("the connection needs no consent")
    };
    assert_eq!(credential.account.as_deref(), Some("robot@project.example"));
    let [asked] = oauth.provider.asked("/token").try_into().unwrap();
    assert!(asked.member("client_id").is_none() && asked.authorization.is_none(), "the assertion says who asks");
    let (header, claims) = decoded(&asked.member("assertion").unwrap());
    assert_eq!(header, serde_json::json!({"alg": "ES256", "typ": "JWT", "kid": "kid-1"}));
    assert_eq!(claims["aud"], format!("{}/token", oauth.provider.origin), "never what the file says");
    assert_eq!((&claims["iss"], &claims["sub"]), (&"robot@project.example".into(), &"robot@project.example".into()));
    assert_eq!(claims["scope"], "https://robots.example/run");
    assert!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap() <= 3600);

    let opened = crate::oauth_fixture::read(&vault, &credential).await.unwrap();
    let token = text(&opened, "access_token");
    assert!(!opened.fields().contains_key("key_file"), "a plugin gets tokens, not what makes them");
    oauth.clock.advance(3_600_000);
    let again = crate::oauth_fixture::read(&vault, &credential).await.unwrap();
    assert_ne!(text(&again, "access_token"), token, "made anew, from the key file that stays");
    vault.credentials(&owner).delete(&Actor::user(), credential.id, None).await.unwrap();
    vault.apps(oauth.tenant).remove(&Actor::host(), first.id).await.unwrap();

    // The registration has the key file, and the account in the file is the client id.
    assert!(create(app(Some("other"), Some(key_file()))).await.is_err(), "not the account that the file names");
    assert!(create(app(None, Some(Secret::from("hush")))).await.is_err());
    let second = create(app(None, Some(key_file()))).await.unwrap();
    assert_eq!(second.client_id, "robot@project.example");
    let Connecting::Connected(credential) = connect(None).await.unwrap() else {
        panic!("the connection needs no consent")
    };
    assert!(text(&crate::oauth_fixture::read(&vault, &credential).await.unwrap(), "access_token").starts_with("sa-"));
}

/// A provider without support for signed assertions would get the private key itself as a client secret.
#[tokio::test]
async fn private_key_is_never_sent() {
    let oauth = OauthFixture::new("key-as-secret", Policy::Strict).await;
    for secret in [Secret::from(PEM), key_file()] {
        let draft = AppDraft { client_secret: Some(secret), ..crate::oauth_fixture::app_draft() };
        let refused = oauth.vault.apps(oauth.tenant).create(&Actor::host(), draft).await;
        assert!(matches!(refused, Err(Error::Fields(faults)) if faults[0].field == "client_secret"));
    }
    let toml = "title = \"R\"\ndocs = \"https://example.com\"\n[token]\nurl = \"https://r.example/token\"\n\
                client_auth = \"basic\"\ngrant = \"jwt-bearer\"\n";
    assert!(Catalog::built_in().unwrap().with("r", toml).is_err(), "a file that would send a key file is refused");
}

#[tokio::test]
async fn client_authenticates_with_a_signature() {
    let oauth = OauthFixture::new("private-key-jwt", Policy::Strict).await;
    let toml = oauth
        .toml
        .replace("[token]\n", "[token]\nclient_auth = \"private-key-jwt\"\naudience = \"https://sim.example\"\n");
    let toml = toml.replace("[revoke]", "[revoke]\nstyle = \"rfc7009\"");
    let vault = vault_with(&oauth, "sim", &toml).await;
    vault.apps(oauth.tenant).remove(&Actor::host(), oauth.app).await.unwrap();
    let draft =
        |secret: &str| AppDraft { client_secret: Some(Secret::from(secret)), ..crate::oauth_fixture::app_draft() };
    let refused = vault.apps(oauth.tenant).create(&Actor::host(), draft("a-word")).await;
    assert!(matches!(refused, Err(Error::Fields(faults)) if faults[0].field == "client_secret"));
    let app = vault.apps(oauth.tenant).create(&Actor::host(), draft(PEM)).await.unwrap().id;
    let oauth = OauthFixture { vault, app, ..oauth };
    let credential = oauth.connected("alice").await;
    oauth.clock.advance(3_600_000);
    oauth.read(&credential).await.unwrap();
    oauth.vault.credentials(&oauth.owner("alice")).delete(&Actor::user(), credential.id, None).await.unwrap();
    oauth.vault.sweep().await.unwrap();
    let mut ids = std::collections::BTreeSet::new();
    for asked in oauth.provider.asked("/token").iter().chain(&oauth.provider.asked("/revoke")) {
        assert!(asked.member("client_secret").is_none() && asked.authorization.is_none());
        let kind = asked.member("client_assertion_type").unwrap();
        assert_eq!(kind, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        let (_, claims) = decoded(&asked.member("client_assertion").unwrap());
        assert_eq!((&claims["iss"], &claims["sub"]), (&"client-1".into(), &"client-1".into()));
        assert_eq!(claims["aud"], "https://sim.example", "one audience, letter by letter");
        assert!(claims.get("scope").is_none());
        ids.insert(claims["jti"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 3, "exchange, refresh and revocation, each with an id of its own");
}
