//! `strongroom console`: sign-in links for the console.

use anyhow::{Result, anyhow};
use clap::Subcommand;
use serde_json::json;
use strongroom::console::ConsoleUser;
use strongroom::{Actor, UserId};

use crate::context::CommandContext;
use crate::output::{self, Output};

#[derive(Subcommand)]
pub(crate) enum ConsoleCommand {
    /// Print a sign-in link for the console. It works once and expires after ten minutes.
    ///
    /// The link signs in without a password, so give it only to the person who will use it.
    #[command(after_help = "Examples:\n  strongroom --dev console link\n  strongroom console link --user alice")]
    Link {
        /// User to sign in, who sees only their own credentials. Without it, the link signs in the operator.
        #[arg(long)]
        user: Option<UserId>,
    },
}

impl ConsoleCommand {
    pub(crate) async fn run(&self, context: &CommandContext, output: Output) -> Result<()> {
        let Self::Link { user } = self;
        let CommandContext { vault, tenant } = context;
        let base = vault.public_url().ok_or_else(|| {
            anyhow!("server.public_url is not set; set it to the address that browsers use for this server")
        })?;
        let user = user.clone().map_or(ConsoleUser::Operator, ConsoleUser::User);
        let token = vault.console().invite(&Actor::operator(), *tenant, user).await?;
        // The token is in the fragment. Browsers do not send fragments, so no server logs the token.
        let link = format!("{base}#sign-in={}", token.expose());
        match output.json {
            true => output.one(&json!({ "link": link })),
            false => output::print(&link),
        }
    }
}
