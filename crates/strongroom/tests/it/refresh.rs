//! Refreshes: concurrent requests are merged, a crash loses nothing, no token is used twice, and recoverable failures
//! are not final.

use std::time::Duration;

use strongroom::{Actor, Credential, Error, State};

use crate::fixture::text;
use crate::oauth_fixture::{OauthFixture, read};
use crate::provider::{Policy, Turn};

const HOUR: i64 = 3_600_000;

fn answered(body: &str) -> Turn {
    Turn::Answer(400, "application/json", body.to_owned())
}

async fn token(oauth: &OauthFixture, credential: &Credential) -> String {
    text(&oauth.read(credential).await.unwrap(), "access_token")
}

#[tokio::test]
async fn expiring_token_is_refreshed_on_read() {
    let oauth = OauthFixture::new("refresh", Policy::Strict).await;
    let credential = oauth.connected("alice").await;
    let first = token(&oauth, &credential).await;
    oauth.clock.advance(HOUR / 2);
    assert_eq!(token(&oauth, &credential).await, first, "half of its life is left");
    oauth.clock.advance(HOUR / 2 - 60_000);
    let second = token(&oauth, &credential).await;
    assert_ne!(second, first);
    assert_eq!(oauth.provider.asked("/token").len(), 2);
    assert_eq!(token(&oauth, &credential).await, second);
    for _ in 0..5 {
        oauth.clock.advance(HOUR);
        token(&oauth, &credential).await;
    }
    assert_eq!(oauth.provider.asked("/token").len(), 7);
    assert_eq!(oauth.provider.families_revoked(), 0);
    let actions = oauth.actions().await;
    let count = |name: &str| actions.iter().filter(|action| *action == name).count();
    assert_eq!((count("credential.refresh-begin"), count("credential.refreshed")), (6, 6));
    assert_eq!(oauth.vault.verify(true, None, &mut |_| {}).await.unwrap().findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn disconnected_caller_loses_no_token() {
    let oauth = OauthFixture::new("hangup", Policy::Strict).await;
    let credential = oauth.connected("alice").await;
    oauth.clock.advance(HOUR);
    oauth.provider.next(Turn::Slow(Duration::from_millis(300)));
    let gone = tokio::time::timeout(Duration::from_millis(50), oauth.read(&credential)).await;
    assert!(gone.is_err(), "the caller has hung up");
    tokio::time::sleep(Duration::from_millis(600)).await;
    token(&oauth, &credential).await;
    assert_eq!(oauth.provider.asked("/token").len(), 2, "the answer was kept");
    assert_eq!(oauth.provider.families_revoked(), 0);
}

#[tokio::test]
async fn valid_token_is_served_while_refresh_fails() {
    let oauth = OauthFixture::new("serve", Policy::Strict).await;
    let credential = oauth.connected("alice").await;
    let first = token(&oauth, &credential).await;
    oauth.clock.advance(HOUR - 60_000);
    oauth.provider.next(Turn::Answer(503, "text/plain", String::new()));
    assert_eq!(token(&oauth, &credential).await, first);
    let shown = oauth.vault.credentials(&oauth.owner("alice")).get(&Actor::user(), credential.id).await.unwrap();
    assert_eq!((shown.state, shown.cause.as_deref()), (State::Degraded, Some("http-503")));
    // The sweep respects `Retry-After`.
    assert_eq!(oauth.vault.sweep().await.unwrap(), 0);
    // The token has expired and no retry is due. Callers get a refresh error, not "reconnect", and no requests are
    // sent.
    oauth.clock.advance(61_000);
    for _ in 0..20 {
        assert!(matches!(oauth.read(&credential).await, Err(Error::Refresh { .. })));
    }
    assert_eq!(oauth.provider.asked("/token").len(), 2);
    oauth.clock.advance(60_000);
    assert_ne!(token(&oauth, &credential).await, first);
}

#[tokio::test]
async fn refresh_causes_are_distinct() {
    for (answer, state, cause) in [
        (r#"{"error":"invalid_grant","error_description":"<b>x</b>"}"#, State::ReauthRequired, "invalid_grant"),
        (r#"{"error":"invalid_client"}"#, State::Degraded, "invalid_client"),
        (r#"{"error":"temporarily_unavailable"}"#, State::Degraded, "temporarily_unavailable"),
        (r#"{"error":"something new"}"#, State::Degraded, "http-400"),
        ("<html>", State::Degraded, "http-400"),
    ] {
        let oauth = OauthFixture::new("causes", Policy::Strict).await;
        let credential = oauth.connected("alice").await;
        oauth.clock.advance(HOUR);
        oauth.provider.next(answered(answer));
        let error = oauth.read(&credential).await.unwrap_err();
        assert_eq!(matches!(error, Error::ReauthRequired { .. }), state == State::ReauthRequired, "{answer}");
        let shown = oauth.vault.credentials(&oauth.owner("alice")).get(&Actor::user(), credential.id).await.unwrap();
        assert_eq!((shown.state, shown.cause.as_deref()), (state, Some(cause)), "{answer}");
        // Nothing is deleted: a reconnect is sufficient.
        let again = oauth.connect("alice", Some(credential.id)).await.unwrap();
        assert_eq!((again.id, again.state, again.cause), (credential.id, State::Active, None));
    }
}

/// The response was lost, so it is unknown whether the token was spent. The result depends on the provider's policy.
#[tokio::test]
async fn lost_answer_follows_provider_policy() {
    for (policy, survives) in [(Policy::Reusable, true), (Policy::Grace, true), (Policy::Strict, false)] {
        for turn in [Turn::Reset, Turn::Half] {
            let oauth = OauthFixture::new("lost", policy).await;
            let credential = oauth.connected("alice").await;
            let first = token(&oauth, &credential).await;
            oauth.clock.advance(HOUR - 60_000);
            oauth.provider.next(turn.clone());
            assert_eq!(token(&oauth, &credential).await, first, "{policy:?}: it still lives");
            let shown =
                oauth.vault.credentials(&oauth.owner("alice")).get(&Actor::user(), credential.id).await.unwrap();
            assert_eq!(shown.state, State::Ambiguous);
            if policy == Policy::Strict {
                oauth.vault.sweep().await.unwrap();
                assert_eq!(oauth.provider.asked("/token").len(), 2, "not risked while the access token lives");
            }
            oauth.clock.advance(61_000);
            let after = oauth.read(&credential).await;
            assert_eq!(after.is_ok(), survives, "{policy:?} {turn:?}");
            let asked = oauth.provider.asked("/token").len();
            assert_eq!(asked, 3, "{policy:?} {turn:?}: one try, never a loop");
            if !survives {
                assert!(matches!(oauth.read(&credential).await, Err(Error::ReauthRequired { .. })));
                oauth.clock.advance(10 * HOUR);
                oauth.vault.sweep().await.unwrap();
                assert_eq!(oauth.provider.asked("/token").len(), asked);
            }
        }
    }
}

/// A process dies while it holds the lease, at each relevant step.
#[tokio::test]
async fn abandoned_lease_is_taken_over() {
    for (policy, survives) in [(Policy::Reusable, true), (Policy::Grace, true), (Policy::Strict, true)] {
        let oauth = OauthFixture::new("lease", policy).await;
        let credential = oauth.connected("alice").await;
        oauth.clock.advance(HOUR);
        let intruder = rusqlite::Connection::open(oauth.dir.database()).unwrap();
        let now = strongroom::Clock::now(&*oauth.clock).as_millisecond();
        // The intent is durable, but the process died before it sent the request.
        let sql = "UPDATE refresh SET fence = fence + 1, state = 'refreshing', intent_at = ?1, lease_until = ?1";
        intruder.execute(sql, [now]).unwrap();
        assert_eq!(oauth.read(&credential).await.is_ok(), survives, "{policy:?}");
        assert_eq!(oauth.provider.families_revoked(), 0);
        // The next process died too, during the only replay.
        let sql =
            "UPDATE refresh SET fence = fence + 1, state = 'ambiguous', failures = 1, intent_at = ?1, lease_until = ?1";
        oauth.clock.advance(HOUR);
        intruder.execute(sql, [now + HOUR]).unwrap();
        assert_eq!(oauth.read(&credential).await.is_ok(), policy == Policy::Reusable, "{policy:?}");
    }
}

/// A holder whose lease expired has lost it: its late result changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn late_result_is_discarded() {
    let oauth = OauthFixture::new("late", Policy::Grace).await;
    let credential = oauth.connected("alice").await;
    oauth.clock.advance(HOUR);
    oauth.provider.next(Turn::Slow(Duration::from_millis(500)));
    let vault = oauth.vault.clone();
    let (sleeper, of) = (vault.clone(), credential.clone());
    let late = tokio::spawn(async move { read(&sleeper, &of).await.map(|opened| opened.revision) });
    tokio::time::sleep(Duration::from_millis(150)).await;
    // The lease expires while the first holder waits for the response.
    oauth.clock.advance(61_000);
    let elsewhere = oauth.elsewhere().await;
    let winner = text(&read(&elsewhere, &credential).await.unwrap(), "access_token");
    late.await.unwrap().unwrap();
    assert_eq!(token(&oauth, &credential).await, winner);
    let actions = oauth.actions().await;
    assert_eq!(actions.iter().filter(|action| *action == "credential.refreshed").count(), 1);
}

/// If the store is not writable, no request is sent: the intent must be durable first.
#[tokio::test]
async fn unwritable_store_sends_no_request() {
    let oauth = OauthFixture::new("readonly", Policy::Strict).await;
    let credential = oauth.connected("alice").await;
    oauth.clock.advance(HOUR);
    let holder = rusqlite::Connection::open(oauth.dir.database()).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert!(oauth.read(&credential).await.is_err());
    assert_eq!(oauth.provider.asked("/token").len(), 1, "the exchange, and nothing since");
    holder.execute_batch("ROLLBACK").unwrap();
    token(&oauth, &credential).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_401_reports_make_one_refresh() {
    let oauth = OauthFixture::new("report", Policy::Strict).await;
    let credential = oauth.connected("alice").await;
    let opened = oauth.read(&credential).await.unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (vault, of, revision) = (oauth.vault.clone(), credential.clone(), opened.revision);
        callers.spawn(async move {
            let actor = Actor::plugin(of.plugin.clone());
            vault.credentials(&of.owner).report_unauthorized(&actor, (of.id, revision), &|| Ok(())).await.unwrap();
        });
    }
    callers.join_all().await;
    assert_eq!(oauth.provider.asked("/token").len(), 2);
    assert_ne!(token(&oauth, &credential).await, text(&opened, "access_token"));
}

#[tokio::test]
async fn token_lifetimes_are_parsed() {
    for (members, lifetime) in [
        (r#""expires_in":3600"#, Some(3600)),
        (r#""expires_in":"3600""#, Some(3600)),
        (r#""expires_in":1.5"#, Some(1)),
        (r#""expires_in":9223372036854775808"#, Some(365 * 24 * 3600)),
        (r#""expires_in":0"#, None),
        (r#""expires_in":-1"#, None),
        (r#""expires_in":null"#, None),
        ("", None),
    ] {
        let oauth = OauthFixture::new("lifetimes", Policy::Strict).await;
        *oauth.provider.members.lock().unwrap() = members.to_owned();
        let credential = oauth.connected("alice").await;
        let now = strongroom::Clock::now(&*oauth.clock).as_millisecond();
        let left = credential.expires_at.map(|at| (at.as_millisecond() - now) / 1000);
        assert_eq!(left, lifetime, "{members}");
    }
}

/// A clock jump causes no burst of requests and no use of an expired token.
#[tokio::test]
async fn clock_jump_causes_no_refresh_storm() {
    let oauth = OauthFixture::new("jump", Policy::Strict).await;
    let credential = oauth.connected("alice").await;
    for jump in [10 * 60_000, -10 * 60_000, 24 * HOUR, -24 * HOUR, 24 * HOUR] {
        oauth.clock.advance(jump);
        for _ in 0..10 {
            token(&oauth, &credential).await;
            oauth.vault.sweep().await.unwrap();
        }
    }
    let asked = oauth.provider.asked("/token").len();
    assert!(asked <= 4, "{asked} requests");
    assert_eq!(oauth.provider.families_revoked(), 0);
}

#[tokio::test]
async fn sweep_refreshes_due_credentials_only() {
    let oauth = OauthFixture::new("sweep", Policy::Strict).await;
    let mut users = Vec::new();
    for number in 0..30 {
        users.push(oauth.connected(&format!("user-{number}")).await);
        oauth.clock.advance(60_000);
    }
    assert_eq!(oauth.vault.sweep().await.unwrap(), 0);
    oauth.clock.advance(HOUR - 30 * 60_000);
    let due = oauth.vault.sweep().await.unwrap();
    assert!((1..10).contains(&due), "{due} of 30");
    assert_eq!(oauth.provider.asked("/token").len(), 30 + due);
    oauth.clock.advance(HOUR);
    assert_eq!(oauth.vault.sweep().await.unwrap(), 30);
    assert_eq!(oauth.provider.families_revoked(), 0);
}

/// While a provider is down, the breaker stops calls for all credentials, and the sweep does not loop.
#[tokio::test]
async fn circuit_breaker_pauses_calls_to_failing_provider() {
    let oauth = OauthFixture::new("breaker", Policy::Strict).await;
    let mut credentials = Vec::new();
    for number in 0..30 {
        credentials.push(oauth.connected(&format!("user-{number}")).await);
    }
    oauth.clock.advance(HOUR);
    for _ in 0..100 {
        oauth.provider.next(Turn::Answer(503, "text/plain", String::new()));
    }
    assert_eq!(oauth.vault.sweep().await.unwrap(), 30);
    let asked = oauth.provider.asked("/token").len() - 30;
    assert!(asked < 25, "{asked} of 30 found it out");
    assert_eq!(oauth.vault.sweep().await.unwrap(), 0, "all are put off");
    oauth.provider.up_again();
    oauth.clock.advance(10 * 60_000);
    oauth.vault.sweep().await.unwrap();
    for credential in &credentials {
        token(&oauth, credential).await;
    }
}

/// A refusal with an unknown code does not end the grant at once, but retries are bounded.
#[tokio::test]
async fn unknown_refusals_end_after_a_limit() {
    let oauth = OauthFixture::new("unknown", Policy::Strict).await;
    let credential = oauth.connected("alice").await;
    oauth.clock.advance(HOUR);
    let mut tries = 0;
    for _ in 0..40 {
        oauth.provider.next(answered(r#"{"error":"something_new"}"#));
        match oauth.read(&credential).await.unwrap_err() {
            Error::Refresh { .. } => tries += 1,
            Error::ReauthRequired { cause } => {
                assert_eq!(cause, "something_new");
                break;
            }
            other => panic!("{other}"),
        }
        oauth.clock.advance(16 * 60_000);
    }
    assert_eq!(tries, 11);
}

/// One hour of outage does not end a grant if no response shows that the token was spent.
#[tokio::test]
async fn outage_does_not_end_grants() {
    for policy in [Policy::Reusable, Policy::Grace, Policy::Strict] {
        let oauth = OauthFixture::new("outage", policy).await;
        let credential = oauth.connected("alice").await;
        oauth.clock.advance(HOUR);
        for _ in 0..100 {
            oauth.provider.next(Turn::Answer(502, "text/html", "<html>".to_owned()));
        }
        for _ in 0..60 {
            assert!(matches!(oauth.read(&credential).await, Err(Error::Refresh { .. })), "{policy:?}");
            oauth.vault.sweep().await.unwrap();
            oauth.clock.advance(60_000);
        }
        let asked = oauth.provider.asked("/token").len();
        assert!(asked < 20, "{policy:?}: {asked} requests in an hour");
        oauth.provider.up_again();
        oauth.clock.advance(20 * 60_000);
        token(&oauth, &credential).await;
        assert_eq!(oauth.provider.families_revoked(), 0);
    }
}

/// Shutdown waits for the pending response of a provider.
#[tokio::test(flavor = "multi_thread")]
async fn close_keeps_tokens_of_running_refreshes() {
    let oauth = OauthFixture::new("closing", Policy::Strict).await;
    let credential = oauth.connected("alice").await;
    oauth.clock.advance(HOUR);
    oauth.provider.next(Turn::Slow(Duration::from_millis(300)));
    let (vault, of) = (oauth.vault.clone(), credential.clone());
    let reading = tokio::spawn(async move { read(&vault, &of).await.is_ok() });
    tokio::time::sleep(Duration::from_millis(100)).await;
    oauth.vault.close().await;
    let _ = reading.await;
    let restarted = oauth.elsewhere().await;
    let opened = read(&restarted, &credential).await.unwrap();
    assert!(text(&opened, "access_token").starts_with("at-"));
    assert_eq!(oauth.provider.asked("/token").len(), 2);
    assert_eq!(oauth.provider.families_revoked(), 0);
}

/// If a user changed the tokens, a running refresh would overwrite the change or lose its result.
#[tokio::test]
async fn connected_tokens_cannot_be_changed_by_user() {
    let oauth = OauthFixture::new("patch", Policy::Strict).await;
    let credential = oauth.connected("alice").await;
    let fields = |json: &str| serde_json::from_str(json).unwrap();
    for json in [r#"{"scopes":["all"]}"#, r#"{"access_token":"x"}"#, r#"{"refresh_token":null}"#] {
        let change = strongroom::Change { fields: fields(json), ..Default::default() };
        let changed =
            oauth.vault.credentials(&oauth.owner("alice")).update(&Actor::user(), credential.id, None, change).await;
        assert!(matches!(changed, Err(Error::Fields(_))), "{json}");
    }
    let renamed = strongroom::Change { name: Some("Other".parse().unwrap()), ..Default::default() };
    oauth.vault.credentials(&oauth.owner("alice")).update(&Actor::user(), credential.id, None, renamed).await.unwrap();
    oauth.clock.advance(HOUR);
    token(&oauth, &credential).await;
}
