//! The audit chain contains every action, and every manipulation of it is detected.

use rusqlite::Connection;
use strongroom::audit::{Action, Event, Finding, Report};
use strongroom::{Actor, AuditFilter, Change, Vault};

use crate::fixture::Fixture;

async fn verify(vault: &Vault) -> Report {
    vault.verify(true, None, &mut |_| {}).await.expect("verification runs")
}

async fn busy(test: &str) -> Fixture {
    let fixture = Fixture::new(test).await;
    let saved = fixture.save("alice", "A").await.unwrap();
    fixture.save("alice", "B").await.unwrap();
    fixture.open("alice", "openai", &saved).await.unwrap();
    let _ = fixture.open("alice", "stripe", &saved).await;
    let change = Change { name: Some("C".parse().unwrap()), ..Change::default() };
    fixture.vault.credentials(&fixture.owner("alice")).update(&Actor::user(), saved.id, None, change).await.unwrap();
    fixture
}

#[tokio::test]
async fn allowed_and_denied_actions_are_logged() {
    let fixture = busy("log").await;
    let filter = AuditFilter { limit: 100, ..AuditFilter::default() };
    let page = fixture.vault.audit(fixture.tenant).page(&Actor::host(), &filter).await.unwrap();
    let told: Vec<_> = page.events.iter().rev().map(|e| (&*e.actor, &*e.action, &*e.decision)).collect();
    assert_eq!(
        told,
        [
            ("operator", "tenant.create", "allowed"),
            ("host", "plugin.register", "allowed"),
            ("host", "plugin.register", "allowed"),
            ("user", "credential.save", "allowed"),
            ("user", "credential.save", "allowed"),
            ("plugin", "credential.open", "allowed"),
            ("plugin", "credential.open", "denied"),
            ("user", "credential.update", "allowed"),
            ("host", "audit.read", "allowed"),
        ]
    );
    let denied = AuditFilter { denied_only: true, limit: 100, ..AuditFilter::default() };
    let denied = fixture.vault.audit(fixture.tenant).page(&Actor::host(), &denied).await.unwrap().events;
    assert_eq!(
        denied.iter().map(|e| (e.reason.as_deref(), e.plugin.as_deref(), e.user.as_deref())).collect::<Vec<_>>(),
        [(Some("other-plugin"), Some("stripe"), Some("alice"))]
    );
    let report = verify(&fixture.vault).await;
    assert_eq!((report.findings.as_slice(), report.rows), (&[][..], 5));
}

/// If each poll were an event, following the log would make it grow.
#[tokio::test]
async fn following_the_log_is_one_event_and_misses_none() {
    let fixture = Fixture::new("reading").await;
    let saved = fixture.save("alice", "A").await.unwrap();
    let everything = AuditFilter::default();
    let saves = AuditFilter { action: Some(Action::CredentialSave), ..AuditFilter::default() };
    let mut all = fixture.vault.audit(fixture.tenant).tail(&Actor::operator(), everything).await.unwrap();
    let mut some = fixture.vault.audit(fixture.tenant).tail(&Actor::operator(), saves).await.unwrap();
    let told = |events: Vec<Event<'_>>| events.iter().map(|e| e.action.to_string()).collect::<Vec<_>>();
    assert_eq!(told(all.newest(2).await.unwrap()), ["credential.save", "audit.read"]);
    assert_eq!(told(some.newest(2).await.unwrap()), ["credential.save"]);
    for _ in 0..1_001 {
        fixture.open("alice", "openai", &saved).await.unwrap();
    }
    let came = told(all.more().await.unwrap().unwrap());
    assert_eq!((came.len(), &*came[0], &*came[1]), (1_002, "audit.read", "credential.open"));
    assert_eq!(some.more().await.unwrap().map(told), Some(Vec::new()));
    for _ in 0..3 {
        assert!(all.more().await.unwrap().is_none() && some.more().await.unwrap().is_none());
    }
    fixture.save("alice", "B").await.unwrap();
    assert_eq!(some.more().await.unwrap().map(told), Some(vec!["credential.save".to_owned()]));
    let reads = AuditFilter { action: Some(Action::AuditRead), limit: 100, ..AuditFilter::default() };
    assert_eq!(fixture.vault.audit(fixture.tenant).page(&Actor::host(), &reads).await.unwrap().events.len(), 3);
}

/// Changes the database file and returns the findings of a verification.
async fn after(test: &str, tamper: impl FnOnce(&Connection)) -> Vec<Finding> {
    let fixture = busy(test).await;
    tamper(&fixture.intruder());
    verify(&fixture.vault).await.findings
}

#[tokio::test]
async fn altered_event_columns_are_found() {
    let fixture = busy("altered").await;
    let db = fixture.intruder();
    let columns = [
        "at",
        "tenant_id",
        "actor",
        "actor_id",
        "action",
        "decision",
        "reason",
        "user_id",
        "plugin_name",
        "target_id",
        "address",
        "request_id",
    ];
    let last: i64 = db.query_row("SELECT max(seq) FROM audit_event", (), |row| row.get(0)).unwrap();
    for seq in 1..=last {
        for column in columns {
            db.execute_batch("SAVEPOINT before").unwrap();
            let value = if column == "at" { "at + 1".to_owned() } else { format!("coalesce({column}, '') || 'x'") };
            db.execute(&format!("UPDATE audit_event SET {column} = {value} WHERE seq = ?1"), [seq]).unwrap();
            db.execute_batch("RELEASE before").unwrap();
            let found = verify(&fixture.vault).await.findings;
            assert!(found.contains(&Finding::Event { seq: seq.unsigned_abs() }), "{column} of {seq}: {found:?}");
            let undo =
                if column == "at" { "at - 1".to_owned() } else { format!("substr({column}, 1, length({column}) - 1)") };
            db.execute(&format!("UPDATE audit_event SET {column} = {undo} WHERE seq = ?1"), [seq]).unwrap();
            db.execute(&format!("UPDATE audit_event SET {column} = NULL WHERE seq = ?1 AND {column} = ''"), [seq])
                .unwrap();
        }
    }
    assert!(verify(&fixture.vault).await.findings.is_empty(), "put back as it was");
}

#[tokio::test]
async fn removed_or_reordered_events_are_found() {
    let removed = after("removed", |db| drop(db.execute("DELETE FROM audit_event WHERE seq = 4", ()))).await;
    assert!(removed.contains(&Finding::Gap { seq: 4 }), "{removed:?}");
    let closed_up = after("closed-up", |db| {
        db.execute_batch("DELETE FROM audit_event WHERE seq = 6; UPDATE audit_event SET seq = seq - 1 WHERE seq > 6")
            .unwrap();
    })
    .await;
    assert!(closed_up.contains(&Finding::Event { seq: 6 }), "{closed_up:?}");
    let swapped = after("swapped", |db| {
        db.execute_batch("UPDATE audit_event SET seq = 99999 WHERE seq = 4; UPDATE audit_event SET seq = 4 WHERE seq = 5; UPDATE audit_event SET seq = 5 WHERE seq = 99999").unwrap();
    })
    .await;
    assert!(swapped.contains(&Finding::Event { seq: 4 }), "{swapped:?}");
}

#[tokio::test]
async fn altered_rolled_back_deleted_and_inserted_rows_are_found() {
    let fixture = busy("rows").await;
    let db = fixture.intruder();
    db.execute_batch("CREATE TEMP TABLE old AS SELECT * FROM credential WHERE name = 'C'").unwrap();
    let (id,): (String,) = db.query_row("SELECT id FROM old", (), |row| Ok((row.get(0)?,))).unwrap();
    let change = Change { name: Some("D".parse().unwrap()), ..Change::default() };
    fixture
        .vault
        .credentials(&fixture.owner("alice"))
        .update(&Actor::user(), id.parse().unwrap(), None, change)
        .await
        .unwrap();

    db.execute_batch("DELETE FROM credential WHERE name = 'D'; INSERT INTO credential SELECT * FROM old").unwrap();
    assert_eq!(verify(&fixture.vault).await.findings, [Finding::Row { id: id.clone() }], "rolled back");
    db.execute_batch("DELETE FROM credential WHERE name = 'C'").unwrap();
    assert_eq!(verify(&fixture.vault).await.findings, [Finding::Deleted { id: id.clone() }], "deleted");
    db.execute_batch(
        "UPDATE old SET id = 'cred_00000000000000000000000000000001'; INSERT INTO credential SELECT * FROM old",
    )
    .unwrap();
    let found = verify(&fixture.vault).await.findings;
    assert!(found.contains(&Finding::Inserted { id: "cred_00000000000000000000000000000001".to_owned() }), "{found:?}");
    db.execute_batch("UPDATE plugin SET title_nothing = 1").unwrap_err();
    db.execute_batch("UPDATE plugin SET created_at = 1 WHERE name = 'stripe'").unwrap();
    assert!(verify(&fixture.vault).await.findings.len() > found.len(), "plugins are compared too");
}

/// An event that arrives during the comparison excuses a row only if the event wrote that row. Otherwise an attacker
/// could hide a rollback: request the row until the verification ends.
#[tokio::test(flavor = "multi_thread")]
async fn verify_finds_rolled_back_rows_and_accepts_changing_rows() {
    let fixture = busy("meanwhile").await;
    let db = fixture.intruder();
    db.execute_batch("CREATE TEMP TABLE old AS SELECT * FROM credential WHERE name = 'C'").unwrap();
    let (id,): (String,) = db.query_row("SELECT id FROM old", (), |row| Ok((row.get(0)?,))).unwrap();
    let saved =
        fixture.vault.credentials(&fixture.owner("alice")).get(&Actor::user(), id.parse().unwrap()).await.unwrap();
    let change = |name: &str| Change { name: Some(name.parse().unwrap()), ..Change::default() };
    let owner = fixture.owner("alice");
    let user = Actor::user();
    let update = |name| fixture.vault.credentials(&owner).update(&user, saved.id, None, change(name));
    let now = tokio::runtime::Handle::current();
    let mut names = ["D", "E", "F"].into_iter();
    let mut changing =
        |_| drop(tokio::task::block_in_place(|| names.next().map(|name| now.block_on(update(name)).unwrap())));
    assert_eq!(fixture.vault.verify(true, None, &mut changing).await.unwrap().findings, []);

    let name = fixture.vault.credentials(&owner).get(&Actor::user(), saved.id).await.unwrap().name;
    db.execute("DELETE FROM credential WHERE name = ?1", [name.as_str()]).unwrap();
    db.execute_batch("INSERT INTO credential SELECT * FROM old").unwrap();
    let mut reading = |_| {
        tokio::task::block_in_place(|| {
            for plugin in ["openai", "stripe"] {
                drop(now.block_on(fixture.open("alice", plugin, &saved)));
            }
        });
    };
    let found = fixture.vault.verify(true, None, &mut reading).await.unwrap().findings;
    assert_eq!(found, [Finding::Row { id }]);
}

#[tokio::test]
async fn event_before_first_and_renamed_tenant_are_found() {
    let fixture = busy("before-the-first").await;
    let db = fixture.intruder();
    db.execute_batch("PRAGMA ignore_check_constraints = ON; CREATE TEMP TABLE forged AS SELECT * FROM audit_event WHERE seq = 4; UPDATE forged SET seq = 0").unwrap();
    db.execute_batch("INSERT INTO audit_event SELECT * FROM forged").unwrap();
    assert!(!verify(&fixture.vault).await.findings.is_empty());
    let shown = fixture
        .vault
        .audit(fixture.tenant)
        .page(&Actor::host(), &AuditFilter { limit: 100, ..AuditFilter::default() })
        .await
        .unwrap();
    assert!(shown.events.iter().all(|event| event.seq > 0));
    db.execute_batch("DELETE FROM audit_event WHERE seq = 0; UPDATE tenant SET name = 'renamed'").unwrap();
    assert_eq!(verify(&fixture.vault).await.findings, [Finding::Row { id: fixture.tenant.to_string() }]);
}

/// A trigger would run foreign code in the transaction. This one would suppress the event and still release the secret.
#[tokio::test]
async fn database_triggers_do_not_run() {
    let fixture = Fixture::new("trigger").await;
    let saved = fixture.save("alice", "A").await.unwrap();
    fixture
        .intruder()
        .execute_batch("CREATE TRIGGER t BEFORE INSERT ON audit_event BEGIN SELECT RAISE(IGNORE); END")
        .unwrap();
    let before = verify(&fixture.vault).await.events;
    let fixture = fixture.reopened().await;
    fixture.open("alice", "openai", &saved).await.unwrap();
    assert_eq!(verify(&fixture.vault).await.events, before + 1);
}

#[tokio::test]
async fn truncated_log_is_found_with_a_checkpoint() {
    let fixture = busy("tail").await;
    let checkpoint = fixture.vault.audit(fixture.tenant).checkpoint(&Actor::operator()).await.unwrap();
    let check =
        async |vault: &Vault, checkpoint| vault.verify(false, Some(&checkpoint), &mut |_| {}).await.unwrap().findings;
    assert!(check(&fixture.vault, checkpoint.clone()).await.is_empty());
    fixture.intruder().execute("DELETE FROM audit_event WHERE seq >= ?1", [checkpoint.seq]).unwrap();
    assert_eq!(check(&fixture.vault, checkpoint.clone()).await, [Finding::Checkpoint { seq: checkpoint.seq }]);
    fixture.save("alice", "Another").await.unwrap();
    assert_eq!(
        check(&fixture.vault, checkpoint.clone()).await,
        [Finding::Checkpoint { seq: checkpoint.seq }],
        "grown again, it is another event"
    );
    let mut forged = checkpoint;
    forged.seq = 1;
    assert!(check(&fixture.vault, forged).await.contains(&Finding::ForeignCheckpoint));
}
