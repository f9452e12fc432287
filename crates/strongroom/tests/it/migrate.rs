//! A database of an earlier version is migrated at the first start and keeps all its data.

use strongroom::{Actor, Secret, Vault};

use crate::fixture::{Fixture, text};
use crate::support::canary;

/// Reverts the later migrations.
const BACK_TO_THE_FIRST: &str = "DROP TABLE console_session; DROP TABLE oauth_app; DROP TABLE connection; DROP TABLE refresh; DROP TABLE revocation; \
     ALTER TABLE credential DROP COLUMN app_id; ALTER TABLE session DROP COLUMN origins; PRAGMA user_version = 1;";

#[tokio::test]
async fn first_version_vault_opens_with_all_credentials() {
    let fixture = Fixture::new("migrate").await;
    let saved = fixture.save("alice", "Work").await.unwrap();
    fixture.vault.close().await;
    fixture.intruder().execute_batch(BACK_TO_THE_FIRST).unwrap();

    let wrong = Vault::builder(&fixture.dir.database()).key(Secret::new("00".repeat(32))).open().await;
    assert!(wrong.is_err());
    let version =
        |fixture: &Fixture| fixture.intruder().pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    assert_eq!(version(&fixture).unwrap(), 1, "nothing is changed before the key has proved right");

    let fixture = fixture.reopened().await;
    assert_eq!(version(&fixture).unwrap(), 4);
    let opened = fixture.open("alice", "openai", &saved).await.unwrap();
    assert_eq!(text(&opened, "api_key"), canary("Work"));
    assert_eq!(fixture.vault.verify(true, None, &mut |_| {}).await.unwrap().findings, []);
    fixture.save("alice", "Another").await.unwrap();
    fixture.vault.users(fixture.tenant).delete(&Actor::host(), &fixture.owner("alice").user).await.unwrap();
}
