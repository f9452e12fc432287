//! Seals and opens the columns of a credential. The associated data binds each column to its owner, credential,
//! generation, plugin, type and registration.

use strongroom_crypto::{Context, Key, Kind, OpenError, Sealed, Secret};

use super::settings::Settings;
use crate::error::Error;
use crate::fields::{self, KEY_FILE, Value, Values};
use crate::sealer::Sealer;
use strongroom_store::{CachedCredential, CredentialRow, CredentialType};

/// The fields of a connected account that have their own columns.
const TOKEN_COLUMNS: [&str; 4] = ["access_token", "refresh_token", "expires_at", "scopes"];

impl Sealer {
    /// Seals the values. `test` is the origin that a test may send the secrets to: that of the manifest when they were
    /// saved.
    pub(crate) fn seal_credential(
        &self,
        row: &mut CredentialRow,
        key: &Key,
        is_secret: &dyn Fn(&str) -> bool,
        test: Option<&str>,
        values: &Values,
    ) {
        row.generation += 1;
        // It is sealed to the previous generation.
        row.previous_refresh_token = None;
        let tokens: &[&str] = if row.kind == CredentialType::Oauth2 { &TOKEN_COLUMNS } else { &[] };
        if row.kind == CredentialType::Oauth2 {
            row.access_token = self.seal_token(row, key, "access_token", values);
            row.refresh_token = self.seal_token(row, key, "refresh_token", values);
            row.expires_at = match values.get("expires_at") {
                Some(Value::Text(text)) => text.expose().parse().ok().map(crate::clock::whole_milliseconds),
                _ => None,
            };
            row.scopes = match values.get("scopes") {
                Some(Value::List(items)) => {
                    items.iter().map(|item| item.expose().as_str()).collect::<Vec<_>>().join(" ")
                }
                _ => String::new(),
            };
        }
        let fields = values.iter().filter(|(field, _)| !tokens.contains(&field.as_str()));
        let plain = fields.clone().filter(|(field, _)| !is_secret(field));
        let settings = serde_json::json!({
            "settings": plain.map(|(field, value)| (field.clone(), value.as_json())).collect::<serde_json::Map<_, _>>(),
            "configured": fields.clone().map(|(field, _)| field).filter(|field| is_secret(field)).collect::<Vec<_>>(),
            "test": test,
        });
        row.settings = self.seal_column(row, key, "settings", settings.to_string().as_bytes());
        // This record has every field, so that a plugin's read opens only one record.
        row.encrypted_data = self.seal_column(row, key, "encrypted_data", fields::to_json(fields).expose());
    }

    /// Keeps the used refresh token until the next refresh proves that the new one works.
    pub(crate) fn keep_previous_refresh_token(&self, row: &mut CredentialRow, key: &Key, spent: &Secret<String>) {
        let sealed = self.seal_column(row, key, "previous_refresh_token", spent.expose().as_bytes());
        row.previous_refresh_token = Some(sealed);
    }

    fn seal_token(&self, row: &CredentialRow, key: &Key, column: &str, values: &Values) -> Option<Sealed> {
        match values.get(column)? {
            Value::Text(text) => Some(self.seal_column(row, key, column, text.expose().as_bytes())),
            _ => None,
        }
    }

    fn seal_column(&self, row: &CredentialRow, key: &Key, column: &str, bytes: &[u8]) -> Sealed {
        self.in_credential_context(row, column, |context| key.seal(self.entropy(), Kind::Credential, context, bytes))
    }

    fn open_column(
        &self,
        row: &CredentialRow,
        key: &Key,
        column: &str,
        sealed: &Sealed,
    ) -> Result<Secret<Vec<u8>>, Error> {
        self.in_credential_context(row, column, |context| key.open(Kind::Credential, context, sealed))
            .map_err(|error| undecryptable(row, column, &error))
    }

    fn in_credential_context<T>(&self, row: &CredentialRow, field: &str, then: impl FnOnce(&Context<'_>) -> T) -> T {
        let (tenant, object) = (row.owner.tenant.to_string(), row.id.to_string());
        // A refresh token is sent to the token endpoint of its registration, so the registration is associated data.
        // Otherwise a changed row could redirect the token.
        let app = row.app.map(|app| app.to_string());
        let binding = [row.plugin.as_str(), row.kind.as_str(), app.as_deref().unwrap_or_default()];
        let (whole, without) = (&binding[..], binding.split_last().map_or(&[][..], |(_, rest)| rest));
        then(&Context {
            instance: self.instance(),
            tenant: &tenant,
            user: row.owner.user.as_str(),
            object: &object,
            field,
            generation: row.generation,
            binding: if app.is_some() { whole } else { without },
        })
    }

    /// All values of the credential, with the refresh token.
    pub(super) fn credential_values(&self, row: &CredentialRow, key: &Key) -> Result<Values, Error> {
        let data = self.open_column(row, key, "encrypted_data", &row.encrypted_data)?;
        let mut values = fields::from_json(&data).ok_or(Error::Undecryptable)?;
        for (column, token) in [("access_token", &row.access_token), ("refresh_token", &row.refresh_token)] {
            if let Some(sealed) = token {
                let text = self.open_column(row, key, column, sealed)?.into_text().map_err(|_| Error::Undecryptable)?;
                values.insert(column.to_owned(), Value::Text(text));
            }
        }
        if row.kind == CredentialType::Oauth2 {
            values.insert("scopes".to_owned(), Value::list(&row.scopes()));
            if let Some(at) = row.expires_at {
                values.insert("expires_at".to_owned(), Value::Text(Secret::new(at.to_string())));
            }
        }
        Ok(values)
    }

    pub(super) fn credential_settings(&self, row: &CredentialRow, key: &Key) -> Result<Settings, Error> {
        let bytes = self.open_column(row, key, "settings", &row.settings)?;
        serde_json::from_slice(bytes.expose()).map_err(|_| Error::Undecryptable)
    }

    /// The JSON for a plugin. A credential without tokens is returned as it was sealed.
    pub(super) fn open_for_plugin(&self, row: &CachedCredential, key: &Key) -> Result<Secret<Vec<u8>>, Error> {
        if row.kind != CredentialType::Oauth2 && row.app.is_none() {
            let opened = self.in_credential_context(row, "encrypted_data", |context| {
                let unlocked = key.unlock(Kind::Credential, context, &row.encrypted_data)?;
                Ok((unlocked.open()?, unlocked))
            });
            let (data, unlocked) = opened.map_err(|error| undecryptable(row, "encrypted_data", &error))?;
            if !fields::is_object(&data) {
                return Err(Error::Undecryptable);
            }
            row.set_message_key(unlocked);
            return Ok(data);
        }
        let mut values = self.credential_values(row, key)?;
        // A plugin does not need the secrets that obtain new tokens.
        values.remove("refresh_token");
        values.remove(KEY_FILE);
        Ok(fields::to_json(values.iter()))
    }
}

/// The JSON for a plugin, if the message key was derived before.
pub(super) fn reopen(row: &CachedCredential) -> Option<Result<Secret<Vec<u8>>, Error>> {
    Some(row.message_key()?.open().map_err(|error| undecryptable(row, "encrypted_data", &error)))
}

fn undecryptable(row: &CredentialRow, column: &str, error: &OpenError) -> Error {
    tracing::error!(credential = %row.id, column, %error, "a sealed column does not open");
    Error::Undecryptable
}
