//! The associated data of a sealed record. It is authenticated but not stored. A record that is moved to another row,
//! user, field, tenant, plugin or database has another context and does not open.

/// What a record contains. Each kind has its own domain, so a record of one kind never opens as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The root key, wrapped by the encryption key.
    RootKey,
    /// A user's data key, wrapped by a key derived from the root key.
    UserKey,
    /// A column of a credential, sealed under the owner's data key.
    Credential,
    /// A bearer token stored to replay an idempotent create, sealed under a key derived from the root key.
    Reply,
    /// The secret of a client registration, sealed under a key derived from the root key.
    App,
    /// Verifier and code of a pending connection, sealed under a key derived from the root key.
    Connection,
    /// A token to be revoked at its provider, sealed under a key derived from the root key.
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

/// The place of a sealed record. An empty string means that the record has no such level.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Id of the installation. A record copied to another database does not open.
    pub instance: &'a str,
    /// Id of the tenant.
    pub tenant: &'a str,
    /// Id of the user, given by the host.
    pub user: &'a str,
    /// Id of the row.
    pub object: &'a str,
    /// Name of the column.
    pub field: &'a str,
    /// Rises with each sealing of the row. An older value therefore does not open in place of the current one.
    pub generation: u64,
    /// Other columns that decide who may use the row (for a credential: plugin and type).
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

/// Length prefix first. Plain concatenation is ambiguous, so one record could open in two places.
#[expect(clippy::cast_possible_truncation, reason = "no part comes near 4 GiB: bodies are limited to megabytes")]
pub(crate) fn put(out: &mut Vec<u8>, part: &[u8]) {
    out.extend_from_slice(&(part.len() as u32).to_be_bytes());
    out.extend_from_slice(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_boundaries_are_unambiguous() {
        let base =
            Context { instance: "i", tenant: "ab", user: "c", object: "", field: "", generation: 1, binding: &[] };
        let shifted = Context { tenant: "a", user: "bc", ..base };
        assert_ne!(base.associated_data(Kind::Credential, b"h"), shifted.associated_data(Kind::Credential, b"h"));
        assert_ne!(base.associated_data(Kind::Credential, b"h"), base.associated_data(Kind::UserKey, b"h"));
    }
}
