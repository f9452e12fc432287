//! Commands: missing and wrong keys, secrets that must not be in arguments, and help for every command.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{Running, Serving, done, furnish, run, strongroom};
use crate::support::{CANARY, Dir, canary};

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn missing_or_wrong_key_prints_one_line_and_writes_nothing() {
    let dir = Dir::new("keys");
    let database = dir.database();
    furnish(&database);
    let before = std::fs::read(&database).unwrap();
    for (variable, value, words) in [
        ("CREDENTIAL_ENCRYPTION_KEY", "", "no encryption key is set"),
        ("CREDENTIAL_ENCRYPTION_KEY", "c2hvcnQ=", "exactly 32"),
        ("CREDENTIAL_ENCRYPTION_KEY_FILE", "/nowhere/key", "cannot read the encryption key in /nowhere/key"),
        ("CREDENTIAL_ENCRYPTION_KEY", "!!", "neither base64 nor hexadecimal"),
        ("CREDENTIAL_ENCRYPTION_KEY", "YW5vdGhlci1rZXktMzItYnl0ZXMtZm9yLXRoZS10ZXM=", "is sealed with key"),
    ] {
        for arguments in [&["serve"][..], &["credential", "list", "--user", "alice"], &["doctor"]] {
            let mut command = strongroom(&database);
            command.args(arguments).env(variable, value);
            let began = Instant::now();
            let output = run(command, "");
            assert!(began.elapsed() < Duration::from_secs(1), "{words}: took {:?}", began.elapsed());
            assert_eq!(output.status.code(), Some(3), "{}", said(&output));
            assert!(said(&output).contains(words), "{}", said(&output));
            let lines = said(&output);
            assert!(lines.trim().lines().count() == 1 || arguments == ["doctor"], "{lines}");
            assert!(value.len() < 20 || !lines.contains(value), "the key itself was printed");
        }
    }
    assert_eq!(std::fs::read(&database).unwrap(), before);
    let nowhere = dir.path().join("new").join("vault.db");
    let mut command = strongroom(&nowhere);
    assert_eq!(
        run(
            {
                command.arg("serve").env("CREDENTIAL_ENCRYPTION_KEY", "zz");
                command
            },
            ""
        )
        .status
        .code(),
        Some(3)
    );
    assert!(!nowhere.exists(), "no database is made for a key that is none");
}

#[test]
fn key_file_takes_precedence_over_variable() {
    let dir = Dir::new("key-file");
    furnish(&dir.database());
    // Outside the directory that the canary scan reads: this file contains the key in plaintext on purpose.
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("strongroom.key");
    std::fs::write(&file, format!("{}\n", crate::support::KEY)).unwrap();
    let mut command = strongroom(&dir.database());
    command
        .args(["plugin", "list"])
        .env("CREDENTIAL_ENCRYPTION_KEY", "zz")
        .env("CREDENTIAL_ENCRYPTION_KEY_FILE", &file);
    assert!(run(command, "").status.success());
}

#[test]
fn unusable_path_is_reported_once() {
    let dir = Dir::new("no-directory");
    std::fs::write(dir.path().join("file"), "").unwrap();
    std::fs::set_permissions(dir.path().join("file"), std::fs::Permissions::from_mode(0o700)).unwrap();
    for (verb, words) in [("serve", "Not a directory"), ("doctor", "is not a directory")] {
        let mut command = strongroom(&dir.path().join("file").join("vault.db"));
        command.arg(verb);
        let output = run(command, "");
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert_eq!(said(&output).matches(words).count(), 1, "{}", said(&output));
    }
}

/// The operator needs all findings at once, not only the first.
#[test]
fn doctor_checks_key_without_a_database() {
    let dir = Dir::new("doctor");
    let mut command = strongroom(&dir.database());
    command.arg("doctor").env("DATABASE_URL", "nonsense").env("CREDENTIAL_ENCRYPTION_KEY", "zz");
    let output = run(command, "");
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("DATABASE_URL must be sqlite:"), "{}", said(&output));
    assert!(said(&output).contains("exactly 32") || said(&output).contains("hexadecimal"), "{}", said(&output));
}

/// A mistyped path would otherwise create an empty vault, which verifies without a finding.
#[test]
fn commands_do_not_create_a_vault() {
    let dir = Dir::new("mistyped");
    let mistyped = dir.path().join("typo").join("vault.db");
    for arguments in [&["audit", "verify", "--deep"][..], &["credential", "list", "--user", "a"], &["plugin", "list"]] {
        let mut command = strongroom(&mistyped);
        command.args(arguments);
        let output = run(command, "");
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains("no vault found at"), "{}", said(&output));
    }
    assert!(!mistyped.parent().unwrap().exists());
}

#[test]
fn doctor_reports_settings_that_serve_refuses() {
    let dir = Dir::new("doctor-settings");
    furnish(&dir.database());
    for (variable, value) in [
        ("STRONGROOM_SERVER_PUBLIC_URL", "http://vault.example.com"),
        ("STRONGROOM_SERVER_LISTEN", "localhost:9000"),
        ("STRONGROOM_PROVIDERS_DIRECTORY", "/nowhere"),
        ("STRONGROOM_LOG_FILTER", "strongroom=loud"),
    ] {
        for verb in ["doctor", "serve"] {
            let mut command = strongroom(&dir.database());
            command.arg(verb).env(variable, value);
            let output = run(command, "");
            assert_eq!(output.status.code(), Some(1), "{verb} {variable}: {}", said(&output));
        }
    }
}

/// An optional secret is never asked for. If it is on standard input, dropping it would lose it without an error.
#[test]
fn piped_optional_secret_is_saved() {
    let dir = Dir::new("optional");
    let example = crate::process::repository().join("examples/plugins/smtp.json");
    let manifest = std::fs::read_to_string(example).unwrap();
    let optional = manifest.replace(r#", "username", "password"]"#, "]");
    assert_ne!(optional, manifest, "the password is required there");
    let smtp = dir.path().join("smtp.json");
    std::fs::write(&smtp, optional).unwrap();
    done(&dir.database(), &["plugin", "register", "smtp", smtp.to_str().unwrap()], "");
    let save =
        ["--json", "credential", "save", "--user", "alice", "--plugin", "smtp", "--set", "host=mail.example.com"];
    for (name, secret, configured) in
        [("With", canary("optional"), r#"["password"]"#), ("Without", String::new(), "[]")]
    {
        let arguments = [&save[..], &["--set", "username=alice", "--name", name]].concat();
        let saved: Value = serde_json::from_str(&done(&dir.database(), &arguments, &secret)).unwrap();
        assert_eq!(saved["configured"].to_string(), configured, "{name}");
    }
}

/// `--dev` with `serve` would look like the development vault but use the production database.
#[test]
fn serve_refuses_the_dev_option() {
    let dir = Dir::new("dev-serve");
    let mut command = strongroom(&dir.database());
    command.args(["--dev", "serve"]);
    let output = run(command, "");
    assert!(!output.status.success() && said(&output).contains("run `strongroom dev`"), "{}", said(&output));
    assert!(!dir.database().exists());
}

#[test]
fn misspelled_setting_is_refused_by_name() {
    let dir = Dir::new("misspelt");
    let mut command = strongroom(&dir.database());
    let output = run(
        {
            command.arg("serve").env("STRONGROOM_SERVER_LISTN", "x");
            command
        },
        "",
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("STRONGROOM_SERVER_LISTN"), "{}", said(&output));
    let file = dir.path().join("own.toml");
    std::fs::write(&file, "[limits]\nbody_byte = 1\n").unwrap();
    let mut command = strongroom(&dir.database());
    let output = run(
        {
            command.args(["serve", "--config"]).arg(&file);
            command
        },
        "",
    );
    assert!(said(&output).contains("body_byte"), "{}", said(&output));
}

#[test]
fn secrets_are_read_from_input_or_files_but_not_arguments() {
    let dir = Dir::new("argv");
    let database = dir.database();
    let (_, plugin_key) = furnish(&database);
    let save = |name: &'static str, more: &[&str], input: &str| {
        let mut command = strongroom(&database);
        command
            .args(["credential", "save", "--user", "alice", "--plugin", "openai", "--json", "--name", name])
            .args(more);
        run(command, input)
    };
    let refused = save("Argument", &["--set", &format!("api_key={}", canary("argument"))], "");
    assert!(!refused.status.success() && said(&refused).contains("is secret"), "{}", said(&refused));
    assert!(!said(&refused).contains(CANARY));
    let nothing = save("Nothing", &[], "");
    assert!(said(&nothing).contains("standard input is empty"), "{}", said(&nothing));

    let file = dir.path().join("secret.txt");
    std::fs::write(&file, "sk-not-a-canary-0123456789\n").unwrap();
    for (name, more, input) in [
        ("Piped", vec![], canary("piped")),
        ("File", vec!["--secret-file".to_owned(), format!("api_key={}", file.display())], String::new()),
        (
            "Json",
            vec!["--fields".to_owned(), "-".to_owned()],
            format!(r#"{{"api_key":"{}","organization":"org-1"}}"#, canary("json")),
        ),
    ] {
        let output = save(name, &more.iter().map(String::as_str).collect::<Vec<_>>(), &input);
        assert!(output.status.success(), "{name}: {}", said(&output));
        assert!(!said(&output).contains(CANARY));
        let id = serde_json::from_slice::<Value>(&output.stdout).unwrap()["id"].as_str().unwrap().to_owned();
        let mut command = strongroom(&database);
        command
            .args(["credential", "open", &id, "--user", "alice", "--field", "api_key"])
            .env("STRONGROOM_PLUGIN_KEY", &plugin_key);
        let opened = run(command, "");
        let expected = if name == "File" { "sk-not-a-canary-0123456789" } else { &canary(&name.to_lowercase()) };
        assert_eq!(String::from_utf8_lossy(&opened.stdout).trim(), expected);
    }
    let mut command = strongroom(&database);
    let host = done(&database, &["host-key", "create", "-q"], "");
    command.args(["credential", "open", "cred_00000000000000000000000000000000", "--user", "alice"]);
    let operator = run(command, &host);
    assert!(said(&operator).contains("requires a plugin key"), "{}", said(&operator));
}

#[test]
fn every_command_help_has_an_example() {
    fn walk(path: &[String], seen: &mut usize) {
        let dir = std::path::Path::new("/nonexistent/vault.db");
        let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = done(dir, &arguments, "");
        *seen += 1;
        let commands: Vec<String> = match help.split_once("Commands:\n") {
            Some((_, rest)) => rest
                .lines()
                .take_while(|line| !line.is_empty())
                .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
                .filter_map(|line| line.split_whitespace().next())
                .filter(|name| *name != "help")
                .map(str::to_owned)
                .collect(),
            None => Vec::new(),
        };
        if commands.is_empty() || path.is_empty() {
            assert!(help.contains("Example"), "{path:?} has no example:\n{help}");
        }
        for command in commands {
            walk(&[path, &[command]].concat(), seen);
        }
    }
    let mut seen = 0;
    walk(&[], &mut seen);
    assert!(seen >= 35, "only {seen} helps");
}

#[test]
fn tenants_users_and_plugins_are_created_and_removed() {
    let dir = Dir::new("tenants");
    let database = dir.database();
    furnish(&database);
    done(&database, &["tenant", "create", "acme"], "");
    assert!(done(&database, &["tenant", "list"], "").contains("acme"));
    assert!(done(&database, &["--tenant", "acme", "plugin", "list"], "").contains("(none)"));
    done(&database, &["tenant", "remove", "acme"], "");
    let mut command = strongroom(&database);
    command.args(["tenant", "remove", "default"]);
    let output = run(command, "");
    assert!(
        !output.status.success() && said(&output).contains("the default tenant cannot be removed"),
        "{}",
        said(&output)
    );
    done(
        &database,
        &["credential", "save", "--user", "alice", "--plugin", "openai", "--name", "Work"],
        &canary("work"),
    );
    assert!(done(&database, &["user", "list"], "").contains("alice"));
    let mut command = strongroom(&database);
    let kept = run(
        {
            command.args(["plugin", "remove", "openai"]);
            command
        },
        "",
    );
    assert!(said(&kept).contains("still has credentials (1)"), "{}", said(&kept));
    done(&database, &["user", "delete", "alice"], "");
    done(&database, &["plugin", "remove", "openai"], "");
    assert!(done(&database, &["audit", "verify", "--deep"], "").contains("no faults found"));
    assert!(done(&database, &["doctor"], "").contains("opens, instance"));
    assert!(done(&database, &["completions", "bash"], "").contains("strongroom"));
}

#[tokio::test]
async fn two_servers_and_the_cli_share_one_database() {
    let dir = Dir::new("two-servers");
    let database = dir.database();
    let (host, plugin) = furnish(&database);
    let (one, two) = (
        Serving::start(&database, &dir.path().join("1.log"), &[]).await,
        Serving::start(&database, &dir.path().join("2.log"), &[]).await,
    );
    let session = one.session(&host, "alice").await;
    let mut saving = tokio::task::JoinSet::new();
    let servers = std::sync::Arc::new([one, two]);
    for number in 0..60 {
        let (servers, session) = (servers.clone(), session.clone());
        saving.spawn(async move {
            servers[number % 2].save(&session, &format!("Key {number}"), &canary("two")).await.unwrap()
        });
    }
    let listed = done(&database, &["audit", "tail", "-n", "3"], "");
    assert!(listed.contains("operator") || listed.contains("user"));
    let ids: Vec<String> = saving
        .join_all()
        .await
        .into_iter()
        .map(|(status, body)| {
            assert_eq!(status, 201, "{body}");
            body["id"].as_str().unwrap().to_owned()
        })
        .collect();
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(servers[(number + 1) % 2].open(&plugin, "alice", id, "both-servers").await.unwrap().0, 200);
    }
    assert!(done(&database, &["audit", "verify", "--deep"], "").contains("no faults found"));
    let [one, two] = std::sync::Arc::into_inner(servers).unwrap();
    assert!(one.stop() && two.stop(), "SIGTERM is an orderly end");
}

#[tokio::test]
async fn log_lines_carry_the_request_id() {
    for format in ["json", "text"] {
        let dir = Dir::new(&format!("log-{format}"));
        let (host, plugin) = furnish(&dir.database());
        let log = dir.path().join("server.log");
        let serving = Serving::start(&dir.database(), &log, &[("STRONGROOM_LOG_FORMAT", format)]).await;
        let session = serving.session(&host, "alice").await;
        let (_, saved) = serving.save(&session, "Work", &canary("log")).await.unwrap();
        let damage = "UPDATE credential SET encrypted_data = zeroblob(200)";
        rusqlite::Connection::open(dir.database()).unwrap().execute(damage, ()).unwrap();
        // Longer than the server keeps a database snapshot.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (status, _) =
            serving.open(&plugin, "alice", saved["id"].as_str().unwrap(), "the-damaged-one").await.unwrap();
        assert_eq!(status, 409);
        assert!(serving.stop());

        let log = std::fs::read_to_string(log).unwrap();
        let line =
            |words: &str| log.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{words}: {log}"));
        // The first line comes from the library, the second from the server. The third belongs to no request.
        for words in ["a sealed column does not open", "\"status\":409", "listening"] {
            let line = if format == "json" { line(words) } else { line(&words.replace("\"status\":", "status=")) };
            let named = match format {
                "json" => serde_json::from_str::<Value>(line).unwrap()["request_id"] == "the-damaged-one",
                _ => line.contains(" request_id=the-damaged-one "),
            };
            assert_eq!(named, words != "listening", "{line}");
        }
    }
}

#[tokio::test]
async fn metrics_have_a_separate_listener_and_contain_no_names() {
    let dir = Dir::new("metrics");
    let (host, plugin) = furnish(&dir.database());
    let port = crate::process::free_port();
    let serving = Serving::start(
        &dir.database(),
        &dir.path().join("server.log"),
        &[("STRONGROOM_SERVER_METRICS_LISTEN", &format!("127.0.0.1:{port}"))],
    )
    .await;
    let session = serving.session(&host, "alice-the-user").await;
    let (_, saved) = serving.save(&session, "Work", &canary("metrics")).await.unwrap();
    serving.open(&plugin, "alice-the-user", saved["id"].as_str().unwrap(), "metrics-request").await.unwrap();
    let metrics =
        serving.http.get(format!("http://127.0.0.1:{port}/metrics")).send().await.unwrap().text().await.unwrap();
    std::fs::write(dir.path().join("metrics.txt"), &metrics).unwrap();
    assert!(
        metrics
            .contains(r#"strongroom_requests_total{method="GET",route="/v1/credentials/{id}/secret",status="200"} 1"#),
        "{metrics}"
    );
    assert!(!metrics.contains("alice") && !metrics.contains("cred_"));
    assert_eq!(serving.http.get(format!("{}/metrics", serving.url)).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn following_the_log_adds_no_events() {
    let dir = Dir::new("follow");
    let (host, _) = furnish(&dir.database());
    let serving = Serving::start(&dir.database(), &dir.path().join("server.log"), &[]).await;
    let session = serving.session(&host, "alice").await;
    let shown = dir.path().join("followed.txt");
    let mut command = strongroom(&dir.database());
    command.args(["audit", "tail", "-n", "1", "--follow"]).stdout(std::fs::File::create(&shown).unwrap());
    let following = Running(command.spawn().unwrap());
    for saved in 0..3 {
        // First its own event, then the later ones.
        let (words, times) = if saved == 0 { ("audit.read", 1) } else { ("credential.save", saved) };
        let began = Instant::now();
        while std::fs::read_to_string(&shown).unwrap().matches(words).count() < times {
            assert!(began.elapsed() < Duration::from_secs(20), "{}", std::fs::read_to_string(&shown).unwrap());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        serving.save(&session, &format!("Key {saved}"), &canary("follow")).await.unwrap();
    }
    drop(following);
    let reads = done(&dir.database(), &["audit", "tail", "-n", "100", "--action", "audit.read"], "");
    assert_eq!(reads.matches("audit.read").count(), 2, "its own and this one: {reads}");
}

/// Over HTTP/2 a body in a response to HEAD breaks the connection, and the host name is in `:authority`.
#[tokio::test]
async fn http2_reads_work_and_head_has_no_body() {
    let dir = Dir::new("http2");
    let (host, plugin) = furnish(&dir.database());
    let mut serving = Serving::start(&dir.database(), &dir.path().join("server.log"), &[]).await;
    serving.http = reqwest::Client::builder().http2_prior_knowledge().timeout(Duration::from_secs(20)).build().unwrap();
    let (session, secret) = (serving.session(&host, "alice").await, canary("http2"));
    let (_, saved) = serving.save(&session, "Work", &secret).await.unwrap();
    let id = saved["id"].as_str().unwrap();
    let (status, opened) = serving.open(&plugin, "alice", id, "over-http2").await.unwrap();
    assert_eq!((status, opened["fields"]["api_key"].as_str()), (200, Some(secret.as_str())));
    let url = format!("{}/v1/credentials/{id}/secret?user_id=alice", serving.url);
    for (token, status) in [(plugin.as_str(), 200), ("srp_unknown", 401)] {
        let head = serving.http.head(&url).bearer_auth(token).send().await.unwrap();
        assert_eq!((head.version(), head.status().as_u16()), (reqwest::Version::HTTP_2, status));
        let length: usize = head.headers()["content-length"].to_str().unwrap().parse().unwrap();
        assert!(length > 0 && head.bytes().await.unwrap().is_empty());
    }
}

/// Otherwise one address could use up all connections with a thousand idle ones (slowloris).
#[tokio::test]
async fn connections_without_a_request_are_closed() {
    let dir = Dir::new("silent");
    furnish(&dir.database());
    let serving = Serving::start(&dir.database(), &dir.path().join("server.log"), &[]).await;
    let address = serving.url.trim_start_matches("http://");
    let began = Instant::now();
    let mut silent: Vec<_> = ["", "P", "PRI * HT", "GET / HTTP/1.1\r\nhost: x\r\n"]
        .into_iter()
        .map(|begun| {
            let mut connection = std::net::TcpStream::connect(address).unwrap();
            connection.write_all(begun.as_bytes()).unwrap();
            connection.set_read_timeout(Some(Duration::from_secs(25))).unwrap();
            (begun, connection)
        })
        .collect();
    for (begun, connection) in &mut silent {
        let mut rest = Vec::new();
        let closed = connection.read_to_end(&mut rest);
        assert!(closed.is_ok(), "{begun:?} is open after {:?}: {closed:?}", began.elapsed());
    }
    assert!(began.elapsed() > Duration::from_secs(5), "a slow client has its time");
}
