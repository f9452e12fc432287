//! The secrets of a connection. They are sealed with all columns of the row that decide something as associated data.

use serde::{Deserialize, Serialize, Serializer};
use strongroom_crypto::{Context, Kind, Sealed, Secret, SecretBuf};

use super::draft::IfConnected;
use super::status::Prompt;
use crate::error::Error;
use crate::sealer::Sealer;
use strongroom_store::ConnectionRow;

/// Larger than the secrets of most connections.
const USUAL_BYTES: usize = 1024;

/// What a connection keeps between its phases.
#[derive(Serialize, Deserialize)]
pub(super) struct ConnectionSecrets {
    #[serde(serialize_with = "exposed")]
    pub(super) verifier: Secret<String>,
    pub(super) browser: Option<[u8; 32]>,
    #[serde(serialize_with = "exposed_option")]
    pub(super) code: Option<Secret<String>>,
    #[serde(serialize_with = "exposed_pairs")]
    pub(super) kept: Vec<(String, Secret<String>)>,
    #[serde(default)]
    pub(super) device: Option<Device>,
    #[serde(default)]
    pub(super) if_connected: IfConnected,
}

impl ConnectionSecrets {
    /// The verifier is empty in the device flow, which has no PKCE.
    pub(super) fn new(verifier: Secret<String>, if_connected: IfConnected) -> Self {
        Self { verifier, browser: None, code: None, kept: Vec::new(), device: None, if_connected }
    }
}

/// The data for polling a device authorization (RFC 8628 3.2).
#[derive(Serialize, Deserialize)]
pub(super) struct Device {
    #[serde(serialize_with = "exposed")]
    pub(super) code: Secret<String>,
    pub(super) prompt: Prompt,
    /// Polling interval in milliseconds.
    pub(super) interval: i64,
    /// The time of the next poll, in milliseconds since 1970.
    pub(super) next_at: i64,
}

impl Sealer {
    pub(super) fn seal_connection(&self, row: &ConnectionRow, secrets: &ConnectionSecrets) -> Sealed {
        let mut json = SecretBuf::with_capacity(USUAL_BYTES);
        // Writing to memory does not fail. If it did, the row would not open, and the user would connect again.
        let _ = serde_json::to_writer(&mut json, secrets);
        let json = json.into_secret();
        self.in_connection_context(row, |context| self.seal(Kind::Connection, context, json.expose()))
    }

    pub(super) fn open_connection(&self, row: &ConnectionRow) -> Result<ConnectionSecrets, Error> {
        let gone = || Error::NotFound { what: "connection" };
        let json = self.in_connection_context(row, |context| self.open(Kind::Connection, context, &row.sealed));
        let json = json.map_err(|error| {
            tracing::error!(connection = %row.id, %error, "a connection's row was altered");
            gone()
        })?;
        serde_json::from_slice(json.expose()).map_err(|_| gone())
    }

    fn in_connection_context<T>(&self, row: &ConnectionRow, then: impl FnOnce(&Context<'_>) -> T) -> T {
        then(&Context {
            instance: self.instance(),
            tenant: &row.owner.tenant.to_string(),
            user: row.owner.user.as_str(),
            object: &row.id.to_string(),
            field: "sealed",
            generation: 1,
            binding: &[
                row.phase.as_str(),
                row.plugin.as_str(),
                &row.app.to_string(),
                &row.credential.map(|id| id.to_string()).unwrap_or_default(),
                row.name.as_str(),
                &row.scopes,
                &row.return_address,
                &row.expires_at.as_millisecond().to_string(),
                // Otherwise an attacker with write access to the database could attach another link or state to it.
                &data_encoding::HEXLOWER.encode(&row.hash),
            ],
        })
    }
}

/// The secrets are serialized only into the buffer that is sealed.
fn exposed<S: Serializer>(secret: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.expose().serialize(serializer)
}

fn exposed_option<S: Serializer>(secret: &Option<Secret<String>>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(Secret::expose).serialize(serializer)
}

fn exposed_pairs<S: Serializer>(pairs: &[(String, Secret<String>)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(pairs.iter().map(|(name, secret)| (name, secret.expose())))
}
