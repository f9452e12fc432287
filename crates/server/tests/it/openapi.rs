//! The checked-in OpenAPI description equals the generated one.

use serde_json::Value;

#[test]
fn api_description_is_current() {
    let checked_in = include_str!("../../../../docs/openapi.json");
    assert!(
        checked_in == strongroom_server::openapi::text(),
        "docs/openapi.json differs from the code: run `make openapi`"
    );
}

/// Only the response of a plugin's own read has a member that can hold a secret.
#[test]
fn user_answers_have_no_secret_members() {
    let description: Value = serde_json::from_str(strongroom_server::openapi::text()).unwrap();
    let schemas = description["components"]["schemas"].as_object().unwrap();
    for name in ["Credential", "Key", "Session", "User", "Event", "Plugin"] {
        let members = schemas[name]["properties"].as_object().unwrap();
        for member in ["fields", "secret", "token", "access_token", "refresh_token", "encrypted_data", "value"] {
            assert!(!members.contains_key(member), "{name}.{member}");
        }
    }
}
