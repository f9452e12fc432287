//! `strongroom dev`: server, sample plugins and demo on this machine. The key is in the user's configuration directory
//! and the database in the data directory. A copy of one of them alone cannot decrypt a secret.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use etcetera::BaseStrategy;
use strongroom::oauth::EgressPolicy;
use strongroom::{Actor, Expected, Key, KeyOwner, Manifest, OsEntropy, TenantId, Vault};
use url::Url;

use crate::demo::{self, Demo};
use crate::output::print;
use crate::serve;
use crate::settings::{LogFormat, LogSettings, Settings, read_key};

/// Sample plugins with complete manifests, as name and manifest.
pub(crate) const SAMPLE_PLUGINS: [(&str, &str); 5] = [
    ("github", include_str!("../../../examples/plugins/github.json")),
    ("openai", include_str!("../../../examples/plugins/openai.json")),
    ("postgres", include_str!("../../../examples/plugins/postgres.json")),
    ("smtp", include_str!("../../../examples/plugins/smtp.json")),
    ("stripe", include_str!("../../../examples/plugins/stripe.json")),
];

const LABEL: &str = "strongroom dev";

#[derive(Args)]
pub(crate) struct Dev {
    /// Address and port to listen on, for example 127.0.0.1:9000.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

impl Dev {
    pub(crate) async fn run(&self, settings: &Settings) -> Result<()> {
        let mut config = settings.server()?;
        config.listen = self.listen.unwrap_or(config.listen);
        // The form that the `Host` header uses (RFC 3986 3.2.2).
        config.hosts.push(match config.listen.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        });
        crate::log::start(&LogSettings { filter: "warn".to_owned(), format: LogFormat::Text })?;
        let places = Places::find()?;
        let demo = demo::bind(config.listen)?;
        let key = places.key_or_new()?;
        let vault = open(&places, settings, key, config.listen, demo.as_ref()).await?;
        let _alone = places.lock()?;
        let tenant = vault.tenants().get(&"default".parse()?).await?.id;
        for (name, manifest) in SAMPLE_PLUGINS {
            vault
                .plugins(tenant)
                .register(&Actor::operator(), &name.parse()?, Manifest::parse(manifest)?, Expected::Any)
                .await?;
        }
        config.demo = demo::prepare(demo.as_ref(), &vault, tenant).await?;
        let vault = Arc::new(vault);
        // Bind first. If the port is in use, the host key of the running server stays valid.
        let bound = serve::bind(vault.clone(), config).await?;
        let host_key = fresh_host_key(&vault, tenant).await?;
        let endpoint = format!("http://{}", reachable(bound.address()?));
        demo::serve(demo, vault, tenant, &endpoint)?;
        greet(&places, &endpoint, &host_key)?;
        bound.serve(serve::stop()?).await.context("the server failed")
    }
}

/// The address that a browser on this machine uses. An unspecified address becomes loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, listen.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, listen.port()).into(),
        _ => listen,
    }
}

/// Opens the vault of an earlier `strongroom dev`.
pub(crate) async fn open_existing(settings: &Settings) -> Result<Vault> {
    let places = Places::find()?;
    if !places.key.exists() {
        bail!("no development vault found; run `strongroom dev` first");
    }
    open(&places, settings, read_key(&places.key)?, settings.server()?.listen, None).await
}

/// Allows providers on loopback. The public address is the address the server listens on, unless one is set.
async fn open(
    places: &Places,
    settings: &Settings,
    key: strongroom::Secret<String>,
    listen: SocketAddr,
    demo: Option<&Demo>,
) -> Result<Vault> {
    let builder =
        settings.builder(&places.database)?.egress_policy(EgressPolicy { loopback: true, networks: Vec::new() });
    let builder = match demo {
        Some(demo) => builder.catalog(settings.catalog()?.with("demo", &demo.provider())?),
        None => builder,
    };
    // The operator set a public address, for example that of a tunnel.
    let builder = match settings.has_public_url() {
        true => builder,
        false => builder.public_url(Url::parse(&format!("http://{}", reachable(listen)))?),
    };
    Ok(builder.key(key).open().await?)
}

pub(crate) struct Places {
    pub(crate) key: PathBuf,
    pub(crate) database: PathBuf,
}

impl Places {
    pub(crate) fn find() -> Result<Self> {
        let base = etcetera::choose_base_strategy().context("cannot find the home directory")?;
        Ok(Self {
            key: base.config_dir().join("strongroom").join("dev.key"),
            database: base.data_dir().join("strongroom").join("strongroom.db"),
        })
    }

    /// Prevents a second instance, which would replace the demo's plugin and revoke the host key of the first.
    fn lock(&self) -> Result<File> {
        let path = self.database.with_extension("lock");
        let open = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = open.with_context(|| format!("cannot write {}", path.display()))?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            let data = self.database.display();
            bail!(
                "`strongroom dev` already runs on {data}; stop it, or set other values of XDG_DATA_HOME and XDG_CONFIG_HOME"
            );
        }
        Ok(file)
    }

    /// Reads the key, or creates one if there is no database. A new key could not open existing data and would hide the
    /// loss of the old key.
    fn key_or_new(&self) -> Result<strongroom::Secret<String>> {
        if self.key.exists() {
            refuse_exposed(&self.key)?;
            return read_key(&self.key);
        }
        if self.database.exists() {
            let (key, data) = (self.key.display(), self.database.display());
            bail!(
                "the key {key} is missing, but the data {data} is sealed with it; restore the key, or delete the data"
            );
        }
        let directory = self.key.parent().context("the path of the key has no directory")?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        let text = Key::generate_text(&OsEntropy::default());
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.key);
        let mut file = file.with_context(|| format!("cannot write the key {}", self.key.display()))?;
        writeln!(file, "{}", text.expose())?;
        file.sync_all()?;
        Ok(text)
    }
}

pub(crate) fn refuse_exposed(path: &Path) -> Result<()> {
    let mode = path.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        bail!("{0} can be read by other users (mode {mode:03o}); run: chmod 600 {0}", path.display());
    }
    Ok(())
}

/// Revokes the host key of the last start and creates a new one.
async fn fresh_host_key(vault: &Vault, tenant: TenantId) -> Result<String> {
    let operator = Actor::operator();
    for old in vault.api_keys(tenant).list(&KeyOwner::Host).await? {
        if old.label.as_str() == LABEL {
            vault.api_keys(tenant).revoke(&operator, &KeyOwner::Host, old.id).await?;
        }
    }
    let (_, token) = vault.api_keys(tenant).create(&operator, KeyOwner::Host, LABEL.parse()?, None).await?;
    Ok(token.expose().to_owned())
}

fn greet(places: &Places, endpoint: &str, host_key: &str) -> Result<()> {
    let program = std::env::current_exe().map_or_else(|_| "strongroom".to_owned(), |path| path.display().to_string());
    print(&format!(
        "Strongroom listens on {endpoint}
{}

  data      {}
  key       {}
  host key  {host_key}   (shown once; each start creates a new one)
  plugins   {}

Try in another terminal:

  printf 'sk-example-0123456789abcdef' | {program} --dev credential save --user alice --plugin openai --name First
  {program} --dev credential list --user alice
  curl -s {endpoint}/v1/audit -H 'Authorization: Bearer {host_key}'

Stop with Ctrl-C.",
        demo::greeting(endpoint),
        places.database.display(),
        places.key.display(),
        SAMPLE_PLUGINS.map(|(name, _)| name).join(", "),
    ))
}
