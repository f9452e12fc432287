//! Ids and names. Each is a newtype that can only hold a valid value. Strongroom's own ids are a prefix and a UUIDv7
//! from the given clock and entropy. User ids are strings of the host.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use smol_str::SmolStr;
use strongroom_crypto::Entropy;
use uuid::Uuid;

/// The text is not a valid id or name. Callers may see the message.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct NameError(pub String);

macro_rules! id {
    ($(#[$doc:meta] $name:ident $prefix:literal)*) => {$(
        #[$doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The prefix of every id of this kind.
            pub const PREFIX: &str = $prefix;

            /// A new id: the time, then random bits.
            pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
                let mut random = [0; 10];
                entropy.fill(&mut random);
                let milliseconds = now.as_millisecond().max(0).unsigned_abs();
                Self(uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid())
            }
        }

        impl From<$name> for ObjectId {
            fn from(id: $name) -> Self {
                Self { prefix: $prefix, uuid: id.0 }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                ObjectId::from(*self).fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                text.strip_prefix($prefix)
                    .filter(|hex| hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
                    .and_then(|hex| Uuid::try_parse(hex).ok())
                    .map(Self)
                    .ok_or_else(|| NameError(format!("must be `{}` followed by 32 hexadecimal digits", $prefix)))
            }
        }
    )*};
}

id! {
    /// A tenant: the users and plugins of one application, separate from those of other tenants.
    TenantId "tnt_"
    /// A stored credential.
    CredentialId "cred_"
    /// A registered plugin.
    PluginId "plug_"
    /// A host key or a plugin key. This id is not secret.
    ApiKeyId "key_"
    /// A session of a user.
    SessionId "sess_"
    /// A client registration at a provider.
    AppId "app_"
    /// A connection.
    ConnectionId "conn_"
    /// A pending revocation at a provider.
    RevocationId "rev_"
}

/// An id of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectId {
    prefix: &'static str,
    uuid: Uuid,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.prefix, self.uuid.simple())
    }
}

impl ObjectId {
    /// The credential id, if this is one.
    pub fn credential(self) -> Option<CredentialId> {
        (self.prefix == CredentialId::PREFIX).then_some(CredentialId(self.uuid))
    }
}

macro_rules! name {
    ($(#[$doc:meta] $name:ident $check:ident)*) => {$(
        #[$doc]
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(SmolStr);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                $check(text)?;
                Ok(Self(text.into()))
            }
        }
    )*};
}

name! {
    /// The host's own id for a user: 1 to 255 bytes, no control characters.
    UserId check_user_id
    /// A plugin's name: lower-case letters, digits and hyphens, 1 to 63 characters.
    PluginName check_slug
    /// A tenant's name: lower-case letters, digits and hyphens, 1 to 63 characters.
    TenantName check_slug
    /// A credential's name, chosen by a person: 1 to 100 characters, no control characters.
    CredentialName check_label
    /// The purpose of a key: 1 to 100 characters, no control characters.
    Label check_label
}

impl CredentialName {
    /// The name of a credential that has none yet.
    #[must_use]
    pub fn unnamed() -> Self {
        Self("Unnamed".into())
    }
}

fn check_user_id(text: &str) -> Result<(), NameError> {
    if text.is_empty() || text.len() > 255 || text.chars().any(char::is_control) {
        return Err(NameError("must have 1 to 255 bytes and no control characters".to_owned()));
    }
    Ok(())
}

fn check_slug(text: &str) -> Result<(), NameError> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if text.is_empty() || text.len() > 63 || !text.bytes().all(inner) || text.starts_with('-') || text.ends_with('-') {
        return Err(NameError(
            "must have 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end".to_owned(),
        ));
    }
    Ok(())
}

fn check_label(text: &str) -> Result<(), NameError> {
    let length = text.chars().count();
    if !(1..=100).contains(&length) || text.chars().any(char::is_control) || text.trim() != text {
        return Err(NameError(
            "must have 1 to 100 characters, no control characters and no white space at either end".to_owned(),
        ));
    }
    Ok(())
}

/// The tenant and user to whom a credential belongs. Every query for a credential requires both.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The tenant.
    pub tenant: TenantId,
    /// The user within it.
    pub user: UserId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_parse_and_refuse_other_prefixes() {
        let id = CredentialId::generate(Timestamp::UNIX_EPOCH, &strongroom_crypto::OsEntropy::default());
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().parse::<PluginId>().is_err());
        assert!(id.to_string().to_uppercase().parse::<CredentialId>().is_err());
    }

    #[test]
    fn names_refuse_unsafe_characters() {
        for bad in ["", "-a", "a-", "A", "a_b", "a/b", "é", &"a".repeat(64)] {
            assert!(bad.parse::<PluginName>().is_err(), "{bad}");
        }
        for bad in ["", " a", "a ", "a\u{1b}[2J", "a\nb", &"a".repeat(101)] {
            assert!(bad.parse::<CredentialName>().is_err(), "{bad}");
        }
        for bad in ["", "a\0b", &"a".repeat(256)] {
            assert!(bad.parse::<UserId>().is_err(), "{bad}");
        }
    }
}
