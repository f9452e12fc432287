//! Console sign-in with an OpenID provider: the roles it gives, and the responses that must be refused.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use strongroom::console::Issuer;
use strongroom::oauth::EgressPolicy;
use strongroom::{Secret, clock::Clock};
use url::Url;

use crate::harness::{Answer, Server};
use crate::provider::{Policy, Simulated};
use crate::support::CANARY;

struct House {
    server: Server,
    provider: Arc<Simulated>,
}

struct Begun {
    authorize: Url,
    cookie: String,
}

impl House {
    async fn new(test: &str, users: bool) -> Self {
        let provider = Simulated::new(Policy::Strict).await;
        let issuer = Issuer {
            issuer: provider.origin.clone(),
            client_id: "console".to_owned(),
            client_secret: Some(Secret::new(format!("cs-{CANARY}"))),
            operators: vec!["Olga@example.com".to_owned(), "sub:boss".to_owned()],
            users,
        };
        let egress_policy = EgressPolicy { loopback: true, networks: Vec::new() };
        let server =
            Server::built(test, |builder| builder.egress_policy(egress_policy).issuer(issuer), |config| config).await;
        Self { server, provider }
    }

    async fn begin(&self) -> Begun {
        let answer = self.server.get("/console/sign-in", "").await;
        assert_eq!(answer.status, 303);
        let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
        for part in ["__Host-strongroom-sign-in=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
            assert!(set.contains(part), "{part} in {set}");
        }
        let authorize = Url::parse(answer.headers[header::LOCATION].to_str().unwrap()).unwrap();
        Begun { cookie: set.split(';').next().unwrap().to_owned(), authorize }
    }

    fn claims(&self, begun: &Begun) -> Value {
        let exp = self.server.clock.now().as_second() + 300;
        json!({"iss": self.provider.origin, "sub": "u-1", "aud": "console", "exp": exp, "nonce": query(begun, "nonce"),
            "email": "olga@example.com", "email_verified": true, "auth_time": exp - 310})
    }

    /// The browser returns from the provider, and the token endpoint answers with these claims.
    async fn come_back(&self, state: &str, cookie: &str, claims: &Value) -> Answer {
        let part = |json: &Value| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
        let token = format!("{}.{}.{}", part(&json!({"alg": "RS256"})), part(claims), part(&json!(CANARY)));
        *self.provider.members.lock().unwrap() = format!(r#""expires_in":300,"id_token":"{token}""#);
        let path = format!("/console/callback?state={state}&code=code-{CANARY}");
        let request = Server::request("GET", &path, "").header("cookie", cookie).header("sec-fetch-site", "cross-site");
        self.server.send(request.body(Body::empty()).unwrap()).await
    }

    async fn signed_in_as(&self, answer: &Answer) -> Value {
        assert_eq!((answer.status.as_u16(), &answer.headers[header::LOCATION]), (303, &"/".parse().unwrap()));
        let cookies = answer.headers.get_all(header::SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap());
        let cookie = cookies.filter(|cookie| cookie.starts_with("__Host-strongroom-console=")).collect::<Vec<_>>();
        assert_eq!(cookie.len(), 1);
        let cookie = cookie[0];
        assert!(cookie.contains("SameSite=Strict"));
        let request = Server::request("GET", "/v1/console", "").header("cookie", cookie.split(';').next().unwrap());
        let request = request.header("sec-fetch-site", "same-origin");
        self.server.send(request.body(Body::empty()).unwrap()).await.json()
    }
}

fn query(begun: &Begun, name: &str) -> String {
    begun.authorize.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned()
}

/// Attack: a person finds the browser and a provider session that is still valid. That sign-in must not allow changes.
#[tokio::test]
async fn sign_in_age_comes_from_the_issuer() {
    let house = House::new("oidc-age", true).await;
    for (proven_ago, may_change) in [(Some(10), true), (Some(16 * 60), false), (Some(-600), true), (None, false)] {
        let begun = house.begin().await;
        assert_eq!(query(&begun, "max_age"), "900");
        let mut claims = house.claims(&begun);
        let now = house.server.clock.now();
        claims["auth_time"] = proven_ago.map_or(Value::Null, |ago| json!(now.as_second() - ago));
        let who = house.signed_in_as(&house.come_back(&query(&begun, "state"), &begun.cookie, &claims).await).await;
        let until: jiff::Timestamp = who["recent_until"].as_str().unwrap().parse().unwrap();
        assert_eq!(until > now, may_change, "{proven_ago:?}");
        assert!(until <= now + jiff::SignedDuration::from_secs(900), "{proven_ago:?}");
    }
}

#[tokio::test]
async fn sign_in_follows_the_settings() {
    let house = House::new("oidc", true).await;
    assert_eq!(house.server.get("/v1/console/sign-in", "").await.json(), json!({"issuer": true}));
    for (change, role, user) in [
        (json!({}), "operator", Value::Null),
        (json!({"sub": "boss", "email": null}), "operator", Value::Null),
        (json!({"email": "ann@example.com"}), "user", json!("u-1")),
        (json!({"email_verified": false}), "user", json!("u-1")),
        (json!({"aud": ["other", "console"], "azp": "console"}), "operator", Value::Null),
    ] {
        let begun = house.begin().await;
        let mut claims = house.claims(&begun);
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let answer = house.come_back(&query(&begun, "state"), &begun.cookie, &claims).await;
        let who = house.signed_in_as(&answer).await;
        assert_eq!((&who["role"], &who["user_id"]), (&json!(role), &user), "{change}");
    }
    let asked = house.provider.asked("/token").pop().unwrap();
    assert!(asked.member("code_verifier").is_some());
    assert_eq!(asked.member("redirect_uri").as_deref(), Some("https://vault.example.com/console/callback"));
}

#[tokio::test]
async fn mismatched_sign_in_answers_are_refused() {
    let house = House::new("oidc-attacks", false).await;
    for (attack, change) in [
        ("another sign-in's nonce", json!({"nonce": "x"})),
        ("no nonce", json!({"nonce": null})),
        ("a token for another client", json!({"aud": "other"})),
        ("a token that another client asked for", json!({"aud": ["console", "other"], "azp": "other"})),
        ("another issuer", json!({"iss": "https://evil.example"})),
        ("a token that is over", json!({"exp": 1})),
        ("an address that nobody verified", json!({"email_verified": false})),
        ("somebody whom nobody named", json!({"email": "eve@example.com"})),
    ] {
        let begun = house.begin().await;
        let mut claims = house.claims(&begun);
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let answer = house.come_back(&query(&begun, "state"), &begun.cookie, &claims).await;
        assert_eq!(answer.problem().0, "not-found", "{attack}");
        assert!(answer.headers.get(header::SET_COOKIE).is_none(), "{attack}");
    }
    let (begun, other) = (house.begin().await, house.begin().await);
    let claims = house.claims(&begun);
    for (attack, state, cookie) in [
        ("no cookie: a link that somebody was sent", query(&begun, "state"), String::new()),
        ("another browser's cookie", query(&begun, "state"), other.cookie.clone()),
        ("another sign-in's state", query(&other, "state"), begun.cookie.clone()),
        ("no state", String::new(), begun.cookie.clone()),
    ] {
        let exchanges = house.provider.asked("/token").len();
        assert_eq!(house.come_back(&state, &cookie, &claims).await.problem().0, "not-found", "{attack}");
        assert_eq!(house.provider.asked("/token").len(), exchanges, "{attack}: nothing was exchanged");
    }
    let honest = house.come_back(&query(&begun, "state"), &begun.cookie, &claims).await;
    assert_eq!(house.signed_in_as(&honest).await["role"], "operator", "the control");
}
