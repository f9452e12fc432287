//! The contract of every database, tested through the methods of the vault.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use strongroom::{Actor, AuditFilter, CredentialFilter, Error, Expected, KeyOwner, Manifest, Owner};

use crate::fixture::{Fixture, MANIFEST, draft};

async fn events(fixture: &Fixture) -> u64 {
    fixture.vault.verify(false, None, &mut |_| {}).await.unwrap().events
}

pub(super) async fn lookups_require_tenant_and_owner(fixture: Fixture) {
    let saved = fixture.save("alice", "A").await.unwrap();
    let other = fixture.vault.tenants().create(&Actor::operator(), "other".parse().unwrap()).await.unwrap();
    let everybody = CredentialFilter { limit: 100, ..CredentialFilter::default() };
    for (tenant, user) in [(fixture.tenant, "bob"), (other.id, "alice")] {
        let owner = Owner { tenant, user: user.parse().unwrap() };
        assert!(matches!(
            fixture.vault.credentials(&owner).get(&Actor::user(), saved.id).await,
            Err(Error::NotFound { .. })
        ));
        assert!(matches!(
            fixture.vault.credentials(&owner).delete(&Actor::user(), saved.id, None).await,
            Err(Error::NotFound { .. })
        ));
        assert!(
            fixture
                .vault
                .credentials(&owner)
                .list(&Actor::user(), everybody.clone())
                .await
                .unwrap()
                .credentials
                .is_empty()
        );
    }
    assert!(fixture.vault.users(other.id).list(None, 10).await.unwrap().is_empty());
    assert!(fixture.vault.plugins(other.id).list(None, 10).await.unwrap().0.is_empty());
    let theirs = fixture
        .vault
        .audit(other.id)
        .page(&Actor::host(), &AuditFilter { limit: 100, ..AuditFilter::default() })
        .await
        .unwrap();
    assert!(theirs.events.iter().all(|event| event.tenant.as_deref() == Some(other.id.to_string().as_str())));
}

pub(super) async fn refused_change_leaves_no_row_and_no_event(fixture: Fixture) {
    fixture.save("alice", "A").await.unwrap();
    let before = events(&fixture).await;
    assert!(matches!(fixture.save("alice", "A").await, Err(Error::NameTaken { .. })));
    assert_eq!(events(&fixture).await, before);
    assert!(fixture.vault.verify(true, None, &mut |_| {}).await.unwrap().findings.is_empty());
}

pub(super) async fn batch_keeps_valid_writes_and_refuses_others(fixture: Fixture) {
    let fixture = Arc::new(fixture);
    let mut running = tokio::task::JoinSet::new();
    for number in 0..400 {
        let fixture = fixture.clone();
        // Every name is used twice. One save of each pair is refused, in the same batches as the others.
        running.spawn(async move { fixture.save("alice", &format!("Name {}", number / 2)).await.is_ok() });
    }
    assert_eq!(running.join_all().await.into_iter().filter(|saved| *saved).count(), 200);
    let report = fixture.vault.verify(true, None, &mut |_| {}).await.unwrap();
    assert_eq!((report.findings.len(), report.rows), (0, 203));
}

pub(super) async fn pages_are_complete_and_ordered(fixture: Fixture) {
    for number in 0..25 {
        fixture.save("alice", &format!("Name {number}")).await.unwrap();
        fixture.clock.advance(1);
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let filter = CredentialFilter { after, limit: 10, ..CredentialFilter::default() };
        let page = fixture.vault.credentials(&fixture.owner("alice")).list(&Actor::user(), filter).await.unwrap();
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
        let page = fixture.vault.audit(fixture.tenant).page(&Actor::host(), &filter).await.unwrap();
        numbers.extend(page.events.iter().map(|event| event.seq));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert!(numbers.is_sorted_by(|a, b| a > b), "{numbers:?}");
    assert_eq!(numbers.last(), Some(&1));
}

pub(super) async fn entry_is_logged_when_write_returns(fixture: Fixture) {
    for number in 0..20 {
        let before = events(&fixture).await;
        fixture.save("alice", &format!("Name {number}")).await.unwrap();
        assert_eq!(events(&fixture).await, before + 1);
    }
}

pub(super) async fn credential_without_user_key_is_refused(fixture: Fixture) {
    let fixture = Arc::new(fixture);
    fixture.save("alice", "First").await.unwrap();
    let mut running = tokio::task::JoinSet::new();
    for number in 0..60 {
        let fixture = fixture.clone();
        running.spawn(async move {
            if number % 10 == 0 {
                let _ = fixture.vault.users(fixture.tenant).delete(&Actor::host(), &fixture.owner("alice").user).await;
            }
            let _ = fixture
                .vault
                .credentials(&fixture.owner("alice"))
                .create(&Actor::user(), draft(&format!("Name {number}")), None)
                .await;
        });
    }
    running.join_all().await;
    let filter = CredentialFilter { limit: 100, ..CredentialFilter::default() };
    for credential in
        fixture.vault.credentials(&fixture.owner("alice")).list(&Actor::user(), filter).await.unwrap().credentials
    {
        assert!(
            fixture.open("alice", "openai", &credential).await.is_ok(),
            "{} is sealed under a key that is gone",
            credential.name
        );
    }
}

pub(super) async fn writes_after_close_are_refused(fixture: Fixture) {
    fixture.vault.close().await;
    assert!(fixture.save("alice", "A").await.is_err());
    assert!(
        fixture
            .vault
            .api_keys(fixture.tenant)
            .create(&Actor::host(), KeyOwner::Host, "a".parse().unwrap(), None)
            .await
            .is_err()
    );
}

/// A key or session is revoked after authentication and before the write.
pub(super) async fn revoked_caller_writes_nothing(fixture: Fixture) {
    let (vault, alice) = (&fixture.vault, fixture.owner("alice"));
    let label = "a".parse().unwrap();
    let (key, host) = vault.api_keys(fixture.tenant).create(&Actor::host(), KeyOwner::Host, label, None).await.unwrap();
    let (_, session) =
        vault.sessions(&alice).create(&Actor::host(), Duration::from_secs(60), Vec::new(), None).await.unwrap();
    let actor = async |token| vault.authenticate(token).await.unwrap().unwrap().actor(None, None);
    let (host, user) = (actor(&host).await, actor(&session).await);
    vault.credentials(&alice).create(&user, draft("Early"), None).await.unwrap();
    vault.users(alice.tenant).delete(&Actor::host(), &alice.user).await.unwrap();
    vault.api_keys(fixture.tenant).revoke(&Actor::host(), &KeyOwner::Host, key.id).await.unwrap();
    let before = events(&fixture).await;
    let late = vault.credentials(&alice).create(&user, draft("Late"), None).await;
    assert!(matches!(late, Err(Error::Revoked)), "wrote when they were gone: {late:?}");
    let heir = vault.api_keys(fixture.tenant).create(&host, KeyOwner::Host, "heir".parse().unwrap(), None).await;
    assert!(matches!(heir, Err(Error::Revoked)), "wrote when they were gone");
    let (name, any) = ("late".parse().unwrap(), Expected::Any);
    let manifest = Manifest::parse(MANIFEST).unwrap();
    assert!(matches!(vault.plugins(fixture.tenant).register(&host, &name, manifest, any).await, Err(Error::Revoked)));
    assert_eq!(events(&fixture).await, before);
}
