//! The settings of a credential: the fields that are not secret, and the names of the secret fields.

use super::{Credential, State};
use crate::schema::Schema;
use strongroom_store::CredentialRow;

#[derive(Default, serde::Deserialize)]
pub(super) struct Settings {
    settings: serde_json::Map<String, serde_json::Value>,
    pub(super) configured: Vec<String>,
    #[serde(default)]
    pub(super) test: Option<String>,
}

impl Credential {
    /// `schema` is the current one. A field that it marks as secret is not shown, even if it was saved as not secret.
    pub(super) fn from_row(row: CredentialRow, settings: Option<Settings>, schema: Option<&Schema>) -> Self {
        let state = if settings.is_some() { State::Active } else { State::Undecryptable };
        let Settings { mut settings, mut configured, .. } = settings.unwrap_or_default();
        let is_shown = |field: &str| schema.is_some_and(|schema| !schema.is_secret(field));
        configured.extend(settings.keys().filter(|field| !is_shown(field)).cloned());
        settings.retain(|field, _| is_shown(field));
        for (name, token) in [("access_token", &row.access_token), ("refresh_token", &row.refresh_token)] {
            configured.extend(token.as_ref().map(|_| name.to_owned()));
        }
        Self {
            scopes: row.scopes(),
            id: row.id,
            owner: row.owner,
            plugin: row.plugin,
            kind: row.kind,
            name: row.name,
            provider: row.provider,
            account: row.account,
            state,
            cause: None,
            settings,
            configured,
            expires_at: row.expires_at,
            grant_expires_at: None,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_used_at: row.last_used_at,
        }
    }
}
