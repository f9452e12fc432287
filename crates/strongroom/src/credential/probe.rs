//! Tests credentials with the call that the plugin's manifest or the provider's file defines. The call goes to a host
//! that the application registered, never to one that the user chose. Only the status and an error in the body are
//! evaluated. The answer is not stored or shown.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderName};
use strongroom_crypto::Secret;
use url::Url;

use super::{check_expiry, schema_of};
use crate::error::Error;
use crate::fields::{Fields, Value, Values};
use crate::handles::Credentials;
use crate::manifest::{Inject, Manifest, Method};
use crate::vault::Vault;
use strongroom_egress::{Answer, Call, EgressError};
use strongroom_oauth::{Provider, basic};
use strongroom_store::{Action, Actor, CredentialId, CredentialRow, CredentialType, PluginName};

/// A user waits for the result.
const TEST_TIMEOUT: Duration = Duration::from_secs(8);

/// The result of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The credential works.
    Accepted,
    /// The server refused the credential. Holds a code.
    Rejected(String),
    /// The test has no clear result. Holds a code.
    Unverified(String),
}

impl Credentials<'_> {
    /// Tests a stored credential.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Undecryptable`]. For a connected account that cannot be refreshed, as for reading.
    pub async fn test(self, actor: &Actor, id: CredentialId) -> Result<Verdict, Error> {
        let Self { vault, owner } = self;
        let (row, entry) = vault.find(actor, owner, id, Action::CredentialTest).await?;
        vault.record(entry).await?;
        let row = vault.ensure_fresh(Arc::new(row.into())).await?;
        // Read the manifest after the event. The event's batch detects a change of the manifest by another process.
        let manifest = vault.genuine_manifest(owner.tenant, &row.plugin).await?;
        let Some(manifest) = manifest else { return Ok(Verdict::Unverified("no-plugin".to_owned())) };
        let values = vault.values(&row).await?;
        if row.app.is_some() {
            return vault.test_connected(&row, &manifest, &values).await;
        }
        if !vault.may_be_tested(&row, &manifest).await? {
            return Ok(Verdict::Unverified("test-changed".to_owned()));
        }
        vault.test_values(&manifest, row.kind, &values).await
    }

    /// Tests a credential before it is saved: the given fields, merged into those of the credential `stored` if one is
    /// named.
    ///
    /// # Errors
    /// [`Error::Fields`] as for saving. [`Error::NotFound`] if `stored` is of another user, plugin or type.
    pub async fn test_draft(
        self,
        actor: &Actor,
        (plugin, kind): (&PluginName, CredentialType),
        stored: Option<CredentialId>,
        fields: Fields,
    ) -> Result<Verdict, Error> {
        let Self { vault, owner } = self;
        let (row, entry) = match stored {
            Some(id) => {
                let (row, entry) = vault.find(actor, owner, id, Action::CredentialTest).await?;
                // A different form would put the stored secret in a different place.
                if &row.plugin != plugin || row.kind != kind || row.app.is_some() {
                    return Err(Error::NotFound { what: "credential" });
                }
                (Some(row), entry)
            }
            None => (None, vault.entry(actor, owner.tenant, Action::CredentialTest).with_user(&owner.user)),
        };
        vault.record(entry.with_plugin(plugin)).await?;
        let manifest = vault.genuine_manifest(owner.tenant, plugin).await?;
        let manifest =
            manifest.ok_or_else(|| Error::field("plugin", "unknown", "no plugin with this name is registered"))?;
        let schema = schema_of(&manifest, kind)?;
        let under = match row {
            Some(row) if !vault.may_be_tested(&row, &manifest).await? => {
                return Ok(Verdict::Unverified("test-changed".to_owned()));
            }
            Some(row) => vault.values(&row).await?,
            None => schema.defaults(),
        };
        let values = schema.merge(under, fields).map_err(Error::Fields)?;
        check_expiry(kind, &values)?;
        vault.test_values(&manifest, kind, &values).await
    }
}

impl Vault {
    /// Whether the manifest still has the test host from when the secret was saved. Otherwise an attacker who changes
    /// the manifest could have the secret sent to a host of their choice. The log would then show no plugin key.
    async fn may_be_tested(&self, row: &CredentialRow, manifest: &Manifest) -> Result<bool, Error> {
        let Some(host) = manifest.test_host(row.kind) else { return Ok(true) };
        let settings = self.inner.sealer.credential_settings(row, &*self.key_of(row).await?)?;
        Ok(settings.test.as_ref() == Some(&host))
    }

    async fn test_values(&self, manifest: &Manifest, kind: CredentialType, values: &Values) -> Result<Verdict, Error> {
        let Some((probe, inject)) = manifest.probe(kind) else { return Ok(Verdict::Unverified("no-test".to_owned())) };
        let Ok(url) = Url::parse(&probe.url) else { return Ok(Verdict::Unverified("no-test".to_owned())) };
        Ok(match filled(probe.method, url, inject, values) {
            Some(call) => self.try_out(call, &probe.expect).await,
            None => Verdict::Unverified("incomplete".to_owned()),
        })
    }

    /// Sends the token to an address of the provider's file. Uses the manifest's test only if its origin is among them.
    async fn test_connected(
        &self,
        row: &CredentialRow,
        manifest: &Manifest,
        values: &Values,
    ) -> Result<Verdict, Error> {
        let Some(app) = row.app else { return Ok(Verdict::Unverified("no-test".to_owned())) };
        let registration = self.registration(row.owner.tenant, app).await?;
        let Provider { test, account, .. } = &*registration.client.provider;
        let known = [test.as_ref().map(|test| &test.url), account.as_ref().and_then(|account| account.url.as_ref())];
        let origin =
            |template: &String| Some(registration.client.address(template).ok()?.origin().ascii_serialization());
        let host = manifest.test_host(row.kind);
        if host.is_some() && known.into_iter().flatten().any(|template| origin(template) == host) {
            return self.test_values(manifest, row.kind, values).await;
        }
        let (Some(test), Some(Value::Text(token))) = (test, values.get("access_token")) else {
            return Ok(Verdict::Unverified(if host.is_some() { "test-elsewhere" } else { "no-test" }.to_owned()));
        };
        let Ok(url) = registration.client.address(&test.url) else {
            return Ok(Verdict::Unverified("no-test".to_owned()));
        };
        let call = registration.client.call_with(test.method, url, &test.headers, test.body.as_deref(), token);
        Ok(self.try_out(call, &test.expect).await)
    }

    async fn try_out(&self, call: Call, expect: &[u16]) -> Verdict {
        match tokio::time::timeout(TEST_TIMEOUT, self.inner.egress.send(call)).await {
            Ok(Ok(answer)) => judge(&answer, expect),
            Ok(Err(EgressError::Forbidden(_))) => Verdict::Unverified("address-forbidden".to_owned()),
            Ok(Err(EgressError::Unreachable { .. })) => Verdict::Unverified("unreachable".to_owned()),
            Ok(Err(EgressError::Unanswered { .. })) | Err(_) => Verdict::Unverified("no-answer".to_owned()),
        }
    }
}

/// 401 and 403 are a refusal, as is an error in a 200 answer. Other statuses can also be a fault of the test.
fn judge(answer: &Answer, expect: &[u16]) -> Verdict {
    let cause = format!("http-{}", answer.status);
    if !expect.contains(&answer.status) {
        let refused = matches!(answer.status, 401 | 403);
        return if refused { Verdict::Rejected(cause) } else { Verdict::Unverified(cause) };
    }
    let json = answer.json().unwrap_or_default();
    if json.get("ok") == Some(&serde_json::Value::Bool(false)) {
        return Verdict::Rejected("not-ok".to_owned());
    }
    let errors = json.get("errors").and_then(serde_json::Value::as_array).is_some_and(|errors| !errors.is_empty());
    if errors && json.get("data").is_none_or(serde_json::Value::is_null) {
        return Verdict::Unverified("answered-errors".to_owned());
    }
    Verdict::Accepted
}

/// The call with the secrets filled in. A place without a value is left out. `None` if no place has a value.
fn filled(method: Method, url: Url, inject: &[Inject], values: &Values) -> Option<Call> {
    let method = match method {
        Method::Get => reqwest::Method::GET,
        Method::Head => reqwest::Method::HEAD,
        Method::Post => reqwest::Method::POST,
    };
    let mut call = Call::new(method, url);
    let mut places = 0;
    for place in inject {
        match place {
            Inject::Header { name, template } => {
                if let (Some(text), Ok(name)) = (fill(template, values), HeaderName::try_from(name)) {
                    call = call.header(name, text.expose());
                    places += 1;
                }
            }
            Inject::Query { name, template } => {
                if let Some(text) = fill(template, values) {
                    call.url.query_pairs_mut().append_pair(name, text.expose());
                    places += 1;
                }
            }
            Inject::Basic { username, password } => {
                if let (Some(username), Some(password)) = (fill(username, values), fill(password, values)) {
                    call = call.header(AUTHORIZATION, basic(username.expose(), password.expose()).expose());
                    places += 1;
                }
            }
        }
    }
    (places > 0).then_some(call)
}

/// A template with its values filled in. `None` if a value is missing.
fn fill(template: &str, values: &BTreeMap<String, Value>) -> Option<Secret<String>> {
    let mut filled = Secret::new(String::with_capacity(8 * 1024));
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (field, behind) = after.split_once("}}")?;
        filled.expose_mut().push_str(before);
        match values.get(field.trim())? {
            Value::Text(text) => filled.expose_mut().push_str(text.expose()),
            Value::Number(number) => filled.expose_mut().push_str(&number.to_string()),
            Value::Flag(flag) => filled.expose_mut().push_str(if *flag { "true" } else { "false" }),
            Value::List(_) => return None,
        }
        rest = behind;
    }
    filled.expose_mut().push_str(rest);
    Some(filled)
}
