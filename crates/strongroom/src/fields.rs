//! The values of a credential. Every input text is a [`Secret`] from the parser on. A field is secret unless the schema
//! says otherwise. A field that the schema does not know is secret.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use strongroom_crypto::Secret;

/// The field of a credential that holds a service account's key file. Plugins never get it.
pub(crate) const KEY_FILE: &str = "key_file";

/// The value of one field.
#[derive(Debug)]
pub enum Value {
    /// A text.
    Text(Secret<String>),
    /// An integer or a decimal number.
    Number(Number),
    /// True or false.
    Flag(bool),
    /// A list of texts.
    List(Vec<Secret<String>>),
}

/// The input for one field.
#[derive(Debug)]
pub enum Input {
    /// `null`: clears the field.
    Null,
    /// A new value.
    Value(Value),
    /// An object or a nested list. No field accepts these.
    Unsupported,
}

/// The input, by field name.
#[derive(Debug, Default)]
pub struct Fields(pub(crate) BTreeMap<String, Input>);

/// The complete and checked values of a credential.
pub type Values = BTreeMap<String, Value>;

/// A fault of one field. It never contains a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name, or the name of a member of the request (`name`, `type`, `plugin`).
    pub field: String,
    /// A stable slug: `required`, `unknown`, `type`, `pattern`, `min-length`, …
    pub code: &'static str,
    /// A sentence for users.
    pub message: String,
}

impl Fields {
    /// Sets a field to a text.
    #[must_use]
    pub fn text(mut self, field: &str, text: Secret<String>) -> Self {
        self.0.insert(field.to_owned(), Input::Value(Value::Text(text)));
        self
    }

    /// Sets a field to an input of any kind.
    pub fn insert(&mut self, field: &str, input: Input) {
        self.0.insert(field.to_owned(), input);
    }

    /// Whether the input is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Value {
    /// Appends the value as JSON. The caller must treat the buffer as secret.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => write_text(out, text.expose()),
            Self::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Self::Flag(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
            Self::List(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    write_text(out, item.expose());
                }
                out.push(b']');
            }
        }
    }

    fn size(&self) -> usize {
        match self {
            // JSON escaping takes at most six bytes for one.
            Self::Text(text) => text.expose().len() * 6 + 2,
            Self::Number(_) | Self::Flag(_) => 32,
            Self::List(items) => items.iter().map(|item| item.expose().len() * 6 + 3).sum::<usize>() + 2,
        }
    }

    pub(crate) fn list(texts: &[String]) -> Self {
        Self::List(texts.iter().map(|text| Secret::from(text.as_str())).collect())
    }

    pub(crate) fn as_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => serde_json::Value::String(text.expose().clone()),
            Self::Number(number) => serde_json::Value::Number(number.clone()),
            Self::Flag(flag) => serde_json::Value::Bool(*flag),
            Self::List(items) => items.iter().map(|item| item.expose().clone()).collect(),
        }
    }
}

/// Writes the values as one JSON object. The buffer has its final size from the start: a reallocation would leave a
/// copy of the secrets in freed memory.
#[must_use]
pub fn to_json<'a>(values: impl Iterator<Item = (&'a String, &'a Value)> + Clone) -> Secret<Vec<u8>> {
    let size = values.clone().map(|(name, value)| name.len() * 6 + value.size() + 4).sum::<usize>() + 2;
    let mut out = Secret::new(Vec::with_capacity(size));
    let buffer = out.expose_mut();
    buffer.push(b'{');
    for (at, (name, value)) in values.enumerate() {
        if at > 0 {
            buffer.push(b',');
        }
        write_text(buffer, name);
        buffer.push(b':');
        value.write_json(buffer);
    }
    buffer.push(b'}');
    out
}

pub(crate) fn from_json(bytes: &Secret<Vec<u8>>) -> Option<Values> {
    serde_json::from_slice::<Fields>(bytes.expose()).ok()?.into_values()
}

/// Whether the bytes are a JSON object.
pub(crate) fn is_object(bytes: &Secret<Vec<u8>>) -> bool {
    bytes.expose().starts_with(b"{") && serde_json::from_slice::<de::IgnoredAny>(bytes.expose()).is_ok()
}

impl Fields {
    fn into_values(self) -> Option<Values> {
        self.0
            .into_iter()
            .map(|(name, input)| match input {
                Input::Value(value) => Some((name, value)),
                Input::Null | Input::Unsupported => None,
            })
            .collect()
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    // Writing to a `Vec` cannot fail.
    let _ = serde_json::to_writer(out, text);
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some((name, input)) = map.next_entry::<String, Input>()? {
                    if fields.insert(name, input).is_some() {
                        return Err(de::Error::custom("a field is given twice"));
                    }
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Map)
    }
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Input;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, a number, true or false, a list of texts, or null")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Input, E> {
                Ok(Input::Null)
            }

            fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Input, E> {
                Ok(Input::Value(Value::Flag(flag)))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Input, E> {
                Ok(Input::Value(Value::Number(number.into())))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Input, E> {
                Ok(Input::Value(Value::Number(number.into())))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Input, E> {
                Ok(Number::from_f64(number).map_or(Input::Unsupported, |number| Input::Value(Value::Number(number))))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Input, E> {
                Ok(Input::Value(Value::Text(Secret::from(text))))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Input, E> {
                Ok(Input::Value(Value::Text(Secret::new(text))))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Input, A::Error> {
                let mut items = Vec::new();
                let mut supported = true;
                while let Some(item) = seq.next_element::<Input>()? {
                    match item {
                        Input::Value(Value::Text(text)) => items.push(text),
                        _ => supported = false,
                    }
                }
                Ok(if supported { Input::Value(Value::List(items)) } else { Input::Unsupported })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Input, A::Error> {
                while map.next_entry::<de::IgnoredAny, de::IgnoredAny>()?.is_some() {}
                Ok(Input::Unsupported)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_round_trip_through_json() {
        let text = r#"{"a":"x\"y\u0001é","b":3,"c":true,"d":["p","q"],"e":1.5}"#;
        let values = from_json(&Secret::new(text.as_bytes().to_vec())).expect("plain values");
        let again = to_json(values.iter());
        let (left, right): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(text).expect("json"), serde_json::from_slice(again.expose()).expect("json"));
        assert_eq!(left, right);
        assert!(again.expose().capacity() >= again.expose().len());
    }

    #[test]
    fn debug_shows_no_value() {
        let fields: Fields = serde_json::from_str(r#"{"a":"hush","b":["hush"]}"#).expect("fields");
        assert!(!format!("{fields:?}").contains("hush"));
    }
}
