//! Refreshes across real processes: many callers in two processes, `kill -9` at every step, and a stopped lease holder.
//! The other process is this test binary, run again with a clock that the parent sets.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use strongroom::{Clock, Credential, Error, Owner, PluginName};
use tokio::sync::Semaphore;

use crate::ambient::FakeClock;
use crate::fixture::text;
use crate::oauth_fixture::{OauthFixture, open_at, read};
use crate::provider::{Policy, Turn};

const HOUR: i64 = 3_600_000;

/// Number of rounds: all in `make soak`, a tenth otherwise.
fn rounds(all: usize) -> usize {
    if std::env::var_os("SOAK").is_some() { all } else { all / 10 }
}

/// The same vault in another process.
struct Other {
    process: Child,
    clock: PathBuf,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Other {
    fn start(oauth: &OauthFixture, credential: &Credential) -> Self {
        let clock = oauth.dir.database().with_extension("clock");
        WrittenClock::write(&clock, &oauth.clock);
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["processes::run_as_other_process", "--exact", "--nocapture", "--test-threads=1"])
            .env("OTHER_DATABASE", oauth.dir.database())
            .env("OTHER_CLOCK", &clock)
            .env("OTHER_PROVIDER", &oauth.toml)
            .env("OTHER_CREDENTIAL", format!("{} {}", credential.id, oauth.tenant))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut other = Self { process, clock, lines };
        assert_eq!(other.heard(), "ready");
        other
    }

    /// Starts this number of concurrent reads at the clock's current time.
    fn read(&mut self, clock: &FakeClock, callers: usize) {
        WrittenClock::write(&self.clock, clock);
        let input = self.process.stdin.as_mut().unwrap();
        writeln!(input, "{callers}").unwrap();
        input.flush().unwrap();
    }

    fn heard(&mut self) -> String {
        loop {
            let line = self.lines.next().expect("the other process speaks").unwrap();
            if let Some((_, said)) = line.split_once("OTHER ") {
                return said.to_owned();
            }
        }
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap().success());
    }

    /// SQLite has one write lock. A process stopped while it holds the lock would block all others, which is not the
    /// subject of this test.
    fn stop_between_writes(&self, oauth: &OauthFixture) {
        let lock = rusqlite::Connection::open(oauth.dir.database()).unwrap();
        lock.busy_timeout(Duration::ZERO).unwrap();
        loop {
            self.signal("-STOP");
            while !self.is_stopped() {
                std::thread::sleep(Duration::from_millis(1));
            }
            if lock.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok() {
                return;
            }
            self.signal("-CONT");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// After the signal, a thread can run for a while until it is scheduled.
    fn is_stopped(&self) -> bool {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        tasks.into_iter().all(|task| {
            let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
            stat.rsplit_once(')').is_some_and(|(_, fields)| fields.starts_with(" T"))
        })
    }

    fn kill(mut self) {
        self.signal("-KILL");
        self.process.wait().unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A clock shared by two processes through a file. A stopped process reads the later time when it continues.
struct WrittenClock(PathBuf);

impl WrittenClock {
    fn write(path: &Path, clock: &FakeClock) {
        let new = path.with_extension("new");
        std::fs::write(&new, clock.now().as_millisecond().to_string()).unwrap();
        std::fs::rename(new, path).unwrap();
    }
}

impl Clock for WrittenClock {
    fn now(&self) -> jiff::Timestamp {
        let milliseconds = std::fs::read_to_string(&self.0).unwrap().parse().unwrap();
        jiff::Timestamp::from_millisecond(milliseconds).unwrap()
    }
}

/// Not a test: the code of the other process. Without its variables it returns at once.
#[tokio::test(flavor = "multi_thread")]
async fn run_as_other_process() {
    let variable = |name: &str| std::env::var_os(name).and_then(|value| value.into_string().ok());
    let Some(database) = variable("OTHER_DATABASE") else { return };
    let (toml, of) = (variable("OTHER_PROVIDER").unwrap(), variable("OTHER_CREDENTIAL").unwrap());
    let (id, tenant) = of.split_once(' ').unwrap();
    let owner = Owner { tenant: tenant.parse().unwrap(), user: "alice".parse().unwrap() };
    let clock = Arc::new(WrittenClock(variable("OTHER_CLOCK").unwrap().into()));
    let seed = 900_000 + u64::from(std::process::id());
    let vault = open_at(Path::new(&database), &clock, &toml, seed).await;
    println!("OTHER ready");
    for line in std::io::stdin().lines() {
        let callers: usize = line.unwrap().parse().unwrap();
        let mut reading = tokio::task::JoinSet::new();
        for _ in 0..callers {
            let (vault, owner, id) = (vault.clone(), owner.clone(), id.parse().unwrap());
            reading.spawn(async move {
                let actor = strongroom::Actor::plugin("mail".parse::<PluginName>().unwrap());
                let opened = vault.open(vault.credentials(&owner).authorize(&actor, id).await?).await?;
                Ok::<_, Error>(text(&opened, "access_token"))
            });
        }
        let mut answers: Vec<String> = Vec::new();
        while let Some(answer) = reading.join_next().await {
            answers.push(answer.unwrap().unwrap_or_else(|error| format!("failed: {error}")));
        }
        answers.sort();
        answers.dedup();
        println!("OTHER {}", answers.join("|"));
    }
}

/// Two processes with 200 callers each, strict rotation: one request for each rotation, no family revoked, no error.
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_make_one_request_per_rotation() {
    let oauth = OauthFixture::new("two-processes", Policy::Strict).await;
    let credential = oauth.connected("alice").await;
    let mut other = Other::start(&oauth, &credential);
    let all = rounds(1000);
    for round in 1..=all {
        oauth.clock.advance(HOUR);
        other.read(&oauth.clock, 200);
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..200 {
            let (vault, credential) = (oauth.vault.clone(), credential.clone());
            callers.spawn(async move { text(&read(&vault, &credential).await.unwrap(), "access_token") });
        }
        let mut tokens = callers.join_all().await;
        tokens.push(other.heard());
        tokens.sort();
        tokens.dedup();
        assert_eq!(tokens.len(), 1, "round {round}: {tokens:?}");
        assert_eq!(oauth.provider.asked("/token").len(), 1 + round, "round {round}");
    }
    assert_eq!(oauth.provider.families_revoked(), 0);
    println!("{all} rotations, {} token requests, no family revoked", oauth.provider.asked("/token").len() - 1);
}

/// The step at which the other process is killed.
#[derive(Clone, Copy, Debug)]
enum Step {
    BeforeIntent,
    AfterIntent,
    RequestLeft,
    AnswerCame,
    AfterCommit,
    AtAnyMoment,
}

impl Step {
    const ALL: [Self; 6] = [
        Self::BeforeIntent,
        Self::AfterIntent,
        Self::RequestLeft,
        Self::AnswerCame,
        Self::AfterCommit,
        Self::AtAnyMoment,
    ];
}

/// At every step: the loss of a token is always reported, and no request is replayed in a loop.
#[tokio::test(flavor = "multi_thread")]
async fn kill_at_each_refresh_step_is_detected() {
    let mut ends = std::collections::BTreeMap::<String, usize>::new();
    for policy in [Policy::Reusable, Policy::Grace, Policy::Strict] {
        for step in Step::ALL {
            for round in 0..rounds(200) {
                let end = killed(policy, step, round).await;
                *ends.entry(format!("{policy:?} {step:?} {end}")).or_default() += 1;
            }
        }
    }
    println!("{ends:#?}");
}

async fn killed(policy: Policy, step: Step, round: usize) -> String {
    let oauth = OauthFixture::new("killed", policy).await;
    let credential = oauth.connected("alice").await;
    oauth.clock.advance(HOUR);
    let mut other = Other::start(&oauth, &credential);
    let (arrived, let_go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    if matches!(step, Step::AfterIntent | Step::RequestLeft | Step::AnswerCame) {
        oauth.provider.next(Turn::Hold(arrived.clone(), let_go.clone()));
    }
    let moment = Duration::from_micros(u64::try_from(round * 97 % 6000).unwrap());
    let file = rusqlite::Connection::open(oauth.dir.database()).unwrap();
    // Other writers wait for this transaction.
    let hold_writes = || file.execute_batch("BEGIN IMMEDIATE").unwrap();
    if matches!(step, Step::BeforeIntent) {
        hold_writes();
    }
    other.read(&oauth.clock, 1);
    match step {
        // Long enough for the process to reach the blocked write.
        Step::BeforeIntent => tokio::time::sleep(moment + Duration::from_millis(20)).await,
        Step::AtAnyMoment => tokio::time::sleep(moment).await,
        Step::AfterIntent => {
            let intent = "SELECT intent_at IS NOT NULL FROM refresh";
            while !file.query_row(intent, (), |row| row.get::<_, bool>(0)).unwrap() {
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
        }
        Step::RequestLeft => drop(arrived.acquire().await.unwrap()),
        Step::AnswerCame => {
            drop(arrived.acquire().await.unwrap());
            hold_writes();
            let_go.add_permits(1);
            tokio::time::sleep(moment + Duration::from_millis(5)).await;
        }
        Step::AfterCommit => {
            let said = other.heard();
            assert!(!said.contains("failed"), "{said}");
        }
    }
    other.kill();
    drop(file);
    let_go.add_permits(1);
    // The last request of the dead process may still be on the network. Do not count it as a later one.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let asked = oauth.provider.asked("/token").len();
    // The lease of the dead process expires.
    oauth.clock.advance(61_000);
    let mut end = String::new();
    for _ in 0..5 {
        end = match oauth.read(&credential).await {
            Ok(_) => "active".to_owned(),
            Err(Error::ReauthRequired { cause }) => format!("reauth-required: {cause}"),
            Err(error) => panic!("{policy:?} {step:?}: {error}"),
        };
        oauth.clock.advance(1_000);
    }
    let since = oauth.provider.asked("/token").len() - asked;
    assert!(since <= 1, "{policy:?} {step:?}: {since} requests afterwards");
    let (certainly_alive, certainly_spent) =
        (matches!(step, Step::BeforeIntent | Step::AfterCommit), matches!(step, Step::RequestLeft | Step::AnswerCame));
    if end == "active" {
        assert!(policy != Policy::Strict || !certainly_spent, "{step:?}: no process wrote the answer");
        assert!(oauth.provider.living_families() > 0, "{policy:?} {step:?}: the grant lives");
        oauth.clock.advance(HOUR);
        oauth.read(&credential).await.expect("and goes on living");
    } else {
        assert_eq!(policy, Policy::Strict, "{step:?}: {end}");
        assert!(!certainly_alive && end.contains("invalid_grant"), "{step:?}: {end}");
    }
    // Close the vault, so that thousands of rounds do not run out of file descriptors.
    oauth.vault.close().await;
    end
}

/// The lease holder is stopped until its lease has expired. Its late result changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn expired_lease_holder_writes_nothing() {
    let oauth = OauthFixture::new("stopped", Policy::Grace).await;
    let credential = oauth.connected("alice").await;
    oauth.clock.advance(HOUR);
    let mut other = Other::start(&oauth, &credential);
    let (arrived, let_go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    oauth.provider.next(Turn::Hold(arrived.clone(), let_go.clone()));
    other.read(&oauth.clock, 1);
    drop(arrived.acquire().await.unwrap());
    other.stop_between_writes(&oauth);
    let_go.add_permits(1);
    oauth.clock.advance(61_000);
    WrittenClock::write(&other.clock, &oauth.clock);
    let winner = text(&oauth.read(&credential).await.unwrap(), "access_token");
    other.signal("-CONT");
    assert_eq!(other.heard(), winner, "the late result was written, and handed on");
    assert_eq!(text(&oauth.read(&credential).await.unwrap(), "access_token"), winner, "the late result was written");
    let actions = oauth.actions().await;
    assert_eq!(actions.iter().filter(|action| *action == "credential.refreshed").count(), 1);
    assert_eq!(actions.iter().filter(|action| *action == "credential.refresh-begin").count(), 2);
}
