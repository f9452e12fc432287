//! The binary `strongroom`: reads the settings, opens the vault, and hands over to the command. The composition root:
//! here alone it is decided which database, which clock and which entropy there are.

mod audit;
mod connect;
mod console;
mod credential;
mod demo;
mod dev;
mod doctor;
mod input;
mod keys;
mod log;
mod memory;
mod output;
mod plugin;
mod serve;
mod settings;
mod tenant;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use strongroom::{Key, OpenError, OsEntropy, TenantId, TenantName, Vault};

use crate::output::Output;
use crate::settings::Settings;

/// Events are made in one thread and written in another; the system's allocator spends a tenth of a read on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A credential vault for plugins.
///
/// Keeps the API keys, tokens and other secrets that an application's plugins need: a user saves one once, plugins use
/// it, nobody sees it again. `strongroom dev` shows all of it on this machine.
#[derive(Parser)]
#[command(
    name = "strongroom",
    version,
    after_help = "Example:\n  strongroom dev\n\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 the encryption key is missing or wrong, 4 the audit log does not verify."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// A file of settings; `strongroom config` prints one with all defaults.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Use the key and the data of `strongroom dev`.
    #[arg(long, global = true)]
    dev: bool,
    /// The tenant; without several of them nobody needs this.
    #[arg(long, global = true, default_value = "default", value_name = "NAME")]
    tenant: TenantName,
    /// Print JSON, for programs.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Run on this machine to try it: a key is made if there is none, sample plugins are registered.
    #[command(after_help = "Example:\n  strongroom dev --listen 127.0.0.1:9000")]
    Dev(dev::Dev),
    /// Run the server. Refuses to start without a key.
    #[command(
        after_help = "Example:\n  CREDENTIAL_ENCRYPTION_KEY_FILE=/run/secrets/strongroom.key strongroom serve --config /etc/strongroom.toml"
    )]
    Serve,
    /// Encryption keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Tenants.
    #[command(subcommand)]
    Tenant(tenant::TenantCommand),
    /// Keys of the application's backend.
    #[command(subcommand)]
    HostKey(keys::HostKeyCommand),
    /// Plugins and their manifests.
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Providers that accounts can be connected at.
    #[command(subcommand)]
    Provider(connect::ProviderCommand),
    /// Client registrations at providers.
    #[command(subcommand)]
    OauthApp(connect::OauthAppCommand),
    /// Keys of plugins.
    #[command(subcommand)]
    PluginKey(keys::PluginKeyCommand),
    /// Credentials of users.
    #[command(subcommand)]
    Credential(credential::CredentialCommand),
    /// Users.
    #[command(subcommand)]
    User(tenant::UserCommand),
    /// The console, for people.
    #[command(subcommand)]
    Console(console::ConsoleCommand),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Look for what is wrong: key, database, permissions, disk.
    #[command(after_help = "Example:\n  strongroom doctor")]
    Doctor,
    /// Print the commented default settings.
    #[command(after_help = "Example:\n  strongroom config > strongroom.toml")]
    Config,
    /// Print the description of the HTTP API, OpenAPI 3.1.
    #[command(after_help = "Example:\n  strongroom openapi > openapi.json")]
    Openapi,
    /// Print completions for a shell.
    #[command(after_help = "Example:\n  strongroom completions bash > /etc/bash_completion.d/strongroom")]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Print a new encryption key: 32 random bytes in base64.
    #[command(after_help = "Example:\n  (umask 077; strongroom key generate > strongroom.key)")]
    Generate,
}

/// An open vault and the tenant that the command is about.
pub(crate) struct CommandContext {
    pub(crate) vault: Vault,
    pub(crate) tenant: TenantId,
}

#[tokio::main]
async fn main() -> ExitCode {
    // A crash must not write keys to a core file, nor another process of the same user read them (CWE-528).
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let cli = Cli::parse();
    let output = Output { json: cli.json };
    match run(cli, output).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("strongroom: {error:#}");
            ExitCode::from(exit_code(&error))
        }
    }
}

fn exit_code(error: &anyhow::Error) -> u8 {
    let about_the_key = error.downcast_ref::<OpenError>().is_some_and(OpenError::is_about_the_key)
        || error.is::<settings::KeyUnreadable>();
    if about_the_key { 3 } else { 1 }
}

async fn run(cli: Cli, output: Output) -> Result<ExitCode> {
    match &cli.command {
        Command::Key(KeyCommand::Generate) => output::print(Key::generate_text(&OsEntropy::default()).expose())?,
        Command::Config => output::print(settings::DEFAULTS.trim_end())?,
        Command::Openapi => output::print(strongroom_server::openapi::text().trim_end())?,
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Cli::command(), "strongroom", &mut std::io::stdout());
        }
        Command::Provider(command) => command.run(Settings::load(cli.config.as_deref())?.catalog()?, output)?,
        Command::Dev(dev) => dev.run(&Settings::load(cli.config.as_deref())?).await?,
        Command::Serve if cli.dev => bail!("`serve` is for production; run `strongroom dev`, or leave --dev out"),
        Command::Serve => serve::run(&Settings::load(cli.config.as_deref())?).await?,
        Command::Doctor => return doctor::run(&cli, output).await,
        Command::Tenant(command) => command.run(&open_vault(&cli).await?, output).await?,
        command => {
            let context = CommandContext::open(&cli).await?;
            let code = match command {
                Command::HostKey(command) => command.run(&context, output).await.map(|()| ExitCode::SUCCESS),
                Command::Plugin(command) => command.run(&context, output).await.map(|()| ExitCode::SUCCESS),
                Command::PluginKey(command) => command.run(&context, output).await.map(|()| ExitCode::SUCCESS),
                Command::OauthApp(command) => command.run(&context, output).await.map(|()| ExitCode::SUCCESS),
                Command::Credential(command) => command.run(&context, output).await.map(|()| ExitCode::SUCCESS),
                Command::User(command) => command.run(&context, output).await.map(|()| ExitCode::SUCCESS),
                Command::Console(command) => command.run(&context, output).await.map(|()| ExitCode::SUCCESS),
                Command::Audit(command) => command.run(&context, output).await,
                _ => Ok(ExitCode::SUCCESS),
            };
            context.vault.close().await;
            return code;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl CommandContext {
    async fn open(cli: &Cli) -> Result<Self> {
        let vault = open_vault(cli).await?;
        let tenant = vault.tenant(&cli.tenant).await.with_context(|| format!("tenant `{}`", cli.tenant))?.id;
        Ok(Self { vault, tenant })
    }
}

async fn open_vault(cli: &Cli) -> Result<Vault> {
    let settings = Settings::load(cli.config.as_deref())?;
    if cli.dev {
        return dev::open_existing(&settings).await;
    }
    let database = settings.database()?;
    // A mistyped path would be an empty vault, of which all is as its log says.
    if !database.exists() && !cli.command.may_begin() {
        bail!(
            "there is no vault at {}: set DATABASE_URL to the one that `strongroom serve` uses, or add --dev for that of `strongroom dev`",
            database.display()
        );
    }
    open(&settings).await
}

impl Command {
    /// Whether it may be the first that is done with a vault.
    fn may_begin(&self) -> bool {
        matches!(
            self,
            Self::Tenant(tenant::TenantCommand::Create { .. })
                | Self::HostKey(keys::HostKeyCommand::Create { .. })
                | Self::Plugin(plugin::PluginCommand::Register { .. })
                | Self::OauthApp(connect::OauthAppCommand::Create { .. })
        )
    }
}

/// The vault of the settings and the environment.
pub(crate) async fn open(settings: &Settings) -> Result<Vault> {
    let key = settings::encryption_key()?.ok_or(OpenError::NoKey)?;
    let database = settings.database()?;
    Ok(settings.builder(&database)?.key(key).open().await?)
}
