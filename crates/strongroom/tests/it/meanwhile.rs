//! What happens meanwhile: a credential is deleted while it is read or refreshed, a user goes while their account is being
//! connected, a manifest changes in another process, a breaker opens between two replays.

use std::sync::Arc;

use strongroom::console::ConsoleUser;
use strongroom::{Actor, CredentialType, Draft, Error, Expected, Fields, Manifest, PluginName, Secret, Token, Verdict};
use tokio::sync::Semaphore;

use crate::provider::{Policy, Simulated, Turn};
use crate::studio::{Studio, read};
use crate::support::CANARY;

const HOUR: i64 = 3_600_000;

/// Nobody is given a secret once its deletion, or its user's, was acknowledged.
#[tokio::test]
async fn what_was_granted_before_a_deletion_opens_nothing_after_it() {
    let studio = Studio::new("granted", Policy::Strict).await;
    let actor = Actor::plugin("mail".parse().unwrap());
    for whole_user in [false, true] {
        let credential = studio.connected("alice").await;
        let permit = studio.vault.authorize(&actor, &credential.owner, credential.id).await.unwrap();
        if whole_user {
            studio.vault.delete_user(&Actor::host(), &credential.owner).await.unwrap();
        } else {
            studio.vault.delete(&Actor::user(), &credential.owner, credential.id, None).await.unwrap();
        }
        assert!(matches!(studio.vault.open(permit).await, Err(Error::NotFound { .. })), "whole user: {whole_user}");
    }
}

/// What is revoked at the deletion is spent by then; what it became is revoked too.
#[tokio::test]
async fn a_grant_that_is_refreshed_while_its_credential_is_deleted_is_given_back() {
    let studio = Studio::new("given-back", Policy::Strict).await;
    let credential = studio.connected("alice").await;
    studio.clock.advance(HOUR);
    let (arrived, let_go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    studio.provider.next(Turn::Hold(arrived.clone(), let_go.clone()));
    let (vault, of) = (studio.vault.clone(), credential.clone());
    let reading = tokio::spawn(async move { read(&vault, &of).await.map(drop) });
    drop(arrived.acquire().await.unwrap());
    studio.vault.delete(&Actor::user(), &studio.owner("alice"), credential.id, None).await.unwrap();
    let_go.add_permits(1);
    assert!(matches!(reading.await.unwrap(), Err(Error::NotFound { .. })));
    studio.vault.sweep().await.unwrap();
    assert_eq!(studio.provider.living_families(), 0, "the grant lives on");
}

#[tokio::test]
async fn a_user_who_was_deleted_does_not_come_back_by_a_connection_under_way() {
    let studio = Studio::new("gone", Policy::Strict).await;
    studio.connected("alice").await;
    let start = studio.start(&studio.begin("alice", None).await.unwrap()).await.unwrap();
    let back = studio.vault.call_back(&Actor::host(), studio.app, studio.consent(&start)).await.unwrap();
    let (arrived, let_go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    studio.provider.next(Turn::Hold(arrived.clone(), let_go.clone()));
    let deleting = async {
        drop(arrived.acquire().await.unwrap());
        studio.vault.delete_user(&Actor::host(), &studio.owner("alice")).await.unwrap();
        let_go.add_permits(1);
    };
    let (completed, ()) = tokio::join!(studio.complete("alice", &back), deleting);
    assert!(matches!(completed, Err(Error::NotFound { what: "connection" })));
    assert!(studio.vault.users(studio.tenant, None, 10).await.unwrap().is_empty(), "the user is back");
    studio.vault.sweep().await.unwrap();
    assert_eq!(studio.provider.living_families(), 0, "what was granted lives on");
}

/// Also somebody who has stored nothing is deleted: their session at the console ends.
#[tokio::test]
async fn a_user_who_has_only_signed_in_can_be_deleted() {
    let studio = Studio::new("signed-in", Policy::Strict).await;
    let bob = ConsoleUser::User("bob".parse().unwrap());
    let link = studio.vault.invite(&Actor::operator(), studio.tenant, bob).await.unwrap();
    let (_, cookie): (_, Token) = studio.vault.sign_in(&Actor::anonymous(), &link).await.unwrap();
    studio.vault.delete_user(&Actor::host(), &studio.owner("bob")).await.unwrap();
    assert!(studio.vault.authenticate(&cookie).await.unwrap().is_none(), "still signed in");
}

fn probed(origin: &str) -> Manifest {
    let text = r#"{"title": "Probed", "access": "inject", "credentials": {"custom": {
        "schema": {"type": "object", "required": ["key"], "properties": {"key": {"type": "string"}}},
        "inject": [{"in": "header", "name": "Authorization", "template": "Key {{key}}"}],
        "test": {"method": "GET", "url": "ORIGIN/probe", "expect": [200]}}}}"#;
    Manifest::parse(&text.replace("ORIGIN", origin)).unwrap()
}

/// The command line takes a host out of the manifest that must not be trusted any more: the server sends nothing there.
#[tokio::test]
async fn a_test_goes_by_the_manifest_that_another_process_has_registered() {
    let studio = Studio::new("manifest", Policy::Strict).await;
    let (old, new) = (Simulated::new(Policy::Strict).await, Simulated::new(Policy::Strict).await);
    let plugin: PluginName = "probed".parse().unwrap();
    let register = async |vault: &strongroom::Vault, origin: &str| {
        vault.register(&Actor::operator(), studio.tenant, &plugin, probed(origin), Expected::Any).await.unwrap();
    };
    register(&studio.vault, &old.origin).await;
    let key = || Fields::default().text("key", Secret::new(format!("k-{CANARY}")));
    let (kind, name) = (CredentialType::Custom, "Work".parse().unwrap());
    let owner = studio.owner("alice");
    let draft = Draft { plugin: plugin.clone(), kind, name, fields: key() };
    let saved = studio.vault.save(&Actor::user(), &owner, draft, None).await.unwrap();
    register(&studio.elsewhere().await, &new.origin).await;
    let verdict = studio.vault.test(&Actor::user(), &owner, saved.id).await.unwrap();
    assert_eq!(verdict, Verdict::Unverified("test-changed".to_owned()));
    register(&studio.elsewhere().await, &old.origin).await;
    studio.vault.test(&Actor::user(), &owner, saved.id).await.unwrap();
    register(&studio.elsewhere().await, &new.origin).await;
    let asked = old.asked("/probe").len();
    let of = (&plugin, kind);
    studio.vault.test_draft(&Actor::user(), &owner, of, None, key()).await.unwrap();
    let stored = studio.vault.test_draft(&Actor::user(), &owner, of, Some(saved.id), Fields::default()).await.unwrap();
    assert_eq!(stored, Verdict::Unverified("test-changed".to_owned()));
    assert_eq!(old.asked("/probe").len(), asked, "the host that was taken out was called");
}

/// A replay that was cut off is the last, whatever else goes wrong before the next attempt.
#[tokio::test]
async fn a_breaker_between_two_replays_allows_no_third() {
    let studio = Studio::new("no-third", Policy::Strict).await;
    let credential = studio.connected("alice").await;
    let mut others = Vec::new();
    for user in ["b", "c", "d", "e", "f"] {
        others.push(studio.connected(user).await);
    }
    studio.clock.advance(HOUR);
    // As two interrupted refreshes leave it.
    let db = rusqlite::Connection::open(studio.dir.database()).unwrap();
    let sql =
        "UPDATE refresh SET state = 'ambiguous', lease_until = due_at, intent_at = due_at WHERE credential_id = ?1";
    assert_eq!(db.execute(sql, [credential.id.to_string()]).unwrap(), 1);
    for other in &others {
        studio.provider.next(Turn::Answer(503, "text/plain", String::new()));
        assert!(studio.read(other).await.is_err());
    }
    let shut = studio.read(&credential).await;
    assert!(matches!(&shut, Err(Error::Refresh { cause }) if cause == "temporarily_unavailable"), "{:?}", shut.err());
    studio.provider.up_again();
    studio.clock.advance(45_000);
    let before = studio.provider.asked("/token").len();
    let end = studio.read(&credential).await;
    assert!(matches!(&end, Err(Error::ReauthRequired { cause }) if cause == "interrupted-twice"), "{:?}", end.err());
    assert_eq!(studio.provider.asked("/token").len(), before);
}
