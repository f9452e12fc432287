//! `strongroom plugin`: register, list, show and remove plugins.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use clap::Subcommand;
use strongroom::{Actor, Error, Expected, Manifest, PluginName};

use crate::context::CommandContext;
use crate::input;
use crate::output::{self, Output};

#[derive(Subcommand)]
pub(crate) enum PluginCommand {
    /// Register a plugin, or replace its manifest.
    #[command(after_help = "Example:\n  strongroom plugin register openai examples/plugins/openai.json")]
    Register {
        /// Plugin name.
        name: PluginName,
        /// JSON file with the manifest, or - for standard input.
        manifest: PathBuf,
    },
    /// List the plugins.
    #[command(after_help = "Example:\n  strongroom plugin list")]
    List,
    /// Show a plugin and its manifest.
    #[command(after_help = "Example:\n  strongroom plugin show openai")]
    Show {
        /// Plugin name.
        name: PluginName,
    },
    /// Remove a plugin and its keys. Fails while the plugin has credentials, unless --credentials is given.
    #[command(after_help = "Example:\n  strongroom plugin remove openai --credentials")]
    Remove {
        /// Plugin name.
        name: PluginName,
        /// Also delete all credentials of the plugin.
        #[arg(long)]
        credentials: bool,
    },
}

impl PluginCommand {
    pub(crate) async fn run(&self, context: &CommandContext, output: Output) -> Result<()> {
        let CommandContext { vault, tenant } = context;
        match self {
            Self::Register { name, manifest } => {
                let text = input::file(manifest)?;
                let manifest = Manifest::parse(text.expose())
                    .map_err(with_field_errors)
                    .with_context(|| manifest.display().to_string())?;
                let (plugin, was_there) = vault
                    .plugins(*tenant)
                    .register(&Actor::operator(), name, manifest, Expected::Any)
                    .await
                    .map_err(with_field_errors)?;
                if output.json {
                    return output.one(&output::plugin(&plugin));
                }
                let done = if was_there { "Replaced" } else { "Registered" };
                output.done(&format!("{done} {name}, revision {}.", plugin.revision))
            }
            Self::List => {
                let (mut plugins, mut after) = (Vec::new(), None);
                loop {
                    let (page, next) = vault.plugins(*tenant).list(after.as_ref(), 200).await?;
                    plugins.extend(page);
                    after = next;
                    if after.is_none() {
                        break;
                    }
                }
                output.list(
                    &["name", "title", "types", "access", "revision"],
                    &plugins.iter().map(output::plugin).collect::<Vec<_>>(),
                )
            }
            Self::Show { name } => {
                let plugin = output::plugin(&vault.plugins(*tenant).get(name).await?);
                if output.json { output.one(&plugin) } else { output::print(&serde_json::to_string_pretty(&plugin)?) }
            }
            Self::Remove { name, credentials } => {
                vault.plugins(*tenant).remove(&Actor::operator(), name, *credentials).await?;
                output.done("Removed.")
            }
        }
    }
}

/// Formats an error with one line for each invalid field.
pub(crate) fn with_field_errors(error: Error) -> anyhow::Error {
    match error {
        Error::Fields(faults) => {
            let lines = faults.iter().map(|fault| format!("\n  {}: {}", fault.field, fault.message));
            anyhow!("some fields are not valid:{}", lines.collect::<String>())
        }
        other => other.into(),
    }
}
