//! The row cache: a repeated read returns the current value, and only to principals that may still read it. That
//! includes changes by other processes.

use strongroom::{Actor, Change, Error, Fields, KeyOwner, Secret};

use crate::fixture::{Fixture, text};
use crate::support::canary;

async fn read(fixture: &Fixture, credential: &strongroom::Credential) -> Result<String, Error> {
    fixture.open("alice", "openai", credential).await.map(|opened| text(&opened, "api_key"))
}

#[tokio::test]
async fn changed_secret_is_read_after_caching() {
    let fixture = Fixture::new("again").await;
    let saved = fixture.save("alice", "Work").await.unwrap();
    for _ in 0..3 {
        assert_eq!(read(&fixture, &saved).await.unwrap(), canary("Work"));
    }
    let change = Change { name: None, fields: Fields::default().text("api_key", Secret::new(canary("New"))) };
    fixture.vault.credentials(&fixture.owner("alice")).update(&Actor::user(), saved.id, None, change).await.unwrap();
    for _ in 0..3 {
        assert_eq!(read(&fixture, &saved).await.unwrap(), canary("New"));
    }
    assert!(matches!(fixture.open("alice", "stripe", &saved).await, Err(Error::NotFound { .. })), "another plugin");
    assert!(matches!(fixture.open("bob", "openai", &saved).await, Err(Error::NotFound { .. })), "another user");
    fixture.vault.credentials(&fixture.owner("alice")).delete(&Actor::user(), saved.id, None).await.unwrap();
    assert!(matches!(read(&fixture, &saved).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn user_deleted_by_another_process_is_not_served() {
    let fixture = Fixture::new("again-elsewhere").await;
    let other = fixture.elsewhere().await;
    let saved = fixture.save("alice", "Work").await.unwrap();
    for _ in 0..3 {
        assert_eq!(read(&fixture, &saved).await.unwrap(), canary("Work"));
    }
    other.users(fixture.tenant).delete(&Actor::host(), &fixture.owner("alice").user).await.unwrap();
    assert!(matches!(read(&fixture, &saved).await, Err(Error::NotFound { .. })), "its row and its key were in memory");
}

#[tokio::test]
async fn cached_plugin_key_works_until_revoked() {
    let fixture = Fixture::new("recognised").await;
    let role = KeyOwner::Plugin("openai".parse().unwrap());
    let (row, token) =
        fixture.vault.api_keys(fixture.tenant).create(&Actor::host(), role, "a".parse().unwrap(), None).await.unwrap();
    assert!(fixture.vault.cached_principal(token.expose()).is_none(), "it has not come yet");
    let principal = fixture.vault.authenticate(&token).await.unwrap();
    assert!(principal.is_some());
    assert_eq!(fixture.vault.cached_principal(token.expose()), principal);
    for text in ["", "srp_", &token.expose()[1..], &token.expose().to_uppercase()] {
        assert!(fixture.vault.cached_principal(text).is_none(), "{text}");
    }
    fixture.vault.api_keys(fixture.tenant).revoke(&Actor::host(), &row.owner, row.id).await.unwrap();
    assert!(fixture.vault.cached_principal(token.expose()).is_none(), "revoked");
}
