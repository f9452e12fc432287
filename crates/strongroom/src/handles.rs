//! The handles of the vault. A handle names the tenant or the owner once, and its methods are the operations on one
//! kind of object. The methods are in the module of the object.

use strongroom_store::{Owner, TenantId};

use crate::vault::Vault;

/// The installation's tenants.
#[derive(Clone, Copy, Debug)]
pub struct Tenants<'a> {
    pub(crate) vault: &'a Vault,
}

/// The plugins of a tenant.
#[derive(Clone, Copy, Debug)]
pub struct Plugins<'a> {
    pub(crate) vault: &'a Vault,
    pub(crate) tenant: TenantId,
}

/// The host keys and plugin keys of a tenant.
#[derive(Clone, Copy, Debug)]
pub struct ApiKeys<'a> {
    pub(crate) vault: &'a Vault,
    pub(crate) tenant: TenantId,
}

/// The OAuth apps of a tenant.
#[derive(Clone, Copy, Debug)]
pub struct Apps<'a> {
    pub(crate) vault: &'a Vault,
    pub(crate) tenant: TenantId,
}

/// The users of a tenant.
#[derive(Clone, Copy, Debug)]
pub struct Users<'a> {
    pub(crate) vault: &'a Vault,
    pub(crate) tenant: TenantId,
}

/// The audit log of a tenant.
#[derive(Clone, Copy, Debug)]
pub struct AuditLog<'a> {
    pub(crate) vault: &'a Vault,
    pub(crate) tenant: TenantId,
}

/// The credentials of an owner.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    pub(crate) vault: &'a Vault,
    pub(crate) owner: &'a Owner,
}

/// The connections of an owner: accounts that are being connected.
#[derive(Clone, Copy, Debug)]
pub struct Connections<'a> {
    pub(crate) vault: &'a Vault,
    pub(crate) owner: &'a Owner,
}

/// The sessions of an owner.
#[derive(Clone, Copy, Debug)]
pub struct Sessions<'a> {
    pub(crate) vault: &'a Vault,
    pub(crate) owner: &'a Owner,
}

/// Sign-in to the console.
#[derive(Clone, Copy, Debug)]
pub struct Console<'a> {
    pub(crate) vault: &'a Vault,
}

impl Vault {
    /// The installation's tenants.
    #[must_use]
    pub fn tenants(&self) -> Tenants<'_> {
        Tenants { vault: self }
    }

    /// The plugins of a tenant.
    #[must_use]
    pub fn plugins(&self, tenant: TenantId) -> Plugins<'_> {
        Plugins { vault: self, tenant }
    }

    /// The host keys and plugin keys of a tenant.
    #[must_use]
    pub fn api_keys(&self, tenant: TenantId) -> ApiKeys<'_> {
        ApiKeys { vault: self, tenant }
    }

    /// The OAuth apps of a tenant.
    #[must_use]
    pub fn apps(&self, tenant: TenantId) -> Apps<'_> {
        Apps { vault: self, tenant }
    }

    /// The users of a tenant.
    #[must_use]
    pub fn users(&self, tenant: TenantId) -> Users<'_> {
        Users { vault: self, tenant }
    }

    /// The audit log of a tenant.
    #[must_use]
    pub fn audit(&self, tenant: TenantId) -> AuditLog<'_> {
        AuditLog { vault: self, tenant }
    }

    /// The credentials of an owner.
    #[must_use]
    pub fn credentials<'a>(&'a self, owner: &'a Owner) -> Credentials<'a> {
        Credentials { vault: self, owner }
    }

    /// The connections of an owner.
    #[must_use]
    pub fn connections<'a>(&'a self, owner: &'a Owner) -> Connections<'a> {
        Connections { vault: self, owner }
    }

    /// The sessions of an owner.
    #[must_use]
    pub fn sessions<'a>(&'a self, owner: &'a Owner) -> Sessions<'a> {
        Sessions { vault: self, owner }
    }

    /// Sign-in to the console.
    #[must_use]
    pub fn console(&self) -> Console<'_> {
        Console { vault: self }
    }
}
