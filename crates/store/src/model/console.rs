//! The row of a console session or of its sign-in link.

use jiff::Timestamp;
use strongroom_crypto::TokenHash;

use crate::model::{MacRow, SessionId, TenantId, UserId};

/// The user of a console session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsoleUser {
    /// The operator.
    Operator,
    /// A user of the host, for the user's own credentials.
    User(UserId),
}

/// A sign-in link or a session, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the table `console_session`")]
pub struct ConsoleRow {
    pub id: SessionId,
    pub tenant: TenantId,
    pub user: ConsoleUser,
    pub hash: TokenHash,
    pub opened_at: Option<Timestamp>,
    pub seen_at: Timestamp,
    pub expires_at: Timestamp,
    pub created_at: Timestamp,
    pub mac: [u8; 32],
}

impl MacRow for ConsoleRow {
    fn table(&self) -> &'static str {
        "console_session"
    }

    fn columns<T>(&self, then: impl FnOnce(&[&[u8]]) -> T) -> T {
        // An empty text is unique, because no user id is empty.
        let user = match &self.user {
            ConsoleUser::Operator => "",
            ConsoleUser::User(user) => user.as_str(),
        };
        let opened = self.opened_at.map(|at| at.as_millisecond().to_be_bytes());
        then(&[
            self.id.to_string().as_bytes(),
            self.tenant.to_string().as_bytes(),
            user.as_bytes(),
            self.hash.as_bytes(),
            opened.as_ref().map_or(&[][..], |at| at),
            &self.seen_at.as_millisecond().to_be_bytes(),
            &self.expires_at.as_millisecond().to_be_bytes(),
            &self.created_at.as_millisecond().to_be_bytes(),
        ])
    }

    fn mac(&self) -> &[u8; 32] {
        &self.mac
    }

    fn mac_mut(&mut self) -> &mut [u8; 32] {
        &mut self.mac
    }
}
