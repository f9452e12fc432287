//! Tenants. The tenant `default` always exists and cannot be removed.
//! A tenant with users or pending revocations cannot be removed either.

use crate::error::Error;
use crate::handles::Tenants;
use crate::vault::Vault;
pub use strongroom_store::Tenant;
use strongroom_store::{Action, Actor, Conflict, StoreError, TenantId, TenantName};

/// The name of the tenant that always exists.
const DEFAULT: &str = "default";

impl Tenants<'_> {
    /// Creates a tenant.
    ///
    /// # Errors
    /// [`Error::NameTaken`].
    pub async fn create(self, actor: &Actor, name: TenantName) -> Result<Tenant, Error> {
        let Self { vault } = self;
        let now = vault.inner.clock.now();
        let tenant = Tenant { id: TenantId::generate(now, &*vault.inner.entropy), name, created_at: now };
        let entry =
            vault.entry(actor, tenant.id, Action::TenantCreate).with_target(tenant.id).with_digest(tenant.digest());
        match vault.within_deadline(vault.inner.store.insert_tenant(&tenant, entry)).await {
            Ok(()) => Ok(tenant),
            Err(Error::Store(StoreError::Conflict(_))) => Err(Error::NameTaken { what: "tenant" }),
            Err(error) => Err(error),
        }
    }

    /// All tenants, by name.
    ///
    /// # Errors
    /// Storage errors only.
    pub async fn list(self) -> Result<Vec<Tenant>, Error> {
        let Self { vault } = self;
        Ok(vault.inner.store.tenants().await?)
    }

    /// A tenant by name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(self, name: &TenantName) -> Result<Tenant, Error> {
        let Self { vault } = self;
        let found = vault.inner.store.tenants().await?.into_iter().find(|tenant| &tenant.name == name);
        found.ok_or(Error::NotFound { what: "tenant" })
    }

    /// Removes a tenant without users, with its plugins, keys and registrations. Its events remain.
    ///
    /// # Errors
    /// [`Error::TenantInUse`] if the tenant has users or pending revocations. [`Error::TenantStays`] for the default
    /// tenant.
    pub async fn remove(self, actor: &Actor, tenant: &Tenant) -> Result<(), Error> {
        let Self { vault } = self;
        if tenant.name.as_str() == DEFAULT {
            return Err(Error::TenantStays);
        }
        let entry = vault.entry(actor, tenant.id, Action::TenantRemove).with_target(tenant.id);
        match vault.within_deadline(vault.inner.store.remove_tenant(tenant.id, entry)).await {
            Err(Error::Store(StoreError::Conflict(Conflict::InUse(left)))) => Err(Error::TenantInUse { left }),
            Err(Error::Store(StoreError::Conflict(_))) => Err(Error::NotFound { what: "tenant" }),
            other => other,
        }
    }
}

impl Vault {
    /// Creates the default tenant if it does not exist.
    pub(crate) async fn ensure_default_tenant(&self) -> Result<(), StoreError> {
        if self.inner.store.tenants().await?.iter().any(|tenant| tenant.name.as_str() == DEFAULT) {
            return Ok(());
        }
        let Ok(name) = DEFAULT.parse::<TenantName>() else { return Ok(()) };
        match self.tenants().create(&Actor::operator(), name).await {
            Ok(_) | Err(Error::NameTaken { .. }) => Ok(()),
            Err(Error::Store(error) | Error::AuditUnavailable(Some(error))) => Err(error),
            Err(_) => Err(StoreError::Closed),
        }
    }
}
