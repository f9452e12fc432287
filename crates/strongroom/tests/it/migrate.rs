//! A database of an earlier version: brought up to date at the first start, with everything that is in it.

use strongroom::{Actor, Secret, Vault};

use crate::room::{Room, text};
use crate::support::canary;

/// Takes away what the later migrations brought.
const BACK_TO_THE_FIRST: &str = "DROP TABLE console_session; DROP TABLE oauth_app; DROP TABLE connection; DROP TABLE refresh; DROP TABLE revocation; \
     ALTER TABLE credential DROP COLUMN app_id; ALTER TABLE session DROP COLUMN origins; PRAGMA user_version = 1;";

#[tokio::test]
async fn a_vault_of_the_first_version_opens_with_all_its_credentials() {
    let room = Room::new("migrate").await;
    let saved = room.save("alice", "Work").await.unwrap();
    room.vault.close().await;
    room.intruder().execute_batch(BACK_TO_THE_FIRST).unwrap();

    let wrong = Vault::builder(&room.dir.database()).key(Secret::new("00".repeat(32))).open().await;
    assert!(wrong.is_err());
    let version = |room: &Room| room.intruder().pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    assert_eq!(version(&room).unwrap(), 1, "nothing is changed before the key has proved right");

    let room = room.reopened().await;
    assert_eq!(version(&room).unwrap(), 4);
    let opened = room.open("alice", "openai", &saved).await.unwrap();
    assert_eq!(text(&opened, "api_key"), canary("Work"));
    assert_eq!(room.vault.verify(true, None, &mut |_| {}).await.unwrap().findings, []);
    room.save("alice", "Another").await.unwrap();
    room.vault.delete_user(&Actor::host(), &room.owner("alice")).await.unwrap();
}
