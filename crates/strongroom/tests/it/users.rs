//! Deleted users and their keys; API keys and sessions until they are revoked or expire.

use std::sync::Arc;
use std::time::Duration;

use strongroom::{Actor, Error, Expected, KeyOwner, Manifest, Secret, Token, Vault};

use crate::ambient::SeededEntropy;
use crate::fixture::{Fixture, MANIFEST, draft, text};
use crate::support::{KEY, canary};

#[tokio::test]
async fn deleted_user_can_return_with_a_new_key() {
    let fixture = Fixture::new("delete-user").await;
    let before = fixture.save("alice", "Work").await.unwrap();
    let alice = fixture.owner("alice");
    let (_, session) =
        fixture.vault.sessions(&alice).create(&Actor::host(), Duration::from_secs(60), Vec::new(), None).await.unwrap();
    fixture.vault.users(alice.tenant).delete(&Actor::host(), &alice.user).await.unwrap();
    assert!(matches!(
        fixture.vault.users(alice.tenant).delete(&Actor::host(), &alice.user).await,
        Err(Error::NotFound { .. })
    ));
    assert!(matches!(fixture.open("alice", "openai", &before).await, Err(Error::NotFound { .. })));
    assert!(fixture.vault.authenticate(&session).await.unwrap().is_none());
    let after = fixture.save("alice", "Work").await.unwrap();
    assert_eq!(text(&fixture.open("alice", "openai", &after).await.unwrap(), "api_key"), canary("Work"));
    assert!(fixture.vault.verify(true, None, &mut |_| {}).await.unwrap().findings.is_empty());
}

#[tokio::test]
async fn restored_row_of_deleted_user_does_not_open() {
    let fixture = Fixture::new("shredded").await;
    let saved = fixture.save("alice", "Work").await.unwrap();
    let db = fixture.intruder();
    db.execute_batch("CREATE TABLE backup AS SELECT * FROM credential").unwrap();
    fixture.vault.users(fixture.tenant).delete(&Actor::host(), &fixture.owner("alice").user).await.unwrap();
    fixture.save("alice", "Other").await.unwrap();
    db.execute_batch("INSERT INTO credential SELECT * FROM backup; DROP TABLE backup").unwrap();
    assert!(matches!(fixture.open("alice", "openai", &saved).await, Err(Error::Undecryptable)));
}

#[tokio::test]
async fn keys_and_sessions_work_until_revoked_or_expired() {
    let fixture = Fixture::new("keys").await;
    let (row, token) = fixture
        .vault
        .api_keys(fixture.tenant)
        .create(&Actor::host(), KeyOwner::Plugin("openai".parse().unwrap()), "a".parse().unwrap(), None)
        .await
        .unwrap();
    for _ in 0..2 {
        assert!(fixture.vault.authenticate(&token).await.unwrap().is_some());
    }
    fixture.vault.api_keys(fixture.tenant).revoke(&Actor::host(), &row.owner, row.id).await.unwrap();
    assert!(fixture.vault.authenticate(&token).await.unwrap().is_none(), "at once, though it was remembered");
    assert!(matches!(
        fixture.vault.api_keys(fixture.tenant).revoke(&Actor::host(), &row.owner, row.id).await,
        Err(Error::NotFound { .. })
    ));

    let (_, session) = fixture
        .vault
        .sessions(&fixture.owner("alice"))
        .create(&Actor::host(), Duration::from_secs(60), Vec::new(), None)
        .await
        .unwrap();
    assert!(fixture.vault.authenticate(&session).await.unwrap().is_some());
    fixture.clock.advance(60_000);
    assert!(fixture.vault.authenticate(&session).await.unwrap().is_none());
    let long = fixture
        .vault
        .sessions(&fixture.owner("alice"))
        .create(&Actor::host(), Duration::from_secs(1801), Vec::new(), None)
        .await;
    assert!(matches!(long, Err(Error::Fields(_))));
    let unknown = Token::generate(strongroom::TokenKind::Host, &SeededEntropy::new(99));
    assert!(fixture.vault.authenticate(&unknown).await.unwrap().is_none());
}

/// Another process revokes the key while it is cached here. The event of the read detects it.
#[tokio::test]
async fn key_revoked_by_another_process_is_refused() {
    let fixture = Fixture::new("revoked-elsewhere").await;
    let saved = fixture.save("alice", "Work").await.unwrap();
    let role = KeyOwner::Plugin("openai".parse().unwrap());
    let (row, token) = fixture
        .vault
        .api_keys(fixture.tenant)
        .create(&Actor::host(), role.clone(), "a".parse().unwrap(), None)
        .await
        .unwrap();
    let read = async || {
        let principal = fixture.vault.authenticate(&token).await?.ok_or(Error::Revoked)?;
        fixture
            .vault
            .open(
                fixture
                    .vault
                    .credentials(&fixture.owner("alice"))
                    .authorize(&principal.actor(None, None), saved.id)
                    .await?,
            )
            .await
    };
    read().await.unwrap();
    read().await.unwrap();

    let builder =
        Vault::builder(&fixture.dir.database()).key(Secret::from(KEY)).entropy(Arc::new(SeededEntropy::new(7)));
    let elsewhere = builder.open().await.unwrap();
    elsewhere.api_keys(fixture.tenant).revoke(&Actor::operator(), &role, row.id).await.unwrap();
    assert!(matches!(read().await, Err(Error::Revoked)));

    let (_, token) =
        fixture.vault.api_keys(fixture.tenant).create(&Actor::host(), role, "b".parse().unwrap(), None).await.unwrap();
    let read = async || {
        let principal = fixture.vault.authenticate(&token).await?.ok_or(Error::Revoked)?;
        fixture
            .vault
            .open(
                fixture
                    .vault
                    .credentials(&fixture.owner("alice"))
                    .authorize(&principal.actor(None, None), saved.id)
                    .await?,
            )
            .await
    };
    read().await.unwrap();
    let inject = Manifest::parse(&MANIFEST.replace("\"read\"", "\"inject\"")).unwrap();
    elsewhere
        .plugins(fixture.tenant)
        .register(&Actor::operator(), &"openai".parse().unwrap(), inject, Expected::Any)
        .await
        .unwrap();
    assert!(matches!(read().await, Err(Error::AccessIsInject)), "a manifest changed elsewhere counts at once");
    elsewhere.credentials(&fixture.owner("alice")).delete(&Actor::operator(), saved.id, None).await.unwrap();
    assert!(matches!(read().await, Err(Error::NotFound { .. })));
}

/// The user key is destroyed after a save has read it and before the save is written. The save must not restore it.
#[tokio::test]
async fn late_save_does_not_restore_destroyed_key() {
    let fixture = Arc::new(Fixture::new("late-save").await);
    fixture.save("alice", "First").await.unwrap();
    let key = |fixture: &Fixture| {
        fixture.intruder().query_row("SELECT sealed FROM user_key", (), |row| row.get::<_, Vec<u8>>(0)).unwrap()
    };
    let before = key(&fixture);
    let lock = fixture.intruder();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let deleting = tokio::spawn({
        let fixture = fixture.clone();
        async move { fixture.vault.users(fixture.tenant).delete(&Actor::host(), &fixture.owner("alice").user).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let saving = tokio::spawn({
        let fixture = fixture.clone();
        async move { fixture.save("alice", "Late").await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    lock.execute_batch("ROLLBACK").unwrap();
    deleting.await.unwrap().unwrap();
    let saved = saving.await.unwrap().unwrap();
    assert_ne!(key(&fixture), before, "the destroyed key is back");
    assert!(fixture.open("alice", "openai", &saved).await.is_ok());
}

#[tokio::test]
async fn user_recreated_by_another_process_opens() {
    let fixture = Fixture::new("elsewhere").await;
    fixture.save("alice", "First").await.unwrap();
    let builder =
        Vault::builder(&fixture.dir.database()).key(Secret::from(KEY)).entropy(Arc::new(SeededEntropy::new(8)));
    let elsewhere = builder.open().await.unwrap();
    elsewhere.users(fixture.tenant).delete(&Actor::operator(), &fixture.owner("alice").user).await.unwrap();
    let saved =
        elsewhere.credentials(&fixture.owner("alice")).create(&Actor::operator(), draft("Second"), None).await.unwrap();
    assert!(fixture.open("alice", "openai", &saved).await.is_ok());
}
