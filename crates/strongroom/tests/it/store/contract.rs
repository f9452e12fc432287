//! What every database must do. The tests go through the vault's verbs: they are what the database is for.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use strongroom::{Actor, AuditFilter, CredentialFilter, Error, Expected, Manifest, Owner, Role};

use crate::room::{MANIFEST, Room, draft};

async fn events(room: &Room) -> u64 {
    room.vault.verify(false, None, &mut |_| {}).await.unwrap().events
}

pub(super) async fn finders_demand_tenant_and_owner(room: Room) {
    let saved = room.save("alice", "A").await.unwrap();
    let other = room.vault.create_tenant(&Actor::operator(), "other".parse().unwrap()).await.unwrap();
    let everybody = CredentialFilter { limit: 100, ..CredentialFilter::default() };
    for (tenant, user) in [(room.tenant, "bob"), (other.id, "alice")] {
        let owner = Owner { tenant, user: user.parse().unwrap() };
        assert!(matches!(room.vault.show(&Actor::user(), &owner, saved.id).await, Err(Error::NotFound { .. })));
        assert!(matches!(room.vault.delete(&Actor::user(), &owner, saved.id, None).await, Err(Error::NotFound { .. })));
        assert!(room.vault.list(&Actor::user(), &owner, everybody.clone()).await.unwrap().credentials.is_empty());
    }
    assert!(room.vault.users(other.id, None, 10).await.unwrap().is_empty());
    assert!(room.vault.plugins(other.id, None, 10).await.unwrap().0.is_empty());
    let theirs = room
        .vault
        .audit(&Actor::host(), other.id, &AuditFilter { limit: 100, ..AuditFilter::default() })
        .await
        .unwrap();
    assert!(theirs.events.iter().all(|event| event.tenant.as_deref() == Some(other.id.to_string().as_str())));
}

pub(super) async fn a_refused_change_leaves_neither_row_nor_event(room: Room) {
    room.save("alice", "A").await.unwrap();
    let before = events(&room).await;
    assert!(matches!(room.save("alice", "A").await, Err(Error::NameTaken { .. })));
    assert_eq!(events(&room).await, before);
    assert!(room.vault.verify(true, None, &mut |_| {}).await.unwrap().findings.is_empty());
}

pub(super) async fn a_batch_keeps_what_is_good_and_refuses_what_is_not(room: Room) {
    let room = Arc::new(room);
    let mut running = tokio::task::JoinSet::new();
    for number in 0..400 {
        let room = room.clone();
        // Every name comes twice: in each pair one is refused, in the same batches as the others.
        running.spawn(async move { room.save("alice", &format!("Name {}", number / 2)).await.is_ok() });
    }
    assert_eq!(running.join_all().await.into_iter().filter(|saved| *saved).count(), 200);
    let report = room.vault.verify(true, None, &mut |_| {}).await.unwrap();
    assert_eq!((report.findings.len(), report.rows), (0, 203));
}

pub(super) async fn pages_are_whole_and_in_order(room: Room) {
    for number in 0..25 {
        room.save("alice", &format!("Name {number}")).await.unwrap();
        room.clock.advance(1);
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let filter = CredentialFilter { after, limit: 10, ..CredentialFilter::default() };
        let page = room.vault.list(&Actor::user(), &room.owner("alice"), filter).await.unwrap();
        seen.extend(page.credentials.into_iter().map(|credential| credential.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((seen.len(), seen.iter().collect::<HashSet<_>>().len(), seen.is_sorted()), (25, 25, true));

    let (mut numbers, mut before) = (Vec::new(), None);
    loop {
        let filter = AuditFilter { before, limit: 7, ..AuditFilter::default() };
        let page = room.vault.audit(&Actor::host(), room.tenant, &filter).await.unwrap();
        numbers.extend(page.events.iter().map(|event| event.seq));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert!(numbers.is_sorted_by(|a, b| a > b), "{numbers:?}");
    assert_eq!(numbers.last(), Some(&1));
}

pub(super) async fn an_entry_is_in_the_log_when_its_write_returns(room: Room) {
    for number in 0..20 {
        let before = events(&room).await;
        room.save("alice", &format!("Name {number}")).await.unwrap();
        assert_eq!(events(&room).await, before + 1);
    }
}

pub(super) async fn a_user_key_that_is_gone_refuses_the_credential(room: Room) {
    let room = Arc::new(room);
    room.save("alice", "First").await.unwrap();
    let mut running = tokio::task::JoinSet::new();
    for number in 0..60 {
        let room = room.clone();
        running.spawn(async move {
            if number % 10 == 0 {
                let _ = room.vault.delete_user(&Actor::host(), &room.owner("alice")).await;
            }
            let _ = room.vault.save(&Actor::user(), &room.owner("alice"), draft(&format!("Name {number}")), None).await;
        });
    }
    running.join_all().await;
    let filter = CredentialFilter { limit: 100, ..CredentialFilter::default() };
    for credential in room.vault.list(&Actor::user(), &room.owner("alice"), filter).await.unwrap().credentials {
        assert!(
            room.open("alice", "openai", &credential).await.is_ok(),
            "{} is sealed under a key that is gone",
            credential.name
        );
    }
}

pub(super) async fn writes_after_close_are_refused(room: Room) {
    room.vault.close().await;
    assert!(room.save("alice", "A").await.is_err());
    assert!(room.vault.create_key(&Actor::host(), room.tenant, Role::Host, "a".parse().unwrap(), None).await.is_err());
}

/// The token was judged when the request came; by the time of the write, its key or session is gone.
pub(super) async fn who_is_gone_by_then_writes_nothing(room: Room) {
    let (vault, alice) = (&room.vault, room.owner("alice"));
    let label = "a".parse().unwrap();
    let (key, host) = vault.create_key(&Actor::host(), room.tenant, Role::Host, label, None).await.unwrap();
    let (_, session) =
        vault.create_session(&Actor::host(), &alice, Duration::from_secs(60), Vec::new(), None).await.unwrap();
    let actor = async |token| vault.authenticate(token).await.unwrap().unwrap().actor(None, None);
    let (host, user) = (actor(&host).await, actor(&session).await);
    vault.save(&user, &alice, draft("Early"), None).await.unwrap();
    vault.delete_user(&Actor::host(), &alice).await.unwrap();
    vault.revoke_key(&Actor::host(), room.tenant, &Role::Host, key.id).await.unwrap();
    let before = events(&room).await;
    let late = vault.save(&user, &alice, draft("Late"), None).await;
    assert!(matches!(late, Err(Error::Revoked)), "wrote when they were gone: {late:?}");
    let heir = vault.create_key(&host, room.tenant, Role::Host, "heir".parse().unwrap(), None).await;
    assert!(matches!(heir, Err(Error::Revoked)), "wrote when they were gone");
    let (name, any) = ("late".parse().unwrap(), Expected::Any);
    let manifest = Manifest::parse(MANIFEST).unwrap();
    assert!(matches!(vault.register(&host, room.tenant, &name, manifest, any).await, Err(Error::Revoked)));
    assert_eq!(events(&room).await, before);
}
