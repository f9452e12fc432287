//! Full disk or unwritable log: the server answers 503 within the deadline, returns no secret, and recovers by itself.
//! The disk is a small tmpfs, so the test needs the right to mount.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::process::{Serving, furnish, run, strongroom};
use crate::support::{Dir, canary};

/// The audit deadline, plus a margin for a loaded machine.
const DEADLINE: Duration = Duration::from_secs(2 + 3);

struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(dir: &Dir) -> Self {
        let path = dir.path().join("disk");
        std::fs::create_dir(&path).unwrap();
        mount(&["-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs"], &path);
        Self(path)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str], path: &Path) {
    let mounted = Command::new("mount").args(arguments).arg(path).status().unwrap();
    assert!(mounted.success(), "this test mounts a tmpfs and needs the right to");
}

struct Vault {
    serving: Serving,
    session: String,
    plugin: String,
    id: String,
}

impl Vault {
    async fn on(database: &Path, log: &Path) -> Self {
        let (host, plugin) = furnish(database);
        let serving = Serving::start(database, log, &[]).await;
        let session = serving.session(&host, "alice").await;
        let (status, saved) = serving.save(&session, "Work", &canary("disk")).await.unwrap();
        assert_eq!(status, 201);
        Self { serving, session, plugin, id: saved["id"].as_str().unwrap().to_owned() }
    }

    async fn is_refused(&self) {
        for (what, (status, body), took) in [
            ("open", timed(self.serving.open(&self.plugin, "alice", &self.id, "refused-read")).await),
            ("save", timed(self.serving.save(&self.session, "Other", &canary("refused"))).await),
        ]
        .map(|(what, (answer, took))| (what, answer, took))
        {
            assert_eq!(status, 503, "{what}: {body}");
            assert_eq!(body["type"], "urn:strongroom:problem:unavailable");
            assert!(body.get("fields").is_none(), "a secret left without its event");
            assert!(took < DEADLINE, "{what} took {took:?}");
        }
        let ready = self.serving.http.get(format!("{}/readyz", self.serving.url)).send().await.unwrap();
        assert_eq!(ready.status(), 503);
        let live = self.serving.http.get(format!("{}/livez", self.serving.url)).send().await.unwrap();
        assert_eq!(live.status(), 204);
    }

    async fn works_again(&self) {
        let began = Instant::now();
        while self.serving.open(&self.plugin, "alice", &self.id, "again-at-last").await.unwrap().0 != 200 {
            assert!(began.elapsed() < Duration::from_secs(10), "it did not recover");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(self.serving.save(&self.session, "After", &canary("after")).await.unwrap().0, 201);
    }
}

async fn timed(
    answer: impl Future<Output = Result<(u16, serde_json::Value), reqwest::Error>>,
) -> ((u16, serde_json::Value), Duration) {
    let began = Instant::now();
    (answer.await.unwrap(), began.elapsed())
}

fn verified(database: &Path) {
    let mut command = strongroom(database);
    let output = run(
        {
            command.args(["audit", "verify", "--deep"]);
            command
        },
        "",
    );
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn full_disk_releases_nothing_and_server_recovers() {
    let dir = Dir::new("full-disk");
    let disk = SmallDisk::mount(&dir);
    let database = disk.0.join("vault").join("strongroom.db");
    let vault = Vault::on(&database, &dir.path().join("server.log")).await;
    // Fill the disk to the last byte: write in smaller and smaller blocks until none fits.
    let filler = disk.0.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    for block in [65_536, 4_096, 512, 1] {
        while std::io::Write::write_all(&mut file, &vec![b'x'; block]).is_ok() {}
    }
    // The space already allocated to the WAL can still hold an event or two.
    for number in 0..200 {
        if vault.serving.save(&vault.session, &format!("Fill {number}"), &canary("fill")).await.unwrap().0 == 503 {
            break;
        }
    }
    vault.is_refused().await;
    drop(file);
    std::fs::remove_file(&filler).unwrap();
    vault.works_again().await;
    assert!(vault.serving.stop());
    verified(&database);
}

#[tokio::test]
async fn locked_audit_log_returns_503_within_deadline() {
    let dir = Dir::new("locked");
    let database = dir.database();
    let vault = Vault::on(&database, &dir.path().join("server.log")).await;
    let intruder = Connection::open(&database).unwrap();
    intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
    vault.is_refused().await;
    intruder.execute_batch("ROLLBACK").unwrap();
    vault.works_again().await;
    drop(intruder);
    assert!(vault.serving.stop());
    verified(&database);
}

#[tokio::test]
async fn read_only_disk_releases_nothing_and_refuses_start() {
    let dir = Dir::new("read-only");
    let disk = SmallDisk::mount(&dir);
    let database = disk.0.join("vault").join("strongroom.db");
    furnish(&database);
    mount(&["-o", "remount,ro"], &disk.0);
    let mut command = strongroom(&database);
    let output = run(
        {
            command.arg("serve");
            command
        },
        "",
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot be used") && said.contains("Read-only"), "{said}");
    mount(&["-o", "remount,rw"], &disk.0);
    verified(&database);
}
