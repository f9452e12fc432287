//! Addresses with parameters. A value must match its pattern, and the resulting host must be exactly the written one.
//! So a value for a subdomain can never select a different host.

use std::collections::BTreeMap;

use regex::Regex;
use url::Url;

use super::Provider;

/// The values of a provider's parameters, by name.
pub type Parameters = BTreeMap<String, String>;

/// A complete and checked address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Url);

/// Why an address cannot be used. Callers may see the text.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum AddressError {
    /// A parameter has no value and no default.
    #[error("parameter `{0}` is required")]
    Missing(String),
    /// A value does not match its pattern.
    #[error("parameter `{name}` must match `{pattern}`")]
    Pattern {
        /// The parameter.
        name: String,
        /// The required pattern.
        pattern: String,
    },
    /// The provider has no such parameter.
    #[error("this provider has no parameter `{0}`")]
    Unknown(String),
    /// The result is not an allowed address.
    #[error("{0} is not an https address of the host in the provider's file")]
    Host(String),
}

impl Address {
    /// The address.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl Provider {
    /// Fills the parameters of an address of this provider.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn address(&self, template: &str, values: &Parameters) -> Result<Address, AddressError> {
        let refused = || AddressError::Host(template.to_owned());
        let (scheme, rest) = template.split_once("://").ok_or_else(refused)?;
        let (authority, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
        let authority = self.fill(authority, values)?;
        let url = Url::parse(&format!("{scheme}://{authority}{}", self.fill(path, values)?)).map_err(|_| refused())?;
        let written = match url.port() {
            Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
            None => url.host_str().unwrap_or_default().to_owned(),
        };
        let plain = url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url);
        if !plain || written != authority || url.path_segments().is_some_and(|mut parts| parts.any(|p| p == "..")) {
            return Err(refused());
        }
        Ok(Address(url))
    }

    /// Checks the values of a new registration: each name is known, each value matches, and none is missing.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn check_parameters(&self, values: &Parameters) -> Result<(), AddressError> {
        if let Some(unknown) = values.keys().find(|name| !self.parameters.contains_key(*name)) {
            return Err(AddressError::Unknown(unknown.clone()));
        }
        self.parameters.keys().try_for_each(|name| self.value(name, values).map(drop))
    }

    fn fill(&self, text: &str, values: &Parameters) -> Result<String, AddressError> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').ok_or_else(|| AddressError::Host(text.to_owned()))?;
            out.push_str(before);
            out.push_str(&self.value(name, values)?);
            rest = behind;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn value(&self, name: &str, values: &Parameters) -> Result<String, AddressError> {
        // The client id is an opaque text (RFC 6749 2.2). It is encoded instead of matched.
        if name == "client_id" {
            let id = values.get(name).ok_or_else(|| AddressError::Missing(name.to_owned()))?;
            return Ok(url::form_urlencoded::byte_serialize(id.as_bytes()).collect());
        }
        let parameter = self.parameters.get(name).ok_or_else(|| AddressError::Unknown(name.to_owned()))?;
        let value = values.get(name).or(parameter.default.as_ref());
        let value = value.ok_or_else(|| AddressError::Missing(name.to_owned()))?;
        let matches = Regex::new(&format!("^(?:{})$", parameter.pattern)).is_ok_and(|regex| regex.is_match(value));
        // Second check after the pattern: a value must not end a host or a path segment.
        let ends_a_part = value.contains(['/', '\\', '@', ':', '?', '#', '%', '{']) || value.contains("..");
        if !matches || value.len() > 253 || ends_a_part && self.is_in_an_address(name) {
            return Err(AddressError::Pattern { name: name.to_owned(), pattern: parameter.pattern.clone() });
        }
        Ok(value.clone())
    }
}

/// Plain http is only for the local machine. The egress policy decides whether that may be called.
fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"))
}
