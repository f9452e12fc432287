//! The schema of a form: a subset of JSON Schema 2020-12 with annotations. It also checks values. A field is secret
//! unless its schema says `"x-secret": false`. A field that the schema does not know is secret.

use std::collections::BTreeMap;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::fields::{FieldError, Fields, Input, Value, Values};
use crate::violations::Violations;

/// The fields of a form.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Schema {
    /// Always `object`.
    pub r#type: ObjectType,
    /// The fields, by name.
    pub properties: BTreeMap<String, Property>,
    /// The fields that must have a value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
    /// Whether further fields are accepted. They are texts and secret.
    #[serde(default)]
    pub additional_properties: bool,
}

/// The word `object`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "JSON Schema's own word")]
pub enum ObjectType {
    Object,
}

/// One field.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(missing_docs, reason = "JSON Schema's own words; the `x-` ones are described in docs/MANIFEST.md")]
pub struct Property {
    pub r#type: PropertyType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub r#enum: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
    #[serde(rename = "x-secret", default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<bool>,
    #[serde(rename = "x-order", default, skip_serializing_if = "Option::is_none")]
    pub order: Option<i32>,
    #[serde(rename = "x-group", default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    #[serde(rename = "x-help", default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    #[serde(rename = "x-doc-url", default, skip_serializing_if = "Option::is_none")]
    pub doc_url: Option<String>,
    #[serde(rename = "x-placeholder", default, skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<String>,
    #[serde(rename = "x-prefix", default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    #[serde(rename = "x-suffix", default, skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
    #[serde(rename = "x-widget", default, skip_serializing_if = "Option::is_none")]
    pub widget: Option<Widget>,
    #[serde(rename = "x-visible-when", default, skip_serializing_if = "Option::is_none")]
    pub visible_when: Option<VisibleWhen>,
}

/// The type of a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "JSON Schema's own words; `array` is a list of strings")]
pub enum PropertyType {
    String,
    Integer,
    Number,
    Boolean,
    Array,
}

/// The formats that are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "JSON Schema's own words")]
pub enum Format {
    Uri,
    Hostname,
    Email,
    Uuid,
}

/// How a form displays a field, if the type alone does not define it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum Widget {
    Password,
    Textarea,
    File,
    Pem,
    Json,
}

/// Shows and requires a field only while another field has one of these values.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct VisibleWhen {
    /// The other field. It must not be secret.
    pub field: String,
    /// The values, as text.
    pub r#in: Vec<String>,
}

/// The maximum size of a text in bytes. A key file of a service account has 2,400 bytes.
const MAX_FIELD_BYTES: usize = 64 * 1024;
const MAX_FIELDS: usize = 64;
const FIELD_NAME: &str = "a field name must have 1 to 64 letters, digits and underscores, and start with a letter";

impl Schema {
    /// Whether a field is secret. An unknown field is secret.
    #[must_use]
    pub fn is_secret(&self, field: &str) -> bool {
        self.properties.get(field).is_none_or(|property| property.secret != Some(false))
    }

    /// Merges the input into the stored values and checks the result. An absent field keeps its value, and `null`
    /// clears it.
    pub(crate) fn merge(&self, mut values: Values, sent: Fields) -> Result<Values, Vec<FieldError>> {
        let (mut errors, mut unsupported) = (Vec::new(), Vec::new());
        for (field, input) in sent.0 {
            if !is_field_name(&field) {
                errors.push(fault("fields", "format", FIELD_NAME));
                continue;
            }
            if !self.properties.contains_key(&field) && !self.additional_properties {
                errors.push(fault(&field, "unknown", "is not a field of this plugin's form"));
                continue;
            }
            match input {
                Input::Null => drop(values.remove(&field)),
                Input::Value(value) => drop(values.insert(field, value)),
                Input::Unsupported => {
                    errors.push(fault(&field, "type", "must be text, a number, true or false, or a list of texts"));
                    unsupported.push(field);
                }
            }
        }
        if values.len() > MAX_FIELDS {
            errors.push(fault("fields", "max-items", &format!("must have at most {MAX_FIELDS} fields")));
        }
        for (field, property) in &self.properties {
            let visible = property.visible_when.as_ref().is_none_or(|when| when.holds(&values));
            match values.get(field) {
                None if visible && self.required.contains(field) && !unsupported.contains(field) => {
                    errors.push(fault(field, "required", "must have a value"));
                }
                None => {}
                Some(value) => {
                    errors.extend(property.fault_in(value).map(|(code, message)| fault(field, code, &message)));
                }
            }
        }
        for (field, value) in values.iter().filter(|(field, _)| !self.properties.contains_key(*field)) {
            errors.extend(further_fault(field, value));
        }
        if errors.is_empty() { Ok(values) } else { Err(errors) }
    }

    /// The defaults of a new form.
    pub(crate) fn defaults(&self) -> Values {
        let value = |property: &Property| serde_json::from_value::<Input>(property.default.clone()?).ok();
        let given = self.properties.iter().filter_map(|(field, property)| match value(property)? {
            Input::Value(value) => Some((field.clone(), value)),
            Input::Null | Input::Unsupported => None,
        });
        given.collect()
    }

    pub(crate) fn check(&self, at: &str, faults: &mut Violations) {
        if self.properties.len() > MAX_FIELDS || self.properties.is_empty() && !self.additional_properties {
            faults.add(format!("{at}/schema/properties"), "max-items", format!("must have 1 to {MAX_FIELDS} fields"));
        }
        for field in &self.required {
            if !self.properties.contains_key(field) {
                faults.add(
                    format!("{at}/schema/required"),
                    "unknown",
                    format!("`{field}` is not among the properties"),
                );
            }
        }
        for (field, property) in &self.properties {
            let place = format!("{at}/schema/properties/{field}");
            if !is_field_name(field) {
                faults.add(place.clone(), "format", FIELD_NAME);
            }
            property.check(&place, faults);
            if let Some(when) = &property.visible_when
                && (!self.properties.contains_key(&when.field) || self.is_secret(&when.field) || when.r#in.is_empty())
            {
                faults.add(
                    format!("{place}/x-visible-when"),
                    "unknown",
                    "must name another field with `x-secret` false, and a value",
                );
            }
        }
    }
}

impl VisibleWhen {
    fn holds(&self, values: &Values) -> bool {
        let wanted = |text: &str| self.r#in.iter().any(|value| value == text);
        match values.get(&self.field) {
            Some(Value::Text(text)) => wanted(text.expose()),
            Some(Value::Flag(flag)) => wanted(&flag.to_string()),
            Some(Value::Number(number)) => wanted(&number.to_string()),
            Some(Value::List(_)) | None => false,
        }
    }
}

impl Property {
    fn check(&self, place: &str, faults: &mut Violations) {
        for (name, text) in [
            ("title", &self.title),
            ("description", &self.description),
            ("x-help", &self.help),
            ("x-group", &self.group),
            ("x-placeholder", &self.placeholder),
            ("x-prefix", &self.prefix),
            ("x-suffix", &self.suffix),
        ] {
            if let Some(text) = text {
                faults.text(&format!("{place}/{name}"), text, 1000);
            }
        }
        if let Some(url) = &self.doc_url {
            faults.https(&format!("{place}/x-doc-url"), url);
        }
        if let Some(pattern) = &self.pattern
            && (pattern.len() > 500 || compile(pattern).is_err())
        {
            faults.add(
                format!("{place}/pattern"),
                "pattern",
                "must be a regular expression of at most 500 characters, without look-around or back-references",
            );
        }
        let texts = self.pattern.is_some()
            || self.format.is_some()
            || self.min_length.is_some()
            || self.max_length.is_some()
            || !self.r#enum.is_empty();
        if texts && self.r#type != PropertyType::String {
            faults.add(
                place.to_owned(),
                "type",
                "only a string can have pattern, format, minLength, maxLength and enum",
            );
        }
        let numeric = matches!(self.r#type, PropertyType::Integer | PropertyType::Number);
        if (self.minimum.is_some() || self.maximum.is_some()) && !numeric {
            faults.add(place.to_owned(), "type", "only a number can have minimum and maximum");
        }
        if let Some(default) = &self.default {
            let fits = match serde_json::from_value::<Input>(default.clone()) {
                Ok(Input::Value(value)) => self.fault_in(&value).is_none(),
                _ => false,
            };
            if !fits || self.secret != Some(false) {
                faults.add(
                    format!("{place}/default"),
                    "invalid",
                    "must be valid for the field's schema; a secret field cannot have a default",
                );
            }
        }
    }

    /// The fault of a value, without the value.
    fn fault_in(&self, value: &Value) -> Option<(&'static str, String)> {
        let wrong_type = |article: &str| Some(("type", format!("must be {article}")));
        match (self.r#type, value) {
            (PropertyType::String, Value::Text(text)) => self.fault_in_text(text.expose()),
            (PropertyType::Boolean, Value::Flag(_)) => None,
            (PropertyType::Integer, Value::Number(number)) if !number.is_f64() => {
                self.fault_in_number(number.as_f64()?)
            }
            (PropertyType::Number, Value::Number(number)) => self.fault_in_number(number.as_f64()?),
            (PropertyType::Array, Value::List(items)) => (items.len() > 200
                || items.iter().any(|item| item.expose().len() > 1000 || item.expose().chars().any(char::is_control)))
            .then(|| {
                (
                    "max-items",
                    "must have at most 200 items of at most 1000 bytes, without control characters".to_owned(),
                )
            }),
            (PropertyType::String, _) => wrong_type("a text"),
            (PropertyType::Boolean, _) => wrong_type("true or false"),
            (PropertyType::Integer, _) => wrong_type("a whole number"),
            (PropertyType::Number, _) => wrong_type("a number"),
            (PropertyType::Array, _) => wrong_type("a list of texts"),
        }
    }

    fn fault_in_text(&self, text: &str) -> Option<(&'static str, String)> {
        let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        let several_lines = matches!(self.widget, Some(Widget::Textarea | Widget::File | Widget::Pem | Widget::Json));
        if text.is_empty() {
            return Some(("required", "must not be empty; send null to clear it".to_owned()));
        }
        if text.len() > MAX_FIELD_BYTES {
            return Some(("max-length", format!("must have at most {MAX_FIELD_BYTES} bytes")));
        }
        if text.chars().any(|c| c.is_control() && !(several_lines && matches!(c, '\n' | '\r' | '\t'))) {
            return Some(("control", "must have no control characters; check the pasted value".to_owned()));
        }
        if let Some(least) = self.min_length.filter(|least| length < *least) {
            return Some(("min-length", format!("must have at least {least} characters")));
        }
        if let Some(most) = self.max_length.filter(|most| length > *most) {
            return Some(("max-length", format!("must have at most {most} characters")));
        }
        if !self.r#enum.is_empty() && !self.r#enum.iter().any(|allowed| allowed == text) {
            return Some(("enum", format!("must be one of {}", self.r#enum.join(", "))));
        }
        if self.pattern.as_deref().is_some_and(|pattern| !compile(pattern).is_ok_and(|regex| regex.is_match(text))) {
            return Some(("pattern", "does not have the expected format".to_owned()));
        }
        self.format.filter(|format| !format.holds(text)).map(|format| ("format", format!("must be {}", format.words())))
    }

    fn fault_in_number(&self, number: f64) -> Option<(&'static str, String)> {
        if let Some(least) = self.minimum.filter(|least| number < *least) {
            return Some(("minimum", format!("must be at least {least}")));
        }
        self.maximum.filter(|most| number > *most).map(|most| ("maximum", format!("must be at most {most}")))
    }
}

impl Format {
    fn holds(self, text: &str) -> bool {
        match self {
            Self::Uri => url::Url::parse(text).is_ok(),
            Self::Hostname => url::Host::parse(text).is_ok(),
            Self::Email => text.split_once('@').is_some_and(|(local, domain)| {
                !local.is_empty() && url::Host::parse(domain).is_ok() && !text.contains(char::is_whitespace)
            }),
            Self::Uuid => uuid::Uuid::try_parse(text).is_ok(),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Uri => "an address with its scheme, such as https://example.com",
            Self::Hostname => "a host name or an IP address",
            Self::Email => "an e-mail address",
            Self::Uuid => "a UUID",
        }
    }
}

/// Patterns are not anchored, as in JSON Schema. The engine takes linear time (CWE-1333), and the compiled size is
/// limited.
fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    regex::RegexBuilder::new(pattern).size_limit(256 * 1024).build()
}

fn is_field_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn further_fault(field: &str, value: &Value) -> Option<FieldError> {
    let Value::Text(text) = value else { return Some(fault(field, "type", "must be text")) };
    (text.expose().is_empty() || text.expose().len() > MAX_FIELD_BYTES)
        .then(|| fault(field, "max-length", &format!("must have 1 to {MAX_FIELD_BYTES} bytes")))
}

fn fault(field: &str, code: &'static str, message: &str) -> FieldError {
    FieldError { field: field.to_owned(), code, message: message.to_owned() }
}
