//! `strongroom tenant` and `strongroom user`: create, list and remove tenants, list and delete users.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;
use strongroom::clock::rfc3339;
use strongroom::{Actor, Owner, TenantName, UserId, Vault};

use crate::context::CommandContext;
use crate::output::Output;

#[derive(Subcommand)]
pub(crate) enum TenantCommand {
    /// Create a tenant. Its users, plugins and credentials are separate from those of other tenants.
    #[command(after_help = "Example:\n  strongroom tenant create acme")]
    Create {
        /// Tenant name.
        name: TenantName,
    },
    /// List the tenants.
    #[command(after_help = "Example:\n  strongroom tenant list")]
    List,
    /// Remove a tenant with its plugins, keys and OAuth apps. Fails while the tenant has users or pending revocations.
    #[command(after_help = "Example:\n  strongroom tenant remove acme")]
    Remove {
        /// Tenant name.
        name: TenantName,
    },
}

#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// List the users who have a data key.
    #[command(after_help = "Example:\n  strongroom user list")]
    List,
    /// Delete a user with all credentials, sessions and the data key.
    #[command(after_help = "Example:\n  strongroom user delete alice")]
    Delete {
        /// User id that the host application uses.
        user: UserId,
    },
}

impl TenantCommand {
    pub(crate) async fn run(&self, vault: &Vault, output: Output) -> Result<()> {
        match self {
            Self::Create { name } => {
                let tenant = vault.tenants().create(&Actor::operator(), name.clone()).await?;
                output.one(&json!({"id": tenant.id.to_string(), "name": tenant.name.as_str()}))?;
            }
            Self::List => {
                let tenants = vault.tenants().list().await?;
                let shown = tenants.iter().map(|tenant| json!({"id": tenant.id.to_string(), "name": tenant.name.as_str(), "created_at": rfc3339(tenant.created_at)}));
                output.list(&["name", "id", "created_at"], &shown.collect::<Vec<_>>())?;
            }
            Self::Remove { name } => {
                let tenant = vault.tenants().get(name).await?;
                vault.tenants().remove(&Actor::operator(), &tenant).await?;
                output.done("Removed.")?;
            }
        }
        vault.close().await;
        Ok(())
    }
}

impl UserCommand {
    pub(crate) async fn run(&self, context: &CommandContext, output: Output) -> Result<()> {
        match self {
            Self::List => {
                let mut users: Vec<strongroom::user::User> = Vec::new();
                loop {
                    let page = context.vault.users(context.tenant).list(users.last().map(|user| &user.id), 200).await?;
                    if page.is_empty() {
                        break;
                    }
                    users.extend(page);
                }
                let shown = users.iter().map(|user| json!({"id": user.id.as_str(), "credentials": user.credentials, "created_at": rfc3339(user.created_at)}));
                output.list(&["id", "credentials", "created_at"], &shown.collect::<Vec<_>>())
            }
            Self::Delete { user } => {
                context
                    .vault
                    .users(Owner { tenant: context.tenant, user: user.clone() }.tenant)
                    .delete(&Actor::operator(), &Owner { tenant: context.tenant, user: user.clone() }.user)
                    .await?;
                output.done("Deleted.")
            }
        }
    }
}
