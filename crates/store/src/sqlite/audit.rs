//! The audit log in SQLite.
//! Only the writer thread inserts events, in the order of the chain.

use std::borrow::Cow;

use rusqlite::{CachedStatement, Connection, Row, Statement, params};

use super::row::{Columns, all, first};
use super::{api_key, credential, oauth_app, plugin, tenant};
use crate::error::StoreError;
use crate::filter::{AuditFilter, EventPage, Linked};
use crate::model::{Event, TenantId};

macro_rules! columns {
    () => {
        "seq, at, tenant_id, actor, actor_id, action, decision, reason, user_id, plugin_name, target_id, address, request_id, digest"
    };
}

/// Maximum number of events that one filtered page searches. The caller continues from `next`.
const SEARCH_WINDOW: u64 = 100_000;

fn parse(column: &mut Columns<'_>) -> Result<Event<'static>, StoreError> {
    let text = |column: &mut Columns<'_>| Ok::<_, StoreError>(column.text_or_null()?.map(Cow::Owned));
    Ok(Event {
        seq: column.count()?,
        at: column.at()?,
        tenant: text(column)?,
        actor: column.text()?.into(),
        actor_id: text(column)?,
        action: column.text()?.into(),
        decision: column.text()?.into(),
        reason: text(column)?,
        user: text(column)?,
        plugin: text(column)?,
        target: text(column)?,
        address: text(column)?,
        request_id: text(column)?,
        digest: column.bytes32_or_null()?,
    })
}

/// The end of the chain. Zero before the first event.
pub(super) fn head(db: &Connection) -> Result<(u64, [u8; 32]), StoreError> {
    let statement = db.prepare_cached("SELECT seq, link FROM audit_event ORDER BY seq DESC LIMIT 1")?;
    let head = first(statement, (), |row| {
        let mut column = Columns::of("audit_event", row);
        Ok((column.count()?, column.bytes32()?))
    })?;
    Ok(head.unwrap_or_default())
}

/// The statement that adds an event. A batch looks it up once.
pub(super) fn insertion(db: &Connection) -> Result<CachedStatement<'_>, StoreError> {
    let sql = concat!(
        "INSERT INTO audit_event (",
        columns!(),
        ", link) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
    );
    Ok(db.prepare_cached(sql)?)
}

pub(super) fn insert(insertion: &mut Statement<'_>, event: &Event<'_>, link: &[u8; 32]) -> Result<(), StoreError> {
    let written = insertion.execute(params![
        event.seq,
        event.at.as_millisecond(),
        event.tenant,
        event.actor,
        event.actor_id,
        event.action,
        event.decision,
        event.reason,
        event.user,
        event.plugin,
        event.target,
        event.address,
        event.request_id,
        event.digest,
        link,
    ])?;
    if written == 1 { Ok(()) } else { Err(rusqlite::Error::StatementChangedRows(written).into()) }
}

pub(super) fn events(db: &Connection, tenant: TenantId, filter: &AuditFilter) -> Result<EventPage, StoreError> {
    let before = match filter.before {
        Some(before) => before.min(i64::MAX.unsigned_abs()),
        None => head(db)?.0 + 1,
    };
    let first_seq = before.saturating_sub(SEARCH_WINDOW).max(filter.after.saturating_add(1));
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM audit_event WHERE seq < ?1 AND seq >= ?2 AND tenant_id = ?3 \
         AND (?4 IS NULL OR user_id = ?4) AND (?5 IS NULL OR plugin_name = ?5) AND (?6 IS NULL OR target_id = ?6) \
         AND (?7 IS NULL OR action = ?7) AND (NOT ?8 OR decision = 'denied') ORDER BY seq DESC LIMIT ?9"
    );
    let parameters = params![
        i64::try_from(before).unwrap_or(i64::MAX),
        first_seq,
        tenant.to_string(),
        filter.user.as_ref().map(ToString::to_string),
        filter.plugin.as_ref().map(ToString::to_string),
        filter.target,
        filter.action.map(|action| action.as_str()),
        filter.denied_only,
        filter.limit,
    ];
    let events = all(db.prepare_cached(sql)?, parameters, |row| parse(&mut Columns::of("audit_event", row)))?;
    let full = events.len() >= usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let next = if full { events.last().map_or(0, |event| event.seq) } else { first_seq };
    Ok(EventPage { events, next: Some(next).filter(|next| *next > filter.after.saturating_add(1)) })
}

pub(super) fn chain(db: &Connection, after: u64, limit: u32) -> Result<Vec<Linked>, StoreError> {
    let sql = concat!("SELECT ", columns!(), ", link FROM audit_event WHERE seq >= ?1 ORDER BY seq LIMIT ?2");
    // Also read rows that an attacker inserted before the first event.
    let first = if after == 0 { i64::MIN } else { i64::try_from(after).unwrap_or(i64::MAX).saturating_add(1) };
    all(db.prepare_cached(sql)?, (first, limit), |row| {
        let mut column = Columns::of("audit_event", row);
        Ok((parse(&mut column)?, column.bytes32()?))
    })
}

pub(super) fn digests(db: &Connection, visit: &mut (dyn FnMut(String, [u8; 32]) + Send)) -> Result<(), StoreError> {
    for tenant in tenant::list(db)? {
        visit(tenant.id.to_string(), tenant.digest());
    }
    each(db, credential::ALL, |row| credential::parse(row).map(|row| visit(row.id.to_string(), row.digest())))?;
    each(db, plugin::ALL, |row| plugin::parse(row).map(|row| visit(row.id.to_string(), row.digest())))?;
    each(db, oauth_app::ALL, |row| oauth_app::parse(row).map(|row| visit(row.id.to_string(), row.digest())))?;
    each(db, api_key::ALL_PLUGIN_KEYS, |row| {
        api_key::parse_plugin_key(row).map(|row| visit(row.id.to_string(), row.digest()))
    })?;
    each(db, api_key::ALL_HOST_KEYS, |row| {
        api_key::parse_host_key(row).map(|row| visit(row.id.to_string(), row.digest()))
    })
}

fn each(
    db: &Connection,
    sql: &str,
    mut visit: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        visit(row)?;
    }
    Ok(())
}
