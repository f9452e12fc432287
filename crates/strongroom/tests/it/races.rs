//! Race conditions. A credential is deleted during a read or a refresh, or a user during a connection. Another process
//! changes a manifest. A circuit breaker opens between two replays.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use strongroom::console::ConsoleUser;
use strongroom::{
    Actor, Clock, CredentialType, Draft, Error, Expected, Fields, Manifest, PluginName, Secret, Token, Vault, Verdict,
};
use tokio::sync::Semaphore;

use crate::ambient::FakeClock;
use crate::oauth_fixture::{OauthFixture, open_at, query, read};
use crate::provider::{Policy, Simulated, Turn};
use crate::support::CANARY;

const HOUR: i64 = 3_600_000;

/// After a deletion of a credential or its user is acknowledged, its secret is never returned.
#[tokio::test]
async fn permit_opens_nothing_after_deletion() {
    let oauth = OauthFixture::new("granted", Policy::Strict).await;
    let actor = Actor::plugin("mail".parse().unwrap());
    for whole_user in [false, true] {
        let credential = oauth.connected("alice").await;
        let permit = oauth.vault.credentials(&credential.owner).authorize(&actor, credential.id).await.unwrap();
        if whole_user {
            oauth.vault.users(credential.owner.tenant).delete(&Actor::host(), &credential.owner.user).await.unwrap();
        } else {
            oauth.vault.credentials(&credential.owner).delete(&Actor::user(), credential.id, None).await.unwrap();
        }
        assert!(matches!(oauth.vault.open(permit).await, Err(Error::NotFound { .. })), "whole user: {whole_user}");
    }
}

/// The deletion revokes a token that the refresh has already replaced. The new token is revoked too.
#[tokio::test]
async fn grant_refreshed_during_delete_is_revoked() {
    let oauth = OauthFixture::new("given-back", Policy::Strict).await;
    let credential = oauth.connected("alice").await;
    oauth.clock.advance(HOUR);
    let (arrived, let_go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    oauth.provider.next(Turn::Hold(arrived.clone(), let_go.clone()));
    let (vault, of) = (oauth.vault.clone(), credential.clone());
    let reading = tokio::spawn(async move { read(&vault, &of).await.map(drop) });
    drop(arrived.acquire().await.unwrap());
    oauth.vault.credentials(&oauth.owner("alice")).delete(&Actor::user(), credential.id, None).await.unwrap();
    let_go.add_permits(1);
    assert!(matches!(reading.await.unwrap(), Err(Error::NotFound { .. })));
    oauth.vault.sweep().await.unwrap();
    assert_eq!(oauth.provider.living_families(), 0, "the grant lives on");
}

#[tokio::test]
async fn running_connection_does_not_restore_deleted_user() {
    let oauth = OauthFixture::new("gone", Policy::Strict).await;
    oauth.connected("alice").await;
    let start = oauth.start(&oauth.begin("alice", None).await.unwrap()).await.unwrap();
    let back = oauth.vault.handle_callback(&Actor::host(), oauth.app, oauth.consent(&start)).await.unwrap();
    let (arrived, let_go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    oauth.provider.next(Turn::Hold(arrived.clone(), let_go.clone()));
    let deleting = async {
        drop(arrived.acquire().await.unwrap());
        oauth
            .vault
            .users(oauth.owner("alice").tenant)
            .delete(&Actor::host(), &oauth.owner("alice").user)
            .await
            .unwrap();
        let_go.add_permits(1);
    };
    let (completed, ()) = tokio::join!(oauth.complete("alice", &back), deleting);
    assert!(matches!(completed, Err(Error::NotFound { what: "connection" })));
    assert!(oauth.vault.users(oauth.tenant).list(None, 10).await.unwrap().is_empty(), "the user is back");
    oauth.vault.sweep().await.unwrap();
    assert_eq!(oauth.provider.living_families(), 0, "what was granted lives on");
}

/// A clock that runs a hook once, in the middle of what another task does.
struct HookedClock {
    clock: Arc<FakeClock>,
    hook: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Clock for HookedClock {
    fn now(&self) -> Timestamp {
        let hook = self.hook.lock().unwrap().take();
        if let Some(hook) = hook {
            hook();
        }
        self.clock.now()
    }
}

/// Another process connects an account after the deletion has collected the grants to revoke. They include its grant.
async fn connected_during_deletion(test: &str, delete: impl AsyncFnOnce(&OauthFixture, &Vault)) {
    let oauth = OauthFixture::new(test, Policy::Strict).await;
    let start = oauth.start(&oauth.begin("alice", None).await.unwrap()).await.unwrap();
    let back = oauth.vault.handle_callback(&Actor::host(), oauth.app, oauth.consent(&start)).await.unwrap();
    let (id, code) = (query(&back, "connection").parse().unwrap(), Secret::new(query(&back, "code")));
    let (other, owner, runtime) = (oauth.elsewhere().await, oauth.owner("alice"), tokio::runtime::Handle::current());
    let connect = move || {
        let connecting = async move { other.connections(&owner).complete(&Actor::user(), id, &code).await.unwrap() };
        std::thread::spawn(move || runtime.block_on(connecting)).join().unwrap();
    };
    let clock = Arc::new(HookedClock { clock: oauth.clock.clone(), hook: Mutex::new(None) });
    let vault = open_at(&oauth.dir.database(), &clock, &oauth.toml, 77).await;
    *clock.hook.lock().unwrap() = Some(Box::new(connect));
    delete(&oauth, &vault).await;
    assert!(clock.hook.lock().unwrap().is_none(), "nothing was connected meanwhile");
    oauth.vault.sweep().await.unwrap();
    assert_eq!(oauth.provider.living_families(), 0, "the grant lives on");
}

#[tokio::test(flavor = "multi_thread")]
async fn account_connected_during_user_deletion_is_revoked() {
    connected_during_deletion("user-race", async |oauth, vault| {
        vault.users(oauth.owner("alice").tenant).delete(&Actor::host(), &oauth.owner("alice").user).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn account_connected_during_plugin_removal_is_revoked() {
    connected_during_deletion("plugin-race", async |oauth, vault| {
        vault.plugins(oauth.tenant).remove(&Actor::host(), &"mail".parse().unwrap(), true).await.unwrap();
    })
    .await;
}

/// A user without stored credentials can be deleted too, which ends their console session.
#[tokio::test]
async fn user_without_credentials_can_be_deleted() {
    let oauth = OauthFixture::new("signed-in", Policy::Strict).await;
    let bob = ConsoleUser::User("bob".parse().unwrap());
    let link = oauth.vault.console().invite(&Actor::operator(), oauth.tenant, bob).await.unwrap();
    let (_, cookie): (_, Token) = oauth.vault.console().sign_in(&Actor::anonymous(), &link).await.unwrap();
    oauth.vault.users(oauth.owner("bob").tenant).delete(&Actor::host(), &oauth.owner("bob").user).await.unwrap();
    assert!(oauth.vault.authenticate(&cookie).await.unwrap().is_none(), "still signed in");
}

fn probed(origin: &str) -> Manifest {
    let text = r#"{"title": "Probed", "access": "inject", "credentials": {"custom": {
        "schema": {"type": "object", "required": ["key"], "properties": {"key": {"type": "string"}}},
        "inject": [{"in": "header", "name": "Authorization", "template": "Key {{key}}"}],
        "test": {"method": "GET", "url": "ORIGIN/probe", "expect": [200]}}}}"#;
    Manifest::parse(&text.replace("ORIGIN", origin)).unwrap()
}

/// The command line removes an untrusted host from the manifest. The running server then sends nothing to that host.
#[tokio::test]
async fn probe_uses_manifest_of_another_process() {
    let oauth = OauthFixture::new("manifest", Policy::Strict).await;
    let (old, new) = (Simulated::new(Policy::Strict).await, Simulated::new(Policy::Strict).await);
    let plugin: PluginName = "probed".parse().unwrap();
    let register = async |vault: &strongroom::Vault, origin: &str| {
        vault.plugins(oauth.tenant).register(&Actor::operator(), &plugin, probed(origin), Expected::Any).await.unwrap();
    };
    register(&oauth.vault, &old.origin).await;
    let key = || Fields::default().text("key", Secret::new(format!("k-{CANARY}")));
    let (kind, name) = (CredentialType::Custom, "Work".parse().unwrap());
    let owner = oauth.owner("alice");
    let draft = Draft { plugin: plugin.clone(), kind, name, fields: key() };
    let saved = oauth.vault.credentials(&owner).create(&Actor::user(), draft, None).await.unwrap();
    register(&oauth.elsewhere().await, &new.origin).await;
    let verdict = oauth.vault.credentials(&owner).test(&Actor::user(), saved.id).await.unwrap();
    assert_eq!(verdict, Verdict::Unverified("test-changed".to_owned()));
    register(&oauth.elsewhere().await, &old.origin).await;
    oauth.vault.credentials(&owner).test(&Actor::user(), saved.id).await.unwrap();
    register(&oauth.elsewhere().await, &new.origin).await;
    let asked = old.asked("/probe").len();
    let of = (&plugin, kind);
    oauth.vault.credentials(&owner).test_draft(&Actor::user(), of, None, key()).await.unwrap();
    let stored = oauth
        .vault
        .credentials(&owner)
        .test_draft(&Actor::user(), of, Some(saved.id), Fields::default())
        .await
        .unwrap();
    assert_eq!(stored, Verdict::Unverified("test-changed".to_owned()));
    assert_eq!(old.asked("/probe").len(), asked, "the host that was taken out was called");
}

/// A replay that was interrupted is the last one, even if another error occurs before the next attempt.
#[tokio::test]
async fn breaker_between_replays_allows_no_third() {
    let oauth = OauthFixture::new("no-third", Policy::Strict).await;
    let credential = oauth.connected("alice").await;
    let mut others = Vec::new();
    for user in ["b", "c", "d", "e", "f"] {
        others.push(oauth.connected(user).await);
    }
    oauth.clock.advance(HOUR);
    // The state after two interrupted refreshes.
    let db = rusqlite::Connection::open(oauth.dir.database()).unwrap();
    let sql =
        "UPDATE refresh SET state = 'ambiguous', lease_until = due_at, intent_at = due_at WHERE credential_id = ?1";
    assert_eq!(db.execute(sql, [credential.id.to_string()]).unwrap(), 1);
    for other in &others {
        oauth.provider.next(Turn::Answer(503, "text/plain", String::new()));
        assert!(oauth.read(other).await.is_err());
    }
    let shut = oauth.read(&credential).await;
    assert!(matches!(&shut, Err(Error::Refresh { cause }) if cause == "temporarily_unavailable"), "{:?}", shut.err());
    oauth.provider.up_again();
    oauth.clock.advance(45_000);
    let before = oauth.provider.asked("/token").len();
    let end = oauth.read(&credential).await;
    assert!(matches!(&end, Err(Error::ReauthRequired { cause }) if cause == "interrupted-twice"), "{:?}", end.err());
    assert_eq!(oauth.provider.asked("/token").len(), before);
}
