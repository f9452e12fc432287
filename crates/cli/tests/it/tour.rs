//! The five-minute tour, run from the text of the README, and the commands that `strongroom dev` prints.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::process::{free_port, repository};
use crate::support::Dir;

struct Dev {
    child: Child,
    printed: String,
    port: u16,
}

impl Dev {
    fn start(dir: &Dir) -> Self {
        Self::start_at(dir, "127.0.0.1")
    }

    fn start_at(dir: &Dir, address: &str) -> Self {
        let port = free_port();
        let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
        at_home(&mut command, dir).args(["dev", "--listen", &format!("{address}:{port}")]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut printed = String::new();
        for line in lines {
            printed += &format!("{line}\n");
            if line.starts_with("Stop with") {
                break;
            }
        }
        Self { child, printed, port }
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn at_home<'a>(command: &'a mut Command, dir: &Dir) -> &'a mut Command {
    let home = |name: &str| dir.path().join(name);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("XDG_CONFIG_HOME", home("config"))
        .env("XDG_DATA_HOME", home("data"))
        .env("HOME", dir.path())
}

fn bash(script: &str, dir: &Dir) -> String {
    let mut command = Command::new("bash");
    let output =
        at_home(&mut command, dir).args(["-euo", "pipefail", "-c", script]).current_dir(repository()).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}\n{text}");
    text
}

#[test]
fn readme_tour_works() {
    let dir = Dir::new("tour");
    let dev = Dev::start(&dir);
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let tour = readme.split_once("<!-- tour:").unwrap().1.split_once("<!-- tour ends -->").unwrap().0;
    let blocks: Vec<&str> = tour.split("```sh\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect();
    assert_eq!(blocks.len(), 5, "save, read, session, log, delete");

    // Replace the README's port and release build with those of the test.
    let build = Path::new(env!("CARGO_BIN_EXE_strongroom")).parent().unwrap().display().to_string();
    let script = blocks
        .join("echo ----\n")
        .replace("127.0.0.1:8420", &format!("127.0.0.1:{}", dev.port))
        .replace("$PWD/target/release", &build);
    let printed = bash(&script, &dir);
    let parts: Vec<&str> = printed.split("----\n").collect();
    assert!(parts[0].contains("openai") && parts[0].contains("Work"), "{}", parts[0]);
    assert!(parts[1].contains(r#""api_key":"sk-example-0123456789abcdef""#), "{}", parts[1]);
    assert!(parts[2].contains(r#""name":"Work""#) && !parts[2].contains("sk-example"), "{}", parts[2]);
    assert!(parts[3].contains("credential.open") && parts[3].contains("no faults found"), "{}", parts[3]);
    assert!(parts[4].contains("(none)"), "{}", parts[4]);
}

/// A second instance would move the demo page to another port and revoke the host key of the first.
#[test]
fn second_dev_on_same_data_is_refused() {
    let dir = Dir::new("second-dev");
    let first = Dev::start(&dir);
    let program = env!("CARGO_BIN_EXE_strongroom");
    let plugins = format!("{program} --dev plugin show example-mail; {program} --dev host-key list");
    let before = bash(&plugins, &dir);
    for listen in [first.port, free_port()] {
        let mut command = Command::new(program);
        let output = at_home(&mut command, &dir).args(["dev", "--listen", &format!("127.0.0.1:{listen}")]).output();
        let output = output.unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains("`strongroom dev` already runs on"), "{text}");
    }
    assert_eq!(bash(&plugins, &dir), before);
}

#[test]
fn commands_printed_by_dev_work() {
    let dir = Dir::new("dev");
    for address in ["127.0.0.1", "0.0.0.0"] {
        let dev = Dev::start_at(&dir, address);
        let commands: Vec<&str> = dev
            .printed
            .lines()
            .filter_map(|line| line.strip_prefix("  "))
            .filter(|line| line.contains("--dev ") || line.starts_with("curl"))
            .collect();
        assert_eq!(commands.len(), 3, "{}", dev.printed);
        // After a second start, the credential of the first start still exists.
        bash(&commands[0].replace("--name First", &format!("--name First-{}", dev.port)), &dir);
        assert!(bash(commands[1], &dir).contains("openai"));
        assert!(bash(commands[2], &dir).contains("credential.save"));
    }
}
