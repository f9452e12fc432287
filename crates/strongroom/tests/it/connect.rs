//! Connecting an account: the complete flow, and all attacks that would connect another person's account.

use strongroom::oauth::connection::{Callback, Connecting, ConnectionDraft, IfConnected};
use strongroom::{Actor, Error, Secret, State};

use crate::fixture::text;
use crate::oauth_fixture::{BACK, OauthFixture, query};
use crate::provider::{Policy, Turn};
use crate::support::CANARY;

#[tokio::test]
async fn account_connects_reads_and_disconnects() {
    let oauth = OauthFixture::new("connect", Policy::Strict).await;
    let begun = oauth.begin("alice", None).await.unwrap();
    assert!(begun.start_address.starts_with("http://127.0.0.1:8420/connect/"));
    let start = oauth.start(&begun).await.unwrap();
    let authorize = &start.authorize;
    assert!(authorize.as_str().starts_with(&format!("{}/authorize?", oauth.provider.origin)));
    assert_eq!(query(authorize, "response_type"), "code");
    assert_eq!(query(authorize, "client_id"), "client-1");
    assert_eq!(query(authorize, "code_challenge_method"), "S256");
    assert_eq!(query(authorize, "scope"), "mail.read mail.send");
    let redirect = format!("http://127.0.0.1:8420/api/auth/oauth/callback/{}", oauth.app);
    assert_eq!(query(authorize, "redirect_uri"), redirect);

    let back = oauth.vault.handle_callback(&Actor::host(), oauth.app, oauth.consent(&start)).await.unwrap();
    assert!(back.as_str().starts_with(BACK));
    assert!(!back.as_str().contains(CANARY), "the provider's code goes nowhere");
    assert!(oauth.provider.asked("/token").is_empty(), "nothing is exchanged before the user is known");

    let credential = oauth.complete("alice", &back).await.unwrap();
    assert_eq!(credential.account.as_deref(), Some("account-1@example.com"));
    assert_eq!(credential.scopes, ["mail.read", "mail.send"]);
    assert_eq!(credential.state, State::Active);
    assert!(!format!("{credential:?}").contains(CANARY));
    let asked = oauth.provider.asked("/token");
    let [exchange] = asked.as_slice() else { panic!("one exchange") };
    assert!(exchange.body.contains("grant_type=authorization_code"));
    assert!(exchange.body.contains("client_secret=cs-") && exchange.authorization.is_none());
    let verifier =
        url::form_urlencoded::parse(exchange.body.as_bytes()).find(|(name, _)| name == "code_verifier").unwrap().1;
    let challenge = data_encoding::BASE64URL_NOPAD.encode(&strongroom_crypto::sha256(verifier.as_bytes()));
    assert_eq!(query(authorize, "code_challenge"), challenge);

    let opened = oauth.read(&credential).await.unwrap();
    assert!(text(&opened, "access_token").starts_with("at-"));
    assert!(!opened.fields().contains_key("refresh_token"), "a plugin has no use for it");

    oauth.vault.credentials(&oauth.owner("alice")).delete(&Actor::user(), credential.id, None).await.unwrap();
    assert!(oauth.provider.memory.lock().unwrap().revoked.is_empty(), "the outbox is emptied by the sweep");
    assert_eq!(oauth.vault.sweep().await.unwrap(), 1);
    assert!(oauth.provider.memory.lock().unwrap().revoked.iter().all(|token| token.starts_with("rt-")));
    assert_eq!(oauth.vault.sweep().await.unwrap(), 0);
    let actions = oauth.actions().await;
    for action in [
        "oauth-app.create",
        "connection.create",
        "connection.start",
        "connection.return",
        "connection.complete",
        "credential.revoke",
    ] {
        assert!(actions.iter().any(|known| known == action), "{action} in {actions:?}");
    }
    let report = oauth.vault.verify(true, None, &mut |_| {}).await.unwrap();
    assert_eq!(report.findings, []);
}

/// Each attack is refused. As a control, the same flow without the attack succeeds.
#[tokio::test]
async fn mismatched_callback_is_refused() {
    let oauth = OauthFixture::new("callback", Policy::Strict).await;
    let other = oauth.vault.apps(oauth.tenant).create(&Actor::host(), crate::oauth_fixture::app_draft()).await.unwrap();
    oauth.vault.apps(oauth.tenant).remove(&Actor::host(), other.id).await.unwrap();
    type Change = fn(&mut Callback);
    let attacks: [(&str, Change); 4] = [
        ("no cookie", |callback| callback.browser = None),
        ("another browser's cookie", |callback| callback.browser = Some(Secret::from("x"))),
        ("an unknown state", |callback| callback.state = Secret::from("x")),
        ("no state", |callback| callback.state = Secret::from("")),
    ];
    for (attack, change) in attacks {
        let start = oauth.start(&oauth.begin("alice", None).await.unwrap()).await.unwrap();
        let mut callback = oauth.consent(&start);
        change(&mut callback);
        let answer = oauth.vault.handle_callback(&Actor::host(), oauth.app, callback).await;
        assert!(matches!(answer, Err(Error::NotFound { .. })), "{attack}");
        let honest = oauth.vault.handle_callback(&Actor::host(), oauth.app, oauth.consent(&start)).await;
        assert!(honest.is_ok(), "{attack}: the control");
    }
    // Mix-up: the response for one app at the callback of another app.
    let start = oauth.start(&oauth.begin("alice", None).await.unwrap()).await.unwrap();
    let elsewhere = oauth.vault.handle_callback(&Actor::host(), other.id, oauth.consent(&start)).await;
    assert!(matches!(elsewhere, Err(Error::NotFound { .. })), "another app's address");
    // A state used twice.
    oauth.vault.handle_callback(&Actor::host(), oauth.app, oauth.consent(&start)).await.unwrap();
    let again = oauth.vault.handle_callback(&Actor::host(), oauth.app, oauth.consent(&start)).await;
    assert!(matches!(again, Err(Error::NotFound { .. })), "a state used twice");
    // An expired state.
    let start = oauth.start(&oauth.begin("alice", None).await.unwrap()).await.unwrap();
    oauth.clock.advance(10 * 60_000);
    let late = oauth.vault.handle_callback(&Actor::host(), oauth.app, oauth.consent(&start)).await;
    assert!(matches!(late, Err(Error::NotFound { .. })), "a state that is too old");
    assert!(oauth.provider.asked("/token").is_empty());
    let actions = oauth.actions().await;
    for denied in ["connection.return other-browser", "connection.return other-app"] {
        assert!(actions.iter().any(|action| action == denied), "{denied}");
    }
}

/// An attacker's link opened by a victim: only the user who started the connection can complete it.
#[tokio::test]
async fn flow_cannot_be_completed_by_another_user() {
    let oauth = OauthFixture::new("cosf", Policy::Strict).await;
    let start = oauth.start(&oauth.begin("mallory", None).await.unwrap()).await.unwrap();
    let back = oauth.vault.handle_callback(&Actor::host(), oauth.app, oauth.consent(&start)).await.unwrap();
    let taken = oauth.complete("alice", &back).await;
    assert!(matches!(taken, Err(Error::NotFound { .. })), "another user finished");
    assert!(oauth.provider.asked("/token").is_empty(), "the victim's code was not exchanged");
    assert!(oauth.actions().await.iter().any(|action| action == "connection.complete other-user"));
    // The control: the user who started it completes it with the same code, but only once.
    oauth.complete("mallory", &back).await.unwrap();
    let twice = oauth.complete("mallory", &back).await;
    assert!(matches!(twice, Err(Error::NotFound { .. })), "completed twice");
    // A start link works once, for every browser.
    let begun = oauth.begin("alice", None).await.unwrap();
    oauth.start(&begun).await.unwrap();
    assert!(matches!(oauth.start(&begun).await, Err(Error::NotFound { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_completing_code_is_exchanged_once() {
    let oauth = OauthFixture::new("at-once", Policy::Strict).await;
    let start = oauth.start(&oauth.begin("alice", None).await.unwrap()).await.unwrap();
    let back = oauth.vault.handle_callback(&Actor::host(), oauth.app, oauth.consent(&start)).await.unwrap();
    let (id, code) = (query(&back, "connection").parse().unwrap(), query(&back, "code"));
    let mut completing = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (vault, owner, code) = (oauth.vault.clone(), oauth.owner("alice"), Secret::new(code.clone()));
        completing.spawn(async move { vault.connections(&owner).complete(&Actor::user(), id, &code).await.is_ok() });
    }
    let done = completing.join_all().await;
    assert_eq!(oauth.provider.asked("/token").len(), 1, "the code was sent more than once");
    assert_eq!(done.into_iter().filter(|done| *done).count(), 1);
}

#[tokio::test]
async fn issuer_is_compared_exactly() {
    let oauth = OauthFixture::with("iss", Policy::Strict, "").await;
    let toml = format!("issuer = \"https://sim.example\"\niss_required = true\n{}", oauth.provider.toml(""));
    let strict = strongroom::Catalog::built_in().unwrap().with("sim", &toml).unwrap();
    let builder = strongroom::Vault::builder(&oauth.dir.database()).key(Secret::from(crate::support::KEY));
    let vault = builder.clock(oauth.clock.clone()).catalog(strict);
    let vault = vault.public_url("http://127.0.0.1:8420".parse().unwrap()).open().await.unwrap();
    for (iss, fits) in [
        (Some("https://sim.example"), true),
        (None, false),
        (Some("https://sim.example/"), false),
        (Some("https://evil.example"), false),
    ] {
        let start = oauth.start(&oauth.begin("alice", None).await.unwrap()).await.unwrap();
        let callback = Callback { iss: iss.map(str::to_owned), ..oauth.consent(&start) };
        let answer = vault.handle_callback(&Actor::host(), oauth.app, callback).await;
        assert_eq!(answer.is_ok(), fits, "issuer {iss:?}");
    }
}

#[tokio::test]
async fn return_address_must_be_registered() {
    let oauth = OauthFixture::new("return", Policy::Strict).await;
    for (address, fits) in [
        (BACK, true),
        ("https://app.example.com/plugins/mail/", false),
        ("https://app.example.com/plugins/mail?x=1", false),
        ("https://evil.example/", false),
        ("//evil.example", false),
        ("javascript:alert(1)", false),
    ] {
        let draft = strongroom::oauth::connection::ConnectionDraft {
            plugin: "mail".parse().unwrap(),
            name: "Work".parse().unwrap(),
            credential: None,
            app: None,
            scopes: Vec::new(),
            return_address: Some(address.to_owned()),
            flow: Default::default(),
            if_connected: IfConnected::Create,
            key_file: None,
        };
        let answer = oauth.vault.connections(&oauth.owner("alice")).create(&Actor::user(), draft).await;
        assert_eq!(answer.is_ok(), fits, "a way back to {address}");
    }
}

#[tokio::test]
async fn provider_error_is_passed_on_only_as_a_code() {
    let oauth = OauthFixture::new("errors", Policy::Strict).await;
    for (said, told) in [("access_denied", "access_denied"), ("<script>alert(1)</script>", "failed")] {
        let start = oauth.start(&oauth.begin("alice", None).await.unwrap()).await.unwrap();
        let callback = Callback { code: None, error: Some(said.to_owned()), ..oauth.consent(&start) };
        let back = oauth.vault.handle_callback(&Actor::host(), oauth.app, callback).await.unwrap();
        assert_eq!(query(&back, "error"), told, "the provider's text is passed on");
    }
    let html = format!("<html><script>alert('{CANARY}')</script></html>");
    for (status, kind, body, cause) in [
        (400, "text/html", html, "http-400"),
        (400, "application/json", r#"{"error":"<script>alert(1)</script>"}"#.to_owned(), "http-400"),
        (200, "application/json", r#"{"error":"bad_verification_code"}"#.to_owned(), "bad_verification_code"),
        (200, "application/json", r#"{"access_token":"x","token_type":"mac"}"#.to_owned(), "http-200"),
        (302, "text/plain", String::new(), "http-302"),
    ] {
        oauth.provider.next(Turn::Answer(status, kind, body));
        let error = oauth.connect("alice", None).await.unwrap_err().to_string();
        assert!(error.contains(cause) && !error.contains("script"), "the provider's text is shown: {error}");
    }
}

/// Code injection: a thief puts a stolen code into their own flow. The code is bound to the victim's verifier, so the
/// provider refuses (RFC 7636 1).
#[tokio::test]
async fn code_of_another_flow_is_refused() {
    for pkce in [true, false] {
        let oauth = OauthFixture::new("injection", Policy::Strict).await;
        let toml = oauth.toml.replace("[token]", &format!("pkce = {pkce}\n[token]"));
        let vault = crate::oauth_fixture::open_at(&oauth.dir.database(), &oauth.clock, &toml, 77_100).await;
        let oauth = OauthFixture { vault, ..oauth };
        let victim = oauth.start(&oauth.begin("alice", None).await.unwrap()).await.unwrap();
        let stolen = format!("code-{CANARY}");
        oauth.provider.bind(&stolen, query(&victim.authorize, "code_challenge"));
        let thief = oauth.start(&oauth.begin("mallory", None).await.unwrap()).await.unwrap();
        let back = oauth.vault.handle_callback(&Actor::anonymous(), oauth.app, oauth.consent(&thief)).await.unwrap();
        let done = oauth.complete("mallory", &back).await;
        // The control: without PKCE, the attack connects the victim's account for the thief.
        assert_eq!(done.is_err(), pkce, "a code from another flow was taken");
    }
}

/// If redirects were followed, the code, the client secret or a refresh token would reach another address.
#[tokio::test]
async fn token_endpoint_redirect_is_not_followed() {
    let oauth = OauthFixture::new("redirects", Policy::Strict).await;
    for status in [301, 302, 303, 307, 308] {
        oauth.provider.next(Turn::Answer(status, "text/plain", String::new()));
        let connected = oauth.connect("alice", None).await;
        assert!(oauth.provider.asked("/elsewhere").is_empty() && connected.is_err(), "a redirect was followed");
    }
}

/// A second consent for the same account creates a second credential only if the draft says so.
#[tokio::test]
async fn same_account_is_reconnected_if_requested() {
    let oauth = OauthFixture::new("if-connected", Policy::Strict).await;
    let reconnect = || ConnectionDraft { if_connected: IfConnected::Reconnect, ..crate::oauth_fixture::draft() };
    let first = oauth.connect_with("alice", reconnect()).await.unwrap();
    let before = text(&oauth.read(&first).await.unwrap(), "access_token");
    let renamed = || ConnectionDraft { name: "Another".parse().unwrap(), ..reconnect() };
    let again = oauth.connect_with("alice", renamed()).await.unwrap();
    assert_eq!((again.id, &again.name, again.revision), (first.id, &first.name, first.revision + 1));
    assert_ne!(text(&oauth.read(&first).await.unwrap(), "access_token"), before, "it has the new grant");
    let other = oauth.connect_with("bob", reconnect()).await.unwrap();
    assert_ne!(other.id, first.id, "another user's credential is another one");
    *oauth.provider.account.lock().unwrap() = "account-2".to_owned();
    let second = oauth.connect_with("alice", renamed()).await.unwrap();
    assert_ne!(second.id, first.id, "another account is a credential of its own");
    *oauth.provider.account.lock().unwrap() = "account-1".to_owned();
    let more = ConnectionDraft { scopes: vec!["mail.delete".to_owned()], ..reconnect() };
    assert_eq!(oauth.connect_with("alice", more).await.unwrap().id, first.id, "more scopes are an extension");
    let fewer = oauth.connect_with("alice", renamed()).await.unwrap();
    assert_ne!(fewer.id, first.id, "a scope would be taken from the first");
    let partial = r#"{"access_token":"at-partial","token_type":"Bearer","expires_in":3600,"scope":"mail.read"}"#;
    oauth.provider.next(Turn::Answer(200, "application/json", partial.to_owned()));
    let partial = oauth.connect_with("alice", renamed()).await.unwrap();
    assert_ne!(partial.id, first.id, "less was granted than the first has");
    let shown = oauth.vault.credentials(&oauth.owner("alice")).get(&Actor::user(), first.id).await.unwrap();
    assert_eq!(shown.scopes, ["mail.read", "mail.send", "mail.delete"]);
    assert!(oauth.read(&first).await.is_ok() && oauth.read(&second).await.is_ok());
    let twice = oauth.connect_with("alice", crate::oauth_fixture::draft()).await.unwrap();
    assert!(![first.id, second.id, fewer.id].contains(&twice.id), "it was asked for");
}

/// Reconnecting the same account keeps the credential. The old grant remains until the new one is stored.
#[tokio::test]
async fn reconnect_keeps_credential_and_refuses_another_account() {
    let oauth = OauthFixture::new("reconnect", Policy::Strict).await;
    let first = oauth.connected("alice").await;
    let before = text(&oauth.read(&first).await.unwrap(), "access_token");
    *oauth.provider.account.lock().unwrap() = "account-2".to_owned();
    assert!(matches!(oauth.connect("alice", Some(first.id)).await, Err(Error::OtherAccount)));
    assert_eq!(text(&oauth.read(&first).await.unwrap(), "access_token"), before, "the old grant is untouched");
    *oauth.provider.account.lock().unwrap() = "account-1".to_owned();
    let again = oauth.connect("alice", Some(first.id)).await.unwrap();
    assert_eq!((again.id, again.name), (first.id, first.name.clone()));
    assert_ne!(text(&oauth.read(&first).await.unwrap(), "access_token"), before);
    assert!(matches!(oauth.connect("bob", Some(first.id)).await, Err(Error::NotFound { .. })));
}

/// A refresh token must reach only the token endpoint of the app that issued it.
#[tokio::test]
async fn row_with_another_app_does_not_open() {
    let oauth = OauthFixture::new("other-app", Policy::Strict).await;
    let credential = oauth.connected("alice").await;
    let other = oauth.vault.apps(oauth.tenant).create(&Actor::host(), crate::oauth_fixture::app_draft()).await.unwrap();
    let intruder = rusqlite::Connection::open(oauth.dir.database()).unwrap();
    intruder.execute("UPDATE credential SET app_id = ?1", [other.id.to_string()]).unwrap();
    let vault = oauth.elsewhere().await;
    assert!(matches!(crate::oauth_fixture::read(&vault, &credential).await, Err(Error::Undecryptable)));
    intruder.execute("UPDATE oauth_app SET client_id = 'evil'", ()).unwrap();
    assert!(matches!(vault.apps(oauth.tenant).list().await.unwrap().as_slice(), []), "a row without its MAC is no app");
}

#[tokio::test]
async fn revocation_is_retried_while_provider_is_down() {
    let oauth = OauthFixture::new("outbox", Policy::Strict).await;
    let credential = oauth.connected("alice").await;
    assert!(matches!(
        oauth.vault.apps(oauth.tenant).remove(&Actor::host(), oauth.app).await,
        Err(Error::AppInUse { credentials: 1 })
    ));
    oauth.provider.next(Turn::Answer(503, "text/plain", String::new()));
    oauth.vault.users(oauth.owner("alice").tenant).delete(&Actor::host(), &oauth.owner("alice").user).await.unwrap();
    assert!(matches!(oauth.read(&credential).await, Err(Error::NotFound { .. })), "the row is gone at once");
    assert_eq!(oauth.vault.sweep().await.unwrap(), 1);
    assert_eq!(oauth.vault.sweep().await.unwrap(), 0, "not before its time");
    oauth.vault.close().await;
    oauth.clock.advance(120_000);
    let restarted = oauth.elsewhere().await;
    assert_eq!(restarted.sweep().await.unwrap(), 1);
    assert_eq!(oauth.provider.memory.lock().unwrap().revoked.len(), 1);
    assert_eq!(restarted.sweep().await.unwrap(), 0);
}

/// A 400 response means that the provider did not understand the request, except if it says that the token is invalid.
#[tokio::test]
async fn rejected_revocation_stays_pending() {
    for (status, body, done) in [
        (400, r#"{"error":"invalid_request"}"#, false),
        (400, r#"{"error":"invalid_client"}"#, false),
        (200, r#"{"ok":false,"error":"not_authed"}"#, false),
        (400, r#"{"error":"invalid_token"}"#, true),
        (200, "", true),
    ] {
        let oauth = OauthFixture::new("understood", Policy::Strict).await;
        let credential = oauth.connected("alice").await;
        oauth.provider.next(Turn::Answer(status, "application/json", body.to_owned()));
        oauth.vault.credentials(&oauth.owner("alice")).delete(&Actor::user(), credential.id, None).await.unwrap();
        oauth.vault.sweep().await.unwrap();
        oauth.clock.advance(60_000);
        assert_eq!(oauth.vault.sweep().await.unwrap() == 0, done, "{status} {body}");
        oauth.vault.apps(oauth.tenant).remove(&Actor::host(), oauth.app).await.unwrap();
    }
}

/// If an API key could be reconnected, its plugin would get the refresh token as one of the fields.
#[tokio::test]
async fn only_connected_accounts_can_be_reconnected() {
    let oauth = OauthFixture::new("kinds", Policy::Strict).await;
    let manifest = r#"{"title": "Both", "access": "read", "return_addresses": ["https://app.example.com/plugins/mail"],
        "credentials": {"oauth2": {"provider": "sim", "scopes": []},
        "api-key": {"schema": {"type": "object", "required": ["key"], "properties": {"key": {"type": "string"}}}}}}"#;
    let manifest = strongroom::Manifest::parse(manifest).unwrap();
    let plugin = "mail".parse().unwrap();
    oauth
        .vault
        .plugins(oauth.tenant)
        .register(&Actor::host(), &plugin, manifest, strongroom::Expected::Any)
        .await
        .unwrap();
    let draft = strongroom::Draft {
        plugin,
        kind: strongroom::CredentialType::ApiKey,
        name: "Key".parse().unwrap(),
        fields: strongroom::Fields::default().text("key", Secret::from("k")),
    };
    let key = oauth.vault.credentials(&oauth.owner("alice")).create(&Actor::user(), draft, None).await.unwrap();
    assert!(matches!(oauth.begin("alice", Some(key.id)).await, Err(Error::Fields(_))));
}

/// Without user consent, the client requests a token for itself and renews it by the same request.
#[tokio::test]
async fn client_credentials_connect_and_refresh() {
    let oauth = OauthFixture::new("itself", Policy::Strict).await;
    let toml = format!(
        "title = \"Machines\"\ndocs = \"https://example.com\"\n[token]\nurl = \"{}/token\"\nclient_auth = \"basic\"\n",
        oauth.provider.origin
    );
    let catalog = strongroom::Catalog::built_in().unwrap().with("machines", &toml).unwrap();
    let builder = strongroom::Vault::builder(&oauth.dir.database()).key(Secret::from(crate::support::KEY));
    let egress_policy = strongroom::oauth::EgressPolicy { loopback: true, networks: vec![] };
    let vault = builder.clock(oauth.clock.clone()).catalog(catalog).egress_policy(egress_policy).open().await.unwrap();
    let manifest = r#"{"title": "Jobs", "access": "read",
        "credentials": {"oauth2": {"provider": "machines", "scopes": ["jobs.run", "jobs.read"]}}}"#;
    let (plugin, owner) = ("jobs".parse().unwrap(), oauth.owner("alice"));
    let manifest = strongroom::Manifest::parse(manifest).unwrap();
    vault.plugins(oauth.tenant).register(&Actor::host(), &plugin, manifest, strongroom::Expected::Any).await.unwrap();
    let app = strongroom::oauth::app::AppDraft { provider: "machines".to_owned(), ..crate::oauth_fixture::app_draft() };
    vault.apps(oauth.tenant).create(&Actor::host(), app).await.unwrap();
    let draft = ConnectionDraft {
        plugin,
        name: "Robot".parse().unwrap(),
        credential: None,
        app: None,
        scopes: Vec::new(),
        return_address: None,
        flow: Default::default(),
        if_connected: IfConnected::Create,
        key_file: None,
    };
    let connected = vault.connections(&owner).create(&Actor::user(), draft).await.unwrap();
    let Connecting::Connected(credential) = connected else { panic!("the connection needs no consent") };
    let [asked] = oauth.provider.asked("/token").try_into().unwrap();
    assert_eq!(asked.body, "grant_type=client_credentials&scope=jobs.run+jobs.read");
    assert!(asked.authorization.unwrap().starts_with("Basic "));
    let read = async || text(&crate::oauth_fixture::read(&vault, &credential).await.unwrap(), "access_token");
    let first = read().await;
    oauth.clock.advance(3_600_000);
    assert_ne!(read().await, first);
    oauth.clock.advance(3_600_000);
    oauth.provider.next(Turn::Reset);
    assert!(crate::oauth_fixture::read(&vault, &credential).await.is_err(), "the answer was lost");
    oauth.clock.advance(60_000);
    assert!(read().await.starts_with("cc-"), "there is nothing that could have been spent");
    assert_eq!(vault.sweep().await.unwrap(), 0);
    oauth.clock.advance(3_500_000);
    assert_eq!(vault.sweep().await.unwrap(), 1);
}
