//! Providers: descriptions of OAuth 2 servers. A provider is data (`catalog/providers/*.toml`), never code. The whole
//! file is checked when it is read, and the parameters of its addresses are checked at each use.

mod address;
mod catalog;
mod check;

use std::collections::BTreeMap;

pub use address::{Address, AddressError, Parameters};
pub use catalog::{Catalog, CatalogError};
use serde::{Deserialize, Serialize};

/// An OAuth 2 provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// The displayed name.
    pub title: String,
    /// The page of the provider's documentation that confirms these facts.
    pub docs: String,
    /// The keys of this file whose facts the documentation did not confirm, as paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unverified: Vec<String>,
    /// Notices for users before they connect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// Named sets of scopes for manifests and users.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub profiles: BTreeMap<String, Vec<String>>,
    /// The parameters of the addresses, for example a subdomain, a tenant or a self-hosted server. The parameter
    /// `subject` is not for addresses: it is the account that a service account acts for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Parameter>,
    /// The issuer. If the provider sends `iss`, it must be equal (RFC 9207).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Whether the provider always sends `iss`. If so, an answer without it is refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub iss_required: bool,
    /// The authorization endpoint. A provider without it has no code flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorize: Option<Authorize>,
    /// The token endpoint.
    pub token: TokenEndpoint,
    /// The device authorization endpoint (RFC 8628).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    /// The rules for refresh tokens.
    #[serde(default)]
    pub refresh: Refresh,
    /// How a grant is revoked. Absent if the provider cannot revoke grants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke: Option<Revoke>,
    /// Further values that calls need. They are kept with the tokens.
    #[serde(default)]
    pub keep: Keep,
    /// How to find the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
    /// A call that tests a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Probe>,
    /// How a call carries the token: a header and a template with `{{access_token}}`.
    #[serde(default)]
    pub inject: Inject,
}

/// A parameter of an address.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// The displayed name.
    pub title: String,
    /// A regular expression that the whole value must match.
    pub pattern: String,
    /// The value if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// An example for users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

/// The authorization endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorize {
    /// Its address.
    pub url: String,
    /// Additional query parameters of each request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// The name of the parameter that carries the scopes.
    #[serde(default = "scope", skip_serializing_if = "is_scope")]
    pub scope_param: String,
    /// The separator of the scopes.
    #[serde(default = "space", skip_serializing_if = "is_space")]
    pub scope_separator: String,
    /// Scopes that are always requested in addition to the plugin's (`offline_access`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// PKCE with S256 (RFC 7636). Off only if the provider does not work with it.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub pkce: bool,
}

/// The token endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenEndpoint {
    /// Its address.
    pub url: String,
    /// The address for refreshes, if it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_url: Option<String>,
    /// How the client authenticates.
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// The grant type of a provider without `[authorize]`, where no user consents.
    #[serde(default, skip_serializing_if = "Grant::is_default")]
    pub grant: Grant,
    /// Whether the assertion of a service account always has a subject, or only if it acts for another account.
    #[serde(default, skip_serializing_if = "Subject::is_default")]
    pub subject: Subject,
    /// The audience of an assertion, if it is not the token endpoint: at most the issuer. An address or a template of
    /// one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The encoding of the request.
    #[serde(default)]
    pub body: Body,
    /// Additional members of the code exchange.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// Additional members of a refresh.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refresh_params: BTreeMap<String, String>,
    /// Additional headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The members of the answer.
    #[serde(default)]
    pub answer: Answer,
}

impl TokenEndpoint {
    /// A token endpoint with the defaults of RFC 6749.
    pub(crate) fn at(url: String) -> Self {
        Self {
            url,
            refresh_url: None,
            client_auth: ClientAuth::default(),
            grant: Grant::default(),
            subject: Subject::default(),
            audience: None,
            body: Body::default(),
            params: BTreeMap::new(),
            refresh_params: BTreeMap::new(),
            headers: BTreeMap::new(),
            answer: Answer::default(),
        }
    }
}

impl Revoke {
    /// A revocation endpoint with the defaults of RFC 7009.
    pub(crate) fn at(url: String) -> Self {
        let (method, style, token) = (Method::Post, RevokeStyle::Rfc7009, Which::Refresh);
        Self { url, method, style, token, token_param: self::token() }
    }
}

impl Account {
    /// The userinfo endpoint of OpenID Connect.
    pub(crate) fn openid(url: String) -> Self {
        let (id, label) = ("/sub".to_owned(), Some("/email".to_owned()));
        Self { url: Some(url), method: Method::Get, headers: BTreeMap::new(), body: None, id, label }
    }
}

/// How the client authenticates at the token endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientAuth {
    /// The id and the secret as members of the request.
    #[default]
    Post,
    /// HTTP Basic, each part form-encoded first (RFC 6749 2.3.1).
    Basic,
    /// HTTP Basic without encoding, for servers that do not decode the parts.
    BasicRaw,
    /// A public client: only the id.
    None,
    /// An assertion signed with a private key, which is the registration's secret (RFC 7523 2.2).
    PrivateKeyJwt,
}

/// The grant type where no user consents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grant {
    /// The client's own authentication (RFC 6749 4.4).
    #[default]
    ClientCredentials,
    /// An assertion for a service account, signed with the account's key file (RFC 7523 2.1).
    JwtBearer,
}

/// When an assertion for a service account has a subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// Always (RFC 7523 3). It is the service account itself, unless it acts for another account.
    #[default]
    Always,
    /// Only if it acts for another account. Google requires this.
    Named,
}

impl Subject {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Grant {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The encoding of a token request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// A form (RFC 6749).
    #[default]
    Form,
    /// JSON, for providers that require it.
    Json,
}

/// The places of values in a token answer, as JSON pointers (RFC 6901).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Answer {
    /// The access token.
    pub access_token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// Seconds until the access token expires.
    pub expires_in: String,
    /// The granted scopes.
    pub scope: String,
    /// The separator of the scopes.
    pub scope_separator: String,
    /// Seconds until the refresh token expires.
    pub refresh_expires_in: String,
    /// The error code. If it is present, the answer is an error, even with a success status.
    pub error: String,
    /// The lifetime in seconds if the answer has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_lifetime: Option<u32>,
}

impl Default for Answer {
    fn default() -> Self {
        let at = |member: &str| format!("/{member}");
        Self {
            access_token: at("access_token"),
            refresh_token: at("refresh_token"),
            expires_in: at("expires_in"),
            scope: at("scope"),
            scope_separator: space(),
            refresh_expires_in: at("refresh_token_expires_in"),
            error: at("error"),
            default_lifetime: None,
        }
    }
}

/// The device authorization endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Its address.
    pub url: String,
}

/// The rules for refresh tokens. They decide how an interrupted refresh is resolved.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Refresh {
    /// Whether a refresh token can be used again.
    pub rotation: Rotation,
    /// With `rotation = "grace"`: the number of seconds after its use in which it works again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_seconds: Option<u32>,
    /// The refresh token expires after this many days without use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_days: Option<u32>,
    /// The refresh token expires this many days after the consent, regardless of use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absolute_days: Option<u32>,
    /// Error codes in addition to `invalid_grant` that mean the grant has ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub terminal: Vec<String>,
}

/// Whether a refresh token can be used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rotation {
    /// Any number of times.
    None,
    /// Once, and once more within the grace window, for a lost answer.
    Grace,
    /// Once. After a second use, the provider may revoke the whole grant. This is the default for an unknown provider.
    #[default]
    Strict,
}

/// How a grant is revoked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// The address.
    pub url: String,
    /// The method.
    #[serde(default)]
    pub method: Method,
    /// How the call authenticates and names the token.
    #[serde(default)]
    pub style: RevokeStyle,
    /// The token to send. By default the refresh token if there is one (RFC 7009 2.1).
    #[serde(default)]
    pub token: Which,
    /// The name of the member with the token.
    #[serde(default = "token", skip_serializing_if = "is_token")]
    pub token_param: String,
}

/// The form of a revocation call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevokeStyle {
    /// RFC 7009: a form, with the token endpoint's client authentication.
    #[default]
    Rfc7009,
    /// Only the token, as a form.
    TokenOnly,
    /// The access token as a bearer token, without a body.
    Bearer,
    /// HTTP Basic with the client's id and secret, and the token in a JSON body.
    BasicJson,
}

/// The token of a revocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// The refresh token, or the access token if there is none.
    #[default]
    Refresh,
    /// The access token.
    Access,
}

/// The methods of a provider's calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "HTTP's own words")]
pub enum Method {
    Get,
    #[default]
    Post,
    Delete,
}

/// Further values to keep with the tokens. They become fields of the credential.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keep {
    /// Field name -> JSON pointer into the token answer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub answer: BTreeMap<String, String>,
    /// Field name -> name of a query parameter of the callback.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub callback: BTreeMap<String, String>,
}

/// How to find the account that was connected: in the token answer, or with a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The address of the call. Absent if the token answer contains the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The method of the call.
    #[serde(default = "get", skip_serializing_if = "is_get")]
    pub method: Method,
    /// Additional headers of the call.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A JSON body, for example for GraphQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The permanent id of the account: a JSON pointer.
    pub id: String,
    /// The displayed name of the account: a JSON pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A call that tests a token.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The address.
    pub url: String,
    /// The method.
    #[serde(default = "get", skip_serializing_if = "is_get")]
    pub method: Method,
    /// Additional headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The statuses that mean "accepted".
    #[serde(default = "ok", skip_serializing_if = "is_ok")]
    pub expect: Vec<u16>,
}

/// How a call carries the token.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inject {
    /// The header.
    pub header: String,
    /// The template of its value.
    pub template: String,
}

impl Default for Inject {
    fn default() -> Self {
        Self { header: "Authorization".to_owned(), template: "Bearer {{access_token}}".to_owned() }
    }
}

fn scope() -> String {
    "scope".to_owned()
}

fn is_scope(text: &str) -> bool {
    text == "scope"
}

fn space() -> String {
    " ".to_owned()
}

fn is_space(text: &str) -> bool {
    text == " "
}

fn token() -> String {
    "token".to_owned()
}

fn is_token(text: &str) -> bool {
    text == "token"
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_yes(flag: &bool) -> bool {
    *flag
}

fn get() -> Method {
    Method::Get
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_get(method: &Method) -> bool {
    *method == Method::Get
}

fn ok() -> Vec<u16> {
    vec![200]
}

fn is_ok(expect: &[u16]) -> bool {
    expect == [200]
}
