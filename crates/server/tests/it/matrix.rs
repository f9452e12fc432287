//! The expected status of every route for every principal. The routes come from the OpenAPI description, which contains
//! every route. A route without a row here fails the test.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::harness::{Server, draft};
use crate::support::canary;

/// No token, unknown token, host, user, another user, plugin, another plugin, another tenant's host.
const PRINCIPALS: [&str; 8] = ["nobody", "unknown", "host", "alice", "bob", "plugin", "other plugin", "stranger"];

/// Status for each principal, in the order above.
#[rustfmt::skip]
const EXPECTED: &[(&str, &str, [u16; 8])] = &[
    ("GET", "/livez",                           [204, 204, 204, 204, 204, 204, 204, 204]),
    ("GET", "/readyz",                          [204, 204, 204, 204, 204, 204, 204, 204]),
    ("GET", "/v1/openapi.json",                 [200, 200, 200, 200, 200, 200, 200, 200]),
    ("GET", "/v1/credentials",                  [401, 401, 403, 200, 200, 200, 200, 403]),
    ("POST", "/v1/credentials",                 [401, 401, 403, 201, 201, 403, 403, 403]),
    ("GET", "/v1/credentials/{id}",             [401, 401, 403, 200, 404, 200, 404, 403]),
    ("PATCH", "/v1/credentials/{id}",           [401, 401, 403, 200, 404, 403, 403, 403]),
    ("DELETE", "/v1/credentials/{id}",          [401, 401, 403, 204, 404, 403, 403, 403]),
    ("POST", "/v1/credentials/test",            [401, 401, 403, 200, 200, 403, 403, 403]),
    ("POST", "/v1/credentials/{id}/test",       [401, 401, 403, 200, 404, 403, 403, 403]),
    ("GET", "/v1/credentials/{id}/secret",      [401, 401, 403, 403, 403, 200, 404, 403]),
    ("POST", "/v1/credentials/{id}/refresh",    [401, 401, 403, 422, 404, 422, 404, 403]),
    ("POST", "/v1/credentials/{id}/report-unauthorized", [401, 401, 403, 403, 403, 204, 404, 403]),
    ("GET", "/v1/providers",                    [401, 401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/v1/oauth-apps",                   [401, 401, 200, 403, 403, 403, 403, 200]),
    ("POST", "/v1/oauth-apps",                  [401, 401, 201, 403, 403, 403, 403, 201]),
    ("DELETE", "/v1/oauth-apps/{id}",           [401, 401, 204, 403, 403, 403, 403, 404]),
    ("POST", "/v1/connections",                 [401, 401, 403, 201, 201, 403, 403, 403]),
    ("GET", "/v1/connections/{id}",             [401, 401, 403, 200, 404, 403, 403, 403]),
    ("POST", "/v1/connections/{id}/complete",   [401, 401, 403, 404, 404, 403, 403, 403]),
    ("POST", "/v1/console/sign-in",             [403, 403, 403, 403, 403, 403, 403, 403]),
    ("GET", "/v1/console/sign-in",              [200, 200, 200, 200, 200, 200, 200, 200]),
    ("GET", "/console/sign-in",                 [404, 404, 404, 404, 404, 404, 404, 404]),
    ("GET", "/console/callback",                [404, 404, 404, 404, 404, 404, 404, 404]),
    ("GET", "/v1/console",                      [401, 401, 403, 403, 403, 403, 403, 403]),
    ("DELETE", "/v1/console",                   [401, 401, 403, 403, 403, 403, 403, 403]),
    ("DELETE", "/v1/console/all",               [401, 401, 403, 403, 403, 403, 403, 403]),
    ("GET", "/connect/{link}",                  [404, 404, 404, 404, 404, 404, 404, 404]),
    ("GET", "/api/auth/oauth/callback/{app}",   [404, 404, 404, 404, 404, 404, 404, 404]),
    ("GET", "/v1/plugins",                      [401, 401, 200, 200, 200, 200, 200, 200]),
    ("GET", "/v1/plugins/{name}",               [401, 401, 200, 200, 200, 200, 200, 404]),
    ("PUT", "/v1/plugins/{name}",               [401, 401, 200, 403, 403, 403, 403, 201]),
    ("DELETE", "/v1/plugins/{name}",            [401, 401, 409, 403, 403, 403, 403, 404]),
    ("GET", "/v1/plugins/{name}/keys",          [401, 401, 200, 403, 403, 403, 403, 404]),
    ("POST", "/v1/plugins/{name}/keys",         [401, 401, 201, 403, 403, 403, 403, 404]),
    ("DELETE", "/v1/plugins/{name}/keys/{id}",  [401, 401, 204, 403, 403, 403, 403, 404]),
    ("GET", "/v1/host-keys",                    [401, 401, 200, 403, 403, 403, 403, 200]),
    ("POST", "/v1/host-keys",                   [401, 401, 201, 403, 403, 403, 403, 201]),
    ("DELETE", "/v1/host-keys/{id}",            [401, 401, 204, 403, 403, 403, 403, 404]),
    ("POST", "/v1/sessions",                    [401, 401, 201, 403, 403, 403, 403, 201]),
    ("DELETE", "/v1/sessions/current",          [401, 401, 403, 204, 204, 403, 403, 403]),
    ("GET", "/v1/users",                        [401, 401, 200, 403, 403, 403, 403, 200]),
    ("DELETE", "/v1/users/{user_id}",           [401, 401, 204, 403, 403, 403, 403, 404]),
    ("GET", "/v1/users/{user_id}/sessions",     [401, 401, 200, 403, 403, 403, 403, 200]),
    ("DELETE", "/v1/users/{user_id}/sessions",  [401, 401, 204, 403, 403, 403, 403, 204]),
    ("DELETE", "/v1/users/{user_id}/sessions/{id}", [401, 401, 204, 403, 403, 403, 403, 404]),
    ("GET", "/v1/audit",                        [401, 401, 200, 403, 403, 403, 403, 200]),
];

#[tokio::test]
async fn every_route_answers_each_principal_as_listed() {
    let routes = routes();
    let stated: Vec<_> = EXPECTED.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    for route in &routes {
        assert!(stated.contains(route), "{} {} has no stated expectation", route.0, route.1);
    }
    for route in &stated {
        assert!(routes.contains(route), "{} {} is stated, but not routed", route.0, route.1);
    }
    for (method, path, statuses) in EXPECTED {
        for (principal, status) in PRINCIPALS.iter().zip(statuses) {
            let got = try_route(method, path, principal).await;
            assert_eq!(got, *status, "{method} {path} as {principal}");
        }
    }
}

fn routes() -> Vec<(String, String)> {
    let description: Value = serde_json::from_str(strongroom_server::openapi::text()).unwrap();
    let paths = description["paths"].as_object().unwrap();
    let methods = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
    });
    methods.collect()
}

/// Uses a new server for each request, so that requests cannot affect each other.
async fn try_route(method: &str, path: &str, principal: &str) -> u16 {
    let server = Server::new("matrix").await;
    let credential = server.saved("Work").await;
    let key = |kind: &str| format!("/v1/{kind}");
    let made = async |path: &str, body: Value| {
        server.with_json("POST", path, &server.host, &body).await.json()["id"].as_str().unwrap().to_owned()
    };
    if path.ends_with("/test") {
        // Remove the test call to OpenAI: tests make no external calls.
        let mut quiet: Value = serde_json::from_str(include_str!("../../../../examples/plugins/openai.json")).unwrap();
        quiet["credentials"]["api-key"].as_object_mut().unwrap().remove("test");
        server.with_json("PUT", "/v1/plugins/openai", &server.host, &quiet).await;
    }
    let id = match path {
        path if path.starts_with("/v1/credentials") => credential,
        path if path.starts_with("/v1/plugins") => made(&key("plugins/openai/keys"), json!({"label": "x"})).await,
        path if path.starts_with("/v1/oauth-apps") => made(&key("oauth-apps"), app()).await,
        path if path.starts_with("/v1/connections") => {
            made(&key("oauth-apps"), app()).await;
            server.with_json("PUT", "/v1/plugins/github", &server.host, &manifest()).await;
            server.with_json("POST", "/v1/connections", &server.alice, &connection()).await.json()["id"]
                .as_str()
                .unwrap()
                .to_owned()
        }
        path if path.starts_with("/v1/host-keys") => made(&key("host-keys"), json!({"label": "x"})).await,
        _ => made(&key("sessions"), json!({"user_id": "alice"})).await,
    };
    let token = match principal {
        "nobody" => "",
        "unknown" => "srh_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "host" => &server.host,
        "alice" => &server.alice,
        "bob" => &server.bob,
        "plugin" => &server.plugin,
        "other plugin" => &server.other_plugin,
        _ => &server.stranger,
    };
    let mut uri = path.replace("{id}", &id).replace("{name}", "openai").replace("{user_id}", "alice");
    uri = uri.replace("{link}", &"a".repeat(43)).replace("{app}", "app_0197d3a0c1f27c8e9b1d5a2f3c4e5d6f");
    if principal.ends_with("plugin") && path.starts_with("/v1/credentials") {
        uri += "?user_id=alice";
    }
    let body = match (method, path) {
        ("POST", "/v1/credentials") => draft("New"),
        ("POST", "/v1/credentials/test") => {
            json!({"plugin": "openai", "type": "api-key", "fields": {"api_key": canary("x")}})
        }
        ("POST", "/v1/credentials/{id}/test") => Value::Null,
        ("PATCH", _) => json!({"name": "Renamed"}),
        ("PUT", _) => serde_json::from_str(include_str!("../../../../examples/plugins/openai.json")).unwrap(),
        ("POST", "/v1/oauth-apps") => app(),
        ("POST", "/v1/console/sign-in") => json!({"link": "srl_x"}),
        ("POST", "/v1/connections") => connection(),
        ("POST", "/v1/connections/{id}/complete") => json!({"code": "wrong"}),
        ("POST", "/v1/credentials/{id}/refresh") => Value::Null,
        ("POST", "/v1/credentials/{id}/report-unauthorized") => json!({"revision": 1}),
        ("POST", "/v1/sessions") => json!({"user_id": "carol"}),
        ("POST", _) => json!({"label": "new"}),
        _ => Value::Null,
    };
    let mut request = Server::request(method, &uri, token);
    if matches!(method, "PATCH" | "DELETE") {
        request = request.header("if-match", "*");
    }
    let request: Request<Body> = match body {
        Value::Null => request.body(Body::empty()).unwrap(),
        body => request.header("content-type", "application/json").body(body.to_string().into()).unwrap(),
    };
    let answer = server.send(request).await;
    if answer.status.is_client_error() {
        answer.problem();
    }
    answer.status.as_u16()
}

fn app() -> Value {
    json!({"provider": "github", "client_id": "client", "client_secret": "secret"})
}

fn connection() -> Value {
    json!({"plugin": "github", "name": "Work"})
}

fn manifest() -> Value {
    serde_json::from_str(include_str!("../../../../examples/plugins/github.json")).unwrap()
}
