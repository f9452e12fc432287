//! Rules for every request: hosts, addresses, limits, headers, methods, timeouts and ids.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use http_body_util::channel::Channel;
use serde_json::{Value, json};
use strongroom_server::Config;
use strongroom_server::config::Limits;

use crate::harness::{Server, draft};

fn limited(principal: u32, address: u32) -> impl FnOnce(Config) -> Config {
    move |config| Config {
        limits: Limits { principal_per_second: principal, address_per_second: address, ..config.limits },
        ..config
    }
}

#[tokio::test]
async fn every_answer_has_its_headers() {
    let server = Server::new("headers").await;
    for (path, token) in
        [("/livez", ""), ("/v1/credentials", ""), ("/v1/credentials", server.alice.as_str()), ("/nowhere", "")]
    {
        let answer = server.get(path, token).await;
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
            ),
        ] {
            assert_eq!(answer.headers[name], value, "{path}");
        }
        assert!(!answer.headers.contains_key("server"), "{path}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{path}");
        assert_eq!(answer.headers["x-request-id"].len(), 32, "{path}");
    }
    let limits = server.get("/v1/credentials", &server.alice).await.headers;
    assert_eq!(limits["ratelimit-policy"], "\"principal\";q=10000;w=1");
    assert!(limits["ratelimit"].to_str().unwrap().starts_with("\"principal\";r="));
}

#[tokio::test]
async fn valid_request_id_is_kept_and_others_are_replaced() {
    let server = Server::new("request-id").await;
    for (sent, kept) in
        [("trace-12345678", true), ("short", false), ("has space in it", false), (&"x".repeat(65), false)]
    {
        let request = Server::request("GET", "/livez", "").header("x-request-id", sent).body(Body::empty()).unwrap();
        assert_eq!(server.send(request).await.headers["x-request-id"] == sent, kept, "{sent}");
    }
}

#[tokio::test]
async fn unknown_host_names_are_refused() {
    let server = Server::new("hosts").await;
    for (host, status) in
        [("localhost", 401), ("LOCALHOST:8420", 401), ("evil.example.com", 421), ("localhost.evil.com", 421), ("", 421)]
    {
        let request = Request::builder().uri("/v1/credentials").header("host", host).body(Body::empty()).unwrap();
        assert_eq!(server.send(request).await.status.as_u16(), status, "{host}");
    }
    let twice = Request::builder()
        .uri("/v1/credentials")
        .header("host", "localhost")
        .header("host", "evil")
        .body(Body::empty())
        .unwrap();
    assert_eq!(server.send(twice).await.status, StatusCode::MISDIRECTED_REQUEST);
    for (uri, status) in [("https://localhost/v1/credentials", 401), ("https://evil.example.com/v1/credentials", 421)] {
        let http2 = Request::builder().uri(uri).body(Body::empty()).unwrap();
        assert_eq!(server.send(http2).await.status.as_u16(), status, "{uri}");
    }
    let disagreeing =
        Request::builder().uri("https://localhost/v1/credentials").header("host", "evil").body(Body::empty()).unwrap();
    assert_eq!(server.send(disagreeing).await.status, StatusCode::MISDIRECTED_REQUEST);
    let health = Request::builder().uri("/readyz").header("host", "10.0.0.1").body(Body::empty()).unwrap();
    assert_eq!(server.send(health).await.status, StatusCode::NO_CONTENT, "probes come by address");
}

#[tokio::test]
async fn each_principal_has_its_own_rate_limit() {
    let server = Server::with("limits", limited(5, 1_000)).await;
    for _ in 0..5 {
        assert_eq!(server.get("/v1/credentials", &server.alice).await.status, StatusCode::OK);
    }
    let refused = server.get("/v1/credentials", &server.alice).await;
    assert_eq!((refused.status, refused.problem().0.as_str()), (StatusCode::TOO_MANY_REQUESTS, "rate-limited"));
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(server.get("/v1/credentials", &server.bob).await.status, StatusCode::OK, "another user goes on");
    server.clock.advance(1_000);
    assert_eq!(server.get("/v1/credentials", &server.alice).await.status, StatusCode::OK);
}

#[tokio::test]
async fn wrong_tokens_count_against_the_address() {
    let server = Server::with("address", limited(1_000, 5)).await;
    let wrong = "srh_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    for _ in 0..5 {
        assert_eq!(server.get("/v1/credentials", wrong).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(server.get("/v1/credentials", wrong).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        server.get("/v1/credentials", &server.alice).await.status,
        StatusCode::OK,
        "a valid token is not locked out by its neighbours"
    );
    let elsewhere = |address: &str| {
        let mut request = Server::request("GET", "/v1/credentials", wrong).body(Body::empty()).unwrap();
        request.extensions_mut().insert(address.parse::<SocketAddr>().unwrap());
        request
    };
    assert_eq!(server.send(elsewhere("198.51.100.1:1")).await.status, StatusCode::UNAUTHORIZED);
    for number in 0..5 {
        server.send(elsewhere(&format!("[2001:db8:1:1::{number}]:1"))).await;
    }
    assert_eq!(
        server.send(elsewhere("[2001:db8:1:1:ffff::9]:1")).await.status,
        StatusCode::TOO_MANY_REQUESTS,
        "a /64 is one caller"
    );
}

#[tokio::test]
async fn forwarded_addresses_require_a_trusted_proxy() {
    let trusting = |config: Config| Config { trusted_proxies: vec!["192.0.2.0/24".parse().unwrap()], ..config };
    for (trusted, expected) in [(true, "203.0.113.9"), (false, "192.0.2.7")] {
        let server = if trusted { Server::with("proxy", trusting).await } else { Server::new("proxy").await };
        let request = Server::request("GET", "/v1/credentials", &server.alice)
            .header("x-forwarded-for", "10.1.1.1, 203.0.113.9, 192.0.2.8");
        server.send(request.body(Body::empty()).unwrap()).await;
        let events = server.get("/v1/audit?action=credential.list", &server.host).await.json();
        assert_eq!(events["items"][0]["address"], expected);
    }
}

#[tokio::test]
async fn unknown_path_is_404_and_unknown_method_is_405() {
    let server = Server::new("methods").await;
    assert_eq!(server.get("/nowhere", "").await.problem().0, "not-found");
    for method in ["POST", "PUT", "TRACE", "FOO", "CONNECT"] {
        let answer = server.send(Server::request(method, "/livez", "").body(Body::empty()).unwrap()).await;
        assert_eq!(
            (answer.status, answer.problem().0.as_str()),
            (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed"),
            "{method}"
        );
        assert_eq!(answer.headers["allow"], "GET,HEAD", "{method}");
    }
}

#[tokio::test]
async fn endless_body_times_out() {
    let short = |config: Config| Config {
        limits: Limits { request_timeout: Duration::from_millis(100), ..config.limits },
        ..config
    };
    let server = Server::with("slow", short).await;
    let (_open, never) = Channel::<Bytes, Infallible>::new(1);
    let request = Server::request("POST", "/v1/credentials", &server.alice).header("content-type", "application/json");
    let answer = server.send(request.body(Body::new(never)).unwrap()).await;
    assert_eq!((answer.status, answer.problem().0.as_str()), (StatusCode::REQUEST_TIMEOUT, "timeout"));
}

#[tokio::test]
async fn event_contains_the_request_id() {
    let server = Server::new("event").await;
    let saved = server.with_json("POST", "/v1/credentials", &server.alice, &draft("Work")).await;
    let id = saved.headers["x-request-id"].to_str().unwrap();
    let events = server.get("/v1/audit?action=credential.save", &server.host).await.json();
    let event = &events["items"][0];
    assert_eq!(
        (event["request_id"].as_str(), event["address"].as_str(), event["actor"].as_str()),
        (Some(id), Some("192.0.2.7"), Some("user"))
    );
    assert!(event["actor_id"].as_str().unwrap().starts_with("sess_"));
}

#[tokio::test]
async fn head_answer_has_content_length_and_no_body() {
    let server = Server::new("head").await;
    for (path, status) in [("/v1/credentials", StatusCode::UNAUTHORIZED), ("/nowhere", StatusCode::NOT_FOUND)] {
        let [get, head] = ["GET", "HEAD"].map(|method| Server::request(method, path, "").body(Body::empty()).unwrap());
        let (get, head) = (server.send(get).await, server.send(head).await);
        assert_eq!((get.status, head.status), (status, status), "{path}");
        assert!(head.body.is_empty() && !get.body.is_empty(), "{path}");
        assert_eq!(head.headers["content-length"], get.body.len().to_string().as_str(), "{path}");
    }
}

/// A token is authenticated when the request head arrives, and can be revoked before the body arrives. Otherwise a
/// thief could create another key, and a deleted user could be recreated.
#[tokio::test]
async fn caller_revoked_during_body_gets_nothing() {
    let manifest: Value = serde_json::from_str(include_str!("../../../../examples/plugins/smtp.json")).unwrap();
    for (method, path, body) in [
        ("POST", "/v1/credentials", draft("Late")),
        ("POST", "/v1/sessions", json!({"user_id": "alice"})),
        ("PUT", "/v1/plugins/smtp", manifest),
        ("POST", "/v1/host-keys", json!({"label": "heir"})),
    ] {
        let server = Server::new("revoked-meanwhile").await;
        let (token, revoked) = if path == "/v1/credentials" {
            (&server.alice, "/v1/users/alice".to_owned())
        } else {
            let keys = server.get("/v1/host-keys", &server.host).await.json();
            (&server.host, format!("/v1/host-keys/{}", keys["items"][0]["id"].as_str().unwrap()))
        };
        server.saved("Early").await;
        let (mut sender, channel) = Channel::<Bytes, Infallible>::new(1);
        let request = Server::request(method, path, token).header("content-type", "application/json");
        let late = server.send(request.body(Body::new(channel)).unwrap());
        let meanwhile = async {
            let (first, rest) = (Bytes::from("{"), Bytes::from(body.to_string().split_off(1)));
            sender.send_data(first).await.unwrap();
            assert_eq!(server.delete(&revoked, &server.host).await.status, StatusCode::NO_CONTENT, "{revoked}");
            sender.send_data(rest).await.unwrap();
            drop(sender);
        };
        let (answer, ()) = tokio::join!(late, meanwhile);
        assert_eq!((answer.status, &*answer.problem().0), (StatusCode::UNAUTHORIZED, "unauthenticated"), "{path}");
    }
}

/// A client that sends an idempotency key relies on one execution.
#[tokio::test]
async fn idempotency_key_is_used_or_refused() {
    let server = Server::new("not-idempotent").await;
    let app = json!({"provider": "github", "client_id": "x", "client_secret": "y"});
    let connection = json!({"plugin": "openai", "name": "Work"});
    for (path, token, body) in [("/v1/oauth-apps", &server.host, app), ("/v1/connections", &server.alice, connection)] {
        let answer = server.raw("POST", path, token, &[("idempotency-key", "once")], body.to_string()).await;
        assert_eq!(
            (answer.status, &*answer.problem().0),
            (StatusCode::BAD_REQUEST, "idempotency-unsupported"),
            "{path}"
        );
    }
    assert_eq!(server.get("/v1/oauth-apps", &server.host).await.json()["items"], json!([]));
}
