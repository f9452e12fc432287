//! The demo of `strongroom dev`: its plugin, its client registration and its address. Without the feature `console`
//! there is no demo, and the greeting says so.

#[cfg(feature = "console")]
pub(crate) use with::*;
#[cfg(not(feature = "console"))]
pub(crate) use without::*;

#[cfg(feature = "console")]
mod with {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use anyhow::Result;
    use strongroom::oauth::app::AppDraft;
    use strongroom::{Actor, Expected, Manifest, Secret, TenantId, Vault};
    pub(crate) use strongroom_server::Demo;

    /// Binds the port after the vault's port.
    pub(crate) fn bind(listen: SocketAddr) -> Result<Option<Demo>> {
        let port = if listen.port() == 0 { 0 } else { listen.port().wrapping_add(1) };
        // Loopback only, independent of the vault's address. The demo backend treats every visitor as signed in.
        Ok(Some(Demo::bind(SocketAddr::from(([127, 0, 0, 1], port)))?))
    }

    /// Registers the demo's plugin and OAuth app. Returns the demo's address.
    pub(crate) async fn prepare(demo: Option<&Demo>, vault: &Vault, tenant: TenantId) -> Result<Option<String>> {
        let Some(demo) = demo else { return Ok(None) };
        let operator = Actor::operator();
        let manifest = Manifest::parse(&demo.manifest())?;
        vault.plugins(tenant).register(&operator, &"example-mail".parse()?, manifest, Expected::Any).await?;
        if !vault.apps(tenant).list().await?.iter().any(|app| app.provider == "demo") {
            let (id, secret) = Demo::client();
            let draft = AppDraft {
                provider: "demo".to_owned(),
                client_id: Some(id.to_owned()),
                client_secret: Some(Secret::from(secret)),
                parameters: Default::default(),
            };
            vault.apps(tenant).create(&operator, draft).await?;
        }
        Ok(Some(demo.to_string()))
    }

    pub(crate) fn serve(demo: Option<Demo>, vault: Arc<Vault>, tenant: TenantId, endpoint: &str) -> Result<()> {
        Ok(demo.map_or(Ok(()), |demo| demo.serve(vault, tenant, endpoint))?)
    }

    pub(crate) fn greeting(endpoint: &str) -> String {
        format!("Open {endpoint}/demo for a plugin page with the four web elements.")
    }
}

#[cfg(not(feature = "console"))]
mod without {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use anyhow::Result;
    use strongroom::{TenantId, Vault};

    /// Uninhabited: a build without the demo never creates one.
    pub(crate) enum Demo {}

    impl Demo {
        pub(crate) fn provider(&self) -> String {
            match *self {}
        }
    }

    pub(crate) fn bind(_: SocketAddr) -> Result<Option<Demo>> {
        Ok(None)
    }

    #[expect(clippy::unused_async, reason = "as with the demo")]
    pub(crate) async fn prepare(_: Option<&Demo>, _: &Vault, _: TenantId) -> Result<Option<String>> {
        Ok(None)
    }

    pub(crate) fn serve(_: Option<Demo>, _: Arc<Vault>, _: TenantId, _: &str) -> Result<()> {
        Ok(())
    }

    pub(crate) fn greeting(_: &str) -> String {
        "Built without the web elements, the console and the demo (feature `console`).".to_owned()
    }
}
