//! The console: single-use links, a cookie that counts only for pages of the console, timeouts, and permissions.

use axum::body::Body;
use axum::http::header;
use serde_json::json;
use strongroom::console::ConsoleUser;
use strongroom::{Actor, TenantId};

use crate::harness::{Answer, Server, draft};
use crate::support::canary;

const OWN: [(&str, &str); 1] = [("sec-fetch-site", "same-origin")];

async fn tenant(server: &Server) -> TenantId {
    server.vault.tenants().get(&"default".parse().unwrap()).await.unwrap().id
}

async fn link(server: &Server, user: ConsoleUser) -> String {
    server.vault.console().invite(&Actor::operator(), tenant(server).await, user).await.unwrap().expose().to_owned()
}

async fn sign_in(server: &Server, link: &str, headers: &[(&str, &str)]) -> Answer {
    server.raw("POST", "/v1/console/sign-in", "", headers, json!({ "link": link }).to_string()).await
}

async fn signed_in(server: &Server, user: ConsoleUser) -> String {
    let answer = sign_in(server, &link(server, user).await, &OWN).await;
    assert_eq!(answer.status, 204);
    let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
    for part in ["__Host-strongroom-console=src_", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
        assert!(set.contains(part), "{part} in {set}");
    }
    set.split(';').next().unwrap().to_owned()
}

fn alice() -> ConsoleUser {
    ConsoleUser::User("alice".parse().unwrap())
}

async fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Server::request(method, path, "");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    server.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn sign_in_link_works_once_and_from_own_page_only() {
    let server = Server::new("console-link").await;
    let made = link(&server, alice()).await;
    for site in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[],
        &[("origin", "https://evil.example")],
    ] {
        assert_eq!(sign_in(&server, &made, site).await.problem().0, "cross-site", "{site:?}");
    }
    assert_eq!(sign_in(&server, &made, &[("origin", "http://localhost")]).await.status, 204, "an older browser");
    assert_eq!(sign_in(&server, &made, &OWN).await.problem().0, "not-found", "used");
    let late = link(&server, alice()).await;
    server.clock.advance(10 * 60_000);
    assert_eq!(sign_in(&server, &late, &OWN).await.problem().0, "not-found", "too old");
    for wrong in ["", "srl_x", &server.alice, &server.host] {
        assert_eq!(sign_in(&server, wrong, &OWN).await.problem().0, "not-found");
    }
}

#[tokio::test]
async fn console_user_can_reach_own_credentials_only() {
    let server = Server::new("console-user").await;
    let saved = server.saved("Work").await;
    let cookie = signed_in(&server, alice()).await;
    let with = [("cookie", cookie.as_str()), OWN[0]];
    let who = ask(&server, "GET", "/v1/console", &with, "").await.json();
    assert_eq!((&who["role"], &who["user_id"]), (&json!("user"), &json!("alice")));
    let list = ask(&server, "GET", "/v1/credentials", &with, "").await;
    assert_eq!(list.json()["items"][0]["id"], saved);
    assert!(!String::from_utf8_lossy(&list.body).contains(&canary("Work")));
    assert_eq!(ask(&server, "POST", "/v1/credentials", &with, &draft("New").to_string()).await.status, 201);
    for (method, path) in [
        ("GET", format!("/v1/credentials/{saved}/secret?user_id=alice")),
        ("GET", "/v1/users".to_owned()),
        ("GET", "/v1/audit".to_owned()),
        ("GET", "/v1/host-keys".to_owned()),
    ] {
        assert_eq!(ask(&server, method, &path, &with, "").await.status, 403, "{path}");
    }
    // A cookie's token is not accepted as a bearer token, which would bypass the cookie checks.
    let (_, token) = cookie.split_once('=').unwrap();
    assert_eq!(server.get("/v1/credentials", token).await.status, 401);
}

/// CSRF: browsers attach the cookie to cross-site requests. Only requests from pages of the console count.
#[tokio::test]
async fn cross_site_requests_are_refused() {
    let server = Server::new("console-csrf").await;
    let cookie = signed_in(&server, alice()).await;
    let body = draft("Forged").to_string();
    for (attack, site) in [
        ("a form or fetch of another site", ("sec-fetch-site", "cross-site")),
        ("a page of a sibling host", ("sec-fetch-site", "same-site")),
        ("a link that was opened", ("sec-fetch-site", "none")),
        ("an old browser, another origin", ("origin", "https://evil.example")),
        ("an old browser, no origin", ("accept", "*/*")),
        ("a sandboxed frame", ("origin", "null")),
    ] {
        let answer = ask(&server, "POST", "/v1/credentials", &[("cookie", &cookie), site], &body).await;
        assert_eq!(answer.problem().0, "cross-site", "{attack}");
    }
    let cross_read =
        ask(&server, "GET", "/v1/credentials", &[("cookie", &cookie), ("sec-fetch-site", "cross-site")], "").await;
    assert_eq!(cross_read.problem().0, "cross-site");
    let form = Server::request("POST", "/v1/credentials", "")
        .header("cookie", &cookie)
        .header("sec-fetch-site", "same-origin");
    let form = server.send(form.header("content-type", "text/plain").body(Body::from(body.clone())).unwrap()).await;
    assert_eq!(form.problem().0, "not-json", "a form cannot send JSON");
    let honest = ask(&server, "POST", "/v1/credentials", &[("cookie", &cookie), OWN[0]], &body).await;
    assert_eq!(honest.status, 201, "the control");
}

/// Browsers send the cookie to every path. On paths without sign-in it must have no effect. Otherwise a signed-in user
/// could not return from a provider by a cross-site redirect.
#[tokio::test]
async fn cookies_are_ignored_on_anonymous_routes() {
    let server = Server::new("console-elsewhere").await;
    let cookie = signed_in(&server, alice()).await;
    let callback = "/api/auth/oauth/callback/app_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f?state=x";
    for (path, status) in [("/livez", 204), ("/connect/x", 404), (callback, 404), ("/console/sign-in", 404), ("/", 200)]
    {
        for site in ["cross-site", "same-site"] {
            let answer = ask(&server, "GET", path, &[("cookie", &cookie), ("sec-fetch-site", site)], "").await;
            assert_eq!(answer.status, status, "{path} {site}");
        }
    }
}

/// A subdomain can set a cookie named `%5F%5FHost-…`. Decoding its name would give it the protection of `__Host-`.
#[tokio::test]
async fn percent_encoded_cookie_name_is_ignored() {
    let server = Server::new("console-encoded").await;
    let cookie = signed_in(&server, alice()).await;
    let encoded = cookie.replacen("__Host-", "%5F%5FHost-", 1);
    for (cookie, status) in [(encoded, 401), (cookie, 200)] {
        assert_eq!(ask(&server, "GET", "/v1/console", &[("cookie", &cookie), OWN[0]], "").await.status, status);
    }
}

/// A page loads twenty files at once, so embedded files must not count against the address limit.
#[tokio::test]
async fn embedded_files_are_not_rate_limited() {
    let config = |mut config: strongroom_server::Config| {
        config.limits.address_per_second = 2;
        config
    };
    let server = Server::with("console-files", config).await;
    for path in ["/", "/elements/v1.js", "/console/console.js"] {
        for _ in 0..20 {
            assert_eq!(server.get(path, "").await.status, 200, "{path}");
        }
    }
    for path in ["/console/demo.js", "/elements/index.d.ts", "/elements/..%2Fpages%2Fdemo.js"] {
        assert_eq!(server.get(path, "").await.status, 404, "{path}");
    }
    let script = server.get("/elements/v1.js", "").await;
    assert_eq!(script.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let request = Server::request("GET", "/elements/v1.js", "").header("if-none-match", &script.etag());
    assert_eq!(server.send(request.body(Body::empty()).unwrap()).await.status, 304);
    assert_eq!(server.get("/v1/openapi.json", "").await.status, 200);
    assert_eq!(server.get("/v1/openapi.json", "").await.status, 429, "the control");
}

/// HTTP/2 has no `Host` header: the name is in the `:authority` of the request.
#[tokio::test]
async fn own_page_is_recognized_over_http_2() {
    let server = Server::new("console-h2").await;
    let cookie = signed_in(&server, alice()).await;
    for (origin, status) in [("http://localhost", 201), ("gopher://localhost", 403), ("http://localhost:81", 403)] {
        let request = axum::http::Request::builder().method("POST").uri("http://localhost/v1/credentials");
        let request =
            request.header("cookie", &cookie).header("content-type", "application/json").header("origin", origin);
        let answer = server.send(request.body(Body::from(draft("Two").to_string())).unwrap()).await;
        assert_eq!(answer.status, status, "{origin}");
    }
}

/// When the host ends a user's sessions, that includes console sessions.
#[tokio::test]
async fn ending_user_sessions_ends_console_sessions() {
    let server = Server::new("console-locked-out").await;
    let (cookie, bob) =
        (signed_in(&server, alice()).await, signed_in(&server, ConsoleUser::User("bob".parse().unwrap())).await);
    assert_eq!(server.delete("/v1/users/alice/sessions", &server.host).await.status, 204);
    for (cookie, status) in [(cookie, 401), (bob, 200)] {
        assert_eq!(ask(&server, "GET", "/v1/console", &[("cookie", &cookie), OWN[0]], "").await.status, status);
    }
}

#[tokio::test]
async fn console_session_ends_when_idle_and_after_one_day() {
    let server = Server::new("console-time").await;
    let status = async |cookie: &str| {
        ask(&server, "GET", "/v1/console", &[("cookie", cookie), OWN[0]], "").await.status.as_u16()
    };
    let idle = signed_in(&server, alice()).await;
    server.clock.advance(29 * 60_000);
    assert_eq!(status(&idle).await, 200);
    server.clock.advance(29 * 60_000);
    assert_eq!(status(&idle).await, 200, "used meanwhile");
    server.clock.advance(31 * 60_000);
    assert_eq!(status(&idle).await, 401, "half an hour without use");
    let day = signed_in(&server, alice()).await;
    for _ in 0..31 {
        server.clock.advance(15 * 60_000);
        assert_eq!(status(&day).await, 200);
    }
    server.clock.advance(15 * 60_000);
    assert_eq!(status(&day).await, 401, "eight hours");
    // Sign-out everywhere ends this session, other sessions and unused links.
    let (here, there) = (signed_in(&server, alice()).await, signed_in(&server, alice()).await);
    let (operator, out) = (signed_in(&server, ConsoleUser::Operator).await, link(&server, alice()).await);
    let gone = ask(&server, "DELETE", "/v1/console/all", &[("cookie", &here), OWN[0]], "").await;
    assert!(gone.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!((status(&here).await, status(&there).await, status(&operator).await), (401, 401, 200));
    assert_eq!(sign_in(&server, &out, &OWN).await.status, 404);
    assert_eq!(ask(&server, "DELETE", "/v1/console", &[("cookie", &operator), OWN[0]], "").await.status, 204);
    assert_eq!(status(&operator).await, 401);
}

#[tokio::test]
async fn operator_sees_no_secrets_and_changes_require_recent_sign_in() {
    let server = Server::new("console-operator").await;
    let saved = server.saved("Work").await;
    let cookie = signed_in(&server, ConsoleUser::Operator).await;
    let with = [("cookie", cookie.as_str()), OWN[0]];
    for path in ["/v1/users", "/v1/plugins", "/v1/oauth-apps", "/v1/host-keys", "/v1/audit", "/v1/plugins/openai/keys"]
    {
        assert_eq!(ask(&server, "GET", path, &with, "").await.status, 200, "{path}");
    }
    for path in ["/v1/credentials".to_owned(), format!("/v1/credentials/{saved}/secret?user_id=alice")] {
        assert_eq!(ask(&server, "GET", &path, &with, "").await.status, 403, "{path}");
    }
    let label = r#"{"label": "from the console"}"#;
    assert_eq!(ask(&server, "POST", "/v1/host-keys", &with, label).await.status, 201);
    server.clock.advance(16 * 60_000);
    assert_eq!(ask(&server, "GET", "/v1/users", &with, "").await.status, 200);
    assert_eq!(ask(&server, "POST", "/v1/host-keys", &with, label).await.problem().0, "sign-in-again");
    assert_eq!(ask(&server, "DELETE", "/v1/users/alice", &with, "").await.problem().0, "sign-in-again");
    let events = server.get("/v1/audit?limit=200", &server.host).await.json();
    let of = |action: &str| -> Vec<_> {
        events["items"].as_array().unwrap().iter().filter(|event| event["action"] == action).cloned().collect()
    };
    let made = of("host-key.create").into_iter().find(|event| event["actor"] == "operator").unwrap();
    assert_eq!(made["actor_id"], of("console.sign-in")[0]["target_id"], "which operator, by their session");
}

/// A session row that an attacker wrote or extended in the database has no valid MAC and counts as absent.
#[tokio::test]
async fn console_session_with_wrong_mac_is_refused() {
    let server = Server::new("console-mac").await;
    let cookie = signed_in(&server, alice()).await;
    let intruder = rusqlite::Connection::open(server.dir.database()).unwrap();
    for change in ["user_id = NULL", "expires_at = expires_at + 86400000", "user_id = 'bob'"] {
        intruder.execute(&format!("UPDATE console_session SET {change}"), ()).unwrap();
        let answer = ask(&server, "GET", "/v1/console", &[("cookie", &cookie), OWN[0]], "").await;
        assert_eq!(answer.status, 401, "{change}");
    }
}
