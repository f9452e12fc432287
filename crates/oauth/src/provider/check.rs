//! Checks of a provider's file that its types do not express: addresses, patterns, pointers and related names.
//! A provider with a fault is refused.

use regex::Regex;

use super::{ClientAuth, Grant, Parameters, Provider, Rotation};

impl Provider {
    /// All faults of a provider's file, each with its place.
    pub(crate) fn faults(&self, name: &str) -> Vec<String> {
        let mut faults = Vec::new();
        if !is_name(name) {
            faults.push(format!("`{name}` must have lower-case letters, digits and hyphens only"));
        }
        if self.title.trim().is_empty() {
            faults.push("title must not be empty".to_owned());
        }
        if !self.docs.starts_with("https://") {
            faults.push("docs must be an https address".to_owned());
        }
        for (parameter, of) in &self.parameters {
            match Regex::new(&format!("^(?:{})$", of.pattern)) {
                Ok(regex) => {
                    for value in [&of.default, &of.example].into_iter().flatten() {
                        if !regex.is_match(value) {
                            faults.push(format!("parameters.{parameter}: `{value}` does not match the pattern"));
                        }
                    }
                    let in_address = self.is_in_an_address(parameter);
                    for forbidden in ["a/b", "a@b", "a:b", "a?b", "a#b", "a b", ""] {
                        if in_address && regex.is_match(forbidden) {
                            faults.push(format!("parameters.{parameter}.pattern must not match `{forbidden}`"));
                        }
                    }
                }
                Err(_) => faults.push(format!("parameters.{parameter}.pattern is not a regular expression")),
            }
        }
        let mut examples: Parameters = self
            .parameters
            .iter()
            .filter_map(|(name, of)| Some((name.clone(), of.example.clone().or_else(|| of.default.clone())?)))
            .collect();
        examples.insert("client_id".to_owned(), "example".to_owned());
        for (place, template) in self.addresses() {
            if let Err(error) = self.address(template, &examples) {
                faults.push(format!("{place}: {error} (a parameter needs an `example` or a `default`)"));
            }
        }
        for (place, pointer) in self.pointers() {
            if !pointer.starts_with('/') {
                faults.push(format!("{place}: `{pointer}` must be a JSON pointer, which begins with `/`"));
            }
        }
        if (self.refresh.rotation == Rotation::Grace) != self.refresh.grace_seconds.is_some() {
            faults
                .push("refresh.grace_seconds is required with rotation `grace` and not allowed without it".to_owned());
        }
        if self.iss_required && self.issuer.is_none() {
            faults.push("iss_required requires `issuer`".to_owned());
        }
        let signs = matches!(self.token.client_auth, ClientAuth::None | ClientAuth::PrivateKeyJwt);
        if self.token.grant == Grant::JwtBearer && !signs {
            faults.push("token.client_auth must be `none` or `private-key-jwt` with grant `jwt-bearer`".to_owned());
        }
        if self.authorize.is_some() && self.token.grant != Grant::default() {
            faults.push("token.grant is not allowed together with [authorize]".to_owned());
        }
        if !self.inject.template.contains("{{access_token}}") {
            faults.push("inject.template must contain `{{access_token}}`".to_owned());
        }
        faults.extend(self.unknown_facts().map(|path| format!("unverified: this file has no `{path}`")));
        faults
    }

    /// Whether a parameter is part of an address.
    pub(super) fn is_in_an_address(&self, parameter: &str) -> bool {
        let place = format!("{{{parameter}}}");
        self.addresses().any(|(_, template)| template.contains(&place))
    }

    fn addresses(&self) -> impl Iterator<Item = (&'static str, &String)> {
        [
            ("authorize.url", self.authorize.as_ref().map(|authorize| &authorize.url)),
            ("token.url", Some(&self.token.url)),
            ("token.refresh_url", self.token.refresh_url.as_ref()),
            ("token.audience", self.token.audience.as_ref()),
            ("device.url", self.device.as_ref().map(|device| &device.url)),
            ("revoke.url", self.revoke.as_ref().map(|revoke| &revoke.url)),
            ("account.url", self.account.as_ref().and_then(|account| account.url.as_ref())),
            ("test.url", self.test.as_ref().map(|test| &test.url)),
        ]
        .into_iter()
        .filter_map(|(place, template)| Some((place, template?)))
    }

    fn pointers(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let answer = &self.token.answer;
        [
            ("token.answer.access_token", Some(&answer.access_token)),
            ("token.answer.refresh_token", Some(&answer.refresh_token)),
            ("token.answer.expires_in", Some(&answer.expires_in)),
            ("token.answer.scope", Some(&answer.scope)),
            ("token.answer.refresh_expires_in", Some(&answer.refresh_expires_in)),
            ("token.answer.error", Some(&answer.error)),
            ("account.id", self.account.as_ref().map(|account| &account.id)),
            ("account.label", self.account.as_ref().and_then(|account| account.label.as_ref())),
        ]
        .into_iter()
        .filter_map(|(place, pointer)| Some((place, pointer?)))
        .chain(self.keep.answer.values().map(|pointer| ("keep.answer", pointer)))
    }

    /// The path of an unverified fact must exist. Otherwise a renamed key would keep a mark that no longer applies.
    fn unknown_facts(&self) -> impl Iterator<Item = &String> {
        let whole = serde_json::to_value(self).unwrap_or_default();
        self.unverified.iter().filter(move |path| {
            let pointer = format!("/{}", path.replace('.', "/"));
            whole.pointer(&pointer).is_none()
        })
    }
}

/// Lower-case letters, digits and hyphens, 1 to 63 characters, with no hyphen at either end.
fn is_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}
