//! The row of a connection. Its key is the hash of a secret that a browser or a page has. Each phase has a new hash, so
//! a late caller finds no row.

use jiff::Timestamp;
use strongroom_crypto::Sealed;

use crate::model::{AppId, ConnectionId, CredentialId, CredentialName, NameError, Owner, PluginName};

/// The phases of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "kebab-case", parse_err_ty = NameError, parse_err_fn = not_a_phase)]
pub enum Phase {
    /// The start link exists.
    Begun,
    /// The browser is at the provider.
    Started,
    /// The code has arrived. The user must still complete the connection.
    Returned,
    /// The user enters a code at the provider.
    Prompted,
    /// The code is being exchanged. A second caller with the same code finds no row.
    Settling,
    /// The account is connected.
    Connected,
    /// The connection failed, and `cause` says why.
    Failed,
}

impl Phase {
    /// The stored form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

fn not_a_phase(_: &str) -> NameError {
    NameError("must be a phase".to_owned())
}

/// A connection as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the table `connection`")]
pub struct ConnectionRow {
    pub id: ConnectionId,
    pub owner: Owner,
    pub plugin: PluginName,
    pub app: AppId,
    pub credential: Option<CredentialId>,
    pub name: CredentialName,
    pub scopes: String,
    pub return_address: String,
    pub phase: Phase,
    pub hash: [u8; 32],
    pub sealed: Sealed,
    pub cause: Option<String>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}
