-- People at the console: a link that works once, and the session that it becomes.

CREATE TABLE console_session (
    id         TEXT PRIMARY KEY,
    tenant_id  TEXT NOT NULL,
    -- Null: the operator.
    user_id    TEXT,
    -- Of the link, and then of the cookie.
    hash       BLOB NOT NULL UNIQUE,
    -- Null: the link has not been used.
    opened_at  INTEGER,
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    mac        BLOB NOT NULL
) STRICT;
CREATE INDEX console_session_visitor ON console_session (tenant_id, user_id);
CREATE INDEX console_session_expiry ON console_session (expires_at);
