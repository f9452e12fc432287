//! Rate limits of requested refreshes: the limit is checked only when a call to the provider starts.

use std::sync::Arc;
use std::time::Duration;

use strongroom::oauth::refresh::RateLimitCheck;
use strongroom::{Actor, Credential, Error, State, Vault};
use tokio::sync::Semaphore;

use crate::oauth_fixture::OauthFixture;
use crate::provider::{Policy, Turn};

async fn refresh(vault: &Vault, credential: &Credential, check_limit: RateLimitCheck<'_>) -> Result<Credential, Error> {
    vault.credentials(&credential.owner).refresh(&Actor::user(), credential.id, check_limit).await
}

fn none() -> Result<(), u64> {
    Err(7)
}

/// A caller that joins a running refresh causes no call, so the limit does not apply.
#[tokio::test(flavor = "multi_thread")]
async fn refused_call_limit_sends_no_request() {
    let oauth = OauthFixture::new("leave", Policy::Strict).await;
    let credential = oauth.connected("alice").await;
    let refused = refresh(&oauth.vault, &credential, &none).await;
    assert_eq!(oauth.provider.asked("/token").len(), 1, "the provider was called over the limit");
    assert!(matches!(refused, Err(Error::TooManyCalls { retry_after: 7 })), "{refused:?}");

    let (arrived, let_go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    oauth.provider.next(Turn::Hold(arrived.clone(), let_go.clone()));
    let joining = async {
        drop(arrived.acquire().await.unwrap());
        let asked = async || oauth.actions().await.iter().filter(|action| *action == "credential.refresh").count();
        let before = asked().await;
        tokio::join!(refresh(&oauth.vault, &credential, &none), async {
            while asked().await == before {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            let_go.add_permits(1);
        })
        .0
    };
    let (begun, joined) = tokio::join!(refresh(&oauth.vault, &credential, &|| Ok(())), joining);
    assert_eq!(begun.unwrap().revision, joined.unwrap().revision);
    assert_eq!(oauth.provider.asked("/token").len(), 2);
}

/// Another process finishes the refresh just before the limit check.
#[tokio::test(flavor = "multi_thread")]
async fn caller_during_finish_gets_the_new_token() {
    let oauth = OauthFixture::new("landing", Policy::Strict).await;
    let credential = oauth.connected("alice").await;
    let elsewhere = oauth.elsewhere().await;
    let check_limit = || {
        let faster = refresh(&elsewhere, &credential, &|| Ok(()));
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(faster)).unwrap();
        none()
    };
    let refreshed = refresh(&oauth.vault, &credential, &check_limit).await.expect("there is a newer token already");
    assert!(refreshed.revision > credential.revision);
    assert_eq!(oauth.provider.asked("/token").len(), 2);
}

/// If no call would start, the caller gets the current state and the limit is not checked.
#[tokio::test]
async fn call_limit_is_checked_only_for_new_calls() {
    for (answer, is_gone) in [(r#"{"error":"invalid_grant"}"#, true), (r#"{"error":"temporarily_unavailable"}"#, false)]
    {
        let oauth = OauthFixture::new("no-call", Policy::Strict).await;
        let credential = oauth.connected("alice").await;
        oauth.provider.next(Turn::Answer(400, "application/json", answer.to_owned()));
        refresh(&oauth.vault, &credential, &|| Ok(())).await.unwrap_err();
        let asked = std::sync::atomic::AtomicUsize::new(0);
        let counted = || {
            asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Ok(())
        };
        let error = refresh(&oauth.vault, &credential, &counted).await.unwrap_err();
        assert_eq!(matches!(error, Error::ReauthRequired { .. }), is_gone, "{answer}: {error}");
        assert_eq!(matches!(error, Error::Refresh { .. }), !is_gone, "{answer}: {error}");
        assert_eq!(asked.into_inner(), 0, "{answer}");
        assert_eq!(oauth.provider.asked("/token").len(), 2, "{answer}");
    }
}

/// After an interrupted refresh, the valid access token is used until it expires, before the refresh token is risked. A
/// 401 response shows that it has ended.
#[tokio::test]
async fn reported_401_refreshes_before_expiry() {
    let oauth = OauthFixture::new("interrupted", Policy::Strict).await;
    let credential = oauth.connected("alice").await;
    oauth.provider.next(Turn::Reset);
    refresh(&oauth.vault, &credential, &|| Ok(())).await.unwrap_err();
    oauth.clock.advance(600_000);
    oauth.vault.sweep().await.unwrap();
    let shown = oauth.vault.credentials(&credential.owner).get(&Actor::user(), credential.id).await.unwrap();
    assert_eq!((shown.state, shown.cause.as_deref()), (State::Ambiguous, Some("interrupted")));
    assert_eq!(oauth.provider.asked("/token").len(), 2, "not risked while the access token lives");
    let plugin = Actor::plugin(credential.plugin.clone());
    let said = (credential.id, shown.revision);
    let reported = oauth.vault.credentials(&credential.owner).report_unauthorized(&plugin, said, &|| Ok(())).await;
    assert_eq!(oauth.provider.asked("/token").len(), 3, "{reported:?}");
}
