//! What most commands need.

use strongroom::{TenantId, Vault};

/// An open vault, and the tenant the command works on.
pub(crate) struct CommandContext {
    pub(crate) vault: Vault,
    pub(crate) tenant: TenantId,
}
