//! The lifecycle of a credential over HTTP, with exact responses.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Answer, Server, draft};
use crate::support::{CANARY, canary};

/// Replaces values that differ between runs by their format.
fn redacted(mut value: Value) -> Value {
    fn walk(value: &mut Value) {
        match value {
            Value::Object(members) => members.values_mut().for_each(walk),
            Value::Array(items) => items.iter_mut().for_each(walk),
            Value::String(text) => {
                for prefix in ["cred_", "key_", "sess_", "plug_"] {
                    if text.strip_prefix(prefix).is_some_and(|hex| hex.len() == 32) {
                        *text = format!("{prefix}…");
                    }
                }
                for prefix in ["srh_", "srp_", "srs_"] {
                    if text.strip_prefix(prefix).is_some_and(|rest| rest.len() == 58) {
                        *text = format!("{prefix}…");
                    }
                }
            }
            _ => {}
        }
    }
    walk(&mut value);
    value
}

#[tokio::test]
async fn credential_is_saved_listed_read_changed_and_deleted() {
    let server = Server::new("life").await;
    let saved = server.with_json("POST", "/v1/credentials", &server.alice, &draft("Work")).await;
    assert_eq!((saved.status, saved.etag().as_str()), (StatusCode::CREATED, "\"1\""));
    let path = saved.headers["location"].to_str().unwrap().to_owned();
    insta::assert_json_snapshot!("saved", redacted(saved.json()));

    let listed = server.get("/v1/credentials", &server.alice).await;
    insta::assert_json_snapshot!("listed", redacted(listed.json()));
    assert_eq!(server.get("/v1/credentials", &server.bob).await.json()["items"], json!([]));

    let read = server.get(&format!("{path}/secret?user_id=alice"), &server.plugin).await;
    assert_eq!((read.status, read.headers["cache-control"].to_str().unwrap()), (StatusCode::OK, "no-store"));
    assert_eq!(read.json()["fields"], json!({"api_key": canary("Work")}));

    let change = json!({"name": "Home", "fields": {"organization": "org-1"}}).to_string();
    let changed = server.raw("PATCH", &path, &server.alice, &[("if-match", "\"1\"")], change.clone()).await;
    assert_eq!((changed.status, changed.etag().as_str()), (StatusCode::OK, "\"2\""));
    insta::assert_json_snapshot!("changed", redacted(changed.json()));
    let stale = server.raw("PATCH", &path, &server.alice, &[("if-match", "\"1\"")], change.clone()).await;
    assert_eq!((stale.status, stale.problem().0.as_str()), (StatusCode::PRECONDITION_FAILED, "stale"));
    let blind = server.raw("PATCH", &path, &server.alice, &[], change).await;
    assert_eq!(
        (blind.status, blind.problem().0.as_str()),
        (StatusCode::PRECONDITION_REQUIRED, "precondition-required")
    );

    assert_eq!(server.delete(&path, &server.alice).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.get(&path, &server.alice).await.problem().0, "not-found");
    let log = server.get("/v1/audit?target_id=".to_owned().as_str(), &server.host).await;
    assert_eq!(log.status, StatusCode::OK);
}

#[tokio::test]
async fn foreign_and_missing_objects_are_indistinguishable() {
    let server = Server::new("strangers").await;
    let id = server.saved("Work").await;
    let missing = "cred_00000000000000000000000000000000";
    let mut seen = Vec::new();
    for (id, token) in [(id.as_str(), &server.bob), (missing, &server.bob), (missing, &server.alice)] {
        for method in ["GET", "DELETE", "PATCH"] {
            let answer = server.raw(method, &format!("/v1/credentials/{id}"), token, &[("if-match", "*")], "{}").await;
            let mut body = answer.json();
            body["instance"] = Value::Null;
            seen.push((method, answer.status, body.to_string()));
        }
    }
    for (method, status, body) in &seen {
        let first = seen.iter().find(|(other, _, _)| other == method).unwrap();
        assert_eq!((*status, body), (StatusCode::NOT_FOUND, &first.2), "{method}");
    }
    for (path, token) in [
        (format!("/v1/credentials/{id}/secret?user_id=bob"), &server.plugin),
        (format!("/v1/credentials/{id}/secret?user_id=alice"), &server.other_plugin),
        (format!("/v1/credentials/{id}?user_id=alice"), &server.other_plugin),
        (format!("/v1/credentials/{missing}/secret?user_id=alice"), &server.plugin),
    ] {
        let answer = server.get(&path, token).await;
        assert_eq!((answer.status, answer.problem().0.as_str()), (StatusCode::NOT_FOUND, "not-found"), "{path}");
    }
}

#[tokio::test]
async fn only_plugin_reads_contain_the_secret() {
    let server = Server::new("no-secret").await;
    let id = server.saved("Work").await;
    for (path, token) in [
        ("/v1/credentials".to_owned(), &server.alice),
        (format!("/v1/credentials/{id}"), &server.alice),
        ("/v1/credentials?user_id=alice".to_owned(), &server.plugin),
        (format!("/v1/credentials/{id}?user_id=alice"), &server.plugin),
        ("/v1/audit".to_owned(), &server.host),
        ("/v1/users".to_owned(), &server.host),
    ] {
        let answer = server.get(&path, token).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(!String::from_utf8_lossy(&answer.body).contains(CANARY), "{path}");
    }
}

/// Denial of service: lists of large credentials must not use up the server's memory.
#[tokio::test]
async fn large_credentials_shorten_pages_without_loss() {
    let server = Server::new("large-pages").await;
    for number in 0..40 {
        let mut draft = draft(&format!("Key {number}"));
        draft["fields"]["organization"] = format!("org-{}", "o".repeat(60_000)).into();
        assert_eq!(
            server.with_json("POST", "/v1/credentials", &server.alice, &draft).await.status,
            StatusCode::CREATED
        );
        server.clock.advance(1);
    }
    let (mut seen, mut path) = (0, "/v1/credentials?limit=200".to_owned());
    loop {
        let answer = server.get(&path, &server.alice).await;
        assert!(answer.body.len() < 1_200_000, "{} bytes", answer.body.len());
        let page = answer.json();
        seen += page["items"].as_array().unwrap().len();
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/credentials?limit=200&cursor={cursor}");
    }
    assert_eq!(seen, 40);
}

#[tokio::test]
async fn pages_list_every_credential() {
    let server = Server::new("pages").await;
    for number in 0..7 {
        server.saved(&format!("Key {number}")).await;
        server.clock.advance(1);
    }
    let (mut names, mut path) = (Vec::new(), "/v1/credentials?limit=3".to_owned());
    loop {
        let page = server.get(&path, &server.alice).await.json();
        names.extend(page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/credentials?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(names, (0..7).map(|number| format!("Key {number}")).collect::<Vec<_>>());
    for query in
        ["limit=0", "limit=201", "limit=x", "cursor=!!", "cursor=YWJj", "colour=red", "limit=1&limit=2", "type=other"]
    {
        let answer = server.get(&format!("/v1/credentials?{query}"), &server.alice).await;
        assert!(answer.status.is_client_error(), "{query}");
        answer.problem();
    }
}

#[tokio::test]
async fn same_idempotency_key_saves_once_and_returns_the_token() {
    let server = Server::new("once").await;
    let twice = async |path: &str, token: &str, body: Value, key: &str| {
        let first = server.raw("POST", path, token, &[("idempotency-key", key)], body.to_string()).await;
        let second = server.raw("POST", path, token, &[("idempotency-key", key)], body.to_string()).await;
        assert_eq!((first.status, second.status), (StatusCode::CREATED, StatusCode::CREATED), "{path}");
        assert_eq!(first.json(), second.json(), "{path}");
    };
    twice("/v1/credentials", &server.alice, draft("Work"), "\"a-1\"").await;
    twice("/v1/host-keys", &server.host, json!({"label": "x"}), "a-1").await;
    twice("/v1/plugins/openai/keys", &server.host, json!({"label": "x"}), "a-1").await;
    twice("/v1/sessions", &server.host, json!({"user_id": "carol"}), "a-1").await;
    let other = server
        .raw("POST", "/v1/credentials", &server.alice, &[("idempotency-key", "\"a-1\"")], draft("Other").to_string())
        .await;
    assert_eq!((other.status, other.problem().0.as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "idempotency-mismatch"));
    let bobs = server
        .raw("POST", "/v1/credentials", &server.bob, &[("idempotency-key", "\"a-1\"")], draft("Work").to_string())
        .await;
    assert_eq!(bobs.status, StatusCode::CREATED, "another user's key of the same name is another key");
    let bad =
        server.raw("POST", "/v1/credentials", &server.alice, &[("idempotency-key", "")], draft("X").to_string()).await;
    assert_eq!(bad.problem().0, "idempotency-invalid");
}

#[tokio::test]
async fn revoked_and_expired_tokens_are_refused() {
    let server = Server::new("revoked").await;
    let made = server
        .with_json("POST", "/v1/plugins/openai/keys", &server.host, &json!({"label": "short-lived"}))
        .await
        .json();
    let (id, token) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    assert_eq!(server.get("/v1/credentials?user_id=alice", token).await.status, StatusCode::OK);
    assert_eq!(
        server.delete(&format!("/v1/plugins/openai/keys/{id}"), &server.host).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(server.get("/v1/credentials?user_id=alice", token).await.problem().0, "unauthenticated");

    assert_eq!(server.delete("/v1/sessions/current", &server.bob).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.get("/v1/credentials", &server.bob).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(server.get("/v1/credentials", &server.alice).await.status, StatusCode::OK);
    server.clock.advance(900_000);
    assert_eq!(server.get("/v1/credentials", &server.alice).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn host_deletes_user_with_all_data() {
    let server = Server::new("delete-user").await;
    let id = server.saved("Work").await;
    assert_eq!(server.get("/v1/users", &server.host).await.json()["items"][0]["credentials"], 1);
    assert_eq!(server.delete("/v1/users/alice", &server.host).await.status, StatusCode::NO_CONTENT);
    assert_eq!(
        server.get("/v1/credentials", &server.alice).await.status,
        StatusCode::UNAUTHORIZED,
        "the session went too"
    );
    assert_eq!(
        server.get(&format!("/v1/credentials/{id}/secret?user_id=alice"), &server.plugin).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(server.delete("/v1/users/alice", &server.host).await.status, StatusCode::NOT_FOUND);
    let report = server.vault.verify(true, None, &mut |_| {}).await.unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

/// The read of a plugin bypasses the router. A path in another encoding uses the router. Both must answer alike.
#[tokio::test]
async fn routed_and_direct_reads_return_the_same_answer() {
    let server = Server::new("alike").await;
    let (id, unknown) = (server.saved("Work").await, format!("cred_{}", "0".repeat(32)));
    let callers = [&server.plugin, &server.other_plugin, &server.alice, &server.host, "", "srp_unknown"];
    let mut read = 0;
    for (id, token, query) in [&id, &unknown].into_iter().flat_map(|id| {
        let queries = ["?user_id=alice", "?user_id=bob", "", "?user_id=", "?user_id=alice&also=this"];
        callers.into_iter().flat_map(move |token| queries.map(|query| (id, token, query)))
    }) {
        let (direct, routed) = (format!("/v1/credentials/{id}/secret{query}"), id.replacen('c', "%63", 1));
        let routed = format!("/v1/credentials/{routed}/secret{query}");
        let [direct, routed] = [server.get(&direct, token).await, server.get(&routed, token).await];
        assert_eq!(direct.status, routed.status, "{id} {query}");
        let told = |answer: &Answer| {
            let mut body = answer.json();
            body.as_object_mut().expect("an object").remove("instance");
            let mut headers = answer.headers.clone();
            // Skip the headers that differ for each request or that depend on the listener.
            for name in ["x-request-id", "ratelimit", "content-length"] {
                headers.remove(name);
            }
            (headers, body)
        };
        assert_eq!(told(&direct), told(&routed), "{id} {query}");
        read += usize::from(direct.status.is_success());
    }
    assert_eq!(read, 1, "one caller of all may read");
}
