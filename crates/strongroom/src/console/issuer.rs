//! The identity provider of the console, as the operator configures it.

use strongroom_crypto::Secret;

/// The OpenID provider for the console.
#[derive(Debug)]
pub struct Issuer {
    /// The issuer identifier.
    pub issuer: String,
    /// The console's client id. Its redirect address is `{public_url}/console/callback`.
    pub client_id: String,
    /// The client secret. `None` for a public client.
    pub client_secret: Option<Secret<String>>,
    /// The operators: verified email addresses, or `sub:` and the provider's id of the operator.
    pub operators: Vec<String>,
    /// Whether all others sign in as the user whose id is their `sub` at the provider.
    pub users: bool,
}
