//! The binary `strongroom`: reads the settings, opens the vault and runs the command. This crate is the composition
//! root: only it selects the database, the clock and the entropy source.

mod audit;
mod connect;
mod console;
mod context;
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
use strongroom::{Key, OpenError, OsEntropy, TenantName, Vault};

use crate::context::CommandContext;
use crate::output::Output;
use crate::settings::Settings;

/// Events are allocated in one thread and freed in another. With the system allocator that takes a tenth of a read.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A credential vault for plugins.
///
/// Stores the API keys, tokens and other secrets that an application's plugins need. A user saves a secret once.
/// Plugins read it, and it is never shown again. To try Strongroom on this machine, run `strongroom dev`.
#[derive(Parser)]
#[command(
    name = "strongroom",
    version,
    after_help = "Example:\n  strongroom dev\n\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 the encryption key is missing or wrong, 4 the audit log does not verify."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Settings file. `strongroom config` prints one with all defaults.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Use the key and the data of `strongroom dev`.
    #[arg(long, global = true)]
    dev: bool,
    /// Tenant name. Only needed if you use more than one tenant.
    #[arg(long, global = true, default_value = "default", value_name = "NAME")]
    tenant: TenantName,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Run on this machine with sample plugins, to try Strongroom. Creates a key if none exists.
    #[command(after_help = "Example:\n  strongroom dev --listen 127.0.0.1:9000")]
    Dev(dev::Dev),
    /// Run the server. It does not start without an encryption key.
    #[command(
        after_help = "Example:\n  CREDENTIAL_ENCRYPTION_KEY_FILE=/run/secrets/strongroom.key strongroom serve --config /etc/strongroom.toml"
    )]
    Serve,
    /// Generate encryption keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Manage tenants.
    #[command(subcommand)]
    Tenant(tenant::TenantCommand),
    /// Manage host keys, the API keys of the application's backend.
    #[command(subcommand)]
    HostKey(keys::HostKeyCommand),
    /// Manage plugins and their manifests.
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// List and check the providers at which users can connect accounts.
    #[command(subcommand)]
    Provider(connect::ProviderCommand),
    /// Manage OAuth apps, the client registrations at providers.
    #[command(subcommand)]
    OauthApp(connect::OauthAppCommand),
    /// Manage plugin keys, the API keys of plugins.
    #[command(subcommand)]
    PluginKey(keys::PluginKeyCommand),
    /// Manage the credentials of a user.
    #[command(subcommand)]
    Credential(credential::CredentialCommand),
    /// List and delete users.
    #[command(subcommand)]
    User(tenant::UserCommand),
    /// Create sign-in links for the console.
    #[command(subcommand)]
    Console(console::ConsoleCommand),
    /// Show and verify the audit log.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Check the key, database, file permissions and disk space.
    #[command(after_help = "Example:\n  strongroom doctor")]
    Doctor,
    /// Print the default settings, with comments.
    #[command(after_help = "Example:\n  strongroom config > strongroom.toml")]
    Config,
    /// Print the OpenAPI 3.1 description of the HTTP API.
    #[command(after_help = "Example:\n  strongroom openapi > openapi.json")]
    Openapi,
    /// Print a completion script for a shell.
    #[command(after_help = "Example:\n  strongroom completions bash > /etc/bash_completion.d/strongroom")]
    Completions {
        /// Shell name.
        shell: Shell,
    },
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Print a new encryption key: 32 random bytes in base64.
    #[command(after_help = "Example:\n  (umask 077; strongroom key generate > strongroom.key)")]
    Generate,
}

#[tokio::main]
async fn main() -> ExitCode {
    // Neither a core file nor another process of the same user may read the keys (CWE-528).
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
        Command::Serve if cli.dev => bail!("`serve` does not accept --dev; run `strongroom dev`, or omit --dev"),
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
        let tenant = vault.tenants().get(&cli.tenant).await.with_context(|| format!("tenant `{}`", cli.tenant))?.id;
        Ok(Self { vault, tenant })
    }
}

async fn open_vault(cli: &Cli) -> Result<Vault> {
    let settings = Settings::load(cli.config.as_deref())?;
    if cli.dev {
        return dev::open_existing(&settings).await;
    }
    let database = settings.database()?;
    // Only some commands may create a database. A mistyped path would otherwise open an empty vault, which verifies
    // without a finding.
    if !database.exists() && !cli.command.may_begin() {
        bail!(
            "no vault found at {}; set DATABASE_URL to the database of `strongroom serve`, or add --dev for the vault of `strongroom dev`",
            database.display()
        );
    }
    open(&settings).await
}

impl Command {
    /// Returns whether the command may be the first one on a new vault.
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

/// Opens the vault that the settings and the environment name.
pub(crate) async fn open(settings: &Settings) -> Result<Vault> {
    let key = settings::encryption_key()?.ok_or(OpenError::NoKey)?;
    let database = settings.database()?;
    Ok(settings.builder(&database)?.key(key).open().await?)
}
