//! Opening and closing a vault, and its plugins' manifests.

use std::sync::Arc;
use std::time::Duration;

use strongroom::fields::Fields;
use strongroom::{Actor, Change, Error, Manifest, Secret, Vault};

use crate::ambient::FakeClock;
use crate::fixture::{Fixture, MANIFEST};
use crate::support::{CANARY, Dir, KEY};

fn fields(json: &str) -> Fields {
    strongroom::json::from_slice(json.as_bytes()).expect("fields")
}

fn codes(error: Error) -> Vec<(String, &'static str)> {
    match error {
        Error::Fields(errors) => errors.into_iter().map(|error| (error.field, error.code)).collect(),
        other => panic!("{other:?}"),
    }
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
    let changed = fixture.vault.credentials(&alice).update(&Actor::user(), saved.id, None, change).await.unwrap();
    assert_eq!(changed.settings.keys().collect::<Vec<_>>(), ["organization"]);
    assert_eq!(changed.configured, ["api_key"]);
    assert!(!format!("{changed:?}").contains(CANARY));

    let public = Change { fields: fields(r#"{"api_key":"sk-public"}"#), ..Change::default() };
    let sent_anew = fixture.vault.credentials(&alice).update(&Actor::user(), saved.id, None, public).await.unwrap();
    assert_eq!(sent_anew.settings.get("api_key").unwrap(), "sk-public", "sent under the new word, it is shown");
    fixture.register("openai", MANIFEST).await.unwrap();
    let hidden = fixture.vault.credentials(&alice).get(&Actor::user(), saved.id).await.unwrap();
    assert_eq!((hidden.settings.get("api_key"), hidden.configured.as_slice()), (None, &["api_key".to_owned()][..]));
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
    let kept = fixture.vault.plugins(fixture.tenant).remove(&Actor::host(), &name, false).await;
    assert!(matches!(kept, Err(Error::PluginInUse { credentials: 1 })));
    fixture.vault.plugins(fixture.tenant).remove(&Actor::host(), &name, true).await.unwrap();
    assert!(matches!(
        fixture.vault.credentials(&fixture.owner("alice")).get(&Actor::user(), saved.id).await,
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
