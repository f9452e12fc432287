//! The device flow (RFC 8628). The user enters a code at the provider on any device. Strongroom polls the token
//! endpoint no more often than it allows. Only the user who was shown the code can poll.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use strongroom_crypto::Secret;
use url::Url;

use super::Connecting;
use super::draft::IfConnected;
use super::phases::hash;
use super::secrets::{ConnectionSecrets, Device};
use super::status::{Connection, Prompt};
use crate::error::Error;
use crate::fields::Values;
use crate::manifest::is_plain_address;
use crate::oauth::app::Registration;
use crate::oauth::store_tokens::Granted;
use crate::vault::Vault;
use strongroom_egress::Call;
use strongroom_oauth::{Failure, TokenRequest};
use strongroom_store::{Action, Actor, ConnectionRow, Entry, Phase, Reason};

/// Interval if the provider names none (RFC 8628 3.2), and what each `slow_down` adds to it permanently (3.5).
const DEFAULT_POLL_INTERVAL_MS: i64 = 5_000;
/// Maximum interval. With a longer one, the code could expire before the next poll.
const MAX_POLL_INTERVAL_MS: i64 = 60_000;
/// In milliseconds. Longer than a call takes.
const POLL_LEASE_MS: i64 = 25_000;
const _: () = assert!(
    POLL_LEASE_MS as u128 > strongroom_egress::CALL_TIMEOUT.as_millis(),
    "the tokens could arrive after another request has begun to poll"
);
/// Limit of the wait between attempts to store received tokens. They are held for about twice as long.
const STATUS_WAIT: Duration = Duration::from_secs(15);
/// Maximum lifetime of a code, even if the provider allows more.
const MAX_DEVICE_CODE_LIFETIME_SECONDS: f64 = 1800.0;

/// A device authorization (RFC 8628 3.2). Some providers write `url` instead of `uri`.
#[derive(Deserialize)]
struct Authorization {
    device_code: Secret<String>,
    user_code: String,
    #[serde(alias = "verification_url")]
    verification_uri: String,
    #[serde(alias = "verification_url_complete")]
    verification_uri_complete: Option<String>,
    expires_in: Option<f64>,
    interval: Option<f64>,
}

impl Vault {
    /// Requests a code from the provider, to show it to the user.
    pub(super) async fn prompt(
        &self,
        mut row: ConnectionRow,
        registration: &Registration,
        if_connected: IfConnected,
        entry: Entry,
    ) -> Result<Connecting, Error> {
        let device = registration.client.provider.device.as_ref();
        let device = device.ok_or_else(|| Error::field("flow", "unsupported", "this provider has no device flow"))?;
        let refused = |failure: Failure| Error::Provider(failure.cause().to_owned());
        let url = registration.client.address(&device.url).map_err(refused)?;
        let now = self.inner.clock.now();
        let authorization = match self.authorize_device(registration, url, &row.scopes, now).await {
            Ok(authorization) => authorization,
            Err(failure) => {
                self.record(entry.denied(Reason::Provider)).await?;
                return Err(refused(failure));
            }
        };
        let interval =
            authorization.interval.map_or(DEFAULT_POLL_INTERVAL_MS, milliseconds).clamp(1_000, MAX_POLL_INTERVAL_MS);
        let life = milliseconds(
            authorization
                .expires_in
                .unwrap_or(MAX_DEVICE_CODE_LIFETIME_SECONDS)
                .clamp(1.0, MAX_DEVICE_CODE_LIFETIME_SECONDS),
        );
        row.expires_at = now.saturating_add(SignedDuration::from_millis(life)).unwrap_or(now);
        row.phase = Phase::Prompted;
        let mut secrets = ConnectionSecrets::new(Secret::from(""), if_connected);
        secrets.device = Some(Device {
            code: authorization.device_code,
            prompt: Prompt {
                user_code: authorization.user_code,
                address: authorization.verification_uri,
                complete_address: authorization.verification_uri_complete,
            },
            interval,
            next_at: now.as_millisecond() + interval,
        });
        row.sealed = self.inner.sealer.seal_connection(&row, &secrets);
        self.within_deadline(self.inner.store.insert_connection(&row, entry)).await?;
        Ok(Connecting::Prompted(self.prompted(&row, &secrets)))
    }

    async fn authorize_device(
        &self,
        registration: &Registration,
        url: Url,
        scopes: &str,
        now: Timestamp,
    ) -> Result<Authorization, Failure> {
        let authorize = registration.client.provider.authorize.as_ref();
        let separator = authorize.map_or(" ", |authorize| authorize.scope_separator.as_str());
        let scopes = scopes.replace(' ', separator);
        let proof = self.authenticate_client(registration)?;
        let mut members: Vec<(&str, &str)> = vec![("client_id", &registration.client.id)];
        members.extend(proof.members().filter(|(name, _)| *name != "client_id"));
        if !scopes.is_empty() {
            members.push(("scope", &scopes));
        }
        let call = proof.sign(Call::new(reqwest::Method::POST, url)).form(members);
        let answer = self.inner.egress.send(call).await?;
        let json = answer.json().filter(|json| answer.is_success() && json.get("error").is_none());
        let Some(json) = json else { return Err(registration.client.refusal(&answer, now)) };
        let authorization: Result<Authorization, _> = serde_json::from_value(json);
        let fits = |authorization: &Authorization| {
            let code = &authorization.user_code;
            let complete = authorization.verification_uri_complete.as_deref();
            // These texts are shown to a user, who opens the addresses.
            (1..=64).contains(&code.len())
                && !code.chars().any(char::is_control)
                && is_plain_address(&authorization.verification_uri)
                && complete.is_none_or(is_plain_address)
        };
        authorization.ok().filter(fits).ok_or_else(|| Failure::config("device-answer-invalid"))
    }

    /// Polls whether the user has entered the code. Runs in a new task, because the tokens are sent only once.
    pub(super) async fn poll(&self, actor: &Actor, mut row: ConnectionRow) -> Result<Connection, Error> {
        let mut secrets = self.inner.sealer.open_connection(&row)?;
        let Some(device) = &mut secrets.device else { return Ok(self.shown_connection(&row)) };
        let now = self.inner.clock.now().as_millisecond();
        if now < device.next_at {
            return Ok(self.prompted(&row, &secrets));
        }
        // A lease. An answer can take longer than the interval, and the tokens are sent only once.
        device.next_at = now + device.interval + POLL_LEASE_MS;
        match self.keep_waiting(actor, &mut row, &secrets).await {
            // Another page of the same user is polling.
            Err(Error::NotFound { .. }) => return Ok(self.prompted(&row, &secrets)),
            other => other?,
        }
        let registration = self.registration(row.owner.tenant, row.app).await?;
        let Some(device) = &secrets.device else { return Ok(self.shown_connection(&row)) };
        let failure = match self.ask(&registration, TokenRequest::Device { code: &device.code }).await {
            Ok(tokens) => {
                self.take_granted(actor, &mut row).await?;
                let if_connected = secrets.if_connected;
                let granted = Granted { tokens, kept: Values::new(), account: None, if_connected };
                let outcome = self.keep_granted(actor, &row, &registration, granted).await;
                self.settle(actor, &mut row, &outcome).await;
                return Ok(self.shown_connection(&row));
            }
            Err(failure) => failure,
        };
        let slower = match (failure.cause(), &failure) {
            ("authorization_pending", _) => Some(0),
            ("slow_down", _) => Some(DEFAULT_POLL_INTERVAL_MS),
            // No useful answer: poll less often (RFC 8628 3.5).
            (_, Failure::Transient { unknown: false, .. }) => secrets.device.as_ref().map(|device| device.interval),
            (cause, _) => {
                self.settle(actor, &mut row, &Err(Error::Provider(cause.to_owned()))).await;
                return Ok(self.shown_connection(&row));
            }
        };
        if let (Some(slower), Some(device)) = (slower, &mut secrets.device) {
            device.interval = (device.interval + slower).min(MAX_POLL_INTERVAL_MS);
            device.next_at = self.inner.clock.now().as_millisecond() + device.interval;
            match self.keep_waiting(actor, &mut row, &secrets).await {
                // This task has outlived its lease. The next caller continues.
                Err(Error::NotFound { .. }) => {}
                other => other?,
            }
        }
        Ok(self.prompted(&row, &secrets))
    }

    /// The tokens are not sent again, so retry while the store cannot be written.
    async fn take_granted(&self, actor: &Actor, row: &mut ConnectionRow) -> Result<(), Error> {
        let mut wait = Duration::from_millis(200);
        loop {
            let entry = self.entry_of(actor, row, Action::ConnectionComplete);
            match self.take(row, entry).await {
                Err(error @ (Error::AuditUnavailable(_) | Error::Store(_))) if wait < STATUS_WAIT => {
                    tracing::error!(connection = %row.id, %error, "a connected account could not be written; retrying");
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
                Err(error) => {
                    tracing::error!(connection = %row.id, %error, "a grant is still valid at its provider; revoke it there");
                    return Err(error);
                }
                Ok(()) => return Ok(()),
            }
        }
    }

    async fn keep_waiting(
        &self,
        actor: &Actor,
        row: &mut ConnectionRow,
        secrets: &ConnectionSecrets,
    ) -> Result<(), Error> {
        let next = hash("device", &self.inner.sealer.random_text());
        self.advance(actor, row, Phase::Prompted, next, secrets).await
    }

    fn prompted(&self, row: &ConnectionRow, secrets: &ConnectionSecrets) -> Connection {
        let prompt = secrets.device.as_ref().map(|device| device.prompt.clone());
        Connection { prompt, ..self.shown_connection(row) }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "clamped by both callers to half an hour")]
fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1000.0) as i64
}
