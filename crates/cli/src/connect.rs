//! `strongroom provider` and `strongroom oauth-app`.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::Subcommand;
use serde_json::{Value, json};
use strongroom::clock::rfc3339;
use strongroom::id::AppId;
use strongroom::oauth::app::{App, AppDraft};
use strongroom::{Actor, Catalog, Provider};

use crate::output::{self, Output};
use crate::plugin::with_field_errors;
use crate::{CommandContext, input};

#[derive(Subcommand)]
pub(crate) enum ProviderCommand {
    /// List the providers that accounts can be connected at.
    #[command(after_help = "Example:\n  strongroom provider list")]
    List,
    /// Show a provider's file, whole.
    #[command(after_help = "Example:\n  strongroom provider show google")]
    Show {
        /// Its name.
        name: String,
    },
    /// Check the catalogue, and a directory of files of your own over it.
    #[command(after_help = "Example:\n  strongroom provider check /etc/strongroom/providers")]
    Check {
        /// A directory of NAME.toml files.
        directory: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
pub(crate) enum OauthAppCommand {
    /// Keep a client registration; its secret, or its private key, comes from standard input or a prompt. Prints the address to register.
    #[command(
        after_help = "Examples:\n  strongroom oauth-app create google --client-id 123.apps.googleusercontent.com < client-secret\n  strongroom oauth-app create google-service-account < key.json"
    )]
    Create {
        /// A name of `strongroom provider list`, or the address of an issuer that describes itself.
        provider: String,
        /// The client's id, from the provider. A service account's is in its key file.
        // Some providers' ids begin with a hyphen.
        #[arg(long, allow_hyphen_values = true)]
        client_id: Option<String>,
        /// What fills the provider's addresses, as in subdomain=acme; can be given several times.
        #[arg(long = "parameter", value_name = "NAME=VALUE")]
        parameters: Vec<String>,
        /// A public client, which has no secret.
        #[arg(long)]
        public: bool,
    },
    /// List the registrations, without their secrets.
    #[command(after_help = "Example:\n  strongroom oauth-app list")]
    List,
    /// Remove a registration through which nothing is connected any more.
    #[command(after_help = "Example:\n  strongroom oauth-app remove app_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f")]
    Remove {
        /// Its id.
        id: AppId,
    },
}

impl ProviderCommand {
    /// Needs no vault: the catalogue is compiled in.
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
                output.done("Every file is whole.")
            }
        }
    }
}

impl OauthAppCommand {
    pub(crate) async fn run(&self, context: &CommandContext, output: Output) -> Result<()> {
        let CommandContext { vault, tenant } = context;
        match self {
            Self::Create { provider, client_id, parameters, public } => {
                // Before the secret is asked for: a misspelt name would have cost it.
                if !provider.contains("://") && vault.catalog().provider(provider).is_none() {
                    return Err(unknown(provider));
                }
                let client_secret = if *public { None } else { Some(input::secret("the client secret")?) };
                let parameters = parameters.iter().map(|text| {
                    let (name, value) = text.split_once('=').ok_or_else(|| anyhow!("`{text}` is not NAME=VALUE"))?;
                    Ok((name.to_owned(), value.to_owned()))
                });
                let draft = AppDraft {
                    provider: provider.clone(),
                    client_id: client_id.clone(),
                    client_secret,
                    parameters: parameters.collect::<Result<_>>()?,
                };
                let app = vault.create_app(&Actor::operator(), *tenant, draft).await.map_err(with_field_errors)?;
                let same = |other: &&App| other.provider == app.provider && other.id != app.id;
                let others = vault.apps(*tenant).await?.iter().filter(same).count();
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
                        "Note: there are {others} more at {provider}, and who connects must name one now: `strongroom oauth-app remove` takes away what is not meant."
                    ))?;
                }
                let unattended = vault.catalog().provider(provider).is_some_and(|known| known.authorize.is_none());
                match &app.redirect_address {
                    _ if unattended => output.done("Nobody consents here: a connection gives its credential at once."),
                    Some(address) => {
                        output.done(&format!("Register this redirect address at {}: {address}", app.title))
                    }
                    None => output
                        .done("Set server.public_url, and `strongroom oauth-app list` shows the redirect address."),
                }
            }
            Self::List => {
                let apps: Vec<Value> = vault.apps(*tenant).await?.iter().map(shown).collect();
                output.list(&["id", "provider", "client_id", "redirect_address"], &apps)
            }
            Self::Remove { id } => {
                vault.remove_app(&Actor::operator(), *tenant, *id).await?;
                output.done("Removed.")
            }
        }
    }
}

fn unknown(name: &str) -> anyhow::Error {
    anyhow!("there is no provider `{name}`; `strongroom provider list` shows all")
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
