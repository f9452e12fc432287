//! Tenants. The tenant `default` always exists and cannot be removed.
//! A tenant with users or pending revocations cannot be removed either.

use crate::error::Error;
use crate::vault::Vault;
pub use strongroom_store::Tenant;
use strongroom_store::{Action, Actor, Conflict, StoreError, TenantId, TenantName};

/// The name of the tenant that always exists.
const DEFAULT: &str = "default";

impl Vault {
    /// Creates the default tenant if it does not exist.
    pub(crate) async fn ensure_default_tenant(&self) -> Result<(), StoreError> {
        if self.inner.store.tenants().await?.iter().any(|tenant| tenant.name.as_str() == DEFAULT) {
            return Ok(());
        }
        let Ok(name) = DEFAULT.parse::<TenantName>() else { return Ok(()) };
        match self.create_tenant(&strongroom_store::Actor::operator(), name).await {
            Ok(_) | Err(Error::NameTaken { .. }) => Ok(()),
            Err(Error::Store(error) | Error::AuditUnavailable(Some(error))) => Err(error),
            Err(_) => Err(StoreError::Closed),
        }
    }

    /// Creates a tenant.
    ///
    /// # Errors
    /// [`Error::NameTaken`].
    pub async fn create_tenant(&self, actor: &Actor, name: TenantName) -> Result<Tenant, Error> {
        let now = self.inner.clock.now();
        let tenant = Tenant { id: TenantId::generate(now, &*self.inner.entropy), name, created_at: now };
        let entry =
            self.entry(actor, tenant.id, Action::TenantCreate).with_target(tenant.id).with_digest(tenant.digest());
        match self.within_deadline(self.inner.store.insert_tenant(&tenant, entry)).await {
            Ok(()) => Ok(tenant),
            Err(Error::Store(StoreError::Conflict(_))) => Err(Error::NameTaken { what: "tenant" }),
            Err(error) => Err(error),
        }
    }

    /// All tenants, by name.
    ///
    /// # Errors
    /// Storage errors only.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, Error> {
        Ok(self.inner.store.tenants().await?)
    }

    /// A tenant by name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn tenant(&self, name: &TenantName) -> Result<Tenant, Error> {
        let found = self.inner.store.tenants().await?.into_iter().find(|tenant| &tenant.name == name);
        found.ok_or(Error::NotFound { what: "tenant" })
    }

    /// Removes a tenant without users, with its plugins, keys and registrations. Its events remain.
    ///
    /// # Errors
    /// [`Error::TenantInUse`] if the tenant has users or pending revocations. [`Error::TenantStays`] for the default
    /// tenant.
    pub async fn remove_tenant(&self, actor: &Actor, tenant: &Tenant) -> Result<(), Error> {
        if tenant.name.as_str() == DEFAULT {
            return Err(Error::TenantStays);
        }
        let entry = self.entry(actor, tenant.id, Action::TenantRemove).with_target(tenant.id);
        match self.within_deadline(self.inner.store.remove_tenant(tenant.id, entry)).await {
            Err(Error::Store(StoreError::Conflict(Conflict::InUse(left)))) => Err(Error::TenantInUse { left }),
            Err(Error::Store(StoreError::Conflict(_))) => Err(Error::NotFound { what: "tenant" }),
            other => other,
        }
    }
}
