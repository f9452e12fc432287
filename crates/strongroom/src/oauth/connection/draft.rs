//! The parameters of a connection.

use std::str::FromStr;
use strongroom_store::{AppId, CredentialId, CredentialName, NameError, PluginName};

use serde::{Deserialize, Serialize};
use strongroom_crypto::Secret;

/// The parameters of a connection.
#[derive(Debug)]
pub struct ConnectionDraft {
    /// The plugin that gets the credential.
    pub plugin: PluginName,
    /// The name of the new credential. A reconnected credential keeps its name.
    pub name: CredentialName,
    /// The credential to reconnect, if any.
    pub credential: Option<CredentialId>,
    /// The registration, if there are several for the plugin's provider.
    pub app: Option<AppId>,
    /// Scopes in addition to the plugin's own.
    pub scopes: Vec<String>,
    /// The return address: exactly one of the manifest's addresses. Optional if the manifest has only one.
    pub return_address: Option<String>,
    /// How the user consents.
    pub flow: Flow,
    /// What to do if the account is already connected for this plugin.
    pub if_connected: IfConnected,
    /// For a service account: its downloaded key file, if the registration has none.
    pub key_file: Option<Secret<String>>,
}

/// How a user consents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// The user's browser is redirected to the provider and back.
    #[default]
    Redirect,
    /// The user enters a code at the provider, on any device (RFC 8628).
    Device,
}

impl FromStr for Flow {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text {
            "redirect" => Ok(Self::Redirect),
            "device" => Ok(Self::Device),
            _ => Err(NameError("must be `redirect` or `device`".to_owned())),
        }
    }
}

/// What to do with an account that this user has already connected for the same plugin and registration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IfConnected {
    /// Create a second credential.
    #[default]
    Create,
    /// Replace the grant of the existing credential, as a reconnection does. No second credential is created.
    Reconnect,
}

impl FromStr for IfConnected {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text {
            "create" => Ok(Self::Create),
            "reconnect" => Ok(Self::Reconnect),
            _ => Err(NameError("must be `create` or `reconnect`".to_owned())),
        }
    }
}
