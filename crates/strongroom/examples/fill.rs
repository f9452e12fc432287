//! Fills a vault for the benchmarks: so many credentials, fifty to a user, through the same verb that a user's save goes
//! through. Prints a line `credential user` for each, and on standard error how far it is.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use strongroom::{Actor, CredentialType, Draft, Expected, Fields, Manifest, Owner, Secret, TenantId, Vault};

const PER_USER: usize = 50;
const AT_ONCE: usize = 256;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(database), Some(key), Some(count)) = (arguments.next(), arguments.next(), arguments.next()) else {
        eprintln!(
            "Usage: fill DATABASE KEY COUNT\n\nExample:\n  cargo run --release --example fill -- /tmp/vault/v.db \"$(strongroom key generate)\" 10000"
        );
        std::process::exit(2);
    };
    let count: usize = count.parse()?;
    let vault = Vault::builder(Path::new(&database)).key(Secret::new(key)).open().await?;
    let tenant = vault.tenants().get(&"default".parse()?).await?.id;
    let manifest = Manifest::parse(include_str!("../../../examples/plugins/openai.json"))?;
    vault.plugins(tenant).register(&Actor::operator(), &"openai".parse()?, manifest, Expected::Any).await?;

    let vault = Arc::new(vault);
    let mut users = (0..count.div_ceil(PER_USER)).peekable();
    let mut running = tokio::task::JoinSet::new();
    let (mut done, mut out) = (0, std::io::BufWriter::new(std::io::stdout()));
    while users.peek().is_some() || !running.is_empty() {
        while running.len() < AT_ONCE
            && let Some(user) = users.next()
        {
            let most = PER_USER.min(count - user * PER_USER);
            running.spawn(save(vault.clone(), tenant, user, most));
        }
        if let Some(saved) = running.join_next().await {
            for (credential, user) in saved?? {
                writeln!(out, "{credential} {user}")?;
                done += 1;
            }
            eprint!("\r{done} of {count}");
        }
    }
    eprintln!();
    vault.close().await;
    Ok(())
}

async fn save(
    vault: Arc<Vault>,
    tenant: TenantId,
    user: usize,
    count: usize,
) -> Result<Vec<(String, String)>, Failure> {
    let owner = Owner { tenant, user: format!("user-{user}").parse()? };
    let mut saved = Vec::with_capacity(count);
    for number in 0..count {
        let draft = Draft {
            plugin: "openai".parse()?,
            kind: CredentialType::ApiKey,
            name: format!("Key {number}").parse()?,
            fields: Fields::default()
                .text("api_key", Secret::new(format!("sk-bench-{user:08}-{number:04}-0123456789abcdef"))),
        };
        let credential = vault.credentials(&owner).create(&Actor::operator(), draft, None).await?;
        saved.push((credential.id.to_string(), owner.user.to_string()));
    }
    Ok(saved)
}
