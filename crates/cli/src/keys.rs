//! `strongroom host-key` and `strongroom plugin-key`: create, list and revoke API keys.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;
use strongroom::{Actor, ApiKeyId, KeyOwner, Label, PluginName};

use crate::context::CommandContext;
use crate::output::{self, Output};

#[derive(Subcommand)]
pub(crate) enum HostKeyCommand {
    /// Create a host key for the application's backend and print it. It is shown only once.
    #[command(after_help = "Example:\n  strongroom host-key create --label 'production backend'")]
    Create {
        /// Label that describes the use of the key.
        #[arg(long, default_value = "host")]
        label: Label,
        /// Print only the key.
        #[arg(short, long)]
        quiet: bool,
    },
    /// List the host keys. The tokens are not shown.
    #[command(after_help = "Example:\n  strongroom host-key list")]
    List,
    /// Revoke a host key. It stops working at once.
    #[command(after_help = "Example:\n  strongroom host-key revoke key_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f")]
    Revoke {
        /// Key id.
        id: ApiKeyId,
    },
}

#[derive(Subcommand)]
pub(crate) enum PluginKeyCommand {
    /// Create a key for a plugin and print it. It is shown only once.
    #[command(after_help = "Example:\n  strongroom plugin-key create openai --label worker")]
    Create {
        /// Plugin name.
        plugin: PluginName,
        /// Label that describes the use of the key.
        #[arg(long, default_value = "plugin")]
        label: Label,
        /// Print only the key.
        #[arg(short, long)]
        quiet: bool,
    },
    /// List the keys of a plugin. The tokens are not shown.
    #[command(after_help = "Example:\n  strongroom plugin-key list openai")]
    List {
        /// Plugin name.
        plugin: PluginName,
    },
    /// Revoke a plugin key. It stops working at once.
    #[command(after_help = "Example:\n  strongroom plugin-key revoke openai key_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f")]
    Revoke {
        /// Plugin name.
        plugin: PluginName,
        /// Key id.
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
    let (row, token) =
        context.vault.api_keys(context.tenant).create(&Actor::operator(), owner, label.clone(), None).await?;
    if quiet && !output.json {
        return output::print(token.expose());
    }
    output.one(&json!({"id": row.id.to_string(), "label": row.label.as_str(), "token": token.expose()}))?;
    output.done("Save the token now. It is not shown again.")
}

async fn list(context: &CommandContext, output: Output, owner: &KeyOwner) -> Result<()> {
    let keys = context.vault.api_keys(context.tenant).list(owner).await?;
    output.list(&["id", "label", "created_at"], &keys.iter().map(output::key).collect::<Vec<_>>())
}

async fn revoke(context: &CommandContext, output: Output, owner: &KeyOwner, id: ApiKeyId) -> Result<()> {
    context.vault.api_keys(context.tenant).revoke(&Actor::operator(), owner, id).await?;
    output.done("Revoked.")
}
