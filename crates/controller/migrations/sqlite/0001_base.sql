-- Times are microseconds since the epoch, ids are made by the program, digests and certificates are bytes.

-- Where the next id of a kind comes from; ids are never reused, not even after a purge.
CREATE TABLE counters (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE api_clients (
    id             TEXT    NOT NULL PRIMARY KEY,
    account_id     TEXT    NOT NULL REFERENCES accounts (id),
    name           TEXT    NOT NULL,
    kind           TEXT    NOT NULL CHECK (kind IN ('BEARER', 'EDGEGRID')),
    role           TEXT    NOT NULL CHECK (role IN ('viewer', 'operator', 'approver', 'admin')),
    -- SHA-256 of a bearer token.
    token_hash     BLOB    UNIQUE,
    client_token   TEXT    UNIQUE,
    access_token   TEXT    UNIQUE,
    -- The client secret, sealed: computing an HMAC needs it in the clear.
    sealed_secret  BLOB,
    created_at     INTEGER NOT NULL,
    created_by     TEXT    NOT NULL,
    revoked_at     INTEGER,
    revoked_by     TEXT,
    CHECK ((kind = 'BEARER') = (token_hash IS NOT NULL)),
    CHECK ((kind = 'EDGEGRID') = (client_token IS NOT NULL AND access_token IS NOT NULL AND sealed_secret IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX api_clients_by_account ON api_clients (account_id, created_at);

-- The log of every change: the whole state of a resource after it, or null where it ended.
CREATE TABLE revisions (
    revision   INTEGER NOT NULL PRIMARY KEY,
    at         INTEGER NOT NULL,
    account_id TEXT    NOT NULL REFERENCES accounts (id),
    resource   TEXT    NOT NULL,
    body       TEXT
) STRICT;
CREATE INDEX revisions_by_resource ON revisions (resource, revision);
CREATE TRIGGER revisions_keep BEFORE UPDATE ON revisions BEGIN SELECT RAISE (ABORT, 'revisions are append-only'); END;
CREATE TRIGGER revisions_stay BEFORE DELETE ON revisions BEGIN SELECT RAISE (ABORT, 'revisions are append-only'); END;

-- Who changed what, from where; each entry's hash covers the one before.
CREATE TABLE audit (
    sequence      INTEGER NOT NULL PRIMARY KEY,
    revision      INTEGER NOT NULL REFERENCES revisions (revision),
    at            INTEGER NOT NULL,
    account_id    TEXT    NOT NULL REFERENCES accounts (id),
    actor         TEXT    NOT NULL,
    role          TEXT    NOT NULL,
    source        TEXT    NOT NULL,
    action        TEXT    NOT NULL,
    resource      TEXT    NOT NULL,
    before        TEXT,
    after         TEXT,
    previous_hash BLOB    NOT NULL,
    hash          BLOB    NOT NULL
) STRICT;
CREATE INDEX audit_by_account ON audit (account_id, sequence);
CREATE TRIGGER audit_keep BEFORE UPDATE ON audit BEGIN SELECT RAISE (ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_stay BEFORE DELETE ON audit BEGIN SELECT RAISE (ABORT, 'the audit log is append-only'); END;
