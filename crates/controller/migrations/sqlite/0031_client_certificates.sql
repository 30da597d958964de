-- Operators prove who they are by a client certificate as well. SQLite changes no CHECK in place, so the table is made anew.
CREATE TABLE api_clients_next (
    id                 TEXT    NOT NULL PRIMARY KEY,
    account_id         TEXT    NOT NULL REFERENCES accounts (id),
    name               TEXT    NOT NULL,
    kind               TEXT    NOT NULL CHECK (kind IN ('BEARER', 'EDGEGRID', 'CERTIFICATE')),
    role               TEXT    NOT NULL CHECK (role IN ('viewer', 'operator', 'approver', 'admin')),
    -- SHA-256 of a bearer token.
    token_hash         BLOB    UNIQUE,
    client_token       TEXT    UNIQUE,
    access_token       TEXT    UNIQUE,
    -- The client secret, sealed: computing an HMAC needs it in the clear.
    sealed_secret      BLOB,
    -- A certificate that is accepted by itself, DER, and its SHA-256 …
    certificate        BLOB,
    certificate_sha256 BLOB,
    -- … or CAs, DER, each with its length before it (4 bytes, big endian), and the subject (RFC 2253) of the certificates of theirs.
    authorities        BLOB,
    subject            TEXT,
    created_at         INTEGER NOT NULL,
    created_by         TEXT    NOT NULL,
    revoked_at         INTEGER,
    revoked_by         TEXT,
    CHECK ((kind = 'BEARER') = (token_hash IS NOT NULL)),
    CHECK ((kind = 'EDGEGRID') = (client_token IS NOT NULL AND access_token IS NOT NULL AND sealed_secret IS NOT NULL)),
    CHECK ((kind = 'CERTIFICATE') = (certificate IS NOT NULL OR authorities IS NOT NULL)),
    CHECK ((certificate IS NULL) = (certificate_sha256 IS NULL)),
    CHECK ((authorities IS NULL) = (subject IS NULL)),
    CHECK (certificate IS NULL OR authorities IS NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO api_clients_next (id, account_id, name, kind, role, token_hash, client_token, access_token, sealed_secret, created_at, created_by, revoked_at, revoked_by)
SELECT id, account_id, name, kind, role, token_hash, client_token, access_token, sealed_secret, created_at, created_by, revoked_at, revoked_by
FROM api_clients;
DROP TABLE api_clients;
ALTER TABLE api_clients_next RENAME TO api_clients;
CREATE INDEX api_clients_by_account ON api_clients (account_id, created_at);
-- A certificate names one API client; after its revocation it can be registered anew.
CREATE UNIQUE INDEX api_clients_by_certificate ON api_clients (certificate_sha256) WHERE revoked_at IS NULL AND certificate_sha256 IS NOT NULL;
CREATE INDEX api_clients_by_subject ON api_clients (subject) WHERE revoked_at IS NULL AND subject IS NOT NULL;
