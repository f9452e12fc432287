-- Connect: registrations at providers, connections under way, refreshes, and revocations that are owed.

-- The registration that a connected account came through; part of what its columns are sealed to.
ALTER TABLE credential ADD COLUMN app_id TEXT;

CREATE TABLE oauth_app (
    id            TEXT PRIMARY KEY,
    tenant_id     TEXT NOT NULL,
    provider      TEXT NOT NULL,
    definition    TEXT,
    parameters    TEXT NOT NULL,
    client_id     TEXT NOT NULL,
    client_secret BLOB,
    created_at    INTEGER NOT NULL,
    mac           BLOB NOT NULL
) STRICT;
CREATE INDEX oauth_app_tenant ON oauth_app (tenant_id, provider);

-- One connection under way. `hash` finds it: by the start link, then by `state`, then by the completing code.
CREATE TABLE connection (
    id             TEXT PRIMARY KEY,
    tenant_id      TEXT NOT NULL,
    user_id        TEXT NOT NULL,
    plugin_name    TEXT NOT NULL,
    app_id         TEXT NOT NULL,
    credential_id  TEXT,
    name           TEXT NOT NULL,
    scopes         TEXT NOT NULL,
    return_address TEXT NOT NULL,
    phase          TEXT NOT NULL,
    hash           BLOB NOT NULL UNIQUE,
    sealed         BLOB NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX connection_user ON connection (tenant_id, user_id);
CREATE INDEX connection_expiry ON connection (expires_at);

-- How a connected account's token is kept fresh. `fence` counts the leases: a result is written only under the last one.
CREATE TABLE refresh (
    credential_id      TEXT PRIMARY KEY REFERENCES credential (id) ON DELETE CASCADE,
    tenant_id          TEXT NOT NULL,
    user_id            TEXT NOT NULL,
    state              TEXT NOT NULL,
    cause              TEXT,
    due_at             INTEGER,
    fence              INTEGER NOT NULL,
    lease_until        INTEGER,
    intent_at          INTEGER,
    failures           INTEGER NOT NULL,
    refreshed_at       INTEGER NOT NULL,
    refresh_expires_at INTEGER
) STRICT;
CREATE INDEX refresh_due ON refresh (due_at) WHERE due_at IS NOT NULL;

-- What is still owed to providers: grants to revoke. The credential's row is gone at once; this one stays until it is done.
CREATE TABLE revocation (
    id         TEXT PRIMARY KEY,
    tenant_id  TEXT NOT NULL,
    app_id     TEXT NOT NULL,
    sealed     BLOB NOT NULL,
    attempts   INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX revocation_due ON revocation (due_at);
