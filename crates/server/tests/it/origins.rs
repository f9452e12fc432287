//! Pages of other origins: a session works from those that it was minted for, and from no other.

use axum::body::Body;
use axum::http::header;
use serde_json::json;

use crate::harness::{Answer, Server};

const APP: &str = "https://app.example.com";

async fn minted(server: &Server, origins: &[&str]) -> String {
    let body = json!({"user_id": "alice", "origins": origins});
    let answer = server.with_json("POST", "/v1/sessions", &server.host, &body).await;
    assert_eq!(answer.json()["origins"], json!(origins));
    answer.json()["token"].as_str().unwrap().to_owned()
}

async fn list_from(server: &Server, origin: &str, token: &str) -> Answer {
    let request = Server::request("GET", "/v1/credentials", token);
    let request = if origin.is_empty() { request } else { request.header("origin", origin) };
    server.send(request.body(Body::empty()).unwrap()).await
}

fn readable_by(answer: &Answer) -> Option<&str> {
    answer.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).map(|origin| origin.to_str().unwrap())
}

#[tokio::test]
async fn session_works_on_its_origins_only() {
    let server = Server::new("origins").await;
    let (embedded, own) = (minted(&server, &[APP]).await, server.alice.as_str());
    for (token, origin, status) in [
        (embedded.as_str(), APP, 200),
        (&embedded, "http://localhost", 200),
        (&embedded, "", 200),
        (own, "", 200),
        (own, "http://localhost", 200),
        (own, APP, 403),
        (&embedded, "https://evil.example", 403),
        (&embedded, "https://app.example.com.evil.example", 403),
        (&embedded, "http://app.example.com", 403),
        (&embedded, "https://app.example.com:444", 403),
        (&embedded, "null", 403),
    ] {
        let answer = list_from(&server, origin, token).await;
        assert_eq!(answer.status, status, "{origin}");
        assert_eq!(answer.headers[header::VARY], "origin");
        assert!(answer.headers.get(header::ACCESS_CONTROL_ALLOW_CREDENTIALS).is_none(), "nothing goes by cookies");
        if status == 403 {
            assert_eq!(answer.problem().0, "origin-unknown");
        }
    }
    let answer = list_from(&server, APP, &embedded).await;
    assert_eq!(readable_by(&answer), Some(APP));
    assert!(answer.headers[header::ACCESS_CONTROL_EXPOSE_HEADERS].to_str().unwrap().contains("etag"));
    // A page has to see that its session is over.
    server.clock.advance(1_000_000);
    let over = list_from(&server, APP, &embedded).await;
    assert_eq!((over.status.as_u16(), readable_by(&over)), (401, Some(APP)));
}

#[tokio::test]
async fn preflight_needs_no_token_and_reveals_nothing() {
    let server = Server::new("preflight").await;
    let preflight = |path: &str| {
        Server::request("OPTIONS", path, "")
            .header("origin", "https://anywhere.example")
            .header("access-control-request-method", "PATCH")
            .header("access-control-request-headers", "authorization,if-match")
            .body(Body::empty())
            .unwrap()
    };
    let answer = server.send(preflight("/v1/credentials/anything")).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_slice()), (204, &b""[..]));
    for (name, part) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "https://anywhere.example"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "PATCH"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "if-match"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        assert!(answer.headers[&name].to_str().unwrap().contains(part), "{name}");
    }
    let elsewhere = server.send(preflight("/api/auth/oauth/callback/app_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f")).await;
    assert!(readable_by(&elsewhere).is_none(), "what browsers navigate to is not for scripts");
}

#[tokio::test]
async fn malformed_origins_are_refused() {
    let server = Server::new("no-origins").await;
    for wrong in [
        "app.example.com",
        "https://app.example.com/",
        "https://app.example.com/x",
        "http://app.example.com",
        "*",
        "null",
        "https://a.example:443",
        "https://A.example",
    ] {
        let body = json!({"user_id": "alice", "origins": [wrong]});
        let answer = server.with_json("POST", "/v1/sessions", &server.host, &body).await;
        assert_eq!(
            answer.problem(),
            ("invalid-fields".to_owned(), vec![("origins".to_owned(), "format".to_owned())]),
            "{wrong}"
        );
    }
    let many: Vec<String> = (0..11).map(|number| format!("https://a{number}.example")).collect();
    let answer =
        server.with_json("POST", "/v1/sessions", &server.host, &json!({"user_id": "alice", "origins": many})).await;
    assert_eq!(answer.status, 422);
}

/// The error page of a browser navigation: what to do next, and nothing about the cause.
#[tokio::test]
async fn expired_link_shows_instructions() {
    let server = Server::new("old-link").await;
    let link = "A".repeat(43);
    let callback = "/api/auth/oauth/callback/app_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f?state=%3Cscript%3E&code=x";
    for path in [format!("/connect/{link}").as_str(), callback] {
        let request = Server::request("GET", path, "").header("accept", "text/html,*/*");
        let answer = server.send(request.body(Body::empty()).unwrap()).await;
        let page = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(
            (answer.status.as_u16(), &answer.headers[header::CONTENT_TYPE]),
            (404, &"text/html; charset=utf-8".parse().unwrap())
        );
        assert!(page.contains("connect again") && !page.contains("<script"));
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"));
        assert_eq!(server.get(path, "").await.problem().0, "not-found", "a program gets a problem");
    }
}

/// A browser whose sign-in fails at the console is told to sign in again, not to connect an account.
#[tokio::test]
async fn error_page_names_the_attempted_action() {
    let server = Server::with("error-page", |mut config| {
        config.limits.address_per_second = 1;
        config
    })
    .await;
    let callback = "/console/callback?state=x&code=x";
    let connect = format!("/connect/{}", "A".repeat(43));
    let page = async |path: &str| {
        let request = Server::request("GET", path, "").header("accept", "text/html,*/*");
        let answer = server.send(request.body(Body::empty()).unwrap()).await;
        (answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned())
    };
    for (path, title) in [(callback, "You are not signed in"), (&connect, "Nothing was connected")] {
        server.clock.advance(60_000);
        let (status, text) = page(path).await;
        assert!(status == 404 && text.contains(&format!("<h1>{title}</h1>")), "{path}: {status} {text}");
        let limited = loop {
            let (status, text) = page(path).await;
            if status != 404 {
                break (status, text);
            }
        };
        assert!(
            limited.0 == 429 && limited.1.contains(title) && limited.1.contains("too many requests"),
            "{limited:?}"
        );
    }
}
