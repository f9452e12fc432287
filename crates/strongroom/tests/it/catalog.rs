//! Every provider of the catalog connects, refreshes and revokes against a simulated provider; only its addresses are
//! replaced. The requests match its file: parameters, scopes, client authentication, bodies and responses.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use strongroom::oauth::EgressPolicy;
use strongroom::oauth::app::AppDraft;
use strongroom::oauth::connection::{Callback, Connecting, ConnectionDraft, IfConnected};
use strongroom::provider::{Body, ClientAuth, Parameters, Provider, Rotation};
use strongroom::{Actor, Catalog, Expected, Manifest, Owner, PluginName, Secret, Vault};
use url::{Url, form_urlencoded};

use crate::ambient::{FakeClock, SeededEntropy};
use crate::oauth_fixture::{query, read};
use crate::provider::{Asked, Policy, Simulated};
use crate::support::{CANARY, Dir, KEY};

const SECRET: &str = "s/e+c:r%e t";

#[tokio::test]
async fn every_provider_connects_refreshes_and_revokes() {
    let catalog = Catalog::built_in().unwrap();
    let mut quirks = BTreeMap::<&str, Vec<String>>::new();
    for (name, provider) in catalog.iter() {
        prove(name, provider).await;
        for (quirk, has) in quirks_of(provider) {
            if has {
                quirks.entry(quirk).or_default().push(name.to_owned());
            }
        }
    }
    println!("{quirks:#?}");
    assert!(catalog.iter().count() >= 30);
    for quirk in [
        "separator",
        "json",
        "basic",
        "raw basic",
        "refresh address",
        "no expiry",
        "PKCE off",
        "grace",
        "callback",
        "parameters",
    ] {
        assert!(quirks.contains_key(quirk), "no entry has the quirk `{quirk}`");
    }
}

fn quirks_of(provider: &Provider) -> [(&'static str, bool); 10] {
    let authorize = provider.authorize.as_ref();
    [
        ("separator", authorize.is_some_and(|authorize| authorize.scope_separator != " ")),
        ("json", provider.token.body == Body::Json),
        ("basic", provider.token.client_auth == ClientAuth::Basic),
        ("raw basic", provider.token.client_auth == ClientAuth::BasicRaw),
        ("refresh address", provider.token.refresh_url.is_some()),
        ("no expiry", provider.token.answer.default_lifetime.is_some()),
        ("PKCE off", authorize.is_some_and(|authorize| !authorize.pkce)),
        ("grace", provider.refresh.rotation == Rotation::Grace),
        ("callback", !provider.keep.callback.is_empty()),
        ("parameters", !provider.parameters.is_empty()),
    ]
}

async fn prove(name: &str, original: &Provider) {
    let policy = match original.refresh.rotation {
        Rotation::None => Policy::Reusable,
        Rotation::Grace => Policy::Grace,
        Rotation::Strict => Policy::Strict,
    };
    let simulated = Simulated::new(policy).await;
    let provider = led_to(&simulated, original.clone());
    let dir = Dir::new("catalog");
    let clock = Arc::new(FakeClock::new());
    let catalog = Catalog::built_in().unwrap().with(name, &toml::to_string(&provider).unwrap()).unwrap();
    let builder = Vault::builder(&dir.database()).key(Secret::from(KEY)).clock(clock.clone()).catalog(catalog);
    let builder = builder
        .entropy(Arc::new(SeededEntropy::new(7_000_000)))
        .egress_policy(EgressPolicy { loopback: true, networks: vec![] });
    let vault = builder.public_url(Url::parse("http://127.0.0.1:8420").unwrap()).open().await.unwrap();
    let tenant = vault.tenants().get(&"default".parse().unwrap()).await.unwrap().id;
    let (plugin, owner): (PluginName, _) = ("mail".parse().unwrap(), Owner { tenant, user: "alice".parse().unwrap() });
    let manifest = format!(
        r#"{{"title": "Mail", "access": "read", "return_addresses": ["https://app.example.com/back"],
        "credentials": {{"oauth2": {{"provider": "{name}", "scopes": ["one", "two"]}}}}}}"#
    );
    let manifest = Manifest::parse(&manifest).unwrap();
    vault.plugins(tenant).register(&Actor::host(), &plugin, manifest, Expected::Any).await.unwrap();
    let draft = AppDraft {
        provider: name.to_owned(),
        client_id: Some("client id/1".to_owned()),
        client_secret: (provider.token.client_auth != ClientAuth::None).then(|| Secret::from(SECRET)),
        parameters: parameters(original),
    };
    let app =
        vault.apps(tenant).create(&Actor::host(), draft).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));

    let draft = ConnectionDraft {
        plugin,
        name: "Work".parse().unwrap(),
        credential: None,
        app: None,
        scopes: Vec::new(),
        return_address: None,
        flow: Default::default(),
        if_connected: IfConnected::Create,
        key_file: original.authorize.is_none().then(crate::grant_types::key_file),
    };
    let begun = match vault.connections(&owner).create(&Actor::user(), draft).await.unwrap() {
        Connecting::Begun(begun) => begun,
        Connecting::Connected(credential) if original.authorize.is_none() => {
            let [asked] = simulated.asked("/token").try_into().unwrap_or_else(|_| panic!("{name}: one request"));
            assert!(asked.member("assertion").is_some(), "{name}");
            assert!(read(&vault, &credential).await.is_ok(), "{name}");
            return vault.close().await;
        }
        other => panic!("{name}: {other:?}"),
    };
    let link = begun.start_address.rsplit('/').next().unwrap().parse().unwrap();
    let start = vault.start(&Actor::anonymous(), &link).await.unwrap();
    let authorize = provider.authorize.as_ref().unwrap();
    let asked_scopes = query(&start.authorize, &authorize.scope_param);
    assert!(asked_scopes.starts_with(&format!("one{}two", authorize.scope_separator)), "{name}: {asked_scopes}");
    assert_eq!(query(&start.authorize, "code_challenge").is_empty(), !authorize.pkce, "{name}");
    for (parameter, value) in &authorize.params {
        assert_eq!(&query(&start.authorize, parameter), value, "{name}");
    }
    let callback = Callback {
        state: Secret::new(query(&start.authorize, "state")),
        code: Some(Secret::new(format!("code-{CANARY}"))),
        error: None,
        iss: provider.issuer.clone(),
        browser: Some(start.browser),
        query: provider
            .keep
            .callback
            .values()
            .map(|parameter| (parameter.clone(), Secret::from("from-callback")))
            .collect(),
    };
    let back = vault.handle_callback(&Actor::anonymous(), app.id, callback).await.unwrap();
    let id = query(&back, "connection").parse().unwrap();
    let completed = vault.connections(&owner).complete(&Actor::user(), id, &Secret::new(query(&back, "code"))).await;
    let credential = completed.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    let [exchange] = simulated.asked("/token").try_into().unwrap_or_else(|_| panic!("{name}: one exchange"));
    check(name, &provider, &exchange, &provider.token.params);
    assert_eq!(exchange.member("code_verifier").is_some(), authorize.pkce, "{name}");

    let opened = read(&vault, &credential).await.unwrap();
    for field in provider.keep.answer.keys().chain(provider.keep.callback.keys()) {
        assert!(opened.fields().contains_key(field), "{name}: {field} is kept");
    }
    let refreshed = vault.credentials(&owner).refresh(&Actor::user(), credential.id, &|| Ok(())).await;
    refreshed.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    let path = if provider.token.refresh_url.is_some() { "/refresh" } else { "/token" };
    let refresh = simulated.asked(path).pop().unwrap();
    assert_eq!(refresh.member("grant_type").as_deref(), Some("refresh_token"), "{name}");
    check(name, &provider, &refresh, &provider.token.refresh_params);

    vault.credentials(&owner).delete(&Actor::user(), credential.id, None).await.unwrap();
    assert_eq!(vault.sweep().await.unwrap(), usize::from(provider.revoke.is_some()), "{name}");
    assert_eq!(simulated.asked("/revoke").len(), usize::from(provider.revoke.is_some()), "{name}");
    vault.close().await;
}

/// Checks a token request against the provider's file.
fn check(name: &str, provider: &Provider, asked: &Asked, extra: &BTreeMap<String, String>) {
    let basic = |pair: String| Some(format!("Basic {}", data_encoding::BASE64.encode(pair.as_bytes())));
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let (authorization, secret) = match provider.token.client_auth {
        ClientAuth::Basic => (basic(format!("{}:{}", encode("client id/1"), encode(SECRET))), None),
        ClientAuth::BasicRaw => (basic(format!("client id/1:{SECRET}")), None),
        ClientAuth::Post => (None, Some(SECRET)),
        ClientAuth::None | ClientAuth::PrivateKeyJwt => (None, None),
    };
    assert_eq!(asked.authorization, authorization, "{name}");
    assert_eq!(asked.member("client_secret").as_deref(), secret, "{name}");
    assert_eq!(asked.member("client_id").is_none(), authorization.is_some(), "{name}: never two ways in one request");
    assert_eq!(asked.body.starts_with('{'), provider.token.body == Body::Json, "{name}");
    for (parameter, value) in extra {
        assert_eq!(asked.member(parameter).as_ref(), Some(value), "{name}");
    }
}

/// Replaces the addresses by those of the simulated provider, which answers at the paths in the file.
fn led_to(simulated: &Simulated, mut provider: Provider) -> Provider {
    let at = |path: &str| format!("{}{path}", simulated.origin);
    if let Some(authorize) = &mut provider.authorize {
        authorize.url = at("/authorize");
    }
    provider.token.url = at("/token");
    provider.token.refresh_url = provider.token.refresh_url.map(|_| at("/refresh"));
    if let Some(revoke) = &mut provider.revoke {
        revoke.url = at("/revoke");
    }
    let mut members = Value::Object(Map::new());
    let answer = &provider.token.answer;
    if answer.default_lifetime.is_none() && answer.expires_in == "/expires_in" {
        put(&mut members, &answer.expires_in, Value::from(3600));
    }
    for pointer in provider.keep.answer.values() {
        put(&mut members, pointer, Value::from("from-answer"));
    }
    if let Some(account) = &mut provider.account {
        match &mut account.url {
            Some(url) => {
                *url = at("/me");
                let mut me = Value::Null;
                for pointer in [Some(&account.id), account.label.as_ref()].into_iter().flatten() {
                    put(&mut me, pointer, Value::from("whose"));
                }
                *simulated.me.lock().unwrap() = Some(me.to_string());
            }
            None => {
                for pointer in [Some(&account.id), account.label.as_ref()].into_iter().flatten() {
                    put(&mut members, pointer, Value::from("whose"));
                }
            }
        }
    }
    provider.test = None;
    provider.device = None;
    // Remove the marks of facts that the rewritten file no longer contains.
    provider.unverified.clear();
    let text = members.to_string();
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or_default();
    inner.clone_into(&mut simulated.members.lock().unwrap());
    provider
}

/// Sets the value at a JSON pointer. A number in the pointer is an index of a list.
fn put(json: &mut Value, pointer: &str, value: Value) {
    let mut at = json;
    for part in pointer.split('/').skip(1) {
        at = match part.parse::<usize>() {
            Ok(0) => {
                if !at.is_array() {
                    *at = Value::Array(vec![Value::Null]);
                }
                &mut at[0]
            }
            _ => {
                if !at.is_object() {
                    *at = Value::Object(Map::new());
                }
                &mut at[part]
            }
        };
    }
    *at = value;
}

fn parameters(provider: &Provider) -> Parameters {
    let given = |(name, of): (&String, &strongroom::provider::Parameter)| {
        Some((name.clone(), of.example.clone().or_else(|| of.default.clone())?))
    };
    provider.parameters.iter().filter_map(given).collect()
}
