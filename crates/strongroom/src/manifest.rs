//! A plugin's manifest, written by the host. Each credential type has a form or a provider with scopes. A form is a
//! subset of JSON Schema 2020-12 with annotations. The manifest also names the hosts that the plugin may call and how a
//! credential is injected. Registration checks the whole manifest, and later code relies on that check.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::Error;
use crate::schema::Schema;
use crate::violations::Violations;
use strongroom_store::{CredentialType, PluginName};

/// What a plugin declares.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The plugin's displayed name.
    pub title: String,
    /// A description of one or two sentences.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// The address of its documentation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub docs_url: Option<String>,
    /// Whether the plugin reads secrets, or they are injected into its calls without the plugin seeing them.
    pub access: Access,
    /// The hosts that the plugin may call: `api.example.com`, or `*.example.com` for every subdomain.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// The addresses that a completed connection may return to. They are compared exactly.
    #[serde(default)]
    pub return_addresses: Vec<String>,
    /// The credentials that the plugin takes, by type.
    pub credentials: Credentials,
}

/// How a plugin uses a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// The secret is injected into the plugin's calls. The plugin never sees it.
    Inject,
    /// The plugin reads the secret.
    Read,
}

/// The credentials that a plugin takes, by type. At least one is required.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Credentials {
    /// An API key that a user enters.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub api_key: Option<Form>,
    /// Fields that the plugin defines.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub custom: Option<Form>,
    /// An account that a user connects.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub oauth2: Option<Connect>,
}

/// A credential type with a form.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// The fields of the form.
    pub schema: Schema,
    /// Where a call carries the credential.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inject: Vec<Inject>,
    /// The call that tests the credential.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub test: Option<Probe>,
}

/// A credential type that a user connects at a provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Connect {
    /// The provider's name in the catalogue, or the address of an issuer that supports discovery.
    pub provider: String,
    /// The scopes to request.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Whether a user may enter a code at the provider instead of a redirect. Off by default, because an attacker can
    /// trick a user into confirming the attacker's code (RFC 8628 5.4).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub device: bool,
    /// Where a call carries the token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inject: Vec<Inject>,
    /// The call that tests the credential.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub test: Option<Probe>,
}

/// A part of a call and the template of its value: `{{field}}` and text, no logic.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, tag = "in", rename_all = "kebab-case")]
pub enum Inject {
    /// A header.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        template: String,
    },
    /// A query parameter.
    Query {
        /// Its name.
        name: String,
        /// Its value.
        template: String,
    },
    /// HTTP Basic.
    Basic {
        /// The user name.
        username: String,
        /// The password.
        password: String,
    },
}

/// A call that tests a credential.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// `GET`, `HEAD` or `POST`.
    pub method: Method,
    /// An https address on one of the manifest's hosts.
    pub url: String,
    /// The HTTP statuses that mean "accepted".
    pub expect: Vec<u16>,
}

/// The methods of a probe.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "HTTP's own words")]
pub enum Method {
    Get,
    Head,
    Post,
}

/// The default injection of an access token (RFC 6750 2.1).
static BEARER: LazyLock<[Inject; 1]> = LazyLock::new(|| {
    [Inject::Header { name: "Authorization".to_owned(), template: "Bearer {{access_token}}".to_owned() }]
});

/// The maximum size of a manifest in bytes. Real manifests are much smaller.
pub const MAX_BYTES: usize = 128 * 1024;

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// [`Error::Fields`] with all faults, each with its place in the manifest.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_BYTES {
            return Err(Error::field("manifest", "max-length", format!("must have at most {MAX_BYTES} bytes")));
        }
        let manifest: Self = crate::json::from_slice(text.as_bytes())
            .map_err(|error| Error::field("manifest", "invalid", error.to_string()))?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Checks the rules that the types do not express.
    ///
    /// # Errors
    /// [`Error::Fields`] with all faults.
    pub fn check(&self) -> Result<(), Error> {
        let mut faults = Violations::default();
        faults.text("title", &self.title, 100);
        if let Some(text) = &self.description {
            faults.text("description", text, 2000);
        }
        if let Some(url) = &self.docs_url {
            faults.https("docs_url", url);
        }
        for (at, host) in self.hosts.iter().enumerate() {
            if !is_host_pattern(host) {
                faults.add(
                    format!("hosts/{at}"),
                    "format",
                    "must be a host name such as `api.example.com` or `*.example.com`",
                );
            }
        }
        for (at, address) in self.return_addresses.iter().enumerate() {
            if !is_plain_address(address) {
                faults.add(
                    format!("return_addresses/{at}"),
                    "format",
                    "must be an https address without a fragment (http only for 127.0.0.1, [::1] and localhost)",
                );
            }
        }
        if CredentialType::ALL.iter().all(|kind| self.takes(*kind).is_none()) {
            faults.add(
                "credentials".to_owned(),
                "required",
                "must have at least one of `api-key`, `custom` and `oauth2`",
            );
        }
        for (kind, form) in [("api-key", &self.credentials.api_key), ("custom", &self.credentials.custom)] {
            if let Some(form) = form {
                let at = format!("credentials/{kind}");
                form.schema.check(&at, &mut faults);
                let known = |field: &str| form.schema.properties.contains_key(field);
                self.check_use(&at, &form.inject, form.test.as_ref(), known, &mut faults);
                if form.test.is_some() && form.inject.is_empty() {
                    faults.add(format!("{at}/inject"), "required", "must name the place of the secret in `test`");
                }
            }
        }
        if let Some(connect) = &self.credentials.oauth2 {
            if connect.provider.parse::<PluginName>().is_err() && !is_plain_address(&connect.provider) {
                faults.add(
                    "credentials/oauth2/provider".to_owned(),
                    "format",
                    "must be a provider's name in lower case, or the https address of an issuer",
                );
            }
            if connect.scopes.iter().any(|scope| !is_scope(scope)) {
                faults.add(
                    "credentials/oauth2/scopes".to_owned(),
                    "format",
                    "must be scopes without white space, quotes or backslashes (RFC 6749 3.3)",
                );
            }
            let known = |field: &str| field == "access_token";
            self.check_use("credentials/oauth2", &connect.inject, connect.test.as_ref(), known, &mut faults);
        }
        faults.into_result()
    }

    /// The schema of a form type, if the plugin takes that type.
    #[must_use]
    pub fn form(&self, kind: CredentialType) -> Option<&Schema> {
        match self.takes(kind)? {
            Takes::Form(schema) => Some(schema),
            Takes::Connect => None,
        }
    }

    /// The credential types that the plugin takes.
    pub fn types(&self) -> impl Iterator<Item = CredentialType> {
        CredentialType::ALL.into_iter().filter(|kind| self.takes(*kind).is_some())
    }

    /// Whether the plugin takes credentials of this type, and by a form or by a connection.
    pub(crate) fn takes(&self, kind: CredentialType) -> Option<Takes<'_>> {
        match kind {
            CredentialType::ApiKey => self.credentials.api_key.as_ref().map(|form| Takes::Form(&form.schema)),
            CredentialType::Custom => self.credentials.custom.as_ref().map(|form| Takes::Form(&form.schema)),
            CredentialType::Oauth2 => self.credentials.oauth2.as_ref().map(|_| Takes::Connect),
        }
    }

    /// The origin that receives a credential of this type in a test: scheme, host and port.
    pub(crate) fn test_host(&self, kind: CredentialType) -> Option<String> {
        let url = Url::parse(&self.probe(kind)?.0.url).ok()?;
        Some(url.origin().ascii_serialization())
    }

    /// The test call for a credential of this type, and where it carries the secret.
    pub(crate) fn probe(&self, kind: CredentialType) -> Option<(&Probe, &[Inject])> {
        let form = match kind {
            CredentialType::ApiKey => self.credentials.api_key.as_ref()?,
            CredentialType::Custom => self.credentials.custom.as_ref()?,
            CredentialType::Oauth2 => {
                let connect = self.credentials.oauth2.as_ref()?;
                let inject = if connect.inject.is_empty() { &*BEARER } else { &*connect.inject };
                return Some((connect.test.as_ref()?, inject));
            }
        };
        Some((form.test.as_ref()?, &form.inject))
    }

    fn check_use(
        &self,
        at: &str,
        inject: &[Inject],
        test: Option<&Probe>,
        known: impl Fn(&str) -> bool,
        faults: &mut Violations,
    ) {
        for (index, inject) in inject.iter().enumerate() {
            let (name, templates) = match inject {
                Inject::Header { name, template } | Inject::Query { name, template } => (Some(name), vec![template]),
                Inject::Basic { username, password } => (None, vec![username, password]),
            };
            if name.is_some_and(|name| !is_http_token(name)) {
                faults.add(format!("{at}/inject/{index}/name"), "format", "must be a header or parameter name");
            }
            for template in templates {
                if let Err(message) = check_template(template, &known) {
                    faults.add(format!("{at}/inject/{index}/template"), "template", message);
                }
            }
        }
        if let Some(probe) = test {
            let place = format!("{at}/test/url");
            match Url::parse(&probe.url) {
                // Local development. The egress policy refuses this address unless it is allowed.
                Ok(url) if is_plain_address(&probe.url) && url.scheme() == "http" => {}
                Ok(url) if url.scheme() == "https" && url.username().is_empty() && url.password().is_none() => {
                    if !url.host_str().is_some_and(|host| self.hosts.iter().any(|pattern| host_matches(pattern, host)))
                    {
                        faults.add(place, "host", "must be at one of the manifest's `hosts`");
                    }
                }
                _ => faults.add(place, "format", "must be an https address without a user name or password"),
            }
            if probe.expect.is_empty() || probe.expect.iter().any(|status| !(100..=599).contains(status)) {
                faults.add(format!("{at}/test/expect"), "range", "must list at least one HTTP status");
            }
        }
    }
}

/// How a user provides a credential of one type.
pub(crate) enum Takes<'a> {
    Form(&'a Schema),
    Connect,
}

fn is_host_pattern(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let label = |part: &str| {
        !part.is_empty()
            && part.len() <= 63
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    // A pattern whose last label has no letter would match IP addresses.
    let last_is_name = name.rsplit('.').next().is_some_and(|part| part.bytes().any(|b| b.is_ascii_lowercase()));
    name.len() <= 253 && name.contains('.') && name.split('.').all(label) && last_is_name
}

fn host_matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        None => pattern == host,
    }
}

pub(crate) fn is_plain_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let local = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
        (url.scheme() == "https" || url.scheme() == "http" && local)
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

pub(crate) fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.len() <= 255 && text.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

fn is_http_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= 100 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn check_template(template: &str, known: &impl Fn(&str) -> bool) -> Result<(), String> {
    if template.len() > 1000 || template.chars().any(char::is_control) {
        return Err("must have at most 1000 characters and no control characters".to_owned());
    }
    let mut rest = template;
    let mut fields = 0;
    while let Some((_, after)) = rest.split_once("{{") {
        let (field, behind) = after.split_once("}}").ok_or("a `{{` has no `}}`")?;
        if !known(field.trim()) {
            return Err("names a field that the schema does not have".to_owned());
        }
        fields += 1;
        rest = behind;
    }
    if fields == 0 { Err("names no field; write `{{field}}` in the place of the value".to_owned()) } else { Ok(()) }
}
