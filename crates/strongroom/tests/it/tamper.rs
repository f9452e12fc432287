//! An attacker writes to the database file. No swapped row reveals a secret or affects other rows.

use strongroom::{Actor, Credential, CredentialFilter, Error, KeyOwner, State, Token, TokenKind};

use crate::ambient::SeededEntropy;
use crate::fixture::Fixture;

async fn two(test: &str) -> (Fixture, Credential, Credential) {
    let fixture = Fixture::new(test).await;
    let a = fixture.save("alice", "A").await.unwrap();
    // Ids created within one millisecond have no defined order.
    fixture.clock.advance(1);
    let b = fixture.save("alice", "B").await.unwrap();
    (fixture, a, b)
}

#[tokio::test]
async fn sealed_column_in_another_row_does_not_open() {
    let (fixture, a, b) = two("swap-rows").await;
    let sql =
        "UPDATE credential SET encrypted_data = (SELECT encrypted_data FROM credential WHERE id = ?1) WHERE id = ?2";
    fixture.intruder().execute(sql, [a.id.to_string(), b.id.to_string()]).unwrap();
    assert!(matches!(fixture.open("alice", "openai", &b).await, Err(Error::Undecryptable)));
    assert!(fixture.open("alice", "openai", &a).await.is_ok());
}

#[tokio::test]
async fn row_moved_to_another_owner_does_not_open() {
    let (fixture, a, b) = two("swap-owner").await;
    fixture.save("bob", "His").await.unwrap();
    let db = fixture.intruder();
    db.execute("UPDATE credential SET user_id = 'bob' WHERE id = ?1", [a.id.to_string()]).unwrap();
    assert!(matches!(fixture.open("bob", "openai", &a).await, Err(Error::Undecryptable)));
    db.execute("UPDATE credential SET plugin_name = 'stripe' WHERE id = ?1", [b.id.to_string()]).unwrap();
    assert!(matches!(fixture.open("alice", "stripe", &b).await, Err(Error::Undecryptable)));
}

#[tokio::test]
async fn sealed_settings_do_not_open_as_another_field() {
    let (fixture, a, _) = two("swap-fields").await;
    fixture
        .intruder()
        .execute("UPDATE credential SET encrypted_data = settings WHERE id = ?1", [a.id.to_string()])
        .unwrap();
    assert!(matches!(fixture.open("alice", "openai", &a).await, Err(Error::Undecryptable)));
}

#[tokio::test]
async fn undecryptable_row_does_not_break_the_list() {
    let (fixture, a, b) = two("undecryptable").await;
    fixture
        .intruder()
        .execute("UPDATE credential SET settings = zeroblob(200) WHERE id = ?1", [a.id.to_string()])
        .unwrap();
    let filter = CredentialFilter { limit: 10, ..CredentialFilter::default() };
    let listed = fixture.vault.credentials(&fixture.owner("alice")).list(&Actor::user(), filter).await.unwrap();
    let states: Vec<_> = listed.credentials.iter().map(|credential| (credential.id, credential.state)).collect();
    assert_eq!(states, [(a.id, State::Undecryptable), (b.id, State::Active)]);
    fixture.vault.credentials(&fixture.owner("alice")).delete(&Actor::user(), a.id, None).await.unwrap();
}

#[tokio::test]
async fn inserted_key_is_refused() {
    let fixture = Fixture::new("forged-key").await;
    let forged = Token::generate(TokenKind::Host, &SeededEntropy::new(5));
    let sql = "INSERT INTO host_key (id, tenant_id, label, hash, created_at, mac) VALUES ('key_00000000000000000000000000000000', ?1, 'x', ?2, 0, zeroblob(32))";
    fixture.intruder().execute(sql, (fixture.tenant.to_string(), forged.hash().as_bytes())).unwrap();
    assert!(fixture.vault.authenticate(&forged).await.unwrap().is_none());
}

#[tokio::test]
async fn reassigned_key_or_session_is_refused() {
    let fixture = Fixture::new("moved-key").await;
    let role = KeyOwner::Plugin("stripe".parse().unwrap());
    let (_, token) =
        fixture.vault.api_keys(fixture.tenant).create(&Actor::host(), role, "a".parse().unwrap(), None).await.unwrap();
    let minute = std::time::Duration::from_secs(60);
    let (_, session) = fixture
        .vault
        .sessions(&fixture.owner("mallory"))
        .create(&Actor::host(), minute, Vec::new(), None)
        .await
        .unwrap();
    fixture
        .intruder()
        .execute_batch("UPDATE plugin_key SET plugin_name = 'openai'; UPDATE session SET user_id = 'alice'")
        .unwrap();
    assert!(fixture.vault.authenticate(&token).await.unwrap().is_none());
    assert!(fixture.vault.authenticate(&session).await.unwrap().is_none());
}

#[tokio::test]
async fn altered_manifest_counts_as_absent() {
    let fixture = Fixture::new("forged-manifest").await;
    let saved = fixture.save("alice", "A").await.unwrap();
    fixture
        .intruder()
        .execute_batch("UPDATE plugin SET manifest = replace(manifest, 'api.openai.com', 'evil.example.com')")
        .unwrap();
    let fixture = fixture.reopened().await;
    assert!(matches!(fixture.open("alice", "openai", &saved).await, Err(Error::NotFound { .. })));
    assert!(matches!(
        fixture.vault.plugins(fixture.tenant).get(&"openai".parse().unwrap()).await,
        Err(Error::NotFound { .. })
    ));
    fixture.register("openai", crate::fixture::MANIFEST).await.expect("registered again, it is whole");
    assert!(fixture.open("alice", "openai", &saved).await.is_ok());
}

#[tokio::test]
async fn credential_copied_to_another_database_does_not_open() {
    let (fixture, other) = (Fixture::new("database-1").await, Fixture::new("database-2").await);
    let saved = fixture.save("alice", "A").await.unwrap();
    other.save("alice", "Own").await.unwrap();
    let db = other.intruder();
    db.execute("ATTACH ?1 AS stolen", [fixture.dir.database().to_str().unwrap()]).unwrap();
    db.execute_batch(
        "DELETE FROM user_key; INSERT INTO user_key SELECT (SELECT id FROM tenant), user_id, sealed, created_at FROM stolen.user_key;
         DELETE FROM credential; INSERT INTO credential SELECT * FROM stolen.credential; UPDATE credential SET tenant_id = (SELECT id FROM tenant)",
    )
    .unwrap();
    let other = other.reopened().await;
    assert!(matches!(other.open("alice", "openai", &saved).await, Err(Error::Undecryptable)));
}
