//! `strongroom host-key` and `strongroom plugin-key`.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;
use strongroom::{Actor, ApiKeyId, KeyOwner, Label, PluginName};

use crate::CommandContext;
use crate::output::{self, Output};

#[derive(Subcommand)]
pub(crate) enum HostKeyCommand {
    /// Make a key for the application's backend and print it, this once.
    #[command(after_help = "Example:\n  strongroom host-key create --label 'production backend'")]
    Create {
        /// What the key is for.
        #[arg(long, default_value = "host")]
        label: Label,
        /// Print the key alone.
        #[arg(short, long)]
        quiet: bool,
    },
    /// List the keys, without the keys themselves.
    #[command(after_help = "Example:\n  strongroom host-key list")]
    List,
    /// Revoke a key at once.
    #[command(after_help = "Example:\n  strongroom host-key revoke key_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f")]
    Revoke {
        /// The key's id.
        id: ApiKeyId,
    },
}

#[derive(Subcommand)]
pub(crate) enum PluginKeyCommand {
    /// Make a key for a plugin and print it, this once.
    #[command(after_help = "Example:\n  strongroom plugin-key create openai --label worker")]
    Create {
        /// The plugin's name.
        plugin: PluginName,
        /// What the key is for.
        #[arg(long, default_value = "plugin")]
        label: Label,
        /// Print the key alone.
        #[arg(short, long)]
        quiet: bool,
    },
    /// List a plugin's keys, without the keys themselves.
    #[command(after_help = "Example:\n  strongroom plugin-key list openai")]
    List {
        /// The plugin's name.
        plugin: PluginName,
    },
    /// Revoke a plugin's key at once.
    #[command(after_help = "Example:\n  strongroom plugin-key revoke openai key_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f")]
    Revoke {
        /// The plugin's name.
        plugin: PluginName,
        /// The key's id.
        id: ApiKeyId,
    },
}

impl HostKeyCommand {
    pub(crate) async fn run(&self, context: &CommandContext, output: Output) -> Result<()> {
        match self {
            Self::Create { label, quiet } => create(context, output, KeyOwner::Host, label, *quiet).await,
            Self::List => list(context, output, &KeyOwner::Host).await,
            Self::Revoke { id } => revoke(context, output, &KeyOwner::Host, *id).await,
        }
    }
}

impl PluginKeyCommand {
    pub(crate) async fn run(&self, context: &CommandContext, output: Output) -> Result<()> {
        match self {
            Self::Create { plugin, label, quiet } => {
                create(context, output, KeyOwner::Plugin(plugin.clone()), label, *quiet).await
            }
            Self::List { plugin } => list(context, output, &KeyOwner::Plugin(plugin.clone())).await,
            Self::Revoke { plugin, id } => revoke(context, output, &KeyOwner::Plugin(plugin.clone()), *id).await,
        }
    }
}

async fn create(context: &CommandContext, output: Output, owner: KeyOwner, label: &Label, quiet: bool) -> Result<()> {
    let (row, token) = context.vault.create_key(&Actor::operator(), context.tenant, owner, label.clone(), None).await?;
    if quiet && !output.json {
        return output::print(token.expose());
    }
    output.one(&json!({"id": row.id.to_string(), "label": row.label.as_str(), "token": token.expose()}))?;
    output.done("Keep the token: it is not shown again.")
}

async fn list(context: &CommandContext, output: Output, owner: &KeyOwner) -> Result<()> {
    let keys = context.vault.keys(context.tenant, owner).await?;
    output.list(&["id", "label", "created_at"], &keys.iter().map(output::key).collect::<Vec<_>>())
}

async fn revoke(context: &CommandContext, output: Output, owner: &KeyOwner, id: ApiKeyId) -> Result<()> {
    context.vault.revoke_key(&Actor::operator(), context.tenant, owner, id).await?;
    output.done("Revoked.")
}
