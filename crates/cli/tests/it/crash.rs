//! Runs `kill -9` in a loop under 32 writers and 32 readers. Afterwards the log and the rows agree. Every acknowledged
//! save exists and opens. No secret was returned without its event.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;

use crate::process::{Serving, done, furnish};
use crate::support::{Dir, canary};

const EACH: usize = 32;

/// 100 rounds in `make soak`, 10 in `make test`.
#[expect(clippy::disallowed_methods, reason = "`make soak` asks for the full count")]
fn rounds() -> u64 {
    if std::env::var("SOAK").is_ok() { 100 } else { 10 }
}

#[derive(Default)]
struct Seen {
    saved: Mutex<Vec<(String, String)>>,
    answered: Mutex<HashSet<String>>,
    number: AtomicU64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_server_keeps_acknowledged_writes() {
    let dir = Dir::new("crash");
    let database = dir.database();
    let (host, plugin) = furnish(&database);
    let seen = Arc::new(Seen::default());
    for round in 0..rounds() {
        let serving = Arc::new(Serving::start(&database, &dir.path().join("server.log"), &[]).await);
        let session = serving.session(&host, "alice").await;
        if round == 0 {
            save(&serving, &session, &seen).await;
        }
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..EACH {
            let (serving, session, seen) = (serving.clone(), session.clone(), seen.clone());
            running.spawn(async move { while save(&serving, &session, &seen).await {} });
        }
        for _ in 0..EACH {
            let (serving, plugin, seen) = (serving.clone(), plugin.clone(), seen.clone());
            running.spawn(async move { while read(&serving, &plugin, &seen).await {} });
        }
        // Vary the moment within the batch.
        tokio::time::sleep(Duration::from_micros(60_000 + round * 7_919 % 60_000)).await;
        serving.kill();
        running.join_all().await;
    }

    assert!(done(&database, &["audit", "verify", "--deep"], "").contains("no faults found"));
    let serving = Serving::start(&database, &dir.path().join("server.log"), &[]).await;
    let saved = seen.saved.lock().unwrap().clone();
    assert!(saved.len() > 50, "only {} saves were acknowledged", saved.len());
    for (id, secret) in &saved {
        let (status, body) = serving.open(&plugin, "alice", id, "after-the-crash").await.unwrap();
        assert_eq!((status, body["fields"]["api_key"].as_str()), (200, Some(secret.as_str())), "{id}");
    }
    let db = Connection::open(&database).unwrap();
    let answered = seen.answered.lock().unwrap();
    assert!(answered.len() > 50, "only {} secrets were answered", answered.len());
    for request in answered.iter() {
        let sql = "SELECT count(*) FROM audit_event WHERE request_id = ?1 AND action = 'credential.open' AND decision = 'allowed'";
        let events: i64 = db.query_row(sql, [request], |row| row.get(0)).unwrap();
        assert_eq!(events, 1, "a secret was answered without its event: {request}");
    }
    println!("{} rounds, {} saves and {} secrets acknowledged, none lost", rounds(), saved.len(), answered.len());
}

async fn save(serving: &Serving, session: &str, seen: &Seen) -> bool {
    let name = format!("Key {}", seen.number.fetch_add(1, Ordering::Relaxed));
    let secret = canary(&name);
    match serving.save(session, &name, &secret).await {
        Ok((201, body)) => {
            seen.saved.lock().unwrap().push((body["id"].as_str().unwrap().to_owned(), secret));
            true
        }
        Ok((status, body)) => panic!("{status} {body}"),
        Err(_) => false,
    }
}

async fn read(serving: &Serving, plugin: &str, seen: &Seen) -> bool {
    let number = seen.number.fetch_add(1, Ordering::Relaxed);
    let (id, secret) = {
        let saved = seen.saved.lock().unwrap();
        saved[usize::try_from(number).unwrap() % saved.len()].clone()
    };
    let request = format!("crash-read-{number}");
    match serving.open(plugin, "alice", &id, &request).await {
        Ok((200, Value::Object(body))) => {
            assert_eq!(body["fields"]["api_key"], secret);
            seen.answered.lock().unwrap().insert(request);
            true
        }
        Ok((status, body)) => panic!("{status} {body}"),
        Err(_) => false,
    }
}
