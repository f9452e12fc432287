//! `last_used_at` is derived from the log. It costs a read nothing and has a bounded delay.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use strongroom::{Actor, Clock, PluginName};

use crate::fixture::Fixture;

/// Returns the stored `last_used_at`, and the event up to which it is current.
fn written(file: &Connection) -> (Option<i64>, u64) {
    let sql = "SELECT (SELECT max(last_used_at) FROM credential), CAST(value AS INTEGER) FROM meta WHERE key = 'last_used_seq'";
    file.query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

fn events(file: &Connection) -> u64 {
    file.query_row("SELECT max(seq) FROM audit_event", (), |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn last_used_comes_from_the_log() {
    let fixture = Fixture::new("last-used").await;
    let saved = fixture.save("alice", "Work").await.unwrap();
    fixture.clock.advance(5_000);
    fixture.open("alice", "openai", &saved).await.unwrap();
    let used = fixture.clock.now();
    let fixture = fixture.reopened().await;
    let shown = fixture.vault.credentials(&fixture.owner("alice")).get(&Actor::user(), saved.id).await.unwrap();
    assert_eq!((shown.last_used_at, shown.revision), (Some(used), 1));
    assert!(
        fixture.vault.verify(true, None, &mut |_| {}).await.unwrap().findings.is_empty(),
        "without an event of its own"
    );
}

/// Otherwise a start would process all events since the last idle period.
#[tokio::test]
async fn last_used_is_updated_under_constant_load() {
    let fixture = Fixture::new("never-quiet").await;
    let saved = fixture.save("alice", "Work").await.unwrap();
    let (file, began) = (fixture.intruder(), Instant::now());
    let mut opened = (0, 0);
    while began.elapsed() < Duration::from_secs(2) {
        fixture.clock.advance(1_000);
        fixture.open("alice", "openai", &saved).await.unwrap();
        opened = (fixture.clock.now().as_millisecond(), events(&file));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (at, up_to) = written(&file);
    assert!(up_to > opened.1 / 2, "{up_to} of {}", opened.1);
    assert!(at.unwrap() > opened.0 - 60_000, "{at:?}, read last at {}", opened.0);
}

#[tokio::test]
async fn reads_of_another_process_update_last_used() {
    let fixture = Fixture::new("read-elsewhere").await;
    let saved = fixture.save("alice", "Work").await.unwrap();
    let elsewhere = fixture.elsewhere().await;
    let file = fixture.intruder();
    for (second, vault) in [&fixture.vault, &elsewhere, &fixture.vault, &elsewhere].into_iter().enumerate() {
        fixture.clock.advance(1_000);
        let actor = Actor::plugin("openai".parse::<PluginName>().unwrap());
        let permit = vault.credentials(&fixture.owner("alice")).authorize(&actor, saved.id).await.unwrap();
        vault.open(permit).await.unwrap();
        // Both processes are idle before the last read, so each sees the other's update.
        tokio::time::sleep(Duration::from_millis(if second == 2 { 700 } else { 0 })).await;
    }
    elsewhere.close().await;
    assert_eq!(written(&file).0, Some(fixture.clock.now().as_millisecond()));
}

/// Closing does not wait for the update, because the next process can continue it.
#[tokio::test]
async fn close_does_not_wait_and_next_open_continues() {
    let fixture = Fixture::new("far-behind").await;
    let saved = fixture.save("alice", "Work").await.unwrap();
    fixture.open("alice", "openai", &saved).await.unwrap();
    let fixture = fixture.reopened().await;
    let file = fixture.intruder();
    let behind = 2_000_000;
    file.execute(
        "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
         INSERT INTO audit_event (seq, at, actor, action, decision, target_id, link) \
         SELECT last.seq + i, ?2, 'plugin', 'credential.open', 'allowed', last.target_id, last.link \
         FROM n, (SELECT * FROM audit_event WHERE action = 'credential.open') AS last",
        (behind, fixture.clock.now().as_millisecond()),
    )
    .unwrap();
    let began = Instant::now();
    fixture.vault.close().await;
    assert!(began.elapsed() < Duration::from_secs(1), "closing took {:?}", began.elapsed());
    let (_, first) = written(&file);
    let next = fixture.elsewhere().await;
    next.close().await;
    let (_, second) = written(&file);
    assert!(first < second || second == events(&file), "{first}, {second} of {}", events(&file));
}
