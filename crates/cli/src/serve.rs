//! `strongroom serve`: runs the server until SIGTERM or SIGINT.

use std::sync::Arc;

use anyhow::{Context, Result};
use strongroom::Vault;
use strongroom_server::{App, Bound};
use tokio::signal::unix::{SignalKind, signal};

use crate::log;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings) -> Result<()> {
    let config = settings.server()?;
    log::start(&settings.log)?;
    let vault = crate::open(settings).await?;
    tracing::info!(key = vault.key_id(), instance = vault.instance(), "the vault is open");
    let bound = bind(Arc::new(vault), config).await?;
    tracing::info!(address = %bound.address()?, "listening");
    bound.serve(stop()?).await.context("the server failed")
}

pub(crate) async fn bind(vault: Arc<Vault>, config: strongroom_server::Config) -> Result<Bound> {
    Ok(Bound::bind(App::new(vault, config)).await?)
}

/// Completes at SIGTERM or SIGINT.
pub(crate) fn stop() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
