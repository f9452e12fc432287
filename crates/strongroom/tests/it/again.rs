//! What was read a moment ago is in memory, with the key that opened it: read again, it is what it is now, for whoever may
//! have it now, though somebody else changed it.

use strongroom::{Actor, Change, Error, Fields, Role, Secret};

use crate::room::{Room, text};
use crate::support::canary;

async fn read(room: &Room, credential: &strongroom::Credential) -> Result<String, Error> {
    room.open("alice", "openai", credential).await.map(|opened| text(&opened, "api_key"))
}

#[tokio::test]
async fn a_secret_that_changes_between_reads() {
    let room = Room::new("again").await;
    let saved = room.save("alice", "Work").await.unwrap();
    for _ in 0..3 {
        assert_eq!(read(&room, &saved).await.unwrap(), canary("Work"));
    }
    let change = Change { name: None, fields: Fields::default().text("api_key", Secret::new(canary("New"))) };
    room.vault.update(&Actor::user(), &room.owner("alice"), saved.id, None, change).await.unwrap();
    for _ in 0..3 {
        assert_eq!(read(&room, &saved).await.unwrap(), canary("New"));
    }
    assert!(matches!(room.open("alice", "stripe", &saved).await, Err(Error::NotFound { .. })), "another plugin");
    assert!(matches!(room.open("bob", "openai", &saved).await, Err(Error::NotFound { .. })), "another user");
    room.vault.delete(&Actor::user(), &room.owner("alice"), saved.id, None).await.unwrap();
    assert!(matches!(read(&room, &saved).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_user_who_is_deleted_by_another_process() {
    let room = Room::new("again-elsewhere").await;
    let other = room.elsewhere().await;
    let saved = room.save("alice", "Work").await.unwrap();
    for _ in 0..3 {
        assert_eq!(read(&room, &saved).await.unwrap(), canary("Work"));
    }
    other.delete_user(&Actor::host(), &room.owner("alice")).await.unwrap();
    assert!(matches!(read(&room, &saved).await, Err(Error::NotFound { .. })), "its row and its key were in memory");
}

#[tokio::test]
async fn a_plugin_is_recognised_by_the_key_it_came_with_until_that_is_revoked() {
    let room = Room::new("recognised").await;
    let role = Role::Plugin("openai".parse().unwrap());
    let (row, token) =
        room.vault.create_key(&Actor::host(), room.tenant, role, "a".parse().unwrap(), None).await.unwrap();
    assert!(room.vault.cached_principal(token.expose()).is_none(), "it has not come yet");
    let principal = room.vault.authenticate(&token).await.unwrap();
    assert!(principal.is_some());
    assert_eq!(room.vault.cached_principal(token.expose()), principal);
    for text in ["", "srp_", &token.expose()[1..], &token.expose().to_uppercase()] {
        assert!(room.vault.cached_principal(text).is_none(), "{text}");
    }
    room.vault.revoke_key(&Actor::host(), room.tenant, &row.role, row.id).await.unwrap();
    assert!(room.vault.cached_principal(token.expose()).is_none(), "revoked");
}
