//! Invalid input always gives a problem response that says what to fix. No response repeats a value, and no stored data
//! changes.

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Server, draft};
use crate::support::{CANARY, canary};

async fn save(server: &Server, body: impl Into<String>) -> (u16, String, Vec<(String, String)>) {
    let answer = server.raw("POST", "/v1/credentials", &server.alice, &[], body.into()).await;
    assert!(!String::from_utf8_lossy(&answer.body).contains(CANARY), "the value came back");
    let (slug, errors) = answer.problem();
    (answer.status.as_u16(), slug, errors)
}

/// A valid body with one member replaced.
fn with(member: &str, value: Value) -> String {
    let mut body = draft("Work");
    body[member] = value;
    body.to_string()
}

#[tokio::test]
async fn members_of_wrong_types_are_refused() {
    let server = Server::new("members").await;
    let long = "x".repeat(1 << 20);
    for member in ["plugin", "type", "name", "fields"] {
        let mut body = draft("Work");
        body.as_object_mut().unwrap().remove(member);
        let (status, _, errors) = save(&server, body.to_string()).await;
        assert_eq!((status, errors), (422, vec![(member.to_owned(), "required".to_owned())]), "absent {member}");
        for value in [Value::Null, json!(7), json!(true), json!([canary("x")]), json!(canary("wrong type"))] {
            if member == "name" && value.is_string() {
                continue;
            }
            let (status, ..) = save(&server, with(member, value.clone())).await;
            assert_eq!(status, 422, "{member} = {value}");
        }
        if member != "fields" {
            for value in ["", " ", "a\u{0}b", "a\u{1b}[2J"] {
                let (status, slug, errors) = save(&server, with(member, json!(value))).await;
                assert_eq!(
                    (status, slug.as_str(), errors[0].0.as_str()),
                    (422, "invalid-fields", member),
                    "{member} = {value:?}"
                );
            }
        }
        assert_eq!(save(&server, with(member, json!(long))).await.1, "too-large");
    }
    assert_eq!(
        server.get("/v1/credentials", &server.alice).await.json()["items"],
        json!([]),
        "nothing was saved on the way"
    );
}

#[tokio::test]
async fn fields_of_wrong_types_are_refused() {
    let server = Server::new("fields").await;
    let api_key = |value: Value| with("fields", json!({"api_key": value}));
    for (value, code) in [
        (json!(null), "required"),
        (json!(7), "type"),
        (json!({"a": canary("nested")}), "type"),
        (json!([canary("list")]), "type"),
        (json!(""), "required"),
        (json!("sk-a\u{0}"), "control"),
        (json!(format!("sk-{}", "x".repeat(70_000))), "max-length"),
        (json!(format!("not {}", canary("x"))), "pattern"),
    ] {
        let (status, slug, errors) = save(&server, api_key(value.clone())).await;
        assert_eq!(
            (status, slug.as_str(), errors),
            (422, "invalid-fields", vec![("api_key".to_owned(), code.to_owned())]),
            "{code}"
        );
    }
    let unknown = save(&server, with("fields", json!({"api_key": canary("ok"), "colour": canary("x")}))).await;
    assert_eq!(unknown.2, [("colour".to_owned(), "unknown".to_owned())]);
}

#[tokio::test]
async fn malformed_bodies_are_refused() {
    let server = Server::new("bodies").await;
    assert_eq!(save(&server, "").await.1, "invalid-json");
    assert_eq!(save(&server, "{").await.1, "invalid-json");
    assert_eq!(save(&server, format!("{{\"name\": \"{CANARY}")).await.1, "invalid-json");
    assert_eq!(save(&server, "[]").await.0, 422);
    assert_eq!(save(&server, "[".repeat(100_000)).await.1, "invalid-json");
    let twice = draft("Work").to_string().replacen('{', &format!("{{\"name\": \"{}\",", canary("first")), 1);
    assert_eq!(save(&server, twice).await.1, "invalid-json", "a key twice");
    let nested = with("fields", json!({"api_key": 1}))
        .replace("\"api_key\":1", &format!("\"api_key\":\"{}\",\"api_key\":\"b\"", canary("a")));
    assert_eq!(save(&server, nested).await.1, "invalid-json", "a field twice");
    let unknown = save(&server, with("colour", json!(canary("x")))).await;
    assert_eq!(unknown.2, [("colour".to_owned(), "unknown".to_owned())]);

    for (content_type, body) in
        [("text/plain", draft("Work").to_string()), ("application/x-www-form-urlencoded", "a=b".to_owned())]
    {
        let request = Server::request("POST", "/v1/credentials", &server.alice).header("content-type", content_type);
        let answer = server.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!((answer.status, answer.problem().0.as_str()), (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json"));
    }
}

#[tokio::test]
async fn malformed_ids_names_and_preconditions_are_refused() {
    let server = Server::new("ids").await;
    let id = server.saved("Work").await;
    for bad in ["cred_", "cred_zz", "%00", "..%2f..%2fetc", &id.to_uppercase(), &"a".repeat(5_000)] {
        let answer = server.get(&format!("/v1/credentials/{bad}"), &server.alice).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{bad}");
        answer.problem();
    }
    let nameless = server
        .raw("PATCH", &format!("/v1/credentials/{id}"), &server.alice, &[("if-match", "*")], r#"{"name": null}"#)
        .await;
    assert_eq!(nameless.status, StatusCode::UNPROCESSABLE_ENTITY, "null would look like clearing");
    for (tag, status) in
        [("\"+1\"", 412), ("\"0\"", 412), ("\"yesterday\"", 412), ("W/\"1\"", 412), ("1", 412), ("", 412)]
    {
        let answer =
            server.raw("PATCH", &format!("/v1/credentials/{id}"), &server.alice, &[("if-match", tag)], "{}").await;
        assert_eq!(answer.status.as_u16(), status, "{tag}");
    }
    let both = [("if-match", "*"), ("if-none-match", "*")];
    assert_eq!(
        server.raw("PATCH", &format!("/v1/credentials/{id}"), &server.alice, &both, "{}").await.problem().0,
        "invalid-precondition"
    );
    let long = json!({"user_id": "x".repeat(256)});
    assert_eq!(server.with_json("POST", "/v1/sessions", &server.host, &long).await.problem().1[0].0, "user_id");
    for expires_in in [json!(0), json!(1801)] {
        let answer = server
            .with_json("POST", "/v1/sessions", &server.host, &json!({"user_id": "a", "expires_in": expires_in}))
            .await;
        assert_eq!(answer.problem().1[0].0, "expires_in");
    }
    for expires_in in [json!(-1), json!("900"), json!(1.5), json!(1e30)] {
        let answer = server
            .with_json("POST", "/v1/sessions", &server.host, &json!({"user_id": "a", "expires_in": expires_in}))
            .await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let missing = server.get(&format!("/v1/credentials/{id}/secret"), &server.plugin).await;
    assert_eq!((missing.status, missing.problem().0.as_str()), (StatusCode::BAD_REQUEST, "user-missing"));
}

#[tokio::test]
async fn faulty_manifest_is_refused_and_old_one_kept() {
    let server = Server::new("manifest").await;
    let good: Value = serde_json::from_str(include_str!("../../../../examples/plugins/openai.json")).unwrap();
    let mut bad = good.clone();
    bad["hosts"] = json!(["not a host"]);
    bad["title"] = json!("");
    let answer = server.with_json("PUT", "/v1/plugins/openai", &server.host, &bad).await;
    let fields: Vec<_> = answer.problem().1.into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["title", "hosts/0", "credentials/api-key/test/url"]);
    let kept = server.get("/v1/plugins/openai", &server.alice).await;
    assert_eq!((kept.etag().as_str(), &kept.json()["manifest"]["hosts"]), ("\"1\"", &good["hosts"]));

    let same = server.with_json("PUT", "/v1/plugins/openai", &server.host, &good).await;
    assert_eq!((same.status, same.etag().as_str()), (StatusCode::OK, "\"1\""), "the same again changes nothing");
    let only_new =
        server.raw("PUT", "/v1/plugins/openai", &server.host, &[("if-none-match", "*")], good.to_string()).await;
    assert_eq!(only_new.status, StatusCode::PRECONDITION_FAILED);
    let stale = server.raw("PUT", "/v1/plugins/openai", &server.host, &[("if-match", "\"7\"")], good.to_string()).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(
        server.with_json("PUT", "/v1/plugins/Bad_Name", &server.host, &good).await.status,
        StatusCode::NOT_FOUND
    );
}
