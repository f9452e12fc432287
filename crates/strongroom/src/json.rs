//! Strict JSON parser for all external input. It refuses duplicate keys, because two parsers can pick different values
//! of a pair and disagree (OWASP ASVS V1.5.3).

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Parses a JSON text into `T` and refuses duplicate keys at any depth.
///
/// # Errors
/// A syntax or type error with its line and column.
pub fn from_slice<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Unique.deserialize(&mut reader)?;
    reader.end()?;
    serde_json::from_slice(bytes)
}

struct Unique;

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if !seen.insert(key) {
                return Err(A::Error::custom("an object has the same key twice"));
            }
            map.next_value_seed(Self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_keys_are_refused_at_any_depth() {
        assert!(from_slice::<serde_json::Value>(br#"{"a":{"b":1},"c":[{"b":2}]}"#).is_ok());
        assert!(from_slice::<serde_json::Value>(br#"{"a":1,"a":2}"#).is_err());
        assert!(from_slice::<serde_json::Value>(br#"{"x":[{"a":1,"\u0061":2}]}"#).is_err());
        assert!(from_slice::<serde_json::Value>(br#"{"a":1} x"#).is_err());
    }

    #[test]
    fn depth_is_limited() {
        let deep = "[".repeat(5000);
        assert!(from_slice::<serde_json::Value>(deep.as_bytes()).is_err());
    }
}
