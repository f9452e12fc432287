//! SQLite store: one file, one writer thread and pooled read connections. Reads run inline, because a read takes
//! microseconds and handing it to another thread would take longer. Several processes can share the file. A writer
//! takes the lock and continues from the current head of the audit chain, so the chain stays consistent.

mod api_key;
mod audit;
mod caller;
mod connection;
mod console;
mod credential;
mod file;
mod idempotency;
mod last_used;
mod oauth_app;
mod plugin;
mod read_pool;
mod refresh;
mod row;
mod row_cache;
mod session;
mod tenant;
mod user;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;
pub use file::{Database, Installation, SqliteError};
use jiff::Timestamp;
use rusqlite::Connection;
use strongroom_crypto::{TokenHash, TokenKind};

use self::read_pool::ReadPool;
use self::row_cache::RowCache;
use self::writer::Writer;
use crate::chain::ChainMac;
use crate::error::{Conflict, StoreError};
use crate::filter::{AuditFilter, CredentialFilter, EventPage, Linked};
use crate::model::{
    ApiKeyId, ApiKeyRow, AppId, AppRow, CachedCredential, Claim, ConnectionId, ConnectionRow, ConsoleRow, CredentialId,
    CredentialRow, Entry, IdempotencyRow, KeyOwner, Owner, PendingRevocations, PluginName, PluginRow, RefreshRow,
    RevocationId, RevocationRow, SessionId, SessionRow, Tenant, TenantId, User, UserId, UserKeyRow,
};
use crate::store::Store;

/// An open SQLite database.
pub struct SqliteStore {
    read_pool: Arc<ReadPool>,
    row_cache: Arc<RowCache>,
    writer: Writer,
}

impl Database {
    /// Starts the writer. All later writes go through it, and each has an event. `kept` is the size of the credential
    /// cache in bytes.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the writer cannot be started.
    pub fn start(self, link: Arc<dyn ChainMac>, kept: u64) -> Result<SqliteStore, StoreError> {
        let read_pool = Arc::new(ReadPool::of(&self.path));
        let row_cache = Arc::new(RowCache::new(kept));
        let writer = Writer::start(self.connection, link, read_pool.clone(), row_cache.clone())?;
        Ok(SqliteStore { read_pool, row_cache, writer })
    }
}

impl SqliteStore {
    fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.read_pool.newest(read)
    }

    async fn write(
        &self,
        entry: Entry,
        change: impl FnOnce(&Connection) -> Result<Vec<Entry>, StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        self.writer.change(entry, Box::new(change)).await
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(Arc::new(error))
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        self.read(tenant::list)
    }

    async fn insert_tenant(&self, tenant: &Tenant, entry: Entry) -> Result<(), StoreError> {
        let tenant = tenant.clone();
        self.write(entry, move |db| tenant::insert(db, &tenant)).await
    }

    async fn remove_tenant(&self, tenant: TenantId, entry: Entry) -> Result<(), StoreError> {
        let template = entry.clone();
        self.write(entry, move |db| tenant::remove(db, tenant, &template)).await
    }

    async fn user_key(&self, owner: &Owner) -> Result<Option<UserKeyRow>, StoreError> {
        self.read(|db| user::key(db, owner))
    }

    async fn recent_user_key(&self, owner: &Owner) -> Result<Option<UserKeyRow>, StoreError> {
        self.read_pool.recent(|db| user::key(db, owner))
    }

    async fn users(&self, tenant: TenantId, after: Option<&UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        self.read(|db| user::list(db, tenant, after, limit))
    }

    async fn delete_user(
        &self,
        owner: &Owner,
        revocations: &PendingRevocations,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let (owner, revocations, template) = (owner.clone(), revocations.clone(), entry.clone());
        self.write(entry, move |db| user::delete(db, &owner, &revocations, &template)).await
    }

    async fn credential(&self, owner: &Owner, id: CredentialId) -> Result<Option<CredentialRow>, StoreError> {
        self.read(|db| credential::find(db, owner, id))
    }

    async fn recent_credential(
        &self,
        owner: &Owner,
        id: CredentialId,
    ) -> Result<Option<Arc<CachedCredential>>, StoreError> {
        let missed = match self.row_cache.find(owner, id) {
            Ok(row) => return Ok(Some(row)),
            Err(missed) => missed,
        };
        let row = self.read_pool.recent(|db| credential::find(db, owner, id))?.map(|row| Arc::new(row.into()));
        if let Some(row) = &row {
            self.row_cache.keep(row, &missed);
        }
        Ok(row)
    }

    fn kept_credential(&self, owner: &Owner, id: CredentialId) -> Option<Arc<CachedCredential>> {
        self.row_cache.find(owner, id).ok()
    }

    async fn credentials(&self, owner: &Owner, filter: &CredentialFilter) -> Result<Vec<CredentialRow>, StoreError> {
        self.read(|db| credential::list(db, owner, filter))
    }

    async fn insert_credential(
        &self,
        row: &CredentialRow,
        key: &UserKeyRow,
        idempotency: Option<&IdempotencyRow>,
        connected: Option<(&RefreshRow, Option<ConnectionId>)>,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let (row, key, idempotency) = (row.clone(), key.clone(), idempotency.cloned());
        let (refresh, connection) = connected.map_or((None, None), |(refresh, of)| (Some(refresh.clone()), of));
        let change = move |db: &Connection| {
            if let Some(id) = connection
                && connection::find_of(db, &row.owner, id)?.is_none()
            {
                return Err(StoreError::Conflict(Conflict::Revision));
            }
            idempotency::insert(db, idempotency.as_ref())?;
            user::insert_key(db, &key)?;
            credential::insert(db, &row)?;
            refresh.iter().try_for_each(|refresh| refresh::put(db, refresh))?;
            Ok(Vec::new())
        };
        self.write(entry, change).await
    }

    async fn update_credential(&self, row: &CredentialRow, read_at: u64, entry: Entry) -> Result<(), StoreError> {
        let row = row.clone();
        self.write(entry, move |db| credential::update(db, &row, read_at)).await
    }

    async fn delete_credential(
        &self,
        owner: &Owner,
        id: CredentialId,
        read_at: u64,
        revocations: Option<&RevocationRow>,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let (owner, revocations) = (owner.clone(), revocations.cloned());
        let change = move |db: &Connection| {
            revocations.iter().try_for_each(|revocation| refresh::insert_revocation(db, revocation))?;
            credential::delete(db, &owner, id, read_at)
        };
        self.write(entry, change).await
    }

    async fn reconnect_credential(
        &self,
        row: &CredentialRow,
        read_at: u64,
        refresh: &RefreshRow,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let (row, refresh) = (row.clone(), refresh.clone());
        let change = move |db: &Connection| {
            credential::update(db, &row, read_at)?;
            refresh::replace(db, &refresh)?;
            Ok(Vec::new())
        };
        self.write(entry, change).await
    }

    async fn apps(&self, tenant: TenantId) -> Result<Vec<AppRow>, StoreError> {
        self.read(|db| oauth_app::list(db, tenant))
    }

    async fn app(&self, tenant: TenantId, id: AppId) -> Result<Option<AppRow>, StoreError> {
        self.read(|db| oauth_app::find(db, tenant, id))
    }

    async fn insert_app(&self, row: &AppRow, entry: Entry) -> Result<(), StoreError> {
        let row = row.clone();
        self.write(entry, move |db| oauth_app::insert(db, &row)).await
    }

    async fn delete_app(&self, tenant: TenantId, id: AppId, entry: Entry) -> Result<(), StoreError> {
        self.write(entry, move |db| oauth_app::delete(db, tenant, id)).await
    }

    async fn connection(&self, hash: &[u8; 32]) -> Result<Option<ConnectionRow>, StoreError> {
        self.read(|db| connection::find(db, hash))
    }

    async fn connection_of(&self, owner: &Owner, id: ConnectionId) -> Result<Option<ConnectionRow>, StoreError> {
        self.read(|db| connection::find_of(db, owner, id))
    }

    async fn insert_connection(&self, row: &ConnectionRow, entry: Entry) -> Result<(), StoreError> {
        let row = row.clone();
        self.write(entry, move |db| connection::insert(db, &row)).await
    }

    async fn advance_connection(&self, from: [u8; 32], row: &ConnectionRow, entry: Entry) -> Result<(), StoreError> {
        let row = row.clone();
        self.write(entry, move |db| connection::advance(db, &from, &row)).await
    }

    async fn refresh(&self, id: CredentialId) -> Result<Option<RefreshRow>, StoreError> {
        self.read(|db| refresh::find(db, id))
    }

    async fn due_refreshes(&self, now: Timestamp, limit: u32) -> Result<Vec<RefreshRow>, StoreError> {
        self.read(|db| refresh::due_refreshes(db, now.as_millisecond(), limit))
    }

    async fn claim_refresh(&self, claim: &Claim, entry: Entry) -> Result<(), StoreError> {
        let claim = claim.clone();
        self.write(entry, move |db| refresh::claim(db, &claim)).await
    }

    async fn settle_refresh(
        &self,
        credential: Option<(&CredentialRow, u64)>,
        refresh: &RefreshRow,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let (credential, refresh) = (credential.map(|(row, read_at)| (row.clone(), read_at)), refresh.clone());
        let change = move |db: &Connection| {
            refresh::settle(db, &refresh)?;
            match credential {
                Some((row, read_at)) => credential::update(db, &row, read_at),
                None => Ok(Vec::new()),
            }
        };
        self.write(entry, change).await
    }

    async fn insert_revocation(&self, row: &RevocationRow, entry: Entry) -> Result<(), StoreError> {
        let row = row.clone();
        self.write(entry, move |db| refresh::insert_revocation(db, &row).map(|()| Vec::new())).await
    }

    async fn due_revocations(&self, now: Timestamp, limit: u32) -> Result<Vec<RevocationRow>, StoreError> {
        self.read(|db| refresh::due_revocations(db, now.as_millisecond(), limit))
    }

    async fn settle_revocation(
        &self,
        id: RevocationId,
        attempts: u64,
        again: Option<Timestamp>,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let again = again.map(Timestamp::as_millisecond);
        self.write(entry, move |db| refresh::settle_revocation(db, id, attempts, again)).await
    }

    async fn plugin(&self, tenant: TenantId, name: &PluginName) -> Result<Option<PluginRow>, StoreError> {
        self.read(|db| plugin::find(db, tenant, name))
    }

    async fn plugins(
        &self,
        tenant: TenantId,
        after: Option<&PluginName>,
        limit: u32,
    ) -> Result<Vec<PluginRow>, StoreError> {
        self.read(|db| plugin::list(db, tenant, after, limit))
    }

    async fn put_plugin(&self, row: &PluginRow, read_at: Option<u64>, entry: Entry) -> Result<(), StoreError> {
        let row = row.clone();
        self.write(entry, move |db| plugin::put(db, &row, read_at)).await
    }

    async fn remove_plugin(
        &self,
        tenant: TenantId,
        name: &PluginName,
        credentials: bool,
        revocations: &PendingRevocations,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let (name, revocations, template) = (name.clone(), revocations.clone(), entry.clone());
        self.write(entry, move |db| plugin::remove(db, tenant, &name, credentials, &revocations, &template)).await
    }

    async fn connected(
        &self,
        tenant: TenantId,
        plugin: &PluginName,
        after: Option<CredentialId>,
        limit: u32,
    ) -> Result<Vec<CredentialRow>, StoreError> {
        self.read(|db| credential::connected(db, tenant, plugin, after, limit))
    }

    async fn key(&self, kind: TokenKind, hash: &TokenHash) -> Result<Option<ApiKeyRow>, StoreError> {
        self.read(|db| api_key::find(db, kind, hash))
    }

    async fn keys(&self, tenant: TenantId, owner: &KeyOwner) -> Result<Vec<ApiKeyRow>, StoreError> {
        self.read(|db| api_key::list(db, tenant, owner))
    }

    async fn insert_key(
        &self,
        row: &ApiKeyRow,
        idempotency: Option<&IdempotencyRow>,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let (row, idempotency) = (row.clone(), idempotency.cloned());
        let change = move |db: &Connection| {
            idempotency::insert(db, idempotency.as_ref())?;
            api_key::insert(db, &row)
        };
        self.write(entry, change).await
    }

    async fn delete_key(
        &self,
        tenant: TenantId,
        owner: &KeyOwner,
        id: ApiKeyId,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let owner = owner.clone();
        self.write(entry, move |db| api_key::delete(db, tenant, &owner, id)).await
    }

    async fn session(&self, hash: &TokenHash) -> Result<Option<SessionRow>, StoreError> {
        self.read(|db| session::find(db, hash))
    }

    async fn sessions(&self, owner: &Owner) -> Result<Vec<SessionRow>, StoreError> {
        self.read(|db| session::list(db, owner))
    }

    async fn insert_session(
        &self,
        row: &SessionRow,
        idempotency: Option<&IdempotencyRow>,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let (row, idempotency) = (row.clone(), idempotency.cloned());
        let change = move |db: &Connection| {
            idempotency::insert(db, idempotency.as_ref())?;
            session::insert(db, &row)
        };
        self.write(entry, change).await
    }

    async fn delete_sessions(&self, owner: &Owner, id: Option<SessionId>, entry: Entry) -> Result<(), StoreError> {
        let owner = owner.clone();
        self.write(entry, move |db| session::delete(db, &owner, id)).await
    }

    async fn console(&self, hash: &TokenHash) -> Result<Option<ConsoleRow>, StoreError> {
        self.read(|db| console::find(db, hash))
    }

    async fn insert_console(&self, row: &ConsoleRow, entry: Entry) -> Result<(), StoreError> {
        let row = row.clone();
        self.write(entry, move |db| console::insert(db, &row)).await
    }

    async fn move_console(&self, from: &TokenHash, row: &ConsoleRow, entry: Entry) -> Result<(), StoreError> {
        let (from, row) = (*from, row.clone());
        self.write(entry, move |db| console::advance(db, &from, &row)).await
    }

    async fn delete_consoles(
        &self,
        tenant: TenantId,
        user: Option<&UserId>,
        one: Option<SessionId>,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let user = user.cloned();
        self.write(entry, move |db| console::delete(db, tenant, user.as_ref(), one)).await
    }

    async fn idempotency(
        &self,
        tenant: TenantId,
        scope: &str,
        key: &str,
    ) -> Result<Option<IdempotencyRow>, StoreError> {
        self.read(|db| idempotency::find(db, tenant, scope, key))
    }

    async fn record(&self, entry: Box<Entry>) -> Result<(), StoreError> {
        self.writer.record(entry).await
    }

    async fn events(&self, tenant: TenantId, filter: &AuditFilter) -> Result<EventPage, StoreError> {
        self.read(|db| audit::events(db, tenant, filter))
    }

    async fn chain(&self, after: u64, limit: u32) -> Result<Vec<Linked>, StoreError> {
        self.read(|db| audit::chain(db, after, limit))
    }

    async fn digests(&self, visit: &mut (dyn FnMut(String, [u8; 32]) + Send)) -> Result<(), StoreError> {
        self.read(|db| audit::digests(db, visit))
    }

    fn epoch(&self) -> u64 {
        self.writer.epoch()
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.writer.ready().await
    }

    async fn close(&self) {
        self.writer.close().await;
        self.read_pool.close();
    }
}
