//! A Python decoder, written from docs/FORMAT.md alone, opens the records of the server.

use std::process::Command;

use serde_json::Value;

use crate::process::{Serving, furnish, repository};
use crate::support::{Dir, KEY, canary};

#[expect(clippy::disallowed_methods, reason = "`make test` says which Python has the library")]
fn python() -> String {
    std::env::var("FORMAT_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

#[tokio::test]
async fn independent_decoder_opens_every_row() {
    let dir = Dir::new("format");
    let database = dir.database();
    let (host, _) = furnish(&database);
    let serving = Serving::start(&database, &dir.path().join("server.log"), &[]).await;
    for user in ["alice", "bob", "Zoë 🔑"] {
        let session = serving.session(&host, user).await;
        for name in ["Work", "Home"] {
            assert_eq!(serving.save(&session, name, &canary(&format!("{name}-of-somebody"))).await.unwrap().0, 201);
        }
    }
    // Decode while the server runs, so that the WAL is included.
    let decoder = repository().join("tests/format/decode.py");
    let output = Command::new(python())
        .arg(decoder)
        .arg(&database)
        .arg("--verify-audit")
        .env("CREDENTIAL_ENCRYPTION_KEY", KEY)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let decoded: Value = serde_json::from_slice(&output.stdout).unwrap();
    let credentials = decoded["credentials"].as_array().unwrap();
    assert_eq!(credentials.len(), 6);
    for credential in credentials {
        let name = credential["name"].as_str().unwrap();
        assert_eq!(credential["secrets"]["api_key"], canary(&format!("{name}-of-somebody")));
    }
    assert_eq!(
        (&decoded["plugins_genuine"], &decoded["keys_genuine"], &decoded["sessions_genuine"]),
        (&1.into(), &2.into(), &3.into())
    );
    assert!(decoded["events"].as_u64().unwrap() >= 12);

    let wrong = Command::new(python())
        .arg(repository().join("tests/format/decode.py"))
        .arg(&database)
        .env("CREDENTIAL_ENCRYPTION_KEY", "00".repeat(31) + "01")
        .output()
        .unwrap();
    assert!(!wrong.status.success());
}
