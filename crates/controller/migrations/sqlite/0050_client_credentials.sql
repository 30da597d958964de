-- What the edge proves its own identity to origins with. A version never changes.
CREATE TABLE client_credentials (
    id         INTEGER NOT NULL PRIMARY KEY,
    account_id TEXT    NOT NULL REFERENCES accounts (id),
    name       TEXT    NOT NULL,
    name_key   TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX client_credentials_by_name ON client_credentials (account_id, name_key);

CREATE TABLE client_credential_versions (
    client_credential_id INTEGER NOT NULL REFERENCES client_credentials (id) ON DELETE CASCADE,
    version              INTEGER NOT NULL,
    -- DER, leaf first, each with its length before it (4 bytes, big endian).
    chain                BLOB    NOT NULL,
    -- PKCS#8, sealed.
    sealed_key           BLOB    NOT NULL,
    created_at           INTEGER NOT NULL,
    created_by           TEXT    NOT NULL,
    PRIMARY KEY (client_credential_id, version)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER client_credential_versions_stay BEFORE UPDATE ON client_credential_versions
BEGIN SELECT RAISE (ABORT, 'a version of a client credential never changes'); END;

-- Which site or property shows one to an origin on a network, from the request to enforce it until the network has forgotten it.
CREATE TABLE held_client_credentials (
    network              TEXT    NOT NULL CHECK (network IN ('STAGING', 'PRODUCTION')),
    client_credential_id INTEGER NOT NULL REFERENCES client_credentials (id),
    kind                 TEXT    NOT NULL,
    subject_id           INTEGER NOT NULL,
    subject_name         TEXT    NOT NULL,
    PRIMARY KEY (network, client_credential_id, kind, subject_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX held_client_credentials_by_subject ON held_client_credentials (kind, subject_id, network);
