//! `strongroom credential`: the operator manages a user's credentials. Reading a secret needs a plugin key, as it does
//! in the API.

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use strongroom::fields::{Input, Value, to_json};
use strongroom::manifest::Manifest;
use strongroom::{
    Actor, CredentialFilter, CredentialId, CredentialName, CredentialType, Draft, Fields, Owner, PluginName, Principal,
    Secret, Token, UserId,
};

use crate::context::CommandContext;
use crate::output::{self, Output};
use crate::plugin::with_field_errors;
use crate::{input, settings};

#[derive(Subcommand)]
pub(crate) enum CredentialCommand {
    /// Save a credential for a user. Secrets come from standard input, a file or a prompt.
    #[command(
        after_help = "Examples:\n  printf %s \"$KEY\" | strongroom credential save --user alice --plugin openai --name Work\n  strongroom credential save --user alice --plugin postgres --name Main --set host=db.example.com --set database=app --set username=app --secret-file password=pw.txt"
    )]
    Save(Save),
    /// List the credentials of a user.
    #[command(after_help = "Example:\n  strongroom credential list --user alice")]
    List {
        /// User id.
        #[arg(long)]
        user: UserId,
        /// Show only credentials for this plugin.
        #[arg(long)]
        plugin: Option<PluginName>,
    },
    /// Show a credential. Secrets are not shown.
    #[command(after_help = "Example:\n  strongroom credential show cred_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f --user alice")]
    Show {
        /// Credential id.
        id: CredentialId,
        /// User id.
        #[arg(long)]
        user: UserId,
    },
    /// Print the secrets of a credential. Needs a key of the credential's plugin.
    #[command(
        after_help = "Example:\n  STRONGROOM_PLUGIN_KEY=\"$(cat openai.key)\" strongroom credential open cred_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f --user alice --field api_key"
    )]
    Open {
        /// Credential id.
        id: CredentialId,
        /// User id.
        #[arg(long)]
        user: UserId,
        /// File with the plugin key. Without it, the key comes from STRONGROOM_PLUGIN_KEY, standard input or a prompt.
        #[arg(long, value_name = "FILE")]
        plugin_key_file: Option<PathBuf>,
        /// Print only the value of this field.
        #[arg(long)]
        field: Option<String>,
    },
    /// Delete a credential.
    #[command(
        after_help = "Example:\n  strongroom credential delete cred_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f --user alice"
    )]
    Delete {
        /// Credential id.
        id: CredentialId,
        /// User id.
        #[arg(long)]
        user: UserId,
    },
}

#[derive(Args)]
pub(crate) struct Save {
    /// User id.
    #[arg(long)]
    user: UserId,
    /// Plugin name.
    #[arg(long)]
    plugin: PluginName,
    /// Credential type: api-key, oauth2 or custom. Can be omitted if the plugin accepts only one type.
    #[arg(long = "type")]
    kind: Option<CredentialType>,
    /// Name of the credential, shown to the user.
    #[arg(long)]
    name: CredentialName,
    /// A field that is not secret. Can be repeated.
    #[arg(long, value_name = "FIELD=VALUE")]
    set: Vec<String>,
    /// A secret field, read from a file. Can be repeated.
    #[arg(long, value_name = "FIELD=FILE")]
    secret_file: Vec<String>,
    /// JSON file with all fields as one object, or - for standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["set", "secret_file"])]
    fields: Option<PathBuf>,
}

impl CredentialCommand {
    pub(crate) async fn run(&self, context: &CommandContext, output: Output) -> Result<()> {
        let CommandContext { vault, tenant } = context;
        let owner = |user: &UserId| Owner { tenant: *tenant, user: user.clone() };
        match self {
            Self::Save(save) => {
                let saved = save.run(context).await?;
                if output.json {
                    output.one(&saved)
                } else {
                    output.list(&["id", "plugin", "name", "type", "configured"], &[saved])
                }
            }
            Self::List { user, plugin } => {
                let (mut all, mut after) = (Vec::new(), None);
                loop {
                    let filter =
                        CredentialFilter { plugin: plugin.clone(), after, limit: 200, ..CredentialFilter::default() };
                    let page = vault.credentials(&owner(user)).list(&Actor::operator(), filter).await?;
                    all.extend(page.credentials);
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
                let shown: Vec<_> = all.iter().map(output::credential).collect();
                output.list(&["id", "plugin", "name", "type", "state", "last_used_at"], &shown)
            }
            Self::Show { id, user } => {
                output.one(&output::credential(&vault.credentials(&owner(user)).get(&Actor::operator(), *id).await?))
            }
            Self::Open { id, user, plugin_key_file, field } => {
                let opened = open(context, &owner(user), *id, plugin_key_file.as_ref()).await?;
                match field {
                    None => output::print(std::str::from_utf8(opened.json().expose())?),
                    Some(field) => match opened.fields().get(field) {
                        Some(Value::Text(text)) => output::print(text.expose()),
                        Some(value) => {
                            output::print(std::str::from_utf8(to_json([(field, value)].into_iter()).expose())?)
                        }
                        None => bail!("the credential has no value for the field `{field}`"),
                    },
                }
            }
            Self::Delete { id, user } => {
                vault.credentials(&owner(user)).delete(&Actor::operator(), *id, None).await?;
                output.done("Deleted.")
            }
        }
    }
}

async fn open(
    context: &CommandContext,
    owner: &Owner,
    id: CredentialId,
    file: Option<&PathBuf>,
) -> Result<strongroom::Opened> {
    let key = match (file, settings::variable("STRONGROOM_PLUGIN_KEY")) {
        (Some(file), _) => input::file(file)?,
        (None, Some(key)) => Secret::new(key),
        (None, None) => input::secret("plugin key (srp_…)")?,
    };
    let token = Token::parse(key.expose().trim())
        .map_err(|_| anyhow!("the input is not a plugin key; create one with `strongroom plugin-key create`"))?;
    let principal =
        context.vault.authenticate(&token).await?.ok_or_else(|| anyhow!("this plugin key is unknown or revoked"))?;
    if principal.tenant != context.tenant || !matches!(principal.principal, Principal::Plugin { .. }) {
        bail!("opening a credential requires a plugin key (srp_…) of this tenant");
    }
    let actor = principal.actor(None, None);
    let permit = context.vault.credentials(owner).authorize(&actor, id).await?;
    Ok(context.vault.open(permit).await?)
}

impl Save {
    async fn run(&self, context: &CommandContext) -> Result<serde_json::Value> {
        let plugin = context.vault.plugins(context.tenant).get(&self.plugin).await;
        let manifest = plugin
            .with_context(|| {
                format!("cannot read the plugin `{}` (`strongroom plugin list` lists all plugins)", self.plugin)
            })?
            .manifest;
        let kind = self.kind(&manifest)?;
        let fields = match &self.fields {
            Some(file) => {
                let text = input::file(file)?;
                // The message of serde may quote the input, which contains secrets.
                strongroom::json::from_slice(text.expose().as_bytes()).map_err(|error| {
                    let what = if file.as_os_str() == "-" { "standard input".into() } else { file.to_string_lossy() };
                    let why = match error {
                        _ if error.is_eof() => "unexpected end of input",
                        _ if error.is_syntax() => "invalid JSON",
                        _ => "a value of the wrong type, or a duplicate field",
                    };
                    anyhow!(
                        "{what} is not a JSON object of fields: {why} (line {}, column {})",
                        error.line(),
                        error.column()
                    )
                })?
            }
            None => self.gather(&manifest, kind)?,
        };
        let draft = Draft { plugin: self.plugin.clone(), kind, name: self.name.clone(), fields };
        let owner = Owner { tenant: context.tenant, user: self.user.clone() };
        let saved = context
            .vault
            .credentials(&owner)
            .create(&Actor::operator(), draft, None)
            .await
            .map_err(with_field_errors)?;
        Ok(output::credential(&saved))
    }

    fn kind(&self, manifest: &Manifest) -> Result<CredentialType> {
        let types: Vec<_> = manifest.types().collect();
        match (self.kind, types.as_slice()) {
            (Some(kind), _) => Ok(kind),
            (None, [only]) => Ok(*only),
            (None, several) => {
                let names: Vec<_> = several.iter().map(|kind| kind.as_str()).collect();
                bail!("{} accepts several types; add --type with one of {}", self.plugin, names.join(", "))
            }
        }
    }

    /// Collects the fields of `--set` and `--secret-file`, and reads missing secrets from a prompt or standard input.
    /// It reads each missing required secret, and an optional secret if it is the only missing one.
    fn gather(&self, manifest: &Manifest, kind: CredentialType) -> Result<Fields> {
        let types: Vec<_> = manifest.types().map(|kind| kind.as_str()).collect();
        let schema = manifest.form(kind).ok_or_else(|| match types.contains(&kind.as_str()) {
            true => anyhow!("{} credentials must be given as JSON; use --fields", kind.as_str()),
            false => anyhow!(
                "{} does not accept {} credentials; it accepts: {}",
                self.plugin,
                kind.as_str(),
                types.join(", ")
            ),
        })?;
        let mut fields = Fields::default();
        let mut given = Vec::new();
        for pair in &self.set {
            let (field, value) = split(pair)?;
            if !schema.additional_properties && !schema.properties.contains_key(field) {
                let known: Vec<_> = schema.properties.keys().map(String::as_str).collect();
                bail!("`{field}` is not a field of {}; its fields are: {}", self.plugin, known.join(", "));
            }
            if schema.is_secret(field) {
                bail!(
                    "`{field}` is secret, and other users of this machine can read arguments; use --secret-file {field}=FILE or standard input"
                );
            }
            let literal = serde_json::from_str(value)
                .ok()
                .filter(|input| matches!(input, Input::Value(Value::Number(_) | Value::Flag(_) | Value::List(_))));
            let is_text = schema
                .properties
                .get(field)
                .is_some_and(|property| property.r#type == strongroom::schema::PropertyType::String);
            fields.insert(
                field,
                literal.filter(|_| !is_text).unwrap_or_else(|| Input::Value(Value::Text(Secret::from(value)))),
            );
            given.push(field);
        }
        for pair in &self.secret_file {
            let (field, file) = split(pair)?;
            fields.insert(field, Input::Value(Value::Text(input::file(&PathBuf::from(file))?)));
            given.push(field);
        }
        let missing: Vec<&str> = schema
            .required
            .iter()
            .map(String::as_str)
            .filter(|field| !given.contains(field) && schema.is_secret(field))
            .collect();
        if missing.len() > 1 && !std::io::stdin().is_terminal() {
            bail!("several secrets are missing ({}): use --secret-file for each, or --fields -", missing.join(", "));
        }
        let optional = schema.properties.keys().map(String::as_str);
        let optional: Vec<_> = optional
            .filter(|field| !given.contains(field) && !missing.contains(field) && schema.is_secret(field))
            .collect();
        // Read an optional secret too. Otherwise a password on standard input would be dropped without an error.
        if let ([], [only]) = (missing.as_slice(), optional.as_slice())
            && let Some(secret) = input::secret_if_any(only)?
        {
            fields.insert(only, Input::Value(Value::Text(secret)));
        }
        for field in missing {
            fields.insert(field, Input::Value(Value::Text(input::secret(field)?)));
        }
        Ok(fields)
    }
}

fn split(pair: &str) -> Result<(&str, &str)> {
    pair.split_once('=').ok_or_else(|| anyhow!("--set requires FIELD=VALUE, and --secret-file requires FIELD=FILE"))
}
