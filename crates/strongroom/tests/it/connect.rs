//! Connecting: the whole way, and every way in which somebody else's account could end up in it.

use strongroom::oauth::connection::{Callback, Connecting, ConnectionDraft, IfConnected};
use strongroom::{Actor, Error, Secret, State};

use crate::provider::{Policy, Turn};
use crate::room::text;
use crate::studio::{BACK, Studio, query};
use crate::support::CANARY;

#[tokio::test]
async fn the_whole_way_from_the_button_to_a_token_and_back() {
    let studio = Studio::new("connect", Policy::Strict).await;
    let begun = studio.begin("alice", None).await.unwrap();
    assert!(begun.start_address.starts_with("http://127.0.0.1:8420/connect/"));
    let start = studio.start(&begun).await.unwrap();
    let authorize = &start.authorize;
    assert!(authorize.as_str().starts_with(&format!("{}/authorize?", studio.provider.origin)));
    assert_eq!(query(authorize, "response_type"), "code");
    assert_eq!(query(authorize, "client_id"), "client-1");
    assert_eq!(query(authorize, "code_challenge_method"), "S256");
    assert_eq!(query(authorize, "scope"), "mail.read mail.send");
    let redirect = format!("http://127.0.0.1:8420/api/auth/oauth/callback/{}", studio.app);
    assert_eq!(query(authorize, "redirect_uri"), redirect);

    let back = studio.vault.call_back(&Actor::host(), studio.app, studio.consent(&start)).await.unwrap();
    assert!(back.as_str().starts_with(BACK));
    assert!(!back.as_str().contains(CANARY), "the provider's code goes nowhere");
    assert!(studio.provider.asked("/token").is_empty(), "nothing is exchanged before the user is known");

    let credential = studio.complete("alice", &back).await.unwrap();
    assert_eq!(credential.account.as_deref(), Some("account-1@example.com"));
    assert_eq!(credential.scopes, ["mail.read", "mail.send"]);
    assert_eq!(credential.state, State::Active);
    assert!(!format!("{credential:?}").contains(CANARY));
    let asked = studio.provider.asked("/token");
    let [exchange] = asked.as_slice() else { panic!("one exchange") };
    assert!(exchange.body.contains("grant_type=authorization_code"));
    assert!(exchange.body.contains("client_secret=cs-") && exchange.authorization.is_none());
    let verifier =
        url::form_urlencoded::parse(exchange.body.as_bytes()).find(|(name, _)| name == "code_verifier").unwrap().1;
    let challenge = data_encoding::BASE64URL_NOPAD.encode(&strongroom_crypto::sha256(verifier.as_bytes()));
    assert_eq!(query(authorize, "code_challenge"), challenge);

    let opened = studio.read(&credential).await.unwrap();
    assert!(text(&opened, "access_token").starts_with("at-"));
    assert!(!opened.fields().contains_key("refresh_token"), "a plugin has no use for it");

    studio.vault.delete(&Actor::user(), &studio.owner("alice"), credential.id, None).await.unwrap();
    assert!(studio.provider.memory.lock().unwrap().revoked.is_empty(), "the outbox is emptied by the sweep");
    assert_eq!(studio.vault.sweep().await.unwrap(), 1);
    assert!(studio.provider.memory.lock().unwrap().revoked.iter().all(|token| token.starts_with("rt-")));
    assert_eq!(studio.vault.sweep().await.unwrap(), 0);
    let actions = studio.actions().await;
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
    let report = studio.vault.verify(true, None, &mut |_| {}).await.unwrap();
    assert_eq!(report.findings, []);
}

/// Each attack meets its defence; and the same flow without the attack goes through, so it is the defence that stopped it.
#[tokio::test]
async fn a_callback_that_does_not_fit_connects_nobody() {
    let studio = Studio::new("callback", Policy::Strict).await;
    let other = studio.vault.create_app(&Actor::host(), studio.tenant, crate::studio::app_draft()).await.unwrap();
    studio.vault.remove_app(&Actor::host(), studio.tenant, other.id).await.unwrap();
    type Change = fn(&mut Callback);
    let attacks: [(&str, Change); 4] = [
        ("no cookie", |callback| callback.browser = None),
        ("another browser's cookie", |callback| callback.browser = Some(Secret::from("x"))),
        ("a state that nobody issued", |callback| callback.state = Secret::from("x")),
        ("no state", |callback| callback.state = Secret::from("")),
    ];
    for (attack, change) in attacks {
        let start = studio.start(&studio.begin("alice", None).await.unwrap()).await.unwrap();
        let mut callback = studio.consent(&start);
        change(&mut callback);
        let answer = studio.vault.call_back(&Actor::host(), studio.app, callback).await;
        assert!(matches!(answer, Err(Error::NotFound { .. })), "{attack}");
        let honest = studio.vault.call_back(&Actor::host(), studio.app, studio.consent(&start)).await;
        assert!(honest.is_ok(), "{attack}: the control");
    }
    // App X's answer at app Y's address.
    let start = studio.start(&studio.begin("alice", None).await.unwrap()).await.unwrap();
    let elsewhere = studio.vault.call_back(&Actor::host(), other.id, studio.consent(&start)).await;
    assert!(matches!(elsewhere, Err(Error::NotFound { .. })), "another app's address");
    // A state used twice.
    studio.vault.call_back(&Actor::host(), studio.app, studio.consent(&start)).await.unwrap();
    let again = studio.vault.call_back(&Actor::host(), studio.app, studio.consent(&start)).await;
    assert!(matches!(again, Err(Error::NotFound { .. })), "a state used twice");
    // A state that is too old.
    let start = studio.start(&studio.begin("alice", None).await.unwrap()).await.unwrap();
    studio.clock.advance(10 * 60_000);
    let late = studio.vault.call_back(&Actor::host(), studio.app, studio.consent(&start)).await;
    assert!(matches!(late, Err(Error::NotFound { .. })), "a state that is too old");
    assert!(studio.provider.asked("/token").is_empty());
    let actions = studio.actions().await;
    for denied in ["connection.return other-browser", "connection.return other-app"] {
        assert!(actions.iter().any(|action| action == denied), "{denied}");
    }
}

/// The attacker's link, opened by a victim: whoever consents, only the user who began can complete.
#[tokio::test]
async fn a_flow_begun_by_one_user_is_not_finished_by_another() {
    let studio = Studio::new("cosf", Policy::Strict).await;
    let start = studio.start(&studio.begin("mallory", None).await.unwrap()).await.unwrap();
    let back = studio.vault.call_back(&Actor::host(), studio.app, studio.consent(&start)).await.unwrap();
    let taken = studio.complete("alice", &back).await;
    assert!(matches!(taken, Err(Error::NotFound { .. })), "another user finished");
    assert!(studio.provider.asked("/token").is_empty(), "the victim's code was not exchanged");
    assert!(studio.actions().await.iter().any(|action| action == "connection.complete other-user"));
    // The control: the same code, by the user who began; and only once.
    studio.complete("mallory", &back).await.unwrap();
    let twice = studio.complete("mallory", &back).await;
    assert!(matches!(twice, Err(Error::NotFound { .. })), "completed twice");
    // A start link is used once, whoever has it.
    let begun = studio.begin("alice", None).await.unwrap();
    studio.start(&begun).await.unwrap();
    assert!(matches!(studio.start(&begun).await, Err(Error::NotFound { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completing_code_that_comes_many_times_at_once_is_exchanged_once() {
    let studio = Studio::new("at-once", Policy::Strict).await;
    let start = studio.start(&studio.begin("alice", None).await.unwrap()).await.unwrap();
    let back = studio.vault.call_back(&Actor::host(), studio.app, studio.consent(&start)).await.unwrap();
    let (id, code) = (query(&back, "connection").parse().unwrap(), query(&back, "code"));
    let mut completing = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (vault, owner, code) = (studio.vault.clone(), studio.owner("alice"), Secret::new(code.clone()));
        completing.spawn(async move { vault.complete(&Actor::user(), &owner, id, &code).await.is_ok() });
    }
    let done = completing.join_all().await;
    assert_eq!(studio.provider.asked("/token").len(), 1, "the code was sent more than once");
    assert_eq!(done.into_iter().filter(|done| *done).count(), 1);
}

#[tokio::test]
async fn the_issuer_is_compared_letter_by_letter() {
    let studio = Studio::with("iss", Policy::Strict, "").await;
    let toml = format!("issuer = \"https://sim.example\"\niss_required = true\n{}", studio.provider.toml(""));
    let strict = strongroom::Catalog::built_in().unwrap().with("sim", &toml).unwrap();
    let builder = strongroom::Vault::builder(&studio.dir.database()).key(Secret::from(crate::support::KEY));
    let vault = builder.clock(studio.clock.clone()).catalog(strict);
    let vault = vault.public_url("http://127.0.0.1:8420".parse().unwrap()).open().await.unwrap();
    for (iss, fits) in [
        (Some("https://sim.example"), true),
        (None, false),
        (Some("https://sim.example/"), false),
        (Some("https://evil.example"), false),
    ] {
        let start = studio.start(&studio.begin("alice", None).await.unwrap()).await.unwrap();
        let callback = Callback { iss: iss.map(str::to_owned), ..studio.consent(&start) };
        let answer = vault.call_back(&Actor::host(), studio.app, callback).await;
        assert_eq!(answer.is_ok(), fits, "issuer {iss:?}");
    }
}

#[tokio::test]
async fn the_way_back_is_one_that_the_host_registered() {
    let studio = Studio::new("return", Policy::Strict).await;
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
        let answer = studio.vault.connect(&Actor::user(), &studio.owner("alice"), draft).await;
        assert_eq!(answer.is_ok(), fits, "a way back to {address}");
    }
}

#[tokio::test]
async fn what_the_provider_says_is_passed_on_only_where_it_is_a_code() {
    let studio = Studio::new("errors", Policy::Strict).await;
    for (said, told) in [("access_denied", "access_denied"), ("<script>alert(1)</script>", "failed")] {
        let start = studio.start(&studio.begin("alice", None).await.unwrap()).await.unwrap();
        let callback = Callback { code: None, error: Some(said.to_owned()), ..studio.consent(&start) };
        let back = studio.vault.call_back(&Actor::host(), studio.app, callback).await.unwrap();
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
        studio.provider.next(Turn::Answer(status, kind, body));
        let error = studio.connect("alice", None).await.unwrap_err().to_string();
        assert!(error.contains(cause) && !error.contains("script"), "the provider's text is shown: {error}");
    }
}

/// A stolen code, put into a flow of the thief's own: its verifier is the victim's, so the provider refuses (RFC 7636 1).
#[tokio::test]
async fn a_code_from_another_flow_is_of_no_use() {
    for pkce in [true, false] {
        let studio = Studio::new("injection", Policy::Strict).await;
        let toml = studio.toml.replace("[token]", &format!("pkce = {pkce}\n[token]"));
        let vault = crate::studio::open_at(&studio.dir.database(), &studio.clock, &toml, 77_100).await;
        let studio = Studio { vault, ..studio };
        let victim = studio.start(&studio.begin("alice", None).await.unwrap()).await.unwrap();
        let stolen = format!("code-{CANARY}");
        studio.provider.bind(&stolen, query(&victim.authorize, "code_challenge"));
        let thief = studio.start(&studio.begin("mallory", None).await.unwrap()).await.unwrap();
        let back = studio.vault.call_back(&Actor::anonymous(), studio.app, studio.consent(&thief)).await.unwrap();
        let done = studio.complete("mallory", &back).await;
        // The control: without PKCE the same attack connects the victim's account for the thief.
        assert_eq!(done.is_err(), pkce, "a code from another flow was taken");
    }
}

/// A token endpoint that redirects would be given the code, the client's secret or a refresh token to pass on.
#[tokio::test]
async fn a_token_endpoint_that_redirects_is_not_followed() {
    let studio = Studio::new("redirects", Policy::Strict).await;
    for status in [301, 302, 303, 307, 308] {
        studio.provider.next(Turn::Answer(status, "text/plain", String::new()));
        let connected = studio.connect("alice", None).await;
        assert!(studio.provider.asked("/elsewhere").is_empty() && connected.is_err(), "a redirect was followed");
    }
}

/// A second consent for the same account makes a second credential only if the draft says so.
#[tokio::test]
async fn the_same_account_is_reconnected_where_the_draft_says_so() {
    let studio = Studio::new("if-connected", Policy::Strict).await;
    let reconnect = || ConnectionDraft { if_connected: IfConnected::Reconnect, ..crate::studio::draft() };
    let first = studio.connect_with("alice", reconnect()).await.unwrap();
    let before = text(&studio.read(&first).await.unwrap(), "access_token");
    let renamed = || ConnectionDraft { name: "Another".parse().unwrap(), ..reconnect() };
    let again = studio.connect_with("alice", renamed()).await.unwrap();
    assert_eq!((again.id, &again.name, again.revision), (first.id, &first.name, first.revision + 1));
    assert_ne!(text(&studio.read(&first).await.unwrap(), "access_token"), before, "it has the new grant");
    let other = studio.connect_with("bob", reconnect()).await.unwrap();
    assert_ne!(other.id, first.id, "another user's credential is another one");
    *studio.provider.account.lock().unwrap() = "account-2".to_owned();
    let second = studio.connect_with("alice", renamed()).await.unwrap();
    assert_ne!(second.id, first.id, "another account is a credential of its own");
    *studio.provider.account.lock().unwrap() = "account-1".to_owned();
    let more = ConnectionDraft { scopes: vec!["mail.delete".to_owned()], ..reconnect() };
    assert_eq!(studio.connect_with("alice", more).await.unwrap().id, first.id, "more scopes are an extension");
    let fewer = studio.connect_with("alice", renamed()).await.unwrap();
    assert_ne!(fewer.id, first.id, "a scope would be taken from the first");
    let partial = r#"{"access_token":"at-partial","token_type":"Bearer","expires_in":3600,"scope":"mail.read"}"#;
    studio.provider.next(Turn::Answer(200, "application/json", partial.to_owned()));
    let partial = studio.connect_with("alice", renamed()).await.unwrap();
    assert_ne!(partial.id, first.id, "less was granted than the first has");
    let shown = studio.vault.show(&Actor::user(), &studio.owner("alice"), first.id).await.unwrap();
    assert_eq!(shown.scopes, ["mail.read", "mail.send", "mail.delete"]);
    assert!(studio.read(&first).await.is_ok() && studio.read(&second).await.is_ok());
    let twice = studio.connect_with("alice", crate::studio::draft()).await.unwrap();
    assert!(![first.id, second.id, fewer.id].contains(&twice.id), "it was asked for");
}

/// Reconnecting keeps the credential, if it is the same account; the old grant stays until then.
#[tokio::test]
async fn reconnecting_keeps_the_credential_and_refuses_another_account() {
    let studio = Studio::new("reconnect", Policy::Strict).await;
    let first = studio.connected("alice").await;
    let before = text(&studio.read(&first).await.unwrap(), "access_token");
    *studio.provider.account.lock().unwrap() = "account-2".to_owned();
    assert!(matches!(studio.connect("alice", Some(first.id)).await, Err(Error::OtherAccount)));
    assert_eq!(text(&studio.read(&first).await.unwrap(), "access_token"), before, "the old grant is untouched");
    *studio.provider.account.lock().unwrap() = "account-1".to_owned();
    let again = studio.connect("alice", Some(first.id)).await.unwrap();
    assert_eq!((again.id, again.name), (first.id, first.name.clone()));
    assert_ne!(text(&studio.read(&first).await.unwrap(), "access_token"), before);
    assert!(matches!(studio.connect("bob", Some(first.id)).await, Err(Error::NotFound { .. })));
}

/// The refresh token of a row must go to the token endpoint of the app it came from, and to no other.
#[tokio::test]
async fn a_row_that_is_given_another_app_does_not_open() {
    let studio = Studio::new("other-app", Policy::Strict).await;
    let credential = studio.connected("alice").await;
    let other = studio.vault.create_app(&Actor::host(), studio.tenant, crate::studio::app_draft()).await.unwrap();
    let intruder = rusqlite::Connection::open(studio.dir.database()).unwrap();
    intruder.execute("UPDATE credential SET app_id = ?1", [other.id.to_string()]).unwrap();
    let vault = studio.elsewhere().await;
    assert!(matches!(crate::studio::read(&vault, &credential).await, Err(Error::Undecryptable)));
    intruder.execute("UPDATE oauth_app SET client_id = 'evil'", ()).unwrap();
    assert!(matches!(vault.apps(studio.tenant).await.unwrap().as_slice(), []), "a row without its MAC is no app");
}

#[tokio::test]
async fn a_revocation_waits_for_a_provider_that_is_down() {
    let studio = Studio::new("outbox", Policy::Strict).await;
    let credential = studio.connected("alice").await;
    assert!(matches!(
        studio.vault.remove_app(&Actor::host(), studio.tenant, studio.app).await,
        Err(Error::AppInUse { credentials: 1 })
    ));
    studio.provider.next(Turn::Answer(503, "text/plain", String::new()));
    studio.vault.delete_user(&Actor::host(), &studio.owner("alice")).await.unwrap();
    assert!(matches!(studio.read(&credential).await, Err(Error::NotFound { .. })), "the row is gone at once");
    assert_eq!(studio.vault.sweep().await.unwrap(), 1);
    assert_eq!(studio.vault.sweep().await.unwrap(), 0, "not before its time");
    studio.vault.close().await;
    studio.clock.advance(120_000);
    let restarted = studio.elsewhere().await;
    assert_eq!(restarted.sweep().await.unwrap(), 1);
    assert_eq!(studio.provider.memory.lock().unwrap().revoked.len(), 1);
    assert_eq!(restarted.sweep().await.unwrap(), 0);
}

/// 400 says that the provider did not understand, unless it says that the token is nothing to it.
#[tokio::test]
async fn a_revocation_that_was_not_understood_is_still_owed() {
    for (status, body, done) in [
        (400, r#"{"error":"invalid_request"}"#, false),
        (400, r#"{"error":"invalid_client"}"#, false),
        (200, r#"{"ok":false,"error":"not_authed"}"#, false),
        (400, r#"{"error":"invalid_token"}"#, true),
        (200, "", true),
    ] {
        let studio = Studio::new("understood", Policy::Strict).await;
        let credential = studio.connected("alice").await;
        studio.provider.next(Turn::Answer(status, "application/json", body.to_owned()));
        studio.vault.delete(&Actor::user(), &studio.owner("alice"), credential.id, None).await.unwrap();
        studio.vault.sweep().await.unwrap();
        studio.clock.advance(60_000);
        assert_eq!(studio.vault.sweep().await.unwrap() == 0, done, "{status} {body}");
        studio.vault.remove_app(&Actor::host(), studio.tenant, studio.app).await.unwrap();
    }
}

/// An API key that was "connected again" would hand the refresh token to its plugin among its fields.
#[tokio::test]
async fn only_a_connected_account_is_connected_again() {
    let studio = Studio::new("kinds", Policy::Strict).await;
    let manifest = r#"{"title": "Both", "access": "read", "return_addresses": ["https://app.example.com/plugins/mail"],
        "credentials": {"oauth2": {"provider": "sim", "scopes": []},
        "api-key": {"schema": {"type": "object", "required": ["key"], "properties": {"key": {"type": "string"}}}}}}"#;
    let manifest = strongroom::Manifest::parse(manifest).unwrap();
    let plugin = "mail".parse().unwrap();
    studio.vault.register(&Actor::host(), studio.tenant, &plugin, manifest, strongroom::Expected::Any).await.unwrap();
    let draft = strongroom::Draft {
        plugin,
        kind: strongroom::CredentialType::ApiKey,
        name: "Key".parse().unwrap(),
        fields: strongroom::Fields::default().text("key", Secret::from("k")),
    };
    let key = studio.vault.save(&Actor::user(), &studio.owner("alice"), draft, None).await.unwrap();
    assert!(matches!(studio.begin("alice", Some(key.id)).await, Err(Error::Fields(_))));
}

/// Where nobody consents, the client asks for itself; the token is kept fresh like any other, by asking again.
#[tokio::test]
async fn a_client_connects_for_itself_and_stays_fresh() {
    let studio = Studio::new("itself", Policy::Strict).await;
    let toml = format!(
        "title = \"Machines\"\ndocs = \"https://example.com\"\n[token]\nurl = \"{}/token\"\nclient_auth = \"basic\"\n",
        studio.provider.origin
    );
    let catalog = strongroom::Catalog::built_in().unwrap().with("machines", &toml).unwrap();
    let builder = strongroom::Vault::builder(&studio.dir.database()).key(Secret::from(crate::support::KEY));
    let reach = strongroom::oauth::Reach { loopback: true, networks: vec![] };
    let vault = builder.clock(studio.clock.clone()).catalog(catalog).reach(reach).open().await.unwrap();
    let manifest = r#"{"title": "Jobs", "access": "read",
        "credentials": {"oauth2": {"provider": "machines", "scopes": ["jobs.run", "jobs.read"]}}}"#;
    let (plugin, owner) = ("jobs".parse().unwrap(), studio.owner("alice"));
    let manifest = strongroom::Manifest::parse(manifest).unwrap();
    vault.register(&Actor::host(), studio.tenant, &plugin, manifest, strongroom::Expected::Any).await.unwrap();
    let app = strongroom::oauth::app::AppDraft { provider: "machines".to_owned(), ..crate::studio::app_draft() };
    vault.create_app(&Actor::host(), studio.tenant, app).await.unwrap();
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
    let connected = vault.connect(&Actor::user(), &owner, draft).await.unwrap();
    let Connecting::Connected(credential) = connected else { panic!("nobody has to be asked") };
    let [asked] = studio.provider.asked("/token").try_into().unwrap();
    assert_eq!(asked.body, "grant_type=client_credentials&scope=jobs.run+jobs.read");
    assert!(asked.authorization.unwrap().starts_with("Basic "));
    let read = async || text(&crate::studio::read(&vault, &credential).await.unwrap(), "access_token");
    let first = read().await;
    studio.clock.advance(3_600_000);
    assert_ne!(read().await, first);
    studio.clock.advance(3_600_000);
    studio.provider.next(Turn::Reset);
    assert!(crate::studio::read(&vault, &credential).await.is_err(), "the answer was lost");
    studio.clock.advance(60_000);
    assert!(read().await.starts_with("cc-"), "there is nothing that could have been spent");
    assert_eq!(vault.sweep().await.unwrap(), 0);
    studio.clock.advance(3_500_000);
    assert_eq!(vault.sweep().await.unwrap(), 1);
}
