//! Connections over HTTP: redirects, cookies, callbacks, and who may complete a connection.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header;
use serde_json::{Value, json};
use strongroom::Catalog;
use strongroom::oauth::EgressPolicy;
use strongroom_server::config::{Config, Limits};
use url::Url;

use crate::harness::{Answer, Server};
use crate::provider::{Policy, Simulated, Turn};
use crate::support::CANARY;

struct Browser {
    server: Server,
    provider: Arc<Simulated>,
    app: String,
}

/// A started connection: the state sent to the provider, and the browser's cookie.
struct Started {
    state: String,
    cookie: String,
}

impl Browser {
    async fn new(test: &str) -> Self {
        Self::with(test, |config| config).await
    }

    async fn with(test: &str, adjust: impl FnOnce(Config) -> Config) -> Self {
        let provider = Simulated::new(Policy::Strict).await;
        let catalog = Catalog::built_in().unwrap().with("sim", &provider.toml("")).unwrap();
        let egress_policy = EgressPolicy { loopback: true, networks: Vec::new() };
        let server = Server::built(test, |builder| builder.catalog(catalog).egress_policy(egress_policy), adjust).await;
        let manifest = json!({
            "title": "Mail", "access": "read", "return_addresses": ["https://app.example.com/plugins/openai"],
            "credentials": {"oauth2": {"provider": "sim", "scopes": ["mail.read"]}}
        });
        let registered = server.with_json("PUT", "/v1/plugins/openai", &server.host, &manifest).await;
        assert_eq!(registered.status, 200);
        let app = json!({"provider": "sim", "client_id": "client-1", "client_secret": format!("cs-{CANARY}")});
        let created = server.with_json("POST", "/v1/oauth-apps", &server.host, &app).await;
        assert_eq!(created.status, 201);
        let app = created.json()["id"].as_str().unwrap().to_owned();
        let redirect = format!("https://vault.example.com/api/auth/oauth/callback/{app}");
        assert_eq!(created.json()["redirect_address"], redirect);
        Self { server, provider, app }
    }

    async fn begin(&self, session: &str) -> Value {
        let draft = json!({"plugin": "openai", "name": "Work"});
        let begun = self.server.with_json("POST", "/v1/connections", session, &draft).await;
        assert_eq!(begun.status, 201);
        begun.json()
    }

    async fn start(&self, begun: &Value) -> Started {
        let address = Url::parse(begun["start_address"].as_str().unwrap()).unwrap();
        let answer = self.server.get(address.path(), "").await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
        let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
        for part in ["__Host-", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
            assert!(set.contains(part), "{part} in {set}");
        }
        assert!(!set.to_lowercase().contains("domain"), "`__Host-` allows none");
        let authorize = location(&answer);
        assert!(!authorize.as_str().contains(CANARY));
        let state = authorize.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        Started { state, cookie: set.split(';').next().unwrap().to_owned() }
    }

    async fn come_back(&self, app: &str, query: &str, cookie: &str) -> Answer {
        let request = Server::request("GET", &format!("/api/auth/oauth/callback/{app}?{query}"), "");
        self.server.send(request.header("cookie", cookie).body(Body::empty()).unwrap()).await
    }

    /// Connects an account and returns the credential id.
    async fn connect(&self, session: &str) -> String {
        let started = self.start(&self.begin(session).await).await;
        let query = format!("state={}&code=code-{CANARY}", started.state);
        let back = self.come_back(&self.app, &query, &started.cookie).await;
        let done = self.complete(session, &location(&back)).await;
        assert_eq!(done.status, 200);
        done.json()["id"].as_str().unwrap().to_owned()
    }

    async fn complete(&self, session: &str, back: &Url) -> Answer {
        let value = |name: &str| back.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        let path = format!("/v1/connections/{}/complete", value("connection"));
        self.server.with_json("POST", &path, session, &json!({"code": value("code")})).await
    }
}

fn location(answer: &Answer) -> Url {
    Url::parse(answer.headers[header::LOCATION].to_str().unwrap()).unwrap()
}

#[tokio::test]
async fn account_is_connected_read_refreshed_and_revoked() {
    let browser = Browser::new("connections").await;
    let (server, alice) = (&browser.server, &browser.server.alice);
    let started = browser.start(&browser.begin(alice).await).await;
    let query = format!("state={}&code=code-{CANARY}", started.state);
    let back = browser.come_back(&browser.app, &query, &format!("a=b; {}", started.cookie)).await;
    assert_eq!(back.status, 303);
    assert!(location(&back).as_str().starts_with("https://app.example.com/plugins/openai?connection=conn_"));
    assert!(back.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));

    assert_eq!(browser.complete(&server.bob, &location(&back)).await.status, 404, "bob did not begin it");
    assert_eq!(browser.complete(&server.host, &location(&back)).await.status, 403);
    let done = browser.complete(alice, &location(&back)).await;
    assert_eq!(done.status, 200);
    let (credential, body) = (done.json()["id"].as_str().unwrap().to_owned(), done.json());
    assert_eq!((&body["type"], &body["state"], &body["cause"]), (&json!("oauth2"), &json!("active"), &Value::Null));
    assert_eq!(body["account"], "account-1@example.com");

    let secret = format!("/v1/credentials/{credential}/secret?user_id=alice");
    let read = server.get(&secret, &server.plugin).await.json();
    assert!(read["fields"]["access_token"].as_str().unwrap().starts_with("at-"));
    assert!(read["fields"].get("refresh_token").is_none());
    let report = format!("/v1/credentials/{credential}/report-unauthorized?user_id=alice");
    let reported = server.with_json("POST", &report, &server.plugin, &json!({"revision": read["revision"]})).await;
    assert_eq!(reported.status, 204);
    let again = server.get(&secret, &server.plugin).await.json();
    assert_ne!(again["fields"]["access_token"], read["fields"]["access_token"]);
    let refresh = format!("/v1/credentials/{credential}/refresh");
    assert_eq!(server.raw("POST", &refresh, alice, &[], "").await.status, 200);

    browser.provider.next(Turn::Answer(400, "application/json", r#"{"error":"invalid_grant"}"#.to_owned()));
    let dead = server.raw("POST", &refresh, alice, &[], "").await;
    assert_eq!((dead.status.as_u16(), dead.problem().0.as_str()), (409, "reauth-required"));
    let shown = server.get(&format!("/v1/credentials/{credential}"), alice).await.json();
    assert_eq!((&shown["state"], &shown["cause"]), (&json!("reauth-required"), &json!("invalid_grant")));

    assert_eq!(
        server.delete(&format!("/v1/oauth-apps/{}", browser.app), &server.host).await.problem().0,
        "oauth-app-in-use"
    );
    assert_eq!(server.delete(&format!("/v1/credentials/{credential}"), alice).await.status, 204);
    server.vault.sweep().await.unwrap();
    assert_eq!(browser.provider.memory.lock().unwrap().revoked.len(), 1);
    assert_eq!(server.delete(&format!("/v1/oauth-apps/{}", browser.app), &server.host).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_new_refreshes_count_against_the_call_limit() {
    let two_a_second = |config: Config| Config { limits: Limits { calls_per_second: 2, ..config.limits }, ..config };
    let browser = Arc::new(Browser::with("forced", two_a_second).await);
    let server = &browser.server;
    let (alices, bobs) = (browser.connect(&server.alice).await, browser.connect(&server.bob).await);
    let report = async |browser: &Browser, user: &str, credential: &str, revision: u64| {
        let path = format!("/v1/credentials/{credential}/report-unauthorized?user_id={user}");
        let said = json!({"revision": revision});
        browser.server.with_json("POST", &path, &browser.server.plugin, &said).await
    };

    let exchanges = browser.provider.asked("/token").len();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (browser, alices) = (browser.clone(), alices.clone());
        callers.spawn(async move { report(&browser, "alice", &alices, 1).await.status.as_u16() });
    }
    assert_eq!(callers.join_all().await, [204; 20]);
    assert_eq!(browser.provider.asked("/token").len(), exchanges + 1, "all of them were about one token");

    let refresh = format!("/v1/credentials/{alices}/refresh");
    let asked = async || server.raw("POST", &refresh, &server.alice, &[], "").await;
    for _ in 0..2 {
        assert_eq!(asked().await.status, 200, "the plugin's reports are not on her account");
    }
    let refused = asked().await;
    assert_eq!((refused.status.as_u16(), refused.problem().0.as_str()), (429, "rate-limited"));
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(report(&browser, "bob", &bobs, 1).await.status, 204, "the plugin reports for bob as well");
    server.clock.advance(1000);
    assert_eq!(asked().await.status, 200);
}

#[tokio::test]
async fn callback_with_wrong_start_values_is_refused() {
    let browser = Browser::new("callbacks").await;
    let alice = &browser.server.alice;
    let other = "app_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f";
    let first = browser.start(&browser.begin(alice).await).await;
    let second = browser.start(&browser.begin(alice).await).await;
    assert_ne!(first.cookie.split('=').next(), second.cookie.split('=').next(), "two flows do not meet");
    let good = format!("state={}&code=code-{CANARY}", first.state);
    for (attack, app, query, cookie) in [
        ("no cookie", browser.app.as_str(), good.clone(), String::new()),
        ("the cookie of another flow", &browser.app, good.clone(), second.cookie.clone()),
        ("the right name, another value", &browser.app, good.clone(), format!("{}x", first.cookie)),
        ("another app's address", other, good.clone(), first.cookie.clone()),
        ("no state", &browser.app, "code=x".to_owned(), first.cookie.clone()),
        ("two states", &browser.app, format!("{good}&state=x"), first.cookie.clone()),
        ("another flow's state", &browser.app, format!("state={}&code=x", second.state), first.cookie.clone()),
    ] {
        assert_eq!(browser.come_back(app, &query, &cookie).await.status, 404, "{attack}");
    }
    assert!(browser.provider.asked("/token").is_empty());
    assert_eq!(browser.come_back(&browser.app, &good, &first.cookie).await.status, 303, "the control");
    assert_eq!(browser.come_back(&browser.app, &good, &first.cookie).await.status, 404, "once");
    let script = format!("state={}&error=%3Cscript%3Ealert(1)%3C%2Fscript%3E", second.state);
    let refused = browser.come_back(&browser.app, &script, &second.cookie).await;
    assert_eq!(refused.status, 303);
    assert!(location(&refused).as_str().ends_with("&error=failed"));
}

#[tokio::test]
async fn malformed_provider_answers_do_not_connect() {
    let browser = Browser::new("nonsense").await;
    for (status, kind, body) in [
        (200, "text/html", format!("<script>{CANARY}</script>")),
        (302, "text/plain", String::new()),
        (500, "application/json", format!(r#"{{"error":"{CANARY} <b>"}}"#)),
    ] {
        let started = browser.start(&browser.begin(&browser.server.alice).await).await;
        let query = format!("state={}&code=code-{CANARY}", started.state);
        let back = browser.come_back(&browser.app, &query, &started.cookie).await;
        browser.provider.next(Turn::Answer(status, kind, body));
        let done = browser.complete(&browser.server.alice, &location(&back)).await;
        assert_eq!(done.problem().0, "provider-refused");
        assert!(!String::from_utf8_lossy(&done.body).contains("script"));
    }
}
