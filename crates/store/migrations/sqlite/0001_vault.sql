-- The vault: who may ask, what is kept, and what was done. Instants are milliseconds since 1970, UTC.
-- What is sealed is a record of docs/FORMAT.md; what is not sealed but decides who may do what carries a MAC.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One wrapped copy of the root key for each recipient (today: the key of the environment).
CREATE TABLE root_key (
    version    INTEGER NOT NULL,
    recipient  TEXT NOT NULL,
    sealed     BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (version, recipient)
) STRICT, WITHOUT ROWID;

CREATE TABLE tenant (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

-- One data key for each user of a tenant. Deleting the row makes everything sealed under it unreadable.
CREATE TABLE user_key (
    tenant_id  TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    sealed     BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE credential (
    id                     TEXT PRIMARY KEY,
    tenant_id              TEXT NOT NULL,
    user_id                TEXT NOT NULL,
    plugin_name            TEXT NOT NULL,
    type                   TEXT NOT NULL,
    name                   TEXT NOT NULL,
    provider               TEXT,
    account                TEXT,
    settings               BLOB NOT NULL,
    encrypted_data         BLOB NOT NULL,
    access_token           BLOB,
    refresh_token          BLOB,
    previous_refresh_token BLOB,
    expires_at             INTEGER,
    scopes                 TEXT NOT NULL,
    generation             INTEGER NOT NULL,
    revision               INTEGER NOT NULL,
    created_at             INTEGER NOT NULL,
    updated_at             INTEGER NOT NULL,
    last_used_at           INTEGER
) STRICT;
CREATE UNIQUE INDEX credential_name ON credential (tenant_id, user_id, plugin_name, name);
CREATE INDEX credential_plugin ON credential (tenant_id, plugin_name);

CREATE TABLE plugin (
    id         TEXT PRIMARY KEY,
    tenant_id  TEXT NOT NULL,
    name       TEXT NOT NULL,
    manifest   TEXT NOT NULL,
    revision   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    mac        BLOB NOT NULL,
    UNIQUE (tenant_id, name)
) STRICT;

CREATE TABLE plugin_key (
    id          TEXT PRIMARY KEY,
    tenant_id   TEXT NOT NULL,
    plugin_name TEXT NOT NULL,
    label       TEXT NOT NULL,
    hash        BLOB NOT NULL UNIQUE,
    created_at  INTEGER NOT NULL,
    mac         BLOB NOT NULL
) STRICT;
CREATE INDEX plugin_key_plugin ON plugin_key (tenant_id, plugin_name);

CREATE TABLE host_key (
    id         TEXT PRIMARY KEY,
    tenant_id  TEXT NOT NULL,
    label      TEXT NOT NULL,
    hash       BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    mac        BLOB NOT NULL
) STRICT;
CREATE INDEX host_key_tenant ON host_key (tenant_id);

CREATE TABLE session (
    id         TEXT PRIMARY KEY,
    tenant_id  TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    hash       BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    mac        BLOB NOT NULL
) STRICT;
CREATE INDEX session_user ON session (tenant_id, user_id);
CREATE INDEX session_expiry ON session (expires_at);

CREATE TABLE idempotency (
    tenant_id   TEXT NOT NULL,
    scope       TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    target      TEXT NOT NULL,
    sealed      BLOB,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_age ON idempotency (created_at);

CREATE TABLE audit_event (
    seq         INTEGER PRIMARY KEY CHECK (seq >= 1),
    at          INTEGER NOT NULL,
    tenant_id   TEXT,
    actor       TEXT NOT NULL,
    actor_id    TEXT,
    action      TEXT NOT NULL,
    decision    TEXT NOT NULL,
    reason      TEXT,
    user_id     TEXT,
    plugin_name TEXT,
    target_id   TEXT,
    address     TEXT,
    request_id  TEXT,
    digest      BLOB,
    link        BLOB NOT NULL
) STRICT;
