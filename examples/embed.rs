//! Strongroom inside a Rust host: no server. Run it with `cargo run --example embed`.

use strongroom::fields::Value;
use strongroom::{
    Actor, CredentialType, Draft, Expected, Fields, Manifest, OsEntropy, Owner, PluginName, Secret, Vault,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A real host takes the key from its environment, and keeps it: without it the file cannot be read.
    let key = strongroom::Key::generate_text(&OsEntropy::default());
    let directory = std::env::temp_dir().join(format!("strongroom-embed-{}", std::process::id()));
    let vault = Vault::builder(&directory.join("vault.db")).key(key).open().await?;
    let tenant = vault.tenant(&"default".parse()?).await?.id;

    // Once, at start: the plugins that this host has.
    let openai: PluginName = "openai".parse()?;
    let manifest = Manifest::parse(include_str!("plugins/openai.json"))?;
    vault.register(&Actor::host(), tenant, &openai, manifest, Expected::Any).await?;

    // A user pastes a key. It is a `Secret` from here on: it cannot be printed or copied, only sealed.
    let alice = Owner { tenant, user: "alice".parse()? };
    let draft = Draft {
        plugin: openai.clone(),
        kind: CredentialType::ApiKey,
        name: "Work".parse()?,
        fields: Fields::default().text("api_key", Secret::from("sk-example-0123456789abcdef")),
    };
    let saved = vault.save(&Actor::user(), &alice, draft, None).await?;
    println!("saved {} ({})", saved.name, saved.id);

    // The plugin runs for alice: the check gives a grant, and only a grant opens.
    let permit = vault.authorize(&Actor::plugin(openai), &alice, saved.id).await?;
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
