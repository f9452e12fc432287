//! The effect of each method of the vault, and the requests it refuses.

use std::sync::Arc;
use std::time::Duration;

use strongroom::fields::Fields;
use strongroom::{
    Actor, Change, CredentialFilter, CredentialType, Draft, Error, Expected, IdempotencyKey, KeyOwner, Manifest,
    Secret, State, Token, Vault,
};

use crate::ambient::{FakeClock, SeededEntropy};
use crate::fixture::{Fixture, MANIFEST, draft, text};
use crate::support::{CANARY, Dir, KEY, canary};

fn fields(json: &str) -> Fields {
    strongroom::json::from_slice(json.as_bytes()).expect("fields")
}

fn codes(error: Error) -> Vec<(String, &'static str)> {
    match error {
        Error::Fields(errors) => errors.into_iter().map(|error| (error.field, error.code)).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn list_omits_secret_and_open_returns_it() {
    let fixture = Fixture::new("save").await;
    let saved = fixture.save("alice", "Work").await.unwrap();
    assert_eq!(
        (saved.state, saved.revision, saved.configured.as_slice()),
        (State::Active, 1, &["api_key".to_owned()][..])
    );
    assert!(!format!("{saved:?}").contains(CANARY));

    let listed = fixture
        .vault
        .list(&Actor::user(), &fixture.owner("alice"), CredentialFilter { limit: 10, ..Default::default() })
        .await
        .unwrap();
    assert_eq!(listed.credentials.len(), 1);
    let opened = fixture.open("alice", "openai", &saved).await.unwrap();
    assert_eq!(text(&opened, "api_key"), canary("Work"));
    assert!(!format!("{opened:?}").contains(CANARY));
}

#[tokio::test]
async fn other_callers_cannot_open_credential() {
    let fixture = Fixture::new("strangers").await;
    let saved = fixture.save("alice", "Work").await.unwrap();
    fixture.save("bob", "Work").await.unwrap();
    assert!(matches!(fixture.open("bob", "openai", &saved).await, Err(Error::NotFound { .. })), "another user");
    assert!(matches!(fixture.open("alice", "stripe", &saved).await, Err(Error::NotFound { .. })), "another plugin");
    assert!(matches!(fixture.open("alice", "unknown", &saved).await, Err(Error::NotFound { .. })), "no plugin");
    assert!(
        matches!(
            fixture.vault.authorize(&Actor::user(), &fixture.owner("alice"), saved.id).await,
            Err(Error::NotFound { .. })
        ),
        "the user"
    );
    assert!(
        matches!(
            fixture.vault.authorize(&Actor::operator(), &fixture.owner("alice"), saved.id).await,
            Err(Error::NotFound { .. })
        ),
        "the operator"
    );

    let other = fixture.vault.create_tenant(&Actor::operator(), "other".parse().unwrap()).await.unwrap();
    let stranger = strongroom::Owner { tenant: other.id, user: "alice".parse().unwrap() };
    assert!(
        matches!(fixture.vault.show(&Actor::user(), &stranger, saved.id).await, Err(Error::NotFound { .. })),
        "another tenant"
    );
}

#[tokio::test]
async fn inject_access_cannot_read_secrets() {
    let fixture = Fixture::new("inject").await;
    let saved = fixture.save("alice", "Work").await.unwrap();
    fixture.register("openai", &MANIFEST.replace("\"read\"", "\"inject\"")).await.unwrap();
    assert!(matches!(fixture.open("alice", "openai", &saved).await, Err(Error::AccessIsInject)));
}

#[tokio::test]
async fn names_are_unique_per_user_and_plugin() {
    let fixture = Fixture::new("names").await;
    fixture.save("alice", "Work").await.unwrap();
    assert!(matches!(fixture.save("alice", "Work").await, Err(Error::NameTaken { .. })));
    fixture.save("bob", "Work").await.unwrap();
    let elsewhere = Draft { plugin: "stripe".parse().unwrap(), ..draft("Work") };
    fixture.vault.save(&Actor::user(), &fixture.owner("alice"), elsewhere, None).await.unwrap();

    let second = fixture.save("alice", "Second").await.unwrap();
    let rename = Change { name: Some("Work".parse().unwrap()), ..Change::default() };
    let renamed = fixture.vault.update(&Actor::user(), &fixture.owner("alice"), second.id, None, rename).await;
    assert!(matches!(renamed, Err(Error::NameTaken { .. })));
}

#[tokio::test]
async fn absent_field_is_kept_and_null_clears() {
    let fixture = Fixture::new("update").await;
    let both = Draft {
        fields: fields(&format!(r#"{{"api_key":"{}","webhook":"{}","organization":"org"}}"#, canary("a"), canary("w"))),
        ..draft("Work")
    };
    let alice = fixture.owner("alice");
    let saved = fixture.vault.save(&Actor::user(), &alice, both, None).await.unwrap();

    let change = Change { fields: fields(r#"{"webhook":null}"#), ..Change::default() };
    let changed = fixture.vault.update(&Actor::user(), &alice, saved.id, Some(1), change).await.unwrap();
    assert_eq!((changed.revision, changed.configured.as_slice()), (2, &["api_key".to_owned()][..]));
    assert_eq!(changed.settings.get("organization").unwrap(), "org");
    let opened = fixture.open("alice", "openai", &changed).await.unwrap();
    assert_eq!(text(&opened, "api_key"), canary("a"));
    assert!(!opened.fields().contains_key("webhook"));

    let change = Change { fields: fields(r#"{"api_key":null}"#), ..Change::default() };
    let refused = fixture.vault.update(&Actor::user(), &alice, saved.id, None, change).await.unwrap_err();
    assert_eq!(codes(refused), [("api_key".to_owned(), "required")]);
}

#[tokio::test]
async fn stale_revision_is_refused() {
    let fixture = Fixture::new("stale").await;
    let (saved, alice) = (fixture.save("alice", "Work").await.unwrap(), fixture.owner("alice"));
    let rename = |name: &str| Change { name: Some(name.parse().unwrap()), ..Change::default() };
    fixture.vault.update(&Actor::user(), &alice, saved.id, Some(1), rename("New")).await.unwrap();
    assert!(matches!(
        fixture.vault.update(&Actor::user(), &alice, saved.id, Some(1), rename("Old")).await,
        Err(Error::Stale { .. })
    ));
    assert!(matches!(fixture.vault.delete(&Actor::user(), &alice, saved.id, Some(1)).await, Err(Error::Stale { .. })));
    fixture.vault.delete(&Actor::user(), &alice, saved.id, Some(2)).await.unwrap();
    assert!(matches!(fixture.vault.show(&Actor::user(), &alice, saved.id).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn one_concurrent_update_wins_each_revision() {
    let fixture = Arc::new(Fixture::new("race").await);
    let saved = fixture.save("alice", "Work").await.unwrap();
    let mut running = tokio::task::JoinSet::new();
    for number in 0..50 {
        let fixture = fixture.clone();
        running.spawn(async move {
            let change = Change { name: Some(format!("Name {number}").parse().unwrap()), ..Change::default() };
            fixture.vault.update(&Actor::user(), &fixture.owner("alice"), saved.id, Some(1), change).await.is_ok()
        });
    }
    assert_eq!(running.join_all().await.into_iter().filter(|won| *won).count(), 1);
}

#[tokio::test]
async fn form_errors_name_each_field() {
    let fixture = Fixture::new("faults").await;
    let save = async |kind, json: &str| {
        let draft = Draft { kind, fields: fields(json), ..draft("Work") };
        codes(fixture.vault.save(&Actor::user(), &fixture.owner("alice"), draft, None).await.unwrap_err())
    };
    let one = |field: &str, code| vec![(field.to_owned(), code)];
    assert_eq!(save(CredentialType::ApiKey, "{}").await, one("api_key", "required"));
    assert_eq!(save(CredentialType::ApiKey, r#"{"api_key":""}"#).await, one("api_key", "required"));
    assert_eq!(save(CredentialType::ApiKey, r#"{"api_key":"pk-nope"}"#).await, one("api_key", "pattern"));
    assert_eq!(save(CredentialType::ApiKey, r#"{"api_key":"sk"}"#).await, one("api_key", "min-length"));
    assert_eq!(save(CredentialType::ApiKey, r#"{"api_key":7}"#).await, one("api_key", "type"));
    assert_eq!(save(CredentialType::ApiKey, r#"{"api_key":{"a":1}}"#).await[0].1, "type");
    assert_eq!(save(CredentialType::ApiKey, "{\"api_key\":\"sk-a\\u0000b\"}").await, one("api_key", "control"));
    let huge = format!(r#"{{"api_key":"sk-{}"}}"#, "x".repeat(70_000));
    assert_eq!(save(CredentialType::ApiKey, &huge).await, one("api_key", "max-length"));
    assert_eq!(save(CredentialType::ApiKey, r#"{"api_key":"sk-fine","colour":"red"}"#).await, one("colour", "unknown"));
    assert_eq!(
        save(CredentialType::ApiKey, "{\"api_key\":\"sk-fine\",\"a\\nb\":\"x\"}").await,
        one("fields", "format")
    );
    assert_eq!(save(CredentialType::Custom, r#"{"host":"h","port":0}"#).await, one("port", "minimum"));
    assert_eq!(save(CredentialType::Custom, r#"{"host":"h","port":1.5}"#).await, one("port", "type"));
    assert_eq!(save(CredentialType::Custom, r#"{"host":"not a host"}"#).await, one("host", "format"));
    let unknown = Draft { plugin: "nobody".parse().unwrap(), ..draft("Work") };
    assert_eq!(
        codes(fixture.vault.save(&Actor::user(), &fixture.owner("alice"), unknown, None).await.unwrap_err()),
        one("plugin", "unknown")
    );
}

#[tokio::test]
async fn unknown_fields_are_secret_and_defaults_apply() {
    let fixture = Fixture::new("custom").await;
    let draft = Draft {
        kind: CredentialType::Custom,
        fields: fields(&format!(r#"{{"host":"db.example.com","extra":"{}"}}"#, canary("x"))),
        ..draft("Db")
    };
    let saved = fixture.vault.save(&Actor::user(), &fixture.owner("alice"), draft, None).await.unwrap();
    assert_eq!(
        serde_json::Value::Object(saved.settings.clone()),
        serde_json::json!({"host": "db.example.com", "port": 5432, "tls": true})
    );
    assert_eq!(saved.configured, ["extra"]);
    assert_eq!(text(&fixture.open("alice", "openai", &saved).await.unwrap(), "extra"), canary("x"));
}

#[tokio::test]
async fn tokens_are_sealed_separately_and_refresh_token_is_hidden() {
    let fixture = Fixture::new("tokens").await;
    let json = format!(
        r#"{{"access_token":"{}","refresh_token":"{}","expires_at":"2027-01-02T03:04:05Z","scopes":["repo","read:user"]}}"#,
        canary("access"),
        canary("refresh")
    );
    let draft = Draft { kind: CredentialType::Oauth2, fields: fields(&json), ..draft("GitHub") };
    let saved = fixture.vault.save(&Actor::user(), &fixture.owner("alice"), draft, None).await.unwrap();
    assert_eq!((saved.provider.as_deref(), saved.scopes.join(" ")), (Some("github"), "repo read:user".to_owned()));
    assert_eq!(saved.configured, ["access_token", "refresh_token"]);
    let opened = fixture.open("alice", "openai", &saved).await.unwrap();
    assert_eq!(text(&opened, "access_token"), canary("access"));
    assert_eq!(opened.expires_at.unwrap().to_string(), "2027-01-02T03:04:05Z");
    assert!(!opened.fields().contains_key("refresh_token"));

    let change =
        Change { fields: fields(&format!(r#"{{"access_token":"{}"}}"#, canary("newer"))), ..Change::default() };
    let changed = fixture.vault.update(&Actor::user(), &fixture.owner("alice"), saved.id, None, change).await.unwrap();
    assert_eq!(changed.configured, ["access_token", "refresh_token"], "the refresh token stays");
    assert_eq!(text(&fixture.open("alice", "openai", &changed).await.unwrap(), "access_token"), canary("newer"));
}

#[tokio::test]
async fn repeated_request_saves_once() {
    let fixture = Arc::new(Fixture::new("once").await);
    let idempotency_key = |request: &str| IdempotencyKey {
        scope: "POST user alice".into(),
        key: "k1".into(),
        request: Secret::new(request.as_bytes().to_vec()),
    };
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (fixture, idempotency) = (fixture.clone(), idempotency_key("same"));
        running.spawn(async move {
            fixture
                .vault
                .save(&Actor::user(), &fixture.owner("alice"), draft("Work"), Some(&idempotency))
                .await
                .unwrap()
                .id
        });
    }
    let mut ids = running.join_all().await;
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 1);
    let other = fixture
        .vault
        .save(&Actor::user(), &fixture.owner("alice"), draft("Other"), Some(&idempotency_key("different")))
        .await;
    assert!(matches!(other, Err(Error::IdempotencyMismatch)));
    fixture.vault.delete(&Actor::user(), &fixture.owner("alice"), ids[0], None).await.unwrap();
    let spent = fixture
        .vault
        .save(&Actor::user(), &fixture.owner("alice"), draft("Work"), Some(&idempotency_key("same")))
        .await;
    assert!(matches!(spent, Err(Error::IdempotencyKeyUsed)));

    let token = async || {
        fixture
            .vault
            .create_key(
                &Actor::host(),
                fixture.tenant,
                KeyOwner::Host,
                "a".parse().unwrap(),
                Some(&idempotency_key("key")),
            )
            .await
    };
    assert!(matches!(token().await, Err(Error::IdempotencyMismatch)), "the same key for another thing");
    let idempotency = IdempotencyKey { scope: "POST host".into(), key: "k2".into(), request: Secret::new(Vec::new()) };
    let first = fixture
        .vault
        .create_key(&Actor::host(), fixture.tenant, KeyOwner::Host, "a".parse().unwrap(), Some(&idempotency))
        .await
        .unwrap();
    let second = fixture
        .vault
        .create_key(&Actor::host(), fixture.tenant, KeyOwner::Host, "a".parse().unwrap(), Some(&idempotency))
        .await
        .unwrap();
    assert_eq!(first.1.expose(), second.1.expose(), "the replay shows the same token");
}

#[tokio::test]
async fn deleted_user_can_return_with_a_new_key() {
    let fixture = Fixture::new("delete-user").await;
    let before = fixture.save("alice", "Work").await.unwrap();
    let alice = fixture.owner("alice");
    let (_, session) =
        fixture.vault.create_session(&Actor::host(), &alice, Duration::from_secs(60), Vec::new(), None).await.unwrap();
    fixture.vault.delete_user(&Actor::host(), &alice).await.unwrap();
    assert!(matches!(fixture.vault.delete_user(&Actor::host(), &alice).await, Err(Error::NotFound { .. })));
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
    fixture.vault.delete_user(&Actor::host(), &fixture.owner("alice")).await.unwrap();
    fixture.save("alice", "Other").await.unwrap();
    db.execute_batch("INSERT INTO credential SELECT * FROM backup; DROP TABLE backup").unwrap();
    assert!(matches!(fixture.open("alice", "openai", &saved).await, Err(Error::Undecryptable)));
}

#[tokio::test]
async fn keys_and_sessions_work_until_revoked_or_expired() {
    let fixture = Fixture::new("keys").await;
    let (row, token) = fixture
        .vault
        .create_key(
            &Actor::host(),
            fixture.tenant,
            KeyOwner::Plugin("openai".parse().unwrap()),
            "a".parse().unwrap(),
            None,
        )
        .await
        .unwrap();
    for _ in 0..2 {
        assert!(fixture.vault.authenticate(&token).await.unwrap().is_some());
    }
    fixture.vault.revoke_key(&Actor::host(), fixture.tenant, &row.owner, row.id).await.unwrap();
    assert!(fixture.vault.authenticate(&token).await.unwrap().is_none(), "at once, though it was remembered");
    assert!(matches!(
        fixture.vault.revoke_key(&Actor::host(), fixture.tenant, &row.owner, row.id).await,
        Err(Error::NotFound { .. })
    ));

    let (_, session) = fixture
        .vault
        .create_session(&Actor::host(), &fixture.owner("alice"), Duration::from_secs(60), Vec::new(), None)
        .await
        .unwrap();
    assert!(fixture.vault.authenticate(&session).await.unwrap().is_some());
    fixture.clock.advance(60_000);
    assert!(fixture.vault.authenticate(&session).await.unwrap().is_none());
    let long = fixture
        .vault
        .create_session(&Actor::host(), &fixture.owner("alice"), Duration::from_secs(1801), Vec::new(), None)
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
        .create_key(&Actor::host(), fixture.tenant, role.clone(), "a".parse().unwrap(), None)
        .await
        .unwrap();
    let read = async || {
        let principal = fixture.vault.authenticate(&token).await?.ok_or(Error::Revoked)?;
        fixture
            .vault
            .open(fixture.vault.authorize(&principal.actor(None, None), &fixture.owner("alice"), saved.id).await?)
            .await
    };
    read().await.unwrap();
    read().await.unwrap();

    let builder =
        Vault::builder(&fixture.dir.database()).key(Secret::from(KEY)).entropy(Arc::new(SeededEntropy::new(7)));
    let elsewhere = builder.open().await.unwrap();
    elsewhere.revoke_key(&Actor::operator(), fixture.tenant, &role, row.id).await.unwrap();
    assert!(matches!(read().await, Err(Error::Revoked)));

    let (_, token) =
        fixture.vault.create_key(&Actor::host(), fixture.tenant, role, "b".parse().unwrap(), None).await.unwrap();
    let read = async || {
        let principal = fixture.vault.authenticate(&token).await?.ok_or(Error::Revoked)?;
        fixture
            .vault
            .open(fixture.vault.authorize(&principal.actor(None, None), &fixture.owner("alice"), saved.id).await?)
            .await
    };
    read().await.unwrap();
    let inject = Manifest::parse(&MANIFEST.replace("\"read\"", "\"inject\"")).unwrap();
    elsewhere
        .register(&Actor::operator(), fixture.tenant, &"openai".parse().unwrap(), inject, Expected::Any)
        .await
        .unwrap();
    assert!(matches!(read().await, Err(Error::AccessIsInject)), "a manifest changed elsewhere counts at once");
    elsewhere.delete(&Actor::operator(), &fixture.owner("alice"), saved.id, None).await.unwrap();
    assert!(matches!(read().await, Err(Error::NotFound { .. })));
}

/// A cached row can be changed by any process. The next read returns the new value.
#[tokio::test]
async fn changed_secret_is_read_next() {
    let fixture = Fixture::new("changed-elsewhere").await;
    let (saved, alice) = (fixture.save("alice", "Work").await.unwrap(), fixture.owner("alice"));
    let builder =
        Vault::builder(&fixture.dir.database()).key(Secret::from(KEY)).entropy(Arc::new(SeededEntropy::new(8)));
    let elsewhere = builder.open().await.unwrap();
    let read = async || {
        let opened = fixture.open("alice", "openai", &saved).await?;
        Ok::<_, Error>((opened.revision, text(&opened, "api_key")))
    };
    for round in 1..=20 {
        assert_eq!(read().await.unwrap().0, 2 * round - 1);
        for (vault, revision) in [(&fixture.vault, 2 * round), (&elsewhere, 2 * round + 1)] {
            let change = Change { fields: fields(&format!(r#"{{"api_key":"sk-{revision}"}}"#)), ..Change::default() };
            vault.update(&Actor::user(), &alice, saved.id, None, change).await.unwrap();
            let (read, key) = read().await.unwrap();
            assert_eq!(read, revision);
            assert_eq!(key, format!("sk-{revision}"), "the revision and the secret belong together");
        }
    }
    let new = elsewhere.save(&Actor::user(), &alice, draft("New"), None).await.unwrap();
    fixture.open("alice", "openai", &new).await.unwrap();
    elsewhere.delete_user(&Actor::host(), &alice).await.unwrap();
    assert!(matches!(read().await, Err(Error::NotFound { .. })));
}

/// A field saved as secret stays secret. Otherwise a host could reveal it by declaring it "not secret".
#[tokio::test]
async fn manifest_change_does_not_reveal_stored_secret() {
    let fixture = Fixture::new("sticky").await;
    let (saved, alice) = (fixture.save("alice", "Work").await.unwrap(), fixture.owner("alice"));
    let open_book =
        MANIFEST.replace(r#""api_key": {"type": "string","#, r#""api_key": {"type": "string", "x-secret": false,"#);
    fixture.register("openai", &open_book).await.unwrap();
    let change = Change { fields: fields(r#"{"organization":"org"}"#), ..Change::default() };
    let changed = fixture.vault.update(&Actor::user(), &alice, saved.id, None, change).await.unwrap();
    assert_eq!(changed.settings.keys().collect::<Vec<_>>(), ["organization"]);
    assert_eq!(changed.configured, ["api_key"]);
    assert!(!format!("{changed:?}").contains(CANARY));

    let public = Change { fields: fields(r#"{"api_key":"sk-public"}"#), ..Change::default() };
    let sent_anew = fixture.vault.update(&Actor::user(), &alice, saved.id, None, public).await.unwrap();
    assert_eq!(sent_anew.settings.get("api_key").unwrap(), "sk-public", "sent under the new word, it is shown");
    fixture.register("openai", MANIFEST).await.unwrap();
    let hidden = fixture.vault.show(&Actor::user(), &alice, saved.id).await.unwrap();
    assert_eq!((hidden.settings.get("api_key"), hidden.configured.as_slice()), (None, &["api_key".to_owned()][..]));
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
        async move { fixture.vault.delete_user(&Actor::host(), &fixture.owner("alice")).await }
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
    elsewhere.delete_user(&Actor::operator(), &fixture.owner("alice")).await.unwrap();
    let saved = elsewhere.save(&Actor::operator(), &fixture.owner("alice"), draft("Second"), None).await.unwrap();
    assert!(fixture.open("alice", "openai", &saved).await.is_ok());
}

#[tokio::test]
async fn close_during_write_returns() {
    let fixture = Arc::new(Fixture::new("closing").await);
    let mut running = tokio::task::JoinSet::new();
    for number in 0..50 {
        let fixture = fixture.clone();
        running.spawn(async move { drop(fixture.save("alice", &format!("Name {number}")).await) });
    }
    tokio::task::yield_now().await;
    tokio::time::timeout(Duration::from_secs(10), fixture.vault.close()).await.expect("close returns");
    running.join_all().await;
}

#[tokio::test]
async fn plugin_in_use_is_removed_only_with_credentials() {
    let fixture = Fixture::new("remove-plugin").await;
    let saved = fixture.save("alice", "Work").await.unwrap();
    let name = "openai".parse().unwrap();
    let kept = fixture.vault.remove_plugin(&Actor::host(), fixture.tenant, &name, false).await;
    assert!(matches!(kept, Err(Error::PluginInUse { credentials: 1 })));
    fixture.vault.remove_plugin(&Actor::host(), fixture.tenant, &name, true).await.unwrap();
    assert!(matches!(
        fixture.vault.show(&Actor::user(), &fixture.owner("alice"), saved.id).await,
        Err(Error::NotFound { .. })
    ));
    assert!(fixture.vault.verify(true, None, &mut |_| {}).await.unwrap().findings.is_empty());
}

#[tokio::test]
async fn invalid_manifest_reports_all_errors() {
    for (from, to, place) in [
        ("\"read\"", "\"look\"", "manifest"),
        ("\"title\": \"OpenAI\"", "\"title\": \"\"", "title"),
        ("\"api.openai.com\"", "\"https://api.openai.com\"", "hosts/0"),
        ("\"api.openai.com\"", "\"10.0.0.1\"", "hosts/0"),
        ("\"^sk-\"", "\"(unclosed\"", "credentials/api-key/schema/properties/api_key/pattern"),
        ("\"required\": [\"host\"]", "\"required\": [\"nothing\"]", "credentials/custom/schema/required"),
        ("\"default\": 5432", "\"default\": 0", "credentials/custom/schema/properties/port/default"),
        ("\"scopes\": [\"repo\"]", "\"scopes\": [\"a b\"]", "credentials/oauth2/scopes"),
        ("\"webhook\":", "\"web hook\":", "credentials/api-key/schema/properties/web hook"),
    ] {
        let found = codes(Manifest::parse(&MANIFEST.replace(from, to)).unwrap_err());
        assert!(found.iter().any(|(field, _)| field == place), "{to}: {found:?}");
    }
    assert!(matches!(
        Manifest::parse(&MANIFEST.replacen("\"title\"", "\"title\": \"x\", \"title\"", 1)),
        Err(Error::Fields(_))
    ));
    assert!(matches!(Manifest::parse(&" ".repeat(200_000)), Err(Error::Fields(_))));
}

#[tokio::test]
async fn wrong_key_opens_and_writes_nothing() {
    let fixture = Fixture::new("wrong-key").await;
    fixture.save("alice", "Work").await.unwrap();
    let path = fixture.dir.database();
    fixture.vault.close().await;
    let before = std::fs::read(&path).unwrap();
    let other = Secret::from("b3RoZXIta2V5LTMyLWJ5dGVzLWZvci10aGUtdGVzdCE=");
    let error = Vault::builder(&path).key(other).clock(Arc::new(FakeClock::new())).open().await.unwrap_err();
    assert!(error.is_about_the_key());
    assert!(error.to_string().contains(fixture.vault.key_id()), "{error}");
    assert!(Vault::builder(&path).open().await.unwrap_err().is_about_the_key(), "no key");
    assert!(
        Vault::builder(&path).key(Secret::from("c2hvcnQ=")).open().await.unwrap_err().to_string().contains("5 bytes")
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn readable_or_foreign_files_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let open = async |path: &std::path::Path| {
        Vault::builder(path).key(Secret::from(KEY)).open().await.map(drop).map_err(|error| error.to_string())
    };
    let mode =
        |path: &std::path::Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();

    let fixture = Fixture::new("modes").await;
    let path = fixture.dir.database();
    fixture.vault.close().await;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    mode(&path, 0o640);
    assert!(open(&path).await.unwrap_err().contains("chmod 600"));
    mode(&path, 0o600);
    mode(path.parent().unwrap(), 0o755);
    assert!(open(&path).await.unwrap_err().contains("chmod 700"));
    mode(path.parent().unwrap(), 0o700);
    fixture.intruder().pragma_update(None, "user_version", 99).unwrap();
    assert!(open(&path).await.unwrap_err().contains("newer"));

    let dir = Dir::new("foreign");
    let (foreign, garbage) =
        (dir.path().join("private").join("foreign.db"), dir.path().join("private").join("garbage.db"));
    std::fs::create_dir(foreign.parent().unwrap()).unwrap();
    mode(foreign.parent().unwrap(), 0o700);
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    std::fs::write(&garbage, "this is not a database, but long enough to look like one ".repeat(50)).unwrap();
    for path in [&foreign, &garbage] {
        mode(path, 0o600);
        let before = std::fs::read(path).unwrap();
        assert!(open(path).await.unwrap_err().contains("not a Strongroom database"));
        assert_eq!(std::fs::read(path).unwrap(), before);
    }
}
