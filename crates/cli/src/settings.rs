//! Settings: the compiled-in defaults, then a settings file, then the environment. The later source wins. This module
//! alone reads the environment. An unknown setting is an error that names its location.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use strongroom::Builder;
use strongroom::console::Issuer;
use strongroom::oauth::EgressPolicy;
use strongroom::{Catalog, Secret, Vault};
use strongroom_server::config::{Config, Limits, Tls};
use toml::{Table, Value};
use url::Url;

use crate::memory;

/// The default settings, with comments.
pub(crate) const DEFAULTS: &str = include_str!("../strongroom.toml");

/// Variables that are not settings.
const OTHERS: [&str; 2] = ["STRONGROOM_CONFIG", "STRONGROOM_PLUGIN_KEY"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    server: ServerSettings,
    database: DatabaseSettings,
    audit: AuditSettings,
    limits: LimitSettings,
    providers: ProviderSettings,
    console: ConsoleSettings,
    pub(crate) log: LogSettings,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerSettings {
    #[serde(deserialize_with = "address")]
    listen: SocketAddr,
    metrics_listen: String,
    hosts: Vec<String>,
    trusted_proxies: Vec<String>,
    public_url: String,
    tls_certificate: PathBuf,
    tls_key: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DatabaseSettings {
    url: String,
    memory_mb: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AuditSettings {
    deadline_ms: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitSettings {
    principal_per_second: u32,
    address_per_second: u32,
    calls_per_second: u32,
    body_bytes: usize,
    request_timeout_ms: u64,
    shutdown_grace_ms: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderSettings {
    directory: PathBuf,
    networks: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsoleSettings {
    issuer: String,
    client_id: String,
    client_secret_file: PathBuf,
    operators: Vec<String>,
    users: bool,
}

impl ConsoleSettings {
    fn issuer(&self) -> Result<Option<Issuer>> {
        if self.issuer.is_empty() {
            return Ok(None);
        }
        let file = &self.client_secret_file;
        let client_secret = match file.as_os_str().is_empty() {
            true => None,
            false => {
                let text = std::fs::read_to_string(file)
                    .with_context(|| format!("console.client_secret_file: cannot read {}", file.display()))?;
                Some(Secret::from(text.trim()))
            }
        };
        if self.client_id.is_empty() {
            bail!("console.issuer is set, but console.client_id is not; set both");
        }
        Ok(Some(Issuer {
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret,
            operators: self.operators.clone(),
            users: self.users,
        }))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogSettings {
    pub(crate) filter: String,
    pub(crate) format: LogFormat,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Json,
    Text,
}

/// Reads an environment variable. An empty value counts as not set.
#[expect(clippy::disallowed_methods, reason = "the one function through which the environment is read")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Settings {
    pub(crate) fn load(file: Option<&Path>) -> Result<Self> {
        let mut table: Table = DEFAULTS.parse().context("cannot read the built-in settings")?;
        let file = file.map(Path::to_owned).or_else(|| variable("STRONGROOM_CONFIG").map(PathBuf::from));
        if let Some(file) = file {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("cannot read the settings file {}", file.display()))?;
            let own: Table = text.parse().with_context(|| format!("{} is not valid TOML", file.display()))?;
            merge(&mut table, own).with_context(|| format!("in {}", file.display()))?;
        }
        apply_environment(&mut table)?;
        let settings: Self = table.try_into().context("a setting has an invalid value")?;
        Ok(settings)
    }

    pub(crate) fn server(&self) -> Result<Config> {
        let server = &self.server;
        let metrics = &server.metrics_listen;
        let parse = |network: &String| {
            network
                .parse()
                .map_err(|_| anyhow!("server.trusted_proxies: `{network}` is not a network such as 10.0.0.0/8"))
        };
        let tls = match (server.tls_certificate.as_os_str().is_empty(), server.tls_key.as_os_str().is_empty()) {
            (true, true) => None,
            (false, false) => Some(Tls { certificate: server.tls_certificate.clone(), key: server.tls_key.clone() }),
            _ => bail!("server.tls_certificate and server.tls_key must be set together; set both, or neither"),
        };
        let limits = &self.limits;
        Ok(Config {
            listen: server.listen,
            metrics_listen: if metrics.is_empty() {
                None
            } else {
                Some(metrics.parse().context("server.metrics_listen must be an IP address and a port")?)
            },
            hosts: server.hosts.clone(),
            trusted_proxies: server.trusted_proxies.iter().map(parse).collect::<Result<_>>()?,
            tls,
            demo: None,
            limits: Limits {
                principal_per_second: limits.principal_per_second,
                address_per_second: limits.address_per_second,
                calls_per_second: limits.calls_per_second,
                body_bytes: limits.body_bytes,
                request_timeout: Duration::from_millis(limits.request_timeout_ms),
                shutdown_grace: Duration::from_millis(limits.shutdown_grace_ms),
            },
        })
    }

    /// Configures a vault from the settings. The caller adds the key.
    pub(crate) fn builder(&self, database: &Path) -> Result<Builder> {
        let memory = match self.database.memory_mb {
            0 => memory::of_the_machine() / 4,
            megabytes => megabytes.saturating_mul(1_000_000),
        };
        let builder =
            Vault::builder(database).audit_deadline(Duration::from_millis(self.audit.deadline_ms)).memory(memory);
        let network = |network: &String| {
            network.parse().map_err(|_| anyhow!("providers.networks: `{network}` is not a network such as 10.0.0.0/8"))
        };
        let networks = self.providers.networks.iter().map(network).collect::<Result<_>>()?;
        let builder = builder.catalog(self.catalog()?).egress_policy(EgressPolicy { loopback: false, networks });
        let builder = match self.console.issuer()? {
            Some(issuer) => builder.issuer(issuer),
            None => builder,
        };
        let public = &self.server.public_url;
        if public.is_empty() {
            return Ok(builder);
        }
        let url = Url::parse(public).ok().filter(|url| url.scheme() == "https" && url.path() == "/");
        let url =
            url.ok_or_else(|| anyhow!("server.public_url must be an https address without a path: `{public}`"))?;
        Ok(builder.public_url(url))
    }

    pub(crate) fn certificate_is_there(&self) -> Result<()> {
        for file in [&self.server.tls_certificate, &self.server.tls_key] {
            if !file.as_os_str().is_empty() {
                std::fs::File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
            }
        }
        Ok(())
    }

    pub(crate) fn has_public_url(&self) -> bool {
        !self.server.public_url.is_empty()
    }

    /// The built-in providers, and the operator's files, which replace providers with the same name.
    pub(crate) fn catalog(&self) -> Result<Catalog> {
        let directory = &self.providers.directory;
        let catalog = Catalog::built_in()?;
        Ok(if directory.as_os_str().is_empty() { catalog } else { catalog.overlay(directory)? })
    }

    pub(crate) fn database(&self) -> Result<PathBuf> {
        let url = variable("DATABASE_URL").unwrap_or_else(|| self.database.url.clone());
        match url.split_once(':') {
            Some(("sqlite", path)) if !path.trim_start_matches("//").is_empty() => {
                Ok(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))
            }
            Some(("postgres" | "postgresql", _)) => {
                bail!("this version supports SQLite only; set DATABASE_URL to sqlite: and a path")
            }
            _ => bail!("DATABASE_URL must be sqlite: and a path, for example sqlite:/var/lib/strongroom/strongroom.db"),
        }
    }
}

/// Reads the encryption key from the environment. The file takes precedence over the variable.
pub(crate) fn encryption_key() -> Result<Option<Secret<String>>> {
    match key_file() {
        Some(file) => read_key(&file).map(Some),
        None => Ok(variable("CREDENTIAL_ENCRYPTION_KEY").map(Secret::new)),
    }
}

pub(crate) fn key_file() -> Option<PathBuf> {
    variable("CREDENTIAL_ENCRYPTION_KEY_FILE").map(PathBuf::from)
}

pub(crate) fn read_key(file: &Path) -> Result<Secret<String>> {
    let text = std::fs::read_to_string(file).with_context(|| KeyUnreadable(file.to_owned()))?;
    Ok(Secret::new(text))
}

/// The file with the encryption key cannot be read. It has its own exit code.
#[derive(Debug)]
pub(crate) struct KeyUnreadable(PathBuf);

impl std::fmt::Display for KeyUnreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot read the encryption key in {}", self.0.display())
    }
}

fn address<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(|_| D::Error::custom("must be an IP address and a port, such as 127.0.0.1:8420"))
}

fn merge(table: &mut Table, own: Table) -> Result<()> {
    for (section, values) in own {
        let known = table
            .get_mut(&section)
            .and_then(Value::as_table_mut)
            .ok_or_else(|| anyhow!("unknown section [{section}]"))?;
        let Value::Table(values) = values else { bail!("[{section}] must be a section") };
        for (name, value) in values {
            let slot = known.get_mut(&name).ok_or_else(|| anyhow!("[{section}] has no setting `{name}`"))?;
            *slot = value;
        }
    }
    Ok(())
}

fn apply_environment(table: &mut Table) -> Result<()> {
    let mut names: BTreeMap<String, (String, String)> = BTreeMap::new();
    for (section, values) in table.iter() {
        for name in values.as_table().into_iter().flat_map(Table::keys) {
            names.insert(format!("STRONGROOM_{section}_{name}").to_uppercase(), (section.clone(), name.clone()));
        }
    }
    for (variable, text) in strongroom_variables() {
        let Some((section, name)) = names.get(&variable) else {
            if OTHERS.contains(&variable.as_str()) {
                continue;
            }
            bail!(
                "the variable {variable} is set, but no such setting exists; `strongroom config` prints all settings"
            );
        };
        let slot = table
            .get_mut(section)
            .and_then(|section| section.get_mut(name))
            .ok_or_else(|| anyhow!("no setting for {variable}"))?;
        *slot = match slot {
            Value::Integer(_) => {
                Value::Integer(text.parse().map_err(|_| anyhow!("{variable} must be a whole number"))?)
            }
            Value::Boolean(_) => Value::Boolean(text.parse().map_err(|_| anyhow!("{variable} must be true or false"))?),
            Value::Array(_) => Value::Array(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(|item| Value::String(item.to_owned()))
                    .collect(),
            ),
            _ => Value::String(text),
        };
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "finds misspelt variables, which would otherwise be settings that silently do nothing"
)]
fn strongroom_variables() -> Vec<(String, String)> {
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    // Kubernetes sets these variables for a service with the name strongroom.
    let of_a_cluster = |name: &str| name.starts_with("STRONGROOM_SERVICE_") || name.starts_with("STRONGROOM_PORT");
    variables.filter(|(name, _)| name.starts_with("STRONGROOM_") && !of_a_cluster(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_settings_are_complete() {
        let settings: Settings = DEFAULTS.parse::<Table>().expect("TOML").try_into().expect("every setting");
        let server = settings.server().expect("valid");
        let told = |limits: &Limits| {
            let rates = (limits.principal_per_second, limits.address_per_second, limits.calls_per_second);
            (rates, limits.body_bytes, limits.request_timeout, limits.shutdown_grace)
        };
        assert_eq!(told(&server.limits), told(&Limits::default()));
    }

    #[test]
    fn unknown_settings_are_refused_by_name() {
        let mut table: Table = DEFAULTS.parse().expect("TOML");
        let wrong: Table = "[server]\nlisten_on = \"x\"".parse().expect("TOML");
        assert!(merge(&mut table, wrong).expect_err("unknown").to_string().contains("listen_on"));
        let wrong: Table = "[servers]\nlisten = \"x\"".parse().expect("TOML");
        assert!(merge(&mut table, wrong).expect_err("unknown").to_string().contains("servers"));
    }
}
