-- Who may be asked about the clients of a CA set, and how; JSON in the form of the API. A set without a row asks the hosts that its own
-- certificates name.
CREATE TABLE revocation_sources (
    ca_set_id   INTEGER NOT NULL PRIMARY KEY REFERENCES ca_sets (id) ON DELETE CASCADE,
    settings    TEXT    NOT NULL,
    modified_at INTEGER NOT NULL,
    modified_by TEXT    NOT NULL
) STRICT;

-- What OCSP responders say about certificates that somebody asked about, each with the last good answer.
CREATE TABLE ocsp_answers (
    id           INTEGER NOT NULL PRIMARY KEY,
    -- Whose settings say who is asked; null for certificates that the edge presents itself.
    ca_set_id    INTEGER REFERENCES ca_sets (id) ON DELETE CASCADE,
    -- SHA-256 of the issuer's key and the serial number: what a certificate is called, whoever else used the number.
    issuer_key   TEXT    NOT NULL,
    serial       BLOB    NOT NULL,
    certificate  BLOB    NOT NULL,
    issuer       BLOB    NOT NULL,
    created_at   INTEGER NOT NULL,
    -- When a node last wanted to know.
    wanted_at    INTEGER NOT NULL,
    -- The last good answer; all null before the first.
    response     BLOB,
    digest       BLOB,
    state        TEXT    CHECK (state IN ('good', 'revoked', 'unknown')),
    revoked_at   INTEGER,
    this_update  INTEGER,
    next_update  INTEGER,
    received_at  INTEGER,
    -- How asking goes.
    responder    TEXT,
    checked_at   INTEGER,
    check_at     INTEGER NOT NULL,
    failures     INTEGER NOT NULL DEFAULT 0,
    error        TEXT
) STRICT;
CREATE UNIQUE INDEX ocsp_answers_by_certificate ON ocsp_answers (coalesce(ca_set_id, 0), issuer_key, serial);
CREATE INDEX ocsp_answers_to_check ON ocsp_answers (check_at);
CREATE INDEX ocsp_answers_told ON ocsp_answers (id) WHERE digest IS NOT NULL;

-- CRLs that nobody added: certificates of clients name them.
ALTER TABLE crls ADD COLUMN from_certificate INTEGER NOT NULL DEFAULT 0;
