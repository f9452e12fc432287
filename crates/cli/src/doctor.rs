//! `strongroom doctor`: looks for what is wrong, one line for each thing, with what to do about it.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use serde_json::{Value, json};
use strongroom::Key;

use crate::output::Output;
use crate::settings::{self, Settings};
use crate::{Cli, dev, exit_code};

#[derive(Default)]
struct Findings {
    said: Vec<Value>,
    /// A key that is wrong outweighs whatever else was looked at.
    exit_code: u8,
}

impl Findings {
    fn say(&mut self, check: &str, verdict: &str, detail: impl Into<String>) {
        self.said.push(json!({"check": check, "verdict": verdict, "detail": detail.into()}));
    }

    fn wrong(&mut self, check: &str, error: &anyhow::Error) {
        self.say(check, "wrong", format!("{error:#}"));
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
    match settings.server() {
        Ok(config) => {
            findings.say("settings", "ok", format!("listens on {}", config.listen));
            if config.tls.is_none() && !config.listen.ip().is_loopback() {
                findings.say(
                    "tls",
                    "look",
                    "listens beyond this machine without a certificate: a proxy has to terminate TLS",
                );
            }
        }
        Err(error) => findings.wrong("settings", &error),
    }
    let (key, database) = if cli.dev {
        let places = dev::Places::find()?;
        (settings::read_key(&places.key).map(Some), places.database)
    } else {
        match settings.database() {
            Ok(database) => (settings::encryption_key(), database),
            Err(error) => {
                findings.wrong("database", &error);
                return Ok(());
            }
        }
    };
    let key = key.and_then(|text| {
        let text = text.ok_or(strongroom::OpenError::NoKey)?;
        let id = Key::from_text(&text).map_err(strongroom::OpenError::KeyText)?.id();
        Ok((text, id))
    });
    let key = match key {
        Ok((text, id)) => {
            findings.say("key", "ok", format!("id {id}"));
            let file = if cli.dev { Some(dev::Places::find()?.key) } else { settings::key_file() };
            if let Some(Err(exposed)) = file.map(|file| dev::refuse_exposed(&file)) {
                findings.say("key file", "look", exposed.to_string());
            }
            text
        }
        Err(error) => {
            findings.wrong("key", &error);
            return Ok(());
        }
    };
    let nearest = database.ancestors().skip(1).find(|place| place.exists());
    if let Some(place) = nearest.filter(|place| !place.is_dir()) {
        findings.wrong("database", &anyhow!("{} is not a directory", place.display()));
        return Ok(());
    }
    if !database.exists() {
        findings.say("database", "look", format!("{} is not there yet; the first start makes it", database.display()));
        return Ok(());
    }
    match strongroom::Vault::builder(&database).key(key).open().await {
        Err(error) => findings.wrong("database", &error.into()),
        Ok(vault) => {
            findings.say("database", "ok", format!("{} opens, instance {}", database.display(), vault.instance()));
            let began = Instant::now();
            let written = vault.ready().await;
            let took = began.elapsed();
            match written {
                Err(error) => findings.wrong("writing", &error.into()),
                Ok(()) if took < Duration::from_millis(200) => {
                    findings.say("writing", "ok", format!("a durable write took {} ms", took.as_millis()));
                }
                Ok(()) => {
                    findings.say(
                        "writing",
                        "look",
                        format!("a durable write took {} ms: the disk is slow", took.as_millis()),
                    );
                }
            }
            vault.close().await;
        }
    }
    examine_disk(&database, findings);
    Ok(())
}

fn examine_disk(database: &Path, findings: &mut Findings) {
    let Some(Ok(disk)) = database.parent().map(rustix::fs::statvfs) else { return };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize) / (1024 * 1024);
    let verdict = if free < 100 { "look" } else { "ok" };
    findings.say("disk", verdict, format!("{free} MiB free; when it is full, secrets are not given out"));
}
