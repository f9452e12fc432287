//! Runs the binary, as a command or as a server.

use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::KEY;

/// The binary with a clean environment.
pub(crate) fn strongroom(database: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("CREDENTIAL_ENCRYPTION_KEY", KEY);
    command.env("DATABASE_URL", format!("sqlite:{}", database.display())).stdin(Stdio::null());
    command
}

/// Runs the command to its end with this standard input.
pub(crate) fn run(mut command: Command, input: &str) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// Runs the command, requires success and returns its output.
pub(crate) fn done(database: &Path, arguments: &[&str], input: &str) -> String {
    let mut command = strongroom(database);
    command.args(arguments);
    let output = run(command, input);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A running server, killed on drop.
pub(crate) struct Serving {
    child: Running,
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
}

impl Serving {
    pub(crate) async fn start(database: &Path, log: &Path, variables: &[(&str, &str)]) -> Self {
        let port = free_port();
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut command = strongroom(database);
        command
            .arg("serve")
            .env("STRONGROOM_SERVER_LISTEN", format!("127.0.0.1:{port}"))
            .env("STRONGROOM_LOG_FILTER", "debug");
        command.env("STRONGROOM_LIMITS_PRINCIPAL_PER_SECOND", "1000000").envs(variables.iter().copied()).stderr(log);
        let serving = Self {
            child: Running(command.spawn().unwrap()),
            url: format!("http://127.0.0.1:{port}"),
            http: reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap(),
        };
        let began = Instant::now();
        while serving.http.get(format!("{}/livez", serving.url)).send().await.is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "the server did not come up");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        serving
    }

    /// `kill -9`, while other tasks still use the server.
    pub(crate) fn kill(&self) {
        rustix::process::kill_process(self.id(), rustix::process::Signal::KILL).unwrap();
    }

    fn id(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_raw(i32::try_from(self.child.0.id()).unwrap()).unwrap()
    }

    /// Sends SIGTERM and waits. Returns whether the exit was successful.
    pub(crate) fn stop(mut self) -> bool {
        rustix::process::kill_process(self.id(), rustix::process::Signal::TERM).unwrap();
        self.child.0.wait().unwrap().success()
    }

    pub(crate) async fn session(&self, host: &str, user: &str) -> String {
        let body = json!({"user_id": user, "expires_in": 1800});
        let answer =
            self.http.post(format!("{}/v1/sessions", self.url)).bearer_auth(host).json(&body).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn save(&self, session: &str, name: &str, secret: &str) -> Result<(u16, Value), reqwest::Error> {
        let body = json!({"plugin": "openai", "type": "api-key", "name": name, "fields": {"api_key": secret}});
        let answer =
            self.http.post(format!("{}/v1/credentials", self.url)).bearer_auth(session).json(&body).send().await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }

    pub(crate) async fn open(
        &self,
        plugin: &str,
        user: &str,
        id: &str,
        request_id: &str,
    ) -> Result<(u16, Value), reqwest::Error> {
        let url = format!("{}/v1/credentials/{id}/secret?user_id={user}", self.url);
        let answer = self.http.get(url).bearer_auth(plugin).header("x-request-id", request_id).send().await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }
}

/// A child process, killed on drop.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Creates a vault with the plugin openai. Returns a host key and a plugin key.
pub(crate) fn furnish(database: &Path) -> (String, String) {
    done(database, &["plugin", "register", "openai", manifest().to_str().unwrap()], "");
    let host = done(database, &["host-key", "create", "--quiet"], "");
    (host, done(database, &["plugin-key", "create", "openai", "--quiet"], ""))
}

pub(crate) fn manifest() -> PathBuf {
    repository().join("examples/plugins/openai.json")
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}
