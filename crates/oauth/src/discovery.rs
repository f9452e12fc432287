//! Discovery of a provider (RFC 8414 and OpenID Connect Discovery). The document must name exactly the requested issuer
//! (RFC 8414 3.3). Otherwise one server could impersonate another.

use url::Url;

use crate::provider::{Authorize, ClientAuth, Device, Provider, Revoke, TokenEndpoint};
use strongroom_egress::{Call, Egress};

#[derive(serde::Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: Option<String>,
    token_endpoint: String,
    device_authorization_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    #[serde(default)]
    code_challenge_methods_supported: Vec<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    scopes_supported: Vec<String>,
}

/// Why discovery failed. Callers may see the text.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DiscoveryError(String);

/// Fetches the metadata of an issuer and makes a provider of it. With `has_key`, the client has a private key.
///
/// # Errors
/// [`DiscoveryError`] if no address has valid metadata of this issuer.
pub async fn discover(egress: &Egress, issuer: &str, has_key: bool) -> Result<Provider, DiscoveryError> {
    let failed = |what: &str| DiscoveryError(format!("discovery of {issuer} failed: {what}"));
    let base = Url::parse(issuer).map_err(|_| failed("the issuer is not a valid address"))?;
    if base.query().is_some() || base.fragment().is_some() {
        return Err(failed("an issuer must have no query and no fragment (RFC 8414 2)"));
    }
    for place in candidates(&base) {
        let answer = egress.send(Call::new(reqwest::Method::GET, place)).await.map_err(|error| {
            tracing::info!(%error, "discovery failed");
            failed("the issuer cannot be reached")
        })?;
        if answer.status != 200 {
            continue;
        }
        // Some servers answer every path with a web page. Then try the next address.
        let Ok(metadata) = serde_json::from_slice::<Metadata>(answer.body.expose()) else { continue };
        if metadata.issuer != issuer {
            return Err(failed("the metadata names another issuer"));
        }
        return provider(metadata, has_key).map_err(|what| failed(&what));
    }
    Err(failed("no metadata found at its well-known addresses"))
}

/// First with the well-known part between host and path (RFC 8414 3.1), then appended as in OpenID Connect Discovery.
fn candidates(base: &Url) -> Vec<Url> {
    let path = base.path().trim_end_matches('/');
    let inserted = ["oauth-authorization-server", "openid-configuration"];
    let mut paths: Vec<String> = inserted.iter().map(|name| format!("/.well-known/{name}{path}")).collect();
    paths.push(format!("{path}/.well-known/openid-configuration"));
    paths.dedup();
    paths
        .into_iter()
        .map(|path| {
            let mut url = base.clone();
            url.set_path(&path);
            url
        })
        .collect()
}

fn provider(metadata: Metadata, has_key: bool) -> Result<Provider, String> {
    let methods = &metadata.token_endpoint_auth_methods_supported;
    let offers = |name: &str| methods.iter().any(|method| method == name);
    // If no method is listed, the default is Basic (RFC 8414 2).
    let client_auth = if has_key && offers("private_key_jwt") {
        ClientAuth::PrivateKeyJwt
    } else if methods.is_empty() || offers("client_secret_basic") {
        ClientAuth::Basic
    } else if offers("client_secret_post") {
        ClientAuth::Post
    } else if offers("private_key_jwt") {
        ClientAuth::PrivateKeyJwt
    } else if offers("none") {
        ClientAuth::None
    } else {
        return Err("the issuer offers no supported client authentication".to_owned());
    };
    let challenges = &metadata.code_challenge_methods_supported;
    let pkce = challenges.is_empty() || challenges.iter().any(|method| method == "S256");
    // A refresh token requires this scope and consent (OpenID Connect Core 11). Send both only if the issuer knows the
    // scope.
    let offline = metadata.scopes_supported.iter().any(|scope| scope == "offline_access");
    let consent = ("prompt".to_owned(), "consent".to_owned());
    let provider = Provider {
        title: metadata.issuer.clone(),
        docs: metadata.issuer.clone(),
        unverified: Vec::new(),
        notices: Vec::new(),
        profiles: Default::default(),
        parameters: Default::default(),
        issuer: Some(metadata.issuer.clone()),
        iss_required: metadata.authorization_response_iss_parameter_supported,
        authorize: metadata.authorization_endpoint.map(|url| Authorize {
            url,
            params: offline.then_some(consent).into_iter().collect(),
            scope_param: "scope".to_owned(),
            scope_separator: " ".to_owned(),
            scopes: offline.then(|| "offline_access".to_owned()).into_iter().collect(),
            pkce,
        }),
        token: TokenEndpoint {
            client_auth,
            audience: Some(metadata.issuer),
            ..TokenEndpoint::at(metadata.token_endpoint)
        },
        device: metadata.device_authorization_endpoint.map(|url| Device { url }),
        refresh: Default::default(),
        revoke: metadata.revocation_endpoint.map(Revoke::at),
        keep: Default::default(),
        account: metadata.userinfo_endpoint.map(crate::provider::Account::openid),
        test: None,
        inject: Default::default(),
    };
    let faults: Vec<String> = provider.faults("discovered").into_iter().filter(|f| !f.starts_with("docs")).collect();
    // The faults quote text of the issuer, so they are not shown.
    if faults.is_empty() { Ok(provider) } else { Err("the metadata is not consistent".to_owned()) }
}
