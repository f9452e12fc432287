//! `strongroom audit`: show and verify the audit log, export a checkpoint.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::json;
use strongroom::audit::{Action, Checkpoint, Event};
use strongroom::{Actor, AuditFilter, PluginName, UserId};

use crate::context::CommandContext;
use crate::output::{self, Output, progress};

#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Show the newest events of the audit log.
    #[command(after_help = "Example:\n  strongroom audit tail -n 50 --user alice --follow")]
    Tail(Tail),
    /// Verify the audit log. With --deep, also verify all stored rows.
    ///
    /// Every event is checked against the chain. With --deep, every stored row is compared with the log. With
    /// --checkpoint, the end of the chain is compared with an earlier checkpoint. The exit code is 4 if a check fails.
    #[command(after_help = "Example:\n  strongroom audit verify --deep --checkpoint checkpoint.json")]
    Verify {
        /// Also compare every stored row with the event that last wrote it.
        #[arg(long)]
        deep: bool,
        /// A checkpoint exported earlier. Detects a log that was truncated since then.
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
    },
    /// Print a checkpoint: a signed statement of the log's current end. Store it on another machine.
    #[command(after_help = "Example:\n  strongroom audit checkpoint > checkpoint.json")]
    Checkpoint,
}

#[derive(Args)]
pub(crate) struct Tail {
    /// Number of events to show.
    #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    number: u32,
    /// Show only events about this user.
    #[arg(long)]
    user: Option<UserId>,
    /// Show only events about this plugin.
    #[arg(long)]
    plugin: Option<PluginName>,
    /// Show only this action, for example credential.open.
    #[arg(long)]
    action: Option<Action>,
    /// Show only denied actions.
    #[arg(long)]
    denied: bool,
    /// Keep running and print new events.
    #[arg(short, long)]
    follow: bool,
}

impl AuditCommand {
    pub(crate) async fn run(&self, context: &CommandContext, output: Output) -> Result<ExitCode> {
        match self {
            Self::Tail(tail) => tail.run(context, output).await?,
            Self::Verify { deep, checkpoint } => return verify(context, output, *deep, checkpoint.as_ref()).await,
            Self::Checkpoint => {
                let checkpoint = context.vault.audit(context.tenant).checkpoint(&Actor::operator()).await?;
                output::print(&serde_json::to_string_pretty(&checkpoint)?)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Tail {
    async fn run(&self, context: &CommandContext, output: Output) -> Result<()> {
        let filter = AuditFilter {
            user: self.user.clone(),
            plugin: self.plugin.clone(),
            action: self.action,
            denied_only: self.denied,
            ..AuditFilter::default()
        };
        let mut reading = context.vault.audit(context.tenant).tail(&Actor::operator(), filter).await?;
        let mut events = Some(reading.newest(usize::try_from(self.number)?).await?);
        if !self.follow {
            return show(output, &events.unwrap_or_default());
        }
        loop {
            match &events {
                // One JSON object per line: a stream that does not end cannot be a JSON array.
                Some(events) if output.json => {
                    events.iter().try_for_each(|event| output::print(&output::event(event).to_string()))?;
                }
                Some(events) if events.is_empty() => {}
                Some(events) => show(output, events)?,
                None => tokio::time::sleep(Duration::from_secs(1)).await,
            }
            events = reading.more().await?;
        }
    }
}

fn show(output: Output, events: &[Event<'_>]) -> Result<()> {
    output.list(
        &["seq", "at", "actor", "action", "decision", "user", "plugin", "target", "reason"],
        &events.iter().map(output::event).collect::<Vec<_>>(),
    )
}

async fn verify(
    context: &CommandContext,
    output: Output,
    deep: bool,
    checkpoint: Option<&PathBuf>,
) -> Result<ExitCode> {
    let checkpoint: Option<Checkpoint> = match checkpoint {
        None => None,
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read the checkpoint {}", file.display()))?;
            Some(serde_json::from_str(&text).with_context(|| format!("{} is not a checkpoint", file.display()))?)
        }
    };
    let report =
        context.vault.verify(deep, checkpoint.as_ref(), &mut |events| progress(&format!("{events} events"))).await?;
    progress("");
    let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    if output.json {
        output.one(&json!({"events": report.events, "rows": report.rows, "findings": findings}))?;
    } else {
        for finding in &findings {
            output::print(&output::plain(finding))?;
        }
        let rows = if deep { format!(" and {} rows", report.rows) } else { String::new() };
        let verdict = if findings.is_empty() { "no faults found" } else { "faults found" };
        output::print(&format!("{} events{rows} verified: {verdict}", report.events))?;
    }
    Ok(ExitCode::from(if findings.is_empty() { 0 } else { 4 }))
}
