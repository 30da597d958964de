-- Revocations by hand. A row never changes but for its end.
CREATE TABLE revocations (
    id          INTEGER NOT NULL PRIMARY KEY,
    account_id  TEXT    NOT NULL REFERENCES accounts (id),
    kind        TEXT    NOT NULL CHECK (kind IN ('CERTIFICATE', 'ISSUED_BEFORE', 'KEY', 'SERIAL')),
    -- SHA-256, hexadecimal: of the certificate, of its key, or of the issuer's key.
    fingerprint TEXT    NOT NULL,
    serial      BLOB,
    before      INTEGER,
    reason      TEXT    NOT NULL,
    note        TEXT,
    created_at  INTEGER NOT NULL,
    created_by  TEXT    NOT NULL,
    -- Until when it holds; for ever when null.
    ends_at     INTEGER,
    -- When somebody ended it before.
    ended_at    INTEGER,
    ended_by    TEXT,
    CHECK ((kind = 'SERIAL') = (serial IS NOT NULL)),
    CHECK ((kind = 'ISSUED_BEFORE') = (before IS NOT NULL)),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
) STRICT;
CREATE INDEX revocations_by_account ON revocations (account_id, id);
CREATE INDEX revocations_in_force ON revocations (id) WHERE ended_at IS NULL;

-- What edge nodes are told about revoked certificates, as it was signed.
CREATE TABLE revocation_manifest (
    id         INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence   INTEGER NOT NULL,
    -- Digest of the content without sequence and time: equal exactly when the same is told.
    content    BLOB    NOT NULL,
    body       BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
