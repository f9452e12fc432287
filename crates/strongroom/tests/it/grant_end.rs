//! The end of a grant: refusals with different statuses, `Retry-After`, grants that expire, and grants that are revoked
//! when their plugin is removed.

use strongroom::{Actor, State};

use crate::oauth_fixture::OauthFixture;
use crate::provider::{Policy, Turn};

const HOUR: i64 = 3_600_000;

/// Atlassian reports an invalid grant with 403, Slack with 200. The error code decides, not the status.
#[tokio::test]
async fn invalid_grant_ends_grant_with_any_status() {
    for status in [200, 400, 401, 403] {
        let oauth = OauthFixture::new("dead", Policy::Strict).await;
        let credential = oauth.connected("alice").await;
        oauth.clock.advance(HOUR);
        oauth.provider.next(Turn::Answer(status, "application/json", r#"{"error":"invalid_grant"}"#.to_owned()));
        assert!(oauth.read(&credential).await.is_err());
        let shown = oauth.vault.credentials(&oauth.owner("alice")).get(&Actor::user(), credential.id).await.unwrap();
        assert_eq!((shown.state, shown.cause.as_deref()), (State::ReauthRequired, Some("invalid_grant")), "{status}");
    }
    // A 403 without an OAuth error code does not end the grant.
    let oauth = OauthFixture::new("dead-not", Policy::Strict).await;
    let credential = oauth.connected("alice").await;
    oauth.clock.advance(HOUR);
    oauth.provider.next(Turn::Answer(403, "text/html", "<h1>blocked</h1>".to_owned()));
    assert!(oauth.read(&credential).await.is_err());
    let shown = oauth.vault.credentials(&oauth.owner("alice")).get(&Actor::user(), credential.id).await.unwrap();
    assert_eq!(shown.state, State::Degraded);
    oauth.clock.advance(HOUR);
    assert!(oauth.read(&credential).await.is_ok());
}

#[tokio::test]
async fn expiring_grant_is_reported_a_week_before() {
    let oauth = OauthFixture::new("absolute", Policy::Strict).await;
    *oauth.provider.members.lock().unwrap() =
        format!(r#""expires_in":3600,"refresh_token_expires_in":{}"#, 30 * 24 * 3600);
    let credential = oauth.connected("alice").await;
    let show =
        async || oauth.vault.credentials(&oauth.owner("alice")).get(&Actor::user(), credential.id).await.unwrap();
    let end = show().await.grant_expires_at.unwrap();
    assert_eq!(end.as_millisecond() - credential.created_at.as_millisecond(), 30 * 24 * HOUR);
    // A refresh without an end date keeps the previous one.
    *oauth.provider.members.lock().unwrap() = r#""expires_in":3600"#.to_owned();
    oauth.clock.advance(22 * 24 * HOUR);
    oauth.read(&credential).await.unwrap();
    assert_eq!((show().await.grant_expires_at, show().await.cause), (Some(end), None));
    oauth.clock.advance(25 * HOUR);
    let soon = show().await;
    assert_eq!((soon.state, soon.cause.as_deref()), (State::Active, Some("grant-ends-soon")));
}

#[tokio::test]
async fn removing_a_plugin_revokes_its_grants() {
    let oauth = OauthFixture::new("plugin-goes", Policy::Strict).await;
    oauth.connected("alice").await;
    oauth.connected("bob").await;
    let plugin = "mail".parse().unwrap();
    assert!(oauth.vault.plugins(oauth.tenant).remove(&Actor::host(), &plugin, false).await.is_err());
    assert_eq!(oauth.vault.sweep().await.unwrap(), 0, "nothing is owed for what stays");
    oauth.vault.plugins(oauth.tenant).remove(&Actor::host(), &plugin, true).await.unwrap();
    assert_eq!(oauth.vault.sweep().await.unwrap(), 2);
    assert_eq!(oauth.provider.memory.lock().unwrap().revoked.len(), 2);
    assert_eq!(oauth.vault.verify(true, None, &mut |_| {}).await.unwrap().findings, []);
}
