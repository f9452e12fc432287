//! Benchmark of the sweep: many connected accounts, of which a few are due. Connects them at a provider in this
//! process. Then refreshes the due ones while other credentials are read. Prints one line of JSON.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use jiff::Timestamp;
use strongroom::id::CredentialId;
use strongroom::oauth::EgressPolicy;
use strongroom::oauth::app::AppDraft;
use strongroom::oauth::connection::{Callback, Connecting, ConnectionDraft, IfConnected};
use strongroom::{
    Actor, AppId, Catalog, Clock, Expected, Key, Manifest, OsEntropy, Owner, PluginName, Secret, TenantId, Vault,
};
use url::Url;

const AT_ONCE: usize = 256;
const MINUTE: i64 = 60_000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A manual clock, so that an hour passes at once.
struct Moved(AtomicI64);

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap_or_default()
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(database), Some(count), Some(due)) = (arguments.next(), arguments.next(), arguments.next()) else {
        eprintln!(
            "Usage: sweep DATABASE COUNT DUE\n\nExample:\n  cargo run --release --example sweep -- /tmp/vault/v.db 100000 1000"
        );
        std::process::exit(2);
    };
    let (count, due): (usize, usize) = (count.parse()?, due.parse()?);
    let (origin, asked) = provider().await?;
    let clock = Arc::new(Moved(AtomicI64::new(1_790_000_000_000)));
    let catalog = Catalog::built_in()?.with("bench", &format!(
        "title = \"Bench\"\ndocs = \"https://example.com\"\n[authorize]\nurl = \"{origin}/authorize\"\n[token]\nurl = \"{origin}/token\"\n"
    ))?;
    let vault =
        Vault::builder(Path::new(&database)).key(Key::generate_text(&OsEntropy::default())).clock(clock.clone());
    let vault = vault.catalog(catalog).egress_policy(EgressPolicy { loopback: true, networks: Vec::new() });
    let vault = vault.public_url(Url::parse("http://127.0.0.1:8420")?).open().await?;
    let tenant = vault.tenants().get(&"default".parse()?).await?.id;
    let manifest = r#"{"title": "Bench", "access": "read", "return_addresses": ["https://example.com/"],
        "credentials": {"oauth2": {"provider": "bench", "scopes": []}}}"#;
    vault
        .plugins(tenant)
        .register(&Actor::operator(), &"bench".parse()?, Manifest::parse(manifest)?, Expected::Any)
        .await?;
    let app = AppDraft {
        provider: "bench".to_owned(),
        client_id: Some("client".to_owned()),
        client_secret: Some(Secret::from("secret")),
        parameters: Default::default(),
    };
    let app = vault.apps(tenant).create(&Actor::operator(), app).await?.id;

    let mut connected = connect_all(&vault, tenant, app, count - due, "day").await?;
    let others = connected.clone();
    connected.extend(connect_all(&vault, tenant, app, due, "hour").await?);
    clock.0.fetch_add(57 * MINUTE, Ordering::SeqCst);

    let alone =
        reads_a_second(&vault, tenant, &others, async || tokio::time::sleep(std::time::Duration::from_secs(3)).await)
            .await?;
    let (before, began) = (asked.load(Ordering::SeqCst), Instant::now());
    let mut swept = 0;
    let during = reads_a_second(&vault, tenant, &others, async || {
        loop {
            match vault.sweep().await {
                Ok(0) | Err(_) => return,
                Ok(some) => swept += some,
            }
        }
    })
    .await?;
    let seconds = began.elapsed().as_secs_f64();
    let (requests, first) = (asked.load(Ordering::SeqCst) - before, Instant::now());
    vault.sweep().await?;
    println!(
        "{}",
        serde_json::json!({
            "credentials": connected.len(), "due": swept, "token_requests": requests, "seconds": seconds,
            "refreshes_per_second": f64::from(u32::try_from(swept)?) / seconds,
            "reads_per_second_alone": alone, "reads_per_second_during": during,
            "empty_sweep_microseconds": u64::try_from(first.elapsed().as_micros())?,
        })
    );
    vault.close().await;
    Ok(())
}

/// A token endpoint that accepts every request. The code selects the lifetime; a refresh gives one hour.
async fn provider() -> Result<(String, Arc<AtomicU64>), Failure> {
    let asked = Arc::new(AtomicU64::new(0));
    let counted = asked.clone();
    let token = async move |body: Bytes| {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        let lifetime = if body.windows(8).any(|part| part == b"code=day") { 86_400 } else { 3_600 };
        format!(r#"{{"access_token":"at-{number}","refresh_token":"rt-{number}","expires_in":{lifetime}}}"#)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let listener = listener.into_std()?;
    let router = Router::new().route("/token", post(token));
    tokio::spawn(axum_server::from_tcp(listener)?.serve(router.into_make_service()));
    Ok((origin, asked))
}

async fn connect_all(
    vault: &Vault,
    tenant: TenantId,
    app: AppId,
    count: usize,
    code: &'static str,
) -> Result<Vec<(String, CredentialId)>, Failure> {
    let mut running = tokio::task::JoinSet::new();
    let mut connected = Vec::with_capacity(count);
    for number in 0..count {
        while running.len() >= AT_ONCE {
            connected.extend(running.join_next().await.transpose()?.transpose()?);
        }
        running.spawn(connect(vault.clone(), tenant, app, format!("{code}-{number}"), code));
        if number % 1000 == 0 {
            eprint!("\r{number} of {count} ");
        }
    }
    while let Some(done) = running.join_next().await {
        connected.push(done??);
    }
    Ok(connected)
}

async fn connect(
    vault: Vault,
    tenant: TenantId,
    app: AppId,
    user: String,
    code: &'static str,
) -> Result<(String, CredentialId), Failure> {
    let owner = Owner { tenant, user: user.parse()? };
    let draft = ConnectionDraft {
        plugin: "bench".parse()?,
        name: "Account".parse()?,
        credential: None,
        app: None,
        scopes: Vec::new(),
        return_address: None,
        flow: Default::default(),
        if_connected: IfConnected::Create,
        key_file: None,
    };
    let Connecting::Begun(begun) = vault.connections(&owner).create(&Actor::user(), draft).await? else {
        return Err("no request was sent".into());
    };
    let link = begun.start_address.rsplit('/').next().unwrap_or_default().parse()?;
    let start = vault.start(&Actor::anonymous(), &link).await?;
    let value = |url: &Url, name: &str| {
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let callback = Callback {
        state: Secret::new(value(&start.authorize, "state")),
        code: Some(Secret::from(code)),
        error: None,
        iss: None,
        browser: Some(start.browser),
        query: Vec::new(),
    };
    let back = vault.handle_callback(&Actor::anonymous(), app, callback).await?;
    let code = Secret::new(value(&back, "code"));
    let credential =
        vault.connections(&owner).complete(&Actor::user(), value(&back, "connection").parse()?, &code).await?;
    Ok((user, credential.id))
}

/// Returns the reads per second of 64 callers while `meanwhile` runs.
async fn reads_a_second(
    vault: &Vault,
    tenant: TenantId,
    of: &[(String, CredentialId)],
    meanwhile: impl AsyncFnOnce(),
) -> Result<f64, Failure> {
    let (stop, read) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..64 {
        let (vault, stop, read, of) = (vault.clone(), stop.clone(), read.clone(), of.to_vec());
        callers.spawn(async move {
            let actor = Actor::plugin("bench".parse::<PluginName>()?);
            for (user, id) in of.iter().cycle().skip(caller * 97).step_by(31) {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let owner = Owner { tenant, user: user.parse()? };
                vault.open(vault.credentials(&owner).authorize(&actor, *id).await?).await?;
                read.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, Failure>(())
        });
    }
    let began = Instant::now();
    meanwhile().await;
    stop.store(true, Ordering::Relaxed);
    let rate = f64::from(u32::try_from(read.load(Ordering::Relaxed))?) / began.elapsed().as_secs_f64();
    while let Some(done) = callers.join_next().await {
        done??;
    }
    Ok(rate)
}
