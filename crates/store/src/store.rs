//! The interface to a database. It handles sealed bytes only: no `Secret` appears in a signature. Every write takes an
//! audit [`Entry`] and commits both in one transaction, so no write is unaudited. Every query takes the tenant, and the
//! owner where there is one. The exceptions are lookups by hash and the internal queries for refreshes and revocations.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use strongroom_crypto::{TokenHash, TokenKind};

use crate::error::StoreError;
use crate::filter::{AuditFilter, CredentialFilter, EventPage, Linked};
use crate::model::{
    ApiKeyId, ApiKeyRow, AppId, AppRow, CachedCredential, Claim, ConnectionId, ConnectionRow, ConsoleRow, CredentialId,
    CredentialRow, Entry, IdempotencyRow, KeyOwner, Owner, PendingRevocations, PluginName, PluginRow, RefreshRow,
    RevocationId, RevocationRow, SessionId, SessionRow, Tenant, TenantId, User, UserId, UserKeyRow,
};

/// A database.
#[async_trait]
#[expect(missing_docs, reason = "each method is its name: a verb, a noun, and what the noun belongs to")]
pub trait Store: Send + Sync {
    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError>;
    async fn insert_tenant(&self, tenant: &Tenant, entry: Entry) -> Result<(), StoreError>;
    async fn remove_tenant(&self, tenant: TenantId, entry: Entry) -> Result<(), StoreError>;

    async fn user_key(&self, owner: &Owner) -> Result<Option<UserKeyRow>, StoreError>;
    /// May be slightly old, as for [`recent_credential`](Self::recent_credential).
    async fn recent_user_key(&self, owner: &Owner) -> Result<Option<UserKeyRow>, StoreError>;
    async fn users(&self, tenant: TenantId, after: Option<&UserId>, limit: u32) -> Result<Vec<User>, StoreError>;
    /// Deletes the user with everything that belongs to the user, and stores the revocations.
    async fn delete_user(
        &self,
        owner: &Owner,
        revocations: &PendingRevocations,
        entry: Entry,
    ) -> Result<(), StoreError>;

    async fn credential(&self, owner: &Owner, id: CredentialId) -> Result<Option<CredentialRow>, StoreError>;
    /// May be slightly old. It includes all changes of this process, but can miss a change of another process. The
    /// caller must compare the [`epoch`](Self::epoch) again when its event is durable.
    async fn recent_credential(
        &self,
        owner: &Owner,
        id: CredentialId,
    ) -> Result<Option<Arc<CachedCredential>>, StoreError>;
    /// Like `recent_credential`, but from the cache only and without waiting. `None` if the cache does not have it.
    fn kept_credential(&self, owner: &Owner, id: CredentialId) -> Option<Arc<CachedCredential>>;
    async fn credentials(&self, owner: &Owner, filter: &CredentialFilter) -> Result<Vec<CredentialRow>, StoreError>;
    /// Writes the user's data key with the first credential. Refuses if the user has another key by now. Refuses also
    /// if the connection does not exist any more, because then its user was deleted.
    async fn insert_credential(
        &self,
        row: &CredentialRow,
        key: &UserKeyRow,
        idempotency: Option<&IdempotencyRow>,
        connected: Option<(&RefreshRow, Option<ConnectionId>)>,
        entry: Entry,
    ) -> Result<(), StoreError>;
    async fn update_credential(&self, row: &CredentialRow, read_at: u64, entry: Entry) -> Result<(), StoreError>;
    async fn delete_credential(
        &self,
        owner: &Owner,
        id: CredentialId,
        read_at: u64,
        revocations: Option<&RevocationRow>,
        entry: Entry,
    ) -> Result<(), StoreError>;
    /// Replaces the grant of a credential. It voids any lease.
    async fn reconnect_credential(
        &self,
        row: &CredentialRow,
        read_at: u64,
        refresh: &RefreshRow,
        entry: Entry,
    ) -> Result<(), StoreError>;

    async fn apps(&self, tenant: TenantId) -> Result<Vec<AppRow>, StoreError>;
    async fn app(&self, tenant: TenantId, id: AppId) -> Result<Option<AppRow>, StoreError>;
    async fn insert_app(&self, row: &AppRow, entry: Entry) -> Result<(), StoreError>;
    async fn delete_app(&self, tenant: TenantId, id: AppId, entry: Entry) -> Result<(), StoreError>;

    /// Finds a connection of any tenant. Only a caller who knows the 256 random bits behind the hash can find it.
    async fn connection(&self, hash: &[u8; 32]) -> Result<Option<ConnectionRow>, StoreError>;
    async fn connection_of(&self, owner: &Owner, id: ConnectionId) -> Result<Option<ConnectionRow>, StoreError>;
    async fn insert_connection(&self, row: &ConnectionRow, entry: Entry) -> Result<(), StoreError>;
    async fn advance_connection(&self, from: [u8; 32], row: &ConnectionRow, entry: Entry) -> Result<(), StoreError>;

    async fn refresh(&self, id: CredentialId) -> Result<Option<RefreshRow>, StoreError>;
    async fn due_refreshes(&self, now: Timestamp, limit: u32) -> Result<Vec<RefreshRow>, StoreError>;
    async fn claim_refresh(&self, claim: &Claim, entry: Entry) -> Result<(), StoreError>;
    /// Writes the result of a refresh, and the credential if it changed. Refuses if a newer lease exists.
    async fn settle_refresh(
        &self,
        credential: Option<(&CredentialRow, u64)>,
        refresh: &RefreshRow,
        entry: Entry,
    ) -> Result<(), StoreError>;
    async fn insert_revocation(&self, row: &RevocationRow, entry: Entry) -> Result<(), StoreError>;
    async fn due_revocations(&self, now: Timestamp, limit: u32) -> Result<Vec<RevocationRow>, StoreError>;
    async fn settle_revocation(
        &self,
        id: RevocationId,
        attempts: u64,
        again: Option<Timestamp>,
        entry: Entry,
    ) -> Result<(), StoreError>;

    async fn plugin(&self, tenant: TenantId, name: &PluginName) -> Result<Option<PluginRow>, StoreError>;
    async fn plugins(
        &self,
        tenant: TenantId,
        after: Option<&PluginName>,
        limit: u32,
    ) -> Result<Vec<PluginRow>, StoreError>;
    async fn put_plugin(&self, row: &PluginRow, read_at: Option<u64>, entry: Entry) -> Result<(), StoreError>;
    async fn remove_plugin(
        &self,
        tenant: TenantId,
        name: &PluginName,
        credentials: bool,
        revocations: &PendingRevocations,
        entry: Entry,
    ) -> Result<(), StoreError>;
    /// The connected accounts of a plugin, for all users.
    async fn connected(
        &self,
        tenant: TenantId,
        plugin: &PluginName,
        after: Option<CredentialId>,
        limit: u32,
    ) -> Result<Vec<CredentialRow>, StoreError>;

    async fn key(&self, kind: TokenKind, hash: &TokenHash) -> Result<Option<ApiKeyRow>, StoreError>;
    async fn keys(&self, tenant: TenantId, owner: &KeyOwner) -> Result<Vec<ApiKeyRow>, StoreError>;
    async fn insert_key(
        &self,
        row: &ApiKeyRow,
        idempotency: Option<&IdempotencyRow>,
        entry: Entry,
    ) -> Result<(), StoreError>;
    async fn delete_key(
        &self,
        tenant: TenantId,
        owner: &KeyOwner,
        id: ApiKeyId,
        entry: Entry,
    ) -> Result<(), StoreError>;

    async fn session(&self, hash: &TokenHash) -> Result<Option<SessionRow>, StoreError>;
    async fn sessions(&self, owner: &Owner) -> Result<Vec<SessionRow>, StoreError>;
    async fn insert_session(
        &self,
        row: &SessionRow,
        idempotency: Option<&IdempotencyRow>,
        entry: Entry,
    ) -> Result<(), StoreError>;
    async fn delete_sessions(&self, owner: &Owner, id: Option<SessionId>, entry: Entry) -> Result<(), StoreError>;

    async fn console(&self, hash: &TokenHash) -> Result<Option<ConsoleRow>, StoreError>;
    async fn insert_console(&self, row: &ConsoleRow, entry: Entry) -> Result<(), StoreError>;
    async fn move_console(&self, from: &TokenHash, row: &ConsoleRow, entry: Entry) -> Result<(), StoreError>;
    async fn delete_consoles(
        &self,
        tenant: TenantId,
        user: Option<&UserId>,
        one: Option<SessionId>,
        entry: Entry,
    ) -> Result<(), StoreError>;

    async fn idempotency(&self, tenant: TenantId, scope: &str, key: &str)
    -> Result<Option<IdempotencyRow>, StoreError>;

    /// Records an event without a change: a read or a refusal. Returns when the event is durable.
    async fn record(&self, entry: Box<Entry>) -> Result<(), StoreError>;
    async fn events(&self, tenant: TenantId, filter: &AuditFilter) -> Result<EventPage, StoreError>;
    /// Events in chain order after `after`, for verification.
    async fn chain(&self, after: u64, limit: u32) -> Result<Vec<Linked>, StoreError>;
    /// Visits the digest of every row that events refer to, by object id. Rows are read one at a time.
    async fn digests(&self, visit: &mut (dyn FnMut(String, [u8; 32]) + Send)) -> Result<(), StoreError>;

    /// A counter that rises when access may have been taken away. A change of this process raises it at once. A change
    /// of another process raises it before the next write of this process commits.
    fn epoch(&self) -> u64;
    /// Checks that a transaction can be committed.
    async fn ready(&self) -> Result<(), StoreError>;
    async fn close(&self);
}
