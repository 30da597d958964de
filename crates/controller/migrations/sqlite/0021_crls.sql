-- What is done about revocation for the clients of a CA set; a set without a row does nothing.
CREATE TABLE revocation_policies (
    ca_set_id           INTEGER NOT NULL PRIMARY KEY REFERENCES ca_sets (id) ON DELETE CASCADE,
    mode                TEXT    NOT NULL CHECK (mode IN ('off', 'prefer', 'require')),
    scope               TEXT    NOT NULL CHECK (scope IN ('leaf', 'path')),
    stale_grace_seconds INTEGER NOT NULL CHECK (stale_grace_seconds >= 0),
    modified_at         INTEGER NOT NULL,
    modified_by         TEXT    NOT NULL
) STRICT;

-- Where the CRLs of a CA set come from, each with the last good one. Its bytes are a file named by its digest.
CREATE TABLE crls (
    id              INTEGER NOT NULL PRIMARY KEY,
    ca_set_id       INTEGER NOT NULL REFERENCES ca_sets (id) ON DELETE CASCADE,
    -- Fetched from here; uploaded when null.
    url             TEXT,
    private_network INTEGER NOT NULL CHECK (private_network IN (0, 1)),
    created_at      INTEGER NOT NULL,
    created_by      TEXT    NOT NULL,
    -- The last good one; all null before the first.
    digest          BLOB,
    signer          BLOB,
    issuer          TEXT,
    number          TEXT,
    is_delta        INTEGER,
    entries         INTEGER,
    this_update     INTEGER,
    next_update     INTEGER,
    received_at     INTEGER,
    -- How fetching goes.
    etag            TEXT,
    last_modified   TEXT,
    checked_at      INTEGER,
    check_at        INTEGER,
    failures        INTEGER NOT NULL DEFAULT 0,
    error           TEXT,
    UNIQUE (ca_set_id, url)
) STRICT;
CREATE INDEX crls_to_check ON crls (check_at) WHERE check_at IS NOT NULL;
