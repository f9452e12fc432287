//! What a sealed record belongs to. The context is authenticated, not stored: a record that is moved to another
//! row, user, field, tenant, plugin or database meets another context there and does not open.

/// What is sealed; the domain that keeps one use of a key apart from every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The root key, wrapped by the key of the environment.
    RootKey,
    /// A user's data key, wrapped by a key derived from the root.
    UserKey,
    /// A column of a credential, under its user's key.
    Credential,
    /// A bearer token kept for the replay of an idempotent create, under a key derived from the root.
    Reply,
    /// The secret of a client registration, under a key derived from the root.
    App,
    /// What a connection under way must not lose: verifier and code, under a key derived from the root.
    Connection,
    /// A token that is still to be revoked at its provider, under a key derived from the root.
    Revocation,
}

impl Kind {
    fn domain(self) -> &'static str {
        match self {
            Self::RootKey => "strongroom/v1/root-key",
            Self::UserKey => "strongroom/v1/user-key",
            Self::Credential => "strongroom/v1/credential",
            Self::Reply => "strongroom/v1/reply",
            Self::App => "strongroom/v1/app",
            Self::Connection => "strongroom/v1/connection",
            Self::Revocation => "strongroom/v1/revocation",
        }
    }
}

/// Where a sealed record lives. Empty strings stand for "none at this level".
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The installation's id: a record copied to another database does not open.
    pub instance: &'a str,
    /// The tenant's id.
    pub tenant: &'a str,
    /// The host's own id for the user.
    pub user: &'a str,
    /// The row's id.
    pub object: &'a str,
    /// The column's name.
    pub field: &'a str,
    /// Counts the sealings of the row, so that an older value does not pass for the present one.
    pub generation: u64,
    /// Further facts of the row that decide who may use it (for a credential: plugin and type).
    pub binding: &'a [&'a str],
}

impl Context<'_> {
    pub(crate) fn associated_data(&self, kind: Kind, header: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        put(&mut out, kind.domain().as_bytes());
        put(&mut out, header);
        for text in [self.instance, self.tenant, self.user, self.object, self.field] {
            put(&mut out, text.as_bytes());
        }
        put(&mut out, &self.generation.to_be_bytes());
        for text in self.binding {
            put(&mut out, text.as_bytes());
        }
        out
    }
}

/// Length first: joined strings are ambiguous, and an ambiguity here is a record that opens in two places.
#[expect(clippy::cast_possible_truncation, reason = "no part comes near 4 GiB: bodies are limited to megabytes")]
pub(crate) fn put(out: &mut Vec<u8>, part: &[u8]) {
    out.extend_from_slice(&(part.len() as u32).to_be_bytes());
    out.extend_from_slice(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_parts_cannot_trade_bytes() {
        let base =
            Context { instance: "i", tenant: "ab", user: "c", object: "", field: "", generation: 1, binding: &[] };
        let shifted = Context { tenant: "a", user: "bc", ..base };
        assert_ne!(base.associated_data(Kind::Credential, b"h"), shifted.associated_data(Kind::Credential, b"h"));
        assert_ne!(base.associated_data(Kind::Credential, b"h"), base.associated_data(Kind::UserKey, b"h"));
    }
}
