//! Plugins and their manifests. A plugin's row carries a MAC, so an attacker who can write to the database cannot
//! redirect a secret. A row that is not genuine counts as absent.

use std::sync::Arc;

use jiff::Timestamp;

use crate::error::Error;
use crate::handles::Plugins;
use crate::manifest::{MAX_BYTES, Manifest};
use crate::vault::Vault;
use strongroom_store::{
    Action, Actor, Conflict, PendingRevocations, PluginId, PluginName, PluginRow, StoreError, TenantId,
};

/// A registered plugin.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Plugin {
    pub id: PluginId,
    pub name: PluginName,
    pub manifest: Arc<Manifest>,
    pub revision: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Plugins<'_> {
    /// Registers a plugin or replaces its manifest. One call does both, because a host declares its plugins at every
    /// start. The `bool` is true if the plugin existed. `expected` is the precondition.
    ///
    /// # Errors
    /// [`Error::Fields`] with all faults of the manifest. [`Error::Stale`] if `expected` does not hold.
    pub async fn register(
        self,
        actor: &Actor,
        name: &PluginName,
        manifest: Manifest,
        expected: Expected,
    ) -> Result<(Plugin, bool), Error> {
        let Self { vault, tenant } = self;
        manifest.check()?;
        let text =
            serde_json::to_string(&manifest).map_err(|error| Error::field("manifest", "invalid", error.to_string()))?;
        if text.len() > MAX_BYTES {
            return Err(Error::field("manifest", "max-length", format!("must have at most {MAX_BYTES} bytes")));
        }
        let now = vault.inner.clock.now();
        let old = vault.inner.store.plugin(tenant, name).await?;
        match (expected, &old) {
            (Expected::Revision(revision), Some(old)) if old.revision == revision => {}
            (Expected::Present, Some(_)) | (Expected::Absent, None) | (Expected::Any, _) => {}
            _ => return Err(Error::Stale { what: "plugin" }),
        }
        let mut row = PluginRow {
            id: old.as_ref().map_or_else(|| PluginId::generate(now, &*vault.inner.entropy), |old| old.id),
            tenant,
            name: name.clone(),
            manifest: text,
            revision: old.as_ref().map_or(1, |old| old.revision + 1),
            created_at: old.as_ref().map_or(now, |old| old.created_at),
            updated_at: now,
            mac: [0; 32],
        };
        let genuine = old.as_ref().is_some_and(|old| vault.inner.sealer.is_genuine(old));
        if let Some(old) = old.as_ref().filter(|old| genuine && old.manifest == row.manifest) {
            return Ok((shown(old, Arc::new(manifest)), true));
        }
        vault.inner.sealer.set_mac(&mut row);
        let action = if old.is_some() { Action::PluginUpdate } else { Action::PluginRegister };
        let entry = vault.entry(actor, tenant, action).with_plugin(name).with_target(row.id).with_digest(row.digest());
        let written = vault.inner.store.put_plugin(&row, old.as_ref().map(|old| old.revision), entry);
        match vault.within_deadline(written).await {
            Ok(()) => Ok((shown(&row, Arc::new(manifest)), old.is_some())),
            Err(Error::Store(StoreError::Conflict(_))) => Err(Error::Stale { what: "plugin" }),
            Err(error) => Err(error),
        }
    }

    /// A plugin by name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(self, name: &PluginName) -> Result<Plugin, Error> {
        let Self { vault, tenant } = self;
        let row = vault.inner.store.plugin(tenant, name).await?.ok_or(Error::NotFound { what: "plugin" })?;
        let manifest = vault.manifest_of(&row).ok_or(Error::NotFound { what: "plugin" })?;
        Ok(shown(&row, manifest))
    }

    /// A page of the tenant's plugins by name, after `after`. The second value is the `after` of the next page. A row
    /// that is not genuine is skipped and logged.
    ///
    /// # Errors
    /// Storage errors only.
    pub async fn list(
        self,
        after: Option<&PluginName>,
        limit: u32,
    ) -> Result<(Vec<Plugin>, Option<PluginName>), Error> {
        let Self { vault, tenant } = self;
        let mut rows = vault.inner.store.plugins(tenant, after, limit + 1).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| row.name.clone());
        Ok((rows.iter().filter_map(|row| Some(shown(row, vault.manifest_of(row)?))).collect(), next))
    }

    /// Removes a plugin and its keys. With `credentials` it also removes the plugin's credentials, with one event each.
    /// It revokes the grants of connected accounts.
    ///
    /// # Errors
    /// [`Error::PluginInUse`] if the plugin has credentials and `credentials` is false.
    pub async fn remove(self, actor: &Actor, name: &PluginName, credentials: bool) -> Result<(), Error> {
        let Self { vault, tenant } = self;
        let row = vault.inner.store.plugin(tenant, name).await?.ok_or(Error::NotFound { what: "plugin" })?;
        loop {
            let revocations = match credentials {
                true => vault.pending_revocations_of_plugin(tenant, name).await?,
                false => PendingRevocations::default(),
            };
            let entry = vault.entry(actor, tenant, Action::PluginRemove).with_plugin(name).with_target(row.id);
            let removed = vault.inner.store.remove_plugin(tenant, name, credentials, &revocations, entry);
            match vault.within_deadline(removed).await {
                // An account was connected or refreshed meanwhile. Its grant must be revoked too.
                Err(Error::Store(StoreError::Conflict(Conflict::Grant))) => {}
                Err(Error::Store(StoreError::Conflict(Conflict::InUse(credentials)))) => {
                    return Err(Error::PluginInUse { credentials });
                }
                Err(Error::Store(StoreError::Conflict(_))) => return Err(Error::NotFound { what: "plugin" }),
                other => return other,
            }
        }
    }
}

impl Vault {
    /// The manifest, if the plugin is registered and its row is genuine. The cache entry is valid within one epoch.
    pub(crate) async fn genuine_manifest(
        &self,
        tenant: TenantId,
        name: &PluginName,
    ) -> Result<Option<Arc<Manifest>>, Error> {
        let (key, epoch) = ((tenant, name.clone()), self.inner.store.epoch());
        if let Some((_, manifest)) = self.inner.manifests.get(&key).filter(|(known, _)| *known == epoch) {
            return Ok(Some(manifest));
        }
        let manifest = self.inner.store.plugin(tenant, name).await?.and_then(|row| self.manifest_of(&row));
        if let Some(manifest) = &manifest {
            self.inner.manifests.insert(key, (epoch, manifest.clone()));
        }
        Ok(manifest)
    }

    fn manifest_of(&self, row: &PluginRow) -> Option<Arc<Manifest>> {
        if !self.inner.sealer.is_genuine(row) {
            tracing::error!(plugin = %row.name, "the plugin's row was altered outside Strongroom; register it again");
            return None;
        }
        Manifest::parse(&row.manifest).ok().map(Arc::new)
    }
}

/// The precondition of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// No precondition.
    Any,
    /// The plugin is not registered.
    Absent,
    /// The plugin is registered.
    Present,
    /// The plugin is registered and has this revision.
    Revision(u64),
}

fn shown(row: &PluginRow, manifest: Arc<Manifest>) -> Plugin {
    Plugin {
        id: row.id,
        name: row.name.clone(),
        manifest,
        revision: row.revision,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}
