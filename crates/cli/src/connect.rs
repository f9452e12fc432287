//! `strongroom provider` and `strongroom oauth-app`: the provider catalog and the client registrations at providers.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::Subcommand;
use serde_json::{Value, json};
use strongroom::clock::rfc3339;
use strongroom::id::AppId;
use strongroom::oauth::app::{App, AppDraft};
use strongroom::{Actor, Catalog, Provider};

use crate::context::CommandContext;
use crate::input;
use crate::output::{self, Output};
use crate::plugin::with_field_errors;

#[derive(Subcommand)]
pub(crate) enum ProviderCommand {
    /// List the providers at which users can connect accounts.
    #[command(after_help = "Example:\n  strongroom provider list")]
    List,
    /// Print the complete definition of a provider.
    #[command(after_help = "Example:\n  strongroom provider show google")]
    Show {
        /// Provider name.
        name: String,
    },
    /// Check the built-in catalog. Given a directory, also check its provider files.
    #[command(after_help = "Example:\n  strongroom provider check /etc/strongroom/providers")]
    Check {
        /// Directory of NAME.toml files. A file replaces the built-in provider with the same name.
        directory: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
pub(crate) enum OauthAppCommand {
    /// Create a client registration and print the redirect address to register at the provider.
    ///
    /// The client secret, or the private key, comes from standard input or a prompt.
    #[command(
        after_help = "Examples:\n  strongroom oauth-app create google --client-id 123.apps.googleusercontent.com < client-secret\n  strongroom oauth-app create google-service-account < key.json"
    )]
    Create {
        /// Provider name from `strongroom provider list`, or the address of an issuer that supports discovery.
        provider: String,
        /// Client id from the provider. Omit it for a service account, whose key file contains it.
        // Some providers issue client ids that begin with a hyphen.
        #[arg(long, allow_hyphen_values = true)]
        client_id: Option<String>,
        /// Parameter for the provider's addresses, for example subdomain=acme. Can be repeated.
        #[arg(long = "parameter", value_name = "NAME=VALUE")]
        parameters: Vec<String>,
        /// Register a public client, which has no secret.
        #[arg(long)]
        public: bool,
    },
    /// List the registrations. Secrets are not shown.
    #[command(after_help = "Example:\n  strongroom oauth-app list")]
    List,
    /// Remove a registration. Fails while a credential or a pending revocation uses it.
    #[command(after_help = "Example:\n  strongroom oauth-app remove app_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f")]
    Remove {
        /// Registration id.
        id: AppId,
    },
}

impl ProviderCommand {
    /// Needs no vault: the catalog is compiled in.
    pub(crate) fn run(&self, catalog: Catalog, output: Output) -> Result<()> {
        match self {
            Self::List => {
                let items: Vec<Value> = catalog.iter().map(|(name, provider)| summary(name, provider)).collect();
                output.list(&["name", "title", "parameters", "profiles"], &items)
            }
            Self::Show { name } => {
                let provider = catalog.provider(name).ok_or_else(|| unknown(name))?;
                match output.json {
                    true => output::print(&serde_json::to_string_pretty(&**provider)?),
                    false => output::print(toml::to_string_pretty(&**provider)?.trim_end()),
                }
            }
            Self::Check { directory } => {
                let catalog = match directory {
                    Some(directory) => catalog.overlay(directory)?,
                    None => catalog,
                };
                let unverified: usize = catalog.iter().map(|(_, provider)| provider.unverified.len()).sum();
                let providers = catalog.iter().count();
                output.one(&json!({"providers": providers, "unverified_facts": unverified}))?;
                output.done("All provider files are valid.")
            }
        }
    }
}

impl OauthAppCommand {
    pub(crate) async fn run(&self, context: &CommandContext, output: Output) -> Result<()> {
        let CommandContext { vault, tenant } = context;
        match self {
            Self::Create { provider, client_id, parameters, public } => {
                // Check the name before the prompt. Otherwise a misspelled name discards a secret that was already
                // entered.
                if !provider.contains("://") && vault.catalog().provider(provider).is_none() {
                    return Err(unknown(provider));
                }
                let client_secret = if *public { None } else { Some(input::secret("client secret")?) };
                let parameters = parameters.iter().map(|text| {
                    let (name, value) =
                        text.split_once('=').ok_or_else(|| anyhow!("`{text}` must have the form NAME=VALUE"))?;
                    Ok((name.to_owned(), value.to_owned()))
                });
                let draft = AppDraft {
                    provider: provider.clone(),
                    client_id: client_id.clone(),
                    client_secret,
                    parameters: parameters.collect::<Result<_>>()?,
                };
                let app = vault.apps(*tenant).create(&Actor::operator(), draft).await.map_err(with_field_errors)?;
                let same = |other: &&App| other.provider == app.provider && other.id != app.id;
                let others = vault.apps(*tenant).list().await?.iter().filter(same).count();
                let mut item = shown(&app);
                if let Some(members) = item.as_object_mut().filter(|_| !output.json) {
                    members.remove("notices");
                }
                output.one(&item)?;
                for notice in &app.notices {
                    output.done(&format!("Note: {notice}"))?;
                }
                if others > 0 {
                    output.done(&format!(
                        "Note: other OAuth apps for {provider}: {others}. A connection must name one of them; `strongroom oauth-app remove` removes an unused one."
                    ))?;
                }
                let unattended = vault.catalog().provider(provider).is_some_and(|known| known.authorize.is_none());
                match &app.redirect_address {
                    _ if unattended => output
                        .done("This provider needs no user consent. A connection creates its credential immediately."),
                    Some(address) => {
                        output.done(&format!("Register this redirect address at {}: {address}", app.title))
                    }
                    None => output
                        .done("Set server.public_url. `strongroom oauth-app list` then shows the redirect address."),
                }
            }
            Self::List => {
                let apps: Vec<Value> = vault.apps(*tenant).list().await?.iter().map(shown).collect();
                output.list(&["id", "provider", "client_id", "redirect_address"], &apps)
            }
            Self::Remove { id } => {
                vault.apps(*tenant).remove(&Actor::operator(), *id).await?;
                output.done("Removed.")
            }
        }
    }
}

fn unknown(name: &str) -> anyhow::Error {
    anyhow!("unknown provider `{name}`; `strongroom provider list` lists all providers")
}

fn summary(name: &str, provider: &Provider) -> Value {
    json!({
        "name": name,
        "title": provider.title,
        "parameters": provider.parameters.keys().collect::<Vec<_>>(),
        "profiles": provider.profiles.keys().collect::<Vec<_>>(),
        "docs": provider.docs,
        "unverified": provider.unverified,
    })
}

fn shown(app: &App) -> Value {
    json!({
        "id": app.id.to_string(),
        "provider": app.provider,
        "title": app.title,
        "notices": app.notices,
        "client_id": app.client_id,
        "parameters": app.parameters,
        "redirect_address": app.redirect_address,
        "created_at": rfc3339(app.created_at),
    })
}
