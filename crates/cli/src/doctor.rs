//! `strongroom doctor`: checks the installation. Prints one line for each check, with the fix if it fails.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use serde_json::{Value, json};
use strongroom::{Key, Secret, Vault};

use crate::output::Output;
use crate::settings::{self, Settings};
use crate::{Cli, dev, exit_code, log};

#[derive(Default)]
struct Findings {
    said: Vec<Value>,
    /// Highest code of all checks: 3, a missing or wrong key, takes precedence over 1.
    exit_code: u8,
}

impl Findings {
    fn say(&mut self, check: &str, verdict: &str, detail: impl Into<String>) {
        self.said.push(json!({"check": check, "verdict": verdict, "detail": detail.into()}));
    }

    fn wrong(&mut self, check: &str, error: &anyhow::Error) {
        self.say(check, "wrong", format!("{error:#}").replace('\n', " "));
        self.exit_code = self.exit_code.max(exit_code(error));
    }
}

pub(crate) async fn run(cli: &Cli, output: Output) -> Result<ExitCode> {
    let mut findings = Findings::default();
    match Settings::load(cli.config.as_deref()) {
        Ok(settings) => examine(cli, &settings, &mut findings).await?,
        Err(error) => findings.wrong("settings", &error),
    }
    output.list(&["check", "verdict", "detail"], &findings.said)?;
    Ok(ExitCode::from(findings.exit_code))
}

async fn examine(cli: &Cli, settings: &Settings, findings: &mut Findings) -> Result<()> {
    examine_server(settings, findings);
    let (key, file, database) = if cli.dev {
        let places = dev::Places::find()?;
        (settings::read_key(&places.key).map(Some), Some(places.key), Ok(places.database))
    } else {
        (settings::encryption_key(), settings::key_file(), settings.database())
    };
    let key = examine_key(key, file.as_deref(), findings);
    match database {
        Ok(database) => {
            if let Some(key) = key {
                examine_database(key, &database, settings, findings).await;
            }
        }
        Err(error) => findings.wrong("database", &error),
    }
    Ok(())
}

fn examine_server(settings: &Settings, findings: &mut Findings) {
    match settings.server() {
        Ok(config) => {
            findings.say("settings", "ok", format!("listens on {}", config.listen));
            if config.tls.is_none() && !config.listen.ip().is_loopback() {
                findings.say(
                    "tls",
                    "look",
                    "listens on a network address without a certificate; use a proxy that terminates TLS",
                );
            }
        }
        Err(error) => findings.wrong("settings", &error),
    }
    // Checks that make `serve` refuse to start and that need no vault.
    for checked in
        [settings.builder(Path::new("")).map(drop), settings.certificate_is_there(), log::check(&settings.log)]
    {
        if let Err(error) = checked {
            findings.wrong("settings", &error);
        }
    }
}

/// Returns the key text if it is valid.
fn examine_key(
    key: Result<Option<Secret<String>>>,
    file: Option<&Path>,
    findings: &mut Findings,
) -> Option<Secret<String>> {
    let identified = key.and_then(|text| {
        let text = text.ok_or(strongroom::OpenError::NoKey)?;
        let id = Key::from_text(&text).map_err(strongroom::OpenError::KeyText)?.id();
        Ok((text, id))
    });
    match identified {
        Ok((text, id)) => {
            findings.say("key", "ok", format!("id {id}"));
            if let Some(Err(exposed)) = file.map(dev::refuse_exposed) {
                findings.say("key file", "look", exposed.to_string());
            }
            Some(text)
        }
        Err(error) => {
            findings.wrong("key", &error);
            let of_dev = dev::Places::find().is_ok_and(|places| places.database.exists());
            if file.is_none() && of_dev {
                findings.say("key", "look", "`strongroom dev` has its own vault and key; add --dev to check them");
            }
            None
        }
    }
}

async fn examine_database(key: Secret<String>, database: &Path, settings: &Settings, findings: &mut Findings) {
    let nearest = database.ancestors().skip(1).find(|place| place.exists());
    if let Some(place) = nearest.filter(|place| !place.is_dir()) {
        findings.wrong("database", &anyhow!("{} is not a directory", place.display()));
        return;
    }
    if !database.exists() {
        findings.say("database", "look", format!("{} does not exist; the first start creates it", database.display()));
        return;
    }
    let Ok(builder) = settings.builder(database) else { return };
    match builder.key(key).open().await {
        Err(error) => findings.wrong("database", &error.into()),
        Ok(vault) => {
            findings.say("database", "ok", format!("{} opens, instance {}", database.display(), vault.instance()));
            examine_writing(&vault, findings).await;
            vault.close().await;
        }
    }
    examine_disk(database, findings);
}

async fn examine_writing(vault: &Vault, findings: &mut Findings) {
    let began = Instant::now();
    let written = vault.ready().await;
    let took = began.elapsed();
    match written {
        Err(error) => findings.wrong("writing", &error.into()),
        Ok(()) if took < Duration::from_millis(200) => {
            findings.say("writing", "ok", format!("a durable write took {} ms", took.as_millis()));
        }
        Ok(()) => {
            findings.say("writing", "look", format!("a durable write took {} ms: the disk is slow", took.as_millis()));
        }
    }
}

fn examine_disk(database: &Path, findings: &mut Findings) {
    let Some(Ok(disk)) = database.parent().map(rustix::fs::statvfs) else { return };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize) / (1024 * 1024);
    let verdict = if free < 100 { "look" } else { "ok" };
    findings.say("disk", verdict, format!("{free} MiB free; if the disk is full, secrets cannot be read"));
}
