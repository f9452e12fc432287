//! Revokes grants at providers. The deletion of a credential and its pending revocation are committed together. The
//! revocation stays stored through outages, crashes and restarts until the provider accepts it (RFC 7009 2.2.1). It
//! ends after `MAX_ATTEMPTS` attempts.

use std::time::Duration;

use strongroom_crypto::{Context, Kind, Sealed, Secret};

use super::app::Registration;
use super::run_bounded;
use crate::error::Error;
use crate::fields::{Value, Values};
use crate::sealer::Sealer;
use crate::vault::Vault;
use strongroom_oauth::{RevokeStyle, Which};
use strongroom_store::{
    Action, Actor, CredentialFilter, CredentialRow, CredentialType, Owner, PendingRevocations, PluginName, Reason,
    RevocationId, RevocationRow, TenantId,
};

const INITIAL_BACKOFF: Duration = Duration::from_secs(30);
const MAX_BACKOFF: Duration = Duration::from_secs(6 * 3600);
/// About one month of attempts. The last failure is logged for the operator.
const MAX_ATTEMPTS: u64 = 120;
const SWEEP_BATCH_SIZE: u32 = 100;

impl Vault {
    /// The revocation to store when this credential is deleted. `None` if it has no connected account, cannot be
    /// decrypted, or its provider has no revocation.
    pub(crate) async fn pending_revocation(&self, row: &CredentialRow) -> Result<Option<RevocationRow>, Error> {
        let Some(app) = row.app else { return Ok(None) };
        let opened = async {
            let registration = self.registration(row.owner.tenant, app).await?;
            Ok((registration, self.values(row).await?))
        };
        match opened.await {
            Ok((registration, values)) => Ok(self.new_revocation(row, &registration, values)),
            Err(error @ (Error::Store(_) | Error::AuditUnavailable(_))) => Err(error),
            Err(error) => {
                tracing::warn!(credential = %row.id, %app, %error, "a grant is still valid at its provider; revoke it there");
                Ok(None)
            }
        }
    }

    /// Revokes tokens that arrived after their credential was deleted.
    pub(super) async fn revoke_orphaned(
        &self,
        row: &CredentialRow,
        registration: &Registration,
        values: Values,
    ) -> Result<(), Error> {
        tracing::warn!(credential = %row.id, "tokens arrived for a deleted credential; they will be revoked");
        let Some(revocation) = self.new_revocation(row, registration, values) else { return Ok(()) };
        let entry = self.sweeper_entry(row, Action::CredentialRefreshed).denied(Reason::NotFound);
        self.within_deadline(self.inner.store.insert_revocation(&revocation, entry)).await
    }

    fn new_revocation(
        &self,
        row: &CredentialRow,
        registration: &Registration,
        mut values: Values,
    ) -> Option<RevocationRow> {
        let revoke = registration.client.provider.revoke.as_ref()?;
        // A bearer call can only carry an access token. It must not expose a refresh token.
        let by_refresh = revoke.token == Which::Refresh && revoke.style != RevokeStyle::Bearer;
        let refresh = if by_refresh { values.remove("refresh_token") } else { None };
        let Some(Value::Text(token)) = refresh.or_else(|| values.remove("access_token")) else { return None };
        let now = self.inner.clock.now();
        let mut revocation = RevocationRow {
            id: RevocationId::generate(now, &*self.inner.entropy),
            tenant: row.owner.tenant,
            app: registration.row.id,
            sealed: Sealed::from_bytes(Vec::new()),
            attempts: 0,
            due_at: now,
            created_at: now,
        };
        // Not sealed with the user's data key. Deleting the user destroys that key, and the grant must still be
        // revoked.
        revocation.sealed = self.inner.sealer.seal_revocation(&revocation, &token);
        Some(revocation)
    }

    async fn cover(&self, rows: &[CredentialRow], revocations: &mut PendingRevocations) -> Result<(), Error> {
        for row in rows {
            revocations.rows.extend(self.pending_revocation(row).await?);
            revocations.covered.insert((row.id, row.generation));
        }
        Ok(())
    }

    /// The revocations to store when a user is deleted.
    pub(crate) async fn pending_revocations_of_user(&self, owner: &Owner) -> Result<PendingRevocations, Error> {
        let mut revocations = PendingRevocations::default();
        let mut filter = CredentialFilter { kind: Some(CredentialType::Oauth2), limit: 500, ..Default::default() };
        loop {
            let rows = self.inner.store.credentials(owner, &filter).await?;
            self.cover(&rows, &mut revocations).await?;
            match rows.last() {
                Some(last) => filter.after = Some(last.id),
                None => return Ok(revocations),
            }
        }
    }

    /// The revocations to store when a plugin is removed with its credentials.
    pub(crate) async fn pending_revocations_of_plugin(
        &self,
        tenant: TenantId,
        plugin: &PluginName,
    ) -> Result<PendingRevocations, Error> {
        let (mut revocations, mut after) = (PendingRevocations::default(), None);
        loop {
            let rows = self.inner.store.connected(tenant, plugin, after, 500).await?;
            self.cover(&rows, &mut revocations).await?;
            match rows.last() {
                Some(last) => after = Some(last.id),
                None => return Ok(revocations),
            }
        }
    }

    pub(crate) async fn settle_due_revocations(&self) -> Result<usize, Error> {
        let revocations = self.inner.store.due_revocations(self.inner.clock.now(), SWEEP_BATCH_SIZE).await?;
        let count = revocations.len();
        let settled = run_bounded(revocations.into_iter().map(|row| {
            let vault = self.clone();
            async move { vault.settle_one(&row).await }
        }));
        settled.await.into_iter().collect::<Result<(), Error>>()?;
        Ok(count)
    }

    async fn settle_one(&self, row: &RevocationRow) -> Result<(), Error> {
        let done = self.revoke(row).await;
        let entry = self.entry(&Actor::strongroom(), row.tenant, Action::CredentialRevoke).with_target(row.app);
        let attempts = row.attempts + 1;
        let (again, entry) = match done {
            Ok(()) => (None, entry),
            Err(cause) if attempts >= MAX_ATTEMPTS => {
                tracing::error!(app = %row.app, cause, "a grant could not be revoked; revoke it at the provider");
                (None, entry.denied(Reason::Provider))
            }
            Err(cause) => {
                tracing::warn!(app = %row.app, cause, attempts, "a grant was not revoked; the revocation will be retried");
                let wait = INITIAL_BACKOFF.saturating_mul(1 << attempts.min(10)).min(MAX_BACKOFF);
                (self.inner.clock.now().saturating_add(wait).ok(), entry.denied(Reason::Provider))
            }
        };
        self.within_deadline(self.inner.store.settle_revocation(row.id, attempts, again, entry)).await
    }

    /// Status 200 also means that the token was unknown, so it is already revoked (RFC 7009 2.2).
    async fn revoke(&self, row: &RevocationRow) -> Result<(), String> {
        let registration = self.registration(row.tenant, row.app).await.map_err(|error| error.to_string())?;
        let proof = self.authenticate_client(&registration).map_err(|failure| failure.cause().to_owned())?;
        let token = self.inner.sealer.open_revocation(row).ok_or("its record does not open")?;
        let call = registration.client.revocation(proof, &token).ok_or("the provider has no revocation endpoint")?;
        let answer = self.inner.egress.send(call).await.map_err(|error| error.to_string())?;
        let json = answer.json().unwrap_or_default();
        let error = json.get("error").and_then(serde_json::Value::as_str);
        // A token that the provider does not know is already gone. A request that it did not understand is not a
        // success.
        let gone = matches!(error, Some("invalid_token" | "invalid_grant" | "token_revoked" | "token_not_found"));
        let refused = error.is_some() || json.get("ok") == Some(&serde_json::Value::Bool(false));
        if gone || answer.is_success() && !refused || matches!(answer.status, 404 | 410) {
            return Ok(());
        }
        Err(format!("http-{}", answer.status))
    }
}

impl Sealer {
    fn seal_revocation(&self, row: &RevocationRow, token: &Secret<String>) -> Sealed {
        self.in_revocation_context(row, |context| self.seal(Kind::Revocation, context, token.expose().as_bytes()))
    }

    fn open_revocation(&self, row: &RevocationRow) -> Option<Secret<String>> {
        let token = self.in_revocation_context(row, |context| self.open(Kind::Revocation, context, &row.sealed));
        token.ok()?.into_text().ok()
    }

    fn in_revocation_context<T>(&self, row: &RevocationRow, then: impl FnOnce(&Context<'_>) -> T) -> T {
        then(&Context {
            instance: self.instance(),
            tenant: &row.tenant.to_string(),
            user: "",
            object: &row.id.to_string(),
            field: "sealed",
            generation: 1,
            binding: &[&row.app.to_string()],
        })
    }
}
