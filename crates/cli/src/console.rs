//! `strongroom console`.

use anyhow::{Result, anyhow};
use clap::Subcommand;
use serde_json::json;
use strongroom::console::ConsoleUser;
use strongroom::{Actor, UserId};

use crate::CommandContext;
use crate::output::{self, Output};

#[derive(Subcommand)]
pub(crate) enum ConsoleCommand {
    /// Print a link that signs somebody in at the console: once, within ten minutes. Give it to nobody else.
    #[command(after_help = "Examples:\n  strongroom --dev console link\n  strongroom console link --user alice")]
    Link {
        /// A user, who sees their own credentials; without it, the operator.
        #[arg(long)]
        user: Option<UserId>,
    },
}

impl ConsoleCommand {
    pub(crate) async fn run(&self, context: &CommandContext, output: Output) -> Result<()> {
        let Self::Link { user } = self;
        let CommandContext { vault, tenant } = context;
        let base = vault.public_url().ok_or_else(|| {
            anyhow!("set server.public_url to the address at which browsers reach this server; the link leads there")
        })?;
        let user = user.clone().map_or(ConsoleUser::Operator, ConsoleUser::User);
        let token = vault.invite(&Actor::operator(), *tenant, user).await?;
        // Behind the #: it goes into no log of any server on the way.
        let link = format!("{base}#sign-in={}", token.expose());
        match output.json {
            true => output.one(&json!({ "link": link })),
            false => output::print(&link),
        }
    }
}
