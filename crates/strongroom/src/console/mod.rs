//! Console sessions. A sign-in link from the command line works once and becomes a session in a browser's cookie. A
//! session ends after 30 minutes without use, and after eight hours at the latest. Changes by an operator need a recent
//! sign-in. Rows carry a MAC, so a session that an attacker inserts is not accepted.

mod issuer;
mod oidc;

use std::time::Duration;

pub use issuer::Issuer;
use jiff::Timestamp;
pub use oidc::SignIn;
use strongroom_crypto::{Token, TokenHash, TokenKind};

use crate::authenticated::Authenticated;
pub use crate::authenticated::ConsoleSession;
use crate::error::Error;
use crate::handles::Console;
use crate::vault::Vault;
pub use strongroom_store::ConsoleUser;
use strongroom_store::{Action, Actor, ConsoleRow, Owner, Principal, SessionId, StoreError, TenantId};

/// Lifetime of an unused link. A link that is found later no longer works.
const LINK_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// A session ends after this time without use.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// Maximum lifetime of a session.
const MAX_SESSION_LIFETIME: Duration = Duration::from_secs(8 * 3600);
/// Minimum time between two updates of `seen_at`.
const SEEN_UPDATE_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// Changes by an operator need a sign-in that is at most this old.
const RECENT_SIGN_IN: Duration = Duration::from_secs(15 * 60);

impl Console<'_> {
    /// Creates a sign-in link. It works once, within ten minutes.
    ///
    /// # Errors
    /// Storage and audit errors only.
    pub async fn invite(self, actor: &Actor, tenant: TenantId, user: ConsoleUser) -> Result<Token, Error> {
        let Self { vault } = self;
        let token = Token::generate(TokenKind::Link, &*vault.inner.entropy);
        let row = vault.new_console(tenant, user, &token, None, LINK_LIFETIME);
        let entry = vault.console_entry(actor, &row, Action::ConsoleInvite);
        vault.within_deadline(vault.inner.store.insert_console(&row, entry)).await?;
        Ok(token)
    }

    /// Exchanges a link for a session and returns the token for the cookie.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the link is unknown, used or expired.
    pub async fn sign_in(self, actor: &Actor, link: &Token) -> Result<(ConsoleSession, Token), Error> {
        let Self { vault } = self;
        let gone = || Error::NotFound { what: "link" };
        let now = vault.inner.clock.now();
        let row = vault.console_row(&link.hash()).await?;
        let row = row.filter(|row| link.kind() == TokenKind::Link && row.opened_at.is_none() && row.expires_at > now);
        let mut row = row.ok_or_else(gone)?;
        let token = Token::generate(TokenKind::Console, &*vault.inner.entropy);
        let from = std::mem::replace(&mut row.hash, token.hash());
        row.opened_at = Some(now);
        row.seen_at = now;
        row.expires_at = now.saturating_add(MAX_SESSION_LIFETIME).unwrap_or(now);
        vault.inner.sealer.set_mac(&mut row);
        let entry = vault.console_entry(actor, &row, Action::ConsoleSignIn);
        match vault.within_deadline(vault.inner.store.move_console(&from, &row, entry)).await {
            Err(Error::Store(StoreError::Conflict(_))) => Err(gone()),
            Err(error) => Err(error),
            Ok(()) => Ok((console(&row, now), token)),
        }
    }

    /// Ends this session, or with `everywhere` all sessions and unused links of the same user.
    ///
    /// # Errors
    /// Storage and audit errors only.
    pub async fn sign_out(self, actor: &Actor, session: &Authenticated, everywhere: bool) -> Result<(), Error> {
        let Self { vault } = self;
        let Some(console) = &session.console else { return Ok(()) };
        let user = session.owner.as_ref().map(|owner| &owner.user);
        let mut entry = vault.entry(actor, session.tenant, Action::ConsoleSignOut).with_target(console.session);
        entry.user = user.cloned();
        let one = (!everywhere).then_some(console.session);
        vault.within_deadline(vault.inner.store.delete_consoles(session.tenant, user, one, entry)).await
    }
}

impl Vault {
    /// Opens a session without a link. The caller has authenticated the user, who proved the identity at `proven_at`.
    pub(crate) async fn open_console(
        &self,
        actor: &Actor,
        tenant: TenantId,
        user: ConsoleUser,
        proven_at: Timestamp,
    ) -> Result<(ConsoleSession, Token), Error> {
        let now = self.inner.clock.now();
        let token = Token::generate(TokenKind::Console, &*self.inner.entropy);
        let row = self.new_console(tenant, user, &token, Some(proven_at), MAX_SESSION_LIFETIME);
        let entry = self.console_entry(actor, &row, Action::ConsoleSignIn);
        self.within_deadline(self.inner.store.insert_console(&row, entry)).await?;
        Ok((console(&row, now), token))
    }

    /// A link, or a session that is already open.
    fn new_console(
        &self,
        tenant: TenantId,
        user: ConsoleUser,
        token: &Token,
        opened_at: Option<Timestamp>,
        life: Duration,
    ) -> ConsoleRow {
        let now = self.inner.clock.now();
        let mut row = ConsoleRow {
            id: SessionId::generate(now, &*self.inner.entropy),
            tenant,
            user,
            hash: token.hash(),
            opened_at,
            seen_at: now,
            expires_at: now.saturating_add(life).unwrap_or(now),
            created_at: now,
            mac: [0; 32],
        };
        self.inner.sealer.set_mac(&mut row);
        row
    }

    /// The principal of this cookie. `None` if it is unknown, signed out, idle or expired.
    pub(crate) async fn authenticate_console(&self, hash: &TokenHash) -> Result<Option<Authenticated>, Error> {
        let now = self.inner.clock.now();
        let idle = |row: &ConsoleRow| row.seen_at.saturating_add(IDLE_TIMEOUT).map_or(true, |until| until <= now);
        let row = self.console_row(hash).await?;
        let Some(mut row) = row.filter(|row| row.opened_at.is_some() && row.expires_at > now && !idle(row)) else {
            return Ok(None);
        };
        let (principal, owner) = match &row.user {
            ConsoleUser::Operator => (Principal::Operator { session: Some(row.id) }, None),
            ConsoleUser::User(user) => {
                let owner = Owner { tenant: row.tenant, user: user.clone() };
                (Principal::User { session: Some(row.id) }, Some(owner))
            }
        };
        let console = Some(console(&row, now));
        let authenticated =
            Authenticated { tenant: row.tenant, principal, owner, origins: Vec::new(), cached_key: None, console };
        if row.seen_at.saturating_add(SEEN_UPDATE_INTERVAL).is_ok_and(|due| due <= now) {
            row.seen_at = now;
            self.inner.sealer.set_mac(&mut row);
            let entry = self.console_entry(&authenticated.actor(None, None), &row, Action::ConsoleSeen);
            match self.within_deadline(self.inner.store.move_console(hash, &row, entry)).await {
                // The session was signed out at the same time.
                Err(Error::Store(StoreError::Conflict(_))) => return Ok(None),
                other => other?,
            }
        }
        Ok(Some(authenticated))
    }

    async fn console_row(&self, hash: &TokenHash) -> Result<Option<ConsoleRow>, Error> {
        Ok(self.inner.store.console(hash).await?.filter(|row| self.inner.sealer.is_genuine(row)))
    }

    fn console_entry(&self, actor: &Actor, row: &ConsoleRow, action: Action) -> strongroom_store::Entry {
        let entry = self.entry(actor, row.tenant, action).with_target(row.id);
        match &row.user {
            ConsoleUser::Operator => entry,
            ConsoleUser::User(user) => entry.with_user(user),
        }
    }
}

fn console(row: &ConsoleRow, now: Timestamp) -> ConsoleSession {
    let opened = row.opened_at.unwrap_or(now);
    ConsoleSession {
        session: row.id,
        expires_at: row.expires_at,
        recent_until: opened.saturating_add(RECENT_SIGN_IN).unwrap_or(opened),
    }
}
