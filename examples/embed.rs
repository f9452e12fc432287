//! Strongroom embedded in a Rust host, without a server. Run it with `cargo run --example embed`.

use strongroom::fields::Value;
use strongroom::{
    Actor, CredentialType, Draft, Expected, Fields, Manifest, OsEntropy, Owner, PluginName, Secret, Vault,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A real host reads the key from its environment and stores it. The database cannot be decrypted without it.
    let key = strongroom::Key::generate_text(&OsEntropy::default());
    let directory = std::env::temp_dir().join(format!("strongroom-embed-{}", std::process::id()));
    let vault = Vault::builder(&directory.join("vault.db")).key(key).open().await?;
    let tenant = vault.tenants().get(&"default".parse()?).await?.id;

    // At startup, register the host's plugins.
    let openai: PluginName = "openai".parse()?;
    let manifest = Manifest::parse(include_str!("plugins/openai.json"))?;
    vault.plugins(tenant).register(&Actor::host(), &openai, manifest, Expected::Any).await?;

    // A user enters a key. It is now a `Secret`: it can be sealed, but not printed or copied.
    let alice = Owner { tenant, user: "alice".parse()? };
    let draft = Draft {
        plugin: openai.clone(),
        kind: CredentialType::ApiKey,
        name: "Work".parse()?,
        fields: Fields::default().text("api_key", Secret::from("sk-example-0123456789abcdef")),
    };
    let saved = vault.credentials(&alice).create(&Actor::user(), draft, None).await?;
    println!("saved {} ({})", saved.name, saved.id);

    // The plugin acts for alice. `authorize` returns a permit, and `open` needs one.
    let permit = vault.credentials(&alice).authorize(&Actor::plugin(openai), saved.id).await?;
    let opened = vault.open(permit).await?;
    if let Some(Value::Text(api_key)) = opened.fields().get("api_key") {
        println!("the plugin has a key of {} characters", api_key.expose().len());
    }

    let report = vault.verify(true, None, &mut |_| {}).await?;
    println!("{} events, {} findings", report.events, report.findings.len());
    vault.close().await;
    std::fs::remove_dir_all(directory)?;
    Ok(())
}
