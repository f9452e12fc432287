//! A provider: how one OAuth 2 server is spoken to. It is data (`catalog/providers/*.toml`), never code; what it says is
//! checked whole when it is read, and what fills its addresses is checked each time they are used.

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
    /// Its name for people.
    pub title: String,
    /// The page of its own documentation that these facts come from.
    pub docs: String,
    /// The facts of this file that its own documentation did not confirm, by the path of the key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unverified: Vec<String>,
    /// What people should know before they connect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// Named sets of scopes, for manifests and people to choose from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub profiles: BTreeMap<String, Vec<String>>,
    /// What fills the addresses: a subdomain, a tenant, a host of one's own. One that is called `subject` fills none: it is
    /// whom a service account acts for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Parameter>,
    /// The issuer, compared with `iss` exactly (RFC 9207), where the provider sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Whether the provider says that it always sends `iss`: then an answer without it is refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub iss_required: bool,
    /// Where people consent. A provider without this has no code flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorize: Option<Authorize>,
    /// The token endpoint.
    pub token: TokenEndpoint,
    /// The device authorization endpoint (RFC 8628).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    /// What becomes of refresh tokens.
    #[serde(default)]
    pub refresh: Refresh,
    /// How a grant is revoked; absent where the provider has no call for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke: Option<Revoke>,
    /// What is kept beside the tokens, because calls need it.
    #[serde(default)]
    pub keep: Keep,
    /// Whose account it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
    /// The call that shows whether a token works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Probe>,
    /// How the token is sent with a call: a header's name and a template with `{{access_token}}`.
    #[serde(default)]
    pub inject: Inject,
}

/// What fills one place of an address.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// For people.
    pub title: String,
    /// A regular expression that the whole value must match.
    pub pattern: String,
    /// Used when none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Shown as an example.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

/// The authorization endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorize {
    /// Its address.
    pub url: String,
    /// Further query parameters, always sent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// The name of the parameter that carries the scopes.
    #[serde(default = "scope", skip_serializing_if = "is_scope")]
    pub scope_param: String,
    /// What separates the scopes.
    #[serde(default = "space", skip_serializing_if = "is_space")]
    pub scope_separator: String,
    /// Scopes that are asked for whatever the plugin asks (`offline_access`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// PKCE with S256 (RFC 7636); off only where the provider fails with it.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub pkce: bool,
}

/// The token endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenEndpoint {
    /// Its address.
    pub url: String,
    /// Where refreshing has an address of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_url: Option<String>,
    /// How the client authenticates.
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// What the client asks with where nobody consents: a provider without `[authorize]`.
    #[serde(default, skip_serializing_if = "Grant::is_default")]
    pub grant: Grant,
    /// Whether an assertion for a service account names the account as its subject even if it acts for nobody else.
    #[serde(default, skip_serializing_if = "Subject::is_default")]
    pub subject: Subject,
    /// Whom an assertion is for, where that is not the token endpoint: the issuer, at most. An address, or a template of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The encoding of the request.
    #[serde(default)]
    pub body: Body,
    /// Further members of the code's exchange.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// Further members of a refresh.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refresh_params: BTreeMap<String, String>,
    /// Further headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Where things are in the answer.
    #[serde(default)]
    pub answer: Answer,
}

impl TokenEndpoint {
    /// A token endpoint as RFC 6749 has it.
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
    /// A revocation endpoint as RFC 7009 has it.
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
    /// Id and secret among the members of the request.
    #[default]
    Post,
    /// HTTP Basic, each part form-encoded first (RFC 6749 2.3.1).
    Basic,
    /// HTTP Basic with the parts as they are, for servers that do not decode them.
    BasicRaw,
    /// A public client: the id alone.
    None,
    /// An assertion signed with a private key, which is the registration's secret (RFC 7523 2.2).
    PrivateKeyJwt,
}

/// What a client asks with where nobody consents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grant {
    /// Its own authentication (RFC 6749 4.4).
    #[default]
    ClientCredentials,
    /// An assertion for a service account, signed with the account's key file (RFC 7523 2.1).
    JwtBearer,
}

/// When an assertion for a service account has a subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// Always, as RFC 7523 3 wants it: the account itself, unless it acts for somebody.
    #[default]
    Always,
    /// Only when it acts for somebody, as Google has it.
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
    /// As RFC 6749 says.
    #[default]
    Form,
    /// As some have it.
    Json,
}

/// Where things are in a token answer, as JSON pointers (RFC 6901).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Answer {
    /// The access token.
    pub access_token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// Seconds until the access token expires.
    pub expires_in: String,
    /// The scopes that were granted.
    pub scope: String,
    /// What separates them.
    pub scope_separator: String,
    /// Seconds until the refresh token expires.
    pub refresh_expires_in: String,
    /// The error's code; if it is there, the answer is an error whatever its status.
    pub error: String,
    /// The lifetime in seconds where the answer names none.
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

/// What becomes of refresh tokens: it decides what is done after a crash.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Refresh {
    /// Whether a refresh token can be used again.
    pub rotation: Rotation,
    /// With `rotation = "grace"`: for how many seconds after its use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_seconds: Option<u32>,
    /// It dies when it is not used for so many days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_days: Option<u32>,
    /// It dies so many days after the consent, used or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absolute_days: Option<u32>,
    /// Codes, beside `invalid_grant`, that mean the grant is gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub terminal: Vec<String>,
}

/// Whether a refresh token can be used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rotation {
    /// As often as one likes.
    None,
    /// Once; and once more within the grace window, for an answer that was lost.
    Grace,
    /// Once. Used again, the provider may revoke the whole grant: what is assumed of a provider that says nothing.
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
    /// How the call says who asks, and for which token.
    #[serde(default)]
    pub style: RevokeStyle,
    /// Which token is sent; the refresh token where there is one (RFC 7009 2.1).
    #[serde(default)]
    pub token: Which,
    /// The name of the member that carries it.
    #[serde(default = "token", skip_serializing_if = "is_token")]
    pub token_param: String,
}

/// The shape of a revocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevokeStyle {
    /// RFC 7009: a form, with the token endpoint's client authentication.
    #[default]
    Rfc7009,
    /// The token alone, as a form.
    TokenOnly,
    /// The access token as bearer, no body.
    Bearer,
    /// HTTP Basic with the client's id and secret, the token in a JSON body.
    BasicJson,
}

/// Which token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// The refresh token, or the access token where there is none.
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

/// What is kept beside the tokens; it becomes fields of the credential.
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

/// Whose account was connected: from the token answer, or by a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The call; absent where the token answer says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its method.
    #[serde(default = "get", skip_serializing_if = "is_get")]
    pub method: Method,
    /// Its headers, beside the token.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A JSON body, for GraphQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// What never changes about the account: a JSON pointer.
    pub id: String,
    /// What people know it by: a JSON pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A call that shows whether a token works.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The address.
    pub url: String,
    /// The method.
    #[serde(default = "get", skip_serializing_if = "is_get")]
    pub method: Method,
    /// Further headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The statuses that mean "accepted".
    #[serde(default = "ok", skip_serializing_if = "is_ok")]
    pub expect: Vec<u16>,
}

/// How a token is sent with a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inject {
    /// The header.
    pub header: String,
    /// Its value.
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
