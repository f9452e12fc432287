//! The effect of each method on credentials, and the requests it refuses.

use std::sync::Arc;

use strongroom::fields::Fields;
use strongroom::{
    Actor, Change, CredentialFilter, CredentialType, Draft, Error, IdempotencyKey, KeyOwner, Secret, State, Vault,
};

use crate::ambient::SeededEntropy;
use crate::fixture::{Fixture, MANIFEST, draft, text};
use crate::support::{CANARY, KEY, canary};

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
        .credentials(&fixture.owner("alice"))
        .list(&Actor::user(), CredentialFilter { limit: 10, ..Default::default() })
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
            fixture.vault.credentials(&fixture.owner("alice")).authorize(&Actor::user(), saved.id).await,
            Err(Error::NotFound { .. })
        ),
        "the user"
    );
    assert!(
        matches!(
            fixture.vault.credentials(&fixture.owner("alice")).authorize(&Actor::operator(), saved.id).await,
            Err(Error::NotFound { .. })
        ),
        "the operator"
    );

    let other = fixture.vault.tenants().create(&Actor::operator(), "other".parse().unwrap()).await.unwrap();
    let stranger = strongroom::Owner { tenant: other.id, user: "alice".parse().unwrap() };
    assert!(
        matches!(fixture.vault.credentials(&stranger).get(&Actor::user(), saved.id).await, Err(Error::NotFound { .. })),
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
    fixture.vault.credentials(&fixture.owner("alice")).create(&Actor::user(), elsewhere, None).await.unwrap();

    let second = fixture.save("alice", "Second").await.unwrap();
    let rename = Change { name: Some("Work".parse().unwrap()), ..Change::default() };
    let renamed =
        fixture.vault.credentials(&fixture.owner("alice")).update(&Actor::user(), second.id, None, rename).await;
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
    let saved = fixture.vault.credentials(&alice).create(&Actor::user(), both, None).await.unwrap();

    let change = Change { fields: fields(r#"{"webhook":null}"#), ..Change::default() };
    let changed = fixture.vault.credentials(&alice).update(&Actor::user(), saved.id, Some(1), change).await.unwrap();
    assert_eq!((changed.revision, changed.configured.as_slice()), (2, &["api_key".to_owned()][..]));
    assert_eq!(changed.settings.get("organization").unwrap(), "org");
    let opened = fixture.open("alice", "openai", &changed).await.unwrap();
    assert_eq!(text(&opened, "api_key"), canary("a"));
    assert!(!opened.fields().contains_key("webhook"));

    let change = Change { fields: fields(r#"{"api_key":null}"#), ..Change::default() };
    let refused = fixture.vault.credentials(&alice).update(&Actor::user(), saved.id, None, change).await.unwrap_err();
    assert_eq!(codes(refused), [("api_key".to_owned(), "required")]);
}

#[tokio::test]
async fn stale_revision_is_refused() {
    let fixture = Fixture::new("stale").await;
    let (saved, alice) = (fixture.save("alice", "Work").await.unwrap(), fixture.owner("alice"));
    let rename = |name: &str| Change { name: Some(name.parse().unwrap()), ..Change::default() };
    fixture.vault.credentials(&alice).update(&Actor::user(), saved.id, Some(1), rename("New")).await.unwrap();
    assert!(matches!(
        fixture.vault.credentials(&alice).update(&Actor::user(), saved.id, Some(1), rename("Old")).await,
        Err(Error::Stale { .. })
    ));
    assert!(matches!(
        fixture.vault.credentials(&alice).delete(&Actor::user(), saved.id, Some(1)).await,
        Err(Error::Stale { .. })
    ));
    fixture.vault.credentials(&alice).delete(&Actor::user(), saved.id, Some(2)).await.unwrap();
    assert!(matches!(
        fixture.vault.credentials(&alice).get(&Actor::user(), saved.id).await,
        Err(Error::NotFound { .. })
    ));
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
            fixture
                .vault
                .credentials(&fixture.owner("alice"))
                .update(&Actor::user(), saved.id, Some(1), change)
                .await
                .is_ok()
        });
    }
    assert_eq!(running.join_all().await.into_iter().filter(|won| *won).count(), 1);
}

#[tokio::test]
async fn form_errors_name_each_field() {
    let fixture = Fixture::new("faults").await;
    let save = async |kind, json: &str| {
        let draft = Draft { kind, fields: fields(json), ..draft("Work") };
        codes(fixture.vault.credentials(&fixture.owner("alice")).create(&Actor::user(), draft, None).await.unwrap_err())
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
        codes(
            fixture.vault.credentials(&fixture.owner("alice")).create(&Actor::user(), unknown, None).await.unwrap_err()
        ),
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
    let saved = fixture.vault.credentials(&fixture.owner("alice")).create(&Actor::user(), draft, None).await.unwrap();
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
    let saved = fixture.vault.credentials(&fixture.owner("alice")).create(&Actor::user(), draft, None).await.unwrap();
    assert_eq!((saved.provider.as_deref(), saved.scopes.join(" ")), (Some("github"), "repo read:user".to_owned()));
    assert_eq!(saved.configured, ["access_token", "refresh_token"]);
    let opened = fixture.open("alice", "openai", &saved).await.unwrap();
    assert_eq!(text(&opened, "access_token"), canary("access"));
    assert_eq!(opened.expires_at.unwrap().to_string(), "2027-01-02T03:04:05Z");
    assert!(!opened.fields().contains_key("refresh_token"));

    let change =
        Change { fields: fields(&format!(r#"{{"access_token":"{}"}}"#, canary("newer"))), ..Change::default() };
    let changed = fixture
        .vault
        .credentials(&fixture.owner("alice"))
        .update(&Actor::user(), saved.id, None, change)
        .await
        .unwrap();
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
                .credentials(&fixture.owner("alice"))
                .create(&Actor::user(), draft("Work"), Some(&idempotency))
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
        .credentials(&fixture.owner("alice"))
        .create(&Actor::user(), draft("Other"), Some(&idempotency_key("different")))
        .await;
    assert!(matches!(other, Err(Error::IdempotencyMismatch)));
    fixture.vault.credentials(&fixture.owner("alice")).delete(&Actor::user(), ids[0], None).await.unwrap();
    let spent = fixture
        .vault
        .credentials(&fixture.owner("alice"))
        .create(&Actor::user(), draft("Work"), Some(&idempotency_key("same")))
        .await;
    assert!(matches!(spent, Err(Error::IdempotencyKeyUsed)));

    let token = async || {
        fixture
            .vault
            .api_keys(fixture.tenant)
            .create(&Actor::host(), KeyOwner::Host, "a".parse().unwrap(), Some(&idempotency_key("key")))
            .await
    };
    assert!(matches!(token().await, Err(Error::IdempotencyMismatch)), "the same key for another thing");
    let idempotency = IdempotencyKey { scope: "POST host".into(), key: "k2".into(), request: Secret::new(Vec::new()) };
    let first = fixture
        .vault
        .api_keys(fixture.tenant)
        .create(&Actor::host(), KeyOwner::Host, "a".parse().unwrap(), Some(&idempotency))
        .await
        .unwrap();
    let second = fixture
        .vault
        .api_keys(fixture.tenant)
        .create(&Actor::host(), KeyOwner::Host, "a".parse().unwrap(), Some(&idempotency))
        .await
        .unwrap();
    assert_eq!(first.1.expose(), second.1.expose(), "the replay shows the same token");
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
            vault.credentials(&alice).update(&Actor::user(), saved.id, None, change).await.unwrap();
            let (read, key) = read().await.unwrap();
            assert_eq!(read, revision);
            assert_eq!(key, format!("sk-{revision}"), "the revision and the secret belong together");
        }
    }
    let new = elsewhere.credentials(&alice).create(&Actor::user(), draft("New"), None).await.unwrap();
    fixture.open("alice", "openai", &new).await.unwrap();
    elsewhere.users(alice.tenant).delete(&Actor::host(), &alice.user).await.unwrap();
    assert!(matches!(read().await, Err(Error::NotFound { .. })));
}
