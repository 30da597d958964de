-- Every certificate once, whatever number of versions holds it. The texts are derived from the DER, for lists and filters.
CREATE TABLE certificates (
    id                  INTEGER NOT NULL PRIMARY KEY,
    fingerprint         BLOB    NOT NULL UNIQUE,
    der                 BLOB    NOT NULL,
    subject             TEXT    NOT NULL,
    issuer              TEXT    NOT NULL,
    serial_number       TEXT    NOT NULL,
    signature_algorithm TEXT    NOT NULL,
    not_before          INTEGER NOT NULL,
    not_after           INTEGER NOT NULL
) STRICT;

CREATE TABLE ca_sets (
    id           INTEGER NOT NULL PRIMARY KEY,
    account_id   TEXT    NOT NULL REFERENCES accounts (id),
    name         TEXT    NOT NULL,
    -- The name in lower case: two names that differ only in case would be mistaken for each other.
    name_key     TEXT    NOT NULL,
    description  TEXT,
    status       TEXT    NOT NULL CHECK (status IN ('NOT_DELETED', 'DELETING', 'DELETED')),
    next_version INTEGER NOT NULL DEFAULT 1,
    created_at   INTEGER NOT NULL,
    created_by   TEXT    NOT NULL,
    deleted_at   INTEGER,
    deleted_by   TEXT,
    removal_at   INTEGER
) STRICT;
-- A name is free again once its set is deleted.
CREATE UNIQUE INDEX ca_sets_by_name ON ca_sets (account_id, name_key) WHERE status <> 'DELETED';
CREATE INDEX ca_sets_by_account ON ca_sets (account_id, id);

CREATE TABLE ca_set_versions (
    ca_set_id           INTEGER NOT NULL REFERENCES ca_sets (id),
    version             INTEGER NOT NULL CHECK (version >= 1),
    description         TEXT,
    allow_insecure_sha1 INTEGER NOT NULL CHECK (allow_insecure_sha1 IN (0, 1)),
    -- SHA-256 over the sorted fingerprints: equal exactly when two versions hold the same certificates.
    content_digest      BLOB    NOT NULL,
    created_at          INTEGER NOT NULL,
    created_by          TEXT    NOT NULL,
    modified_at         INTEGER,
    modified_by         TEXT,
    -- When its first activation was requested; from then on it never changes.
    frozen_at           INTEGER,
    deleted_at          INTEGER,
    deleted_by          TEXT,
    removal_at          INTEGER,
    PRIMARY KEY (ca_set_id, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX ca_set_versions_by_content ON ca_set_versions (ca_set_id, content_digest);

CREATE TABLE ca_set_version_certificates (
    ca_set_id      INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    position       INTEGER NOT NULL,
    certificate_id INTEGER NOT NULL REFERENCES certificates (id),
    description    TEXT,
    created_at     INTEGER NOT NULL,
    created_by     TEXT    NOT NULL,
    PRIMARY KEY (ca_set_id, version, position),
    FOREIGN KEY (ca_set_id, version) REFERENCES ca_set_versions (ca_set_id, version)
) STRICT, WITHOUT ROWID;

-- Invariant I5: an activated version never changes, whatever the program believes.
CREATE TRIGGER frozen_versions_stay_frozen BEFORE UPDATE OF content_digest, allow_insecure_sha1, description, frozen_at ON ca_set_versions
WHEN OLD.frozen_at IS NOT NULL
BEGIN SELECT RAISE (ABORT, 'an activated version never changes'); END;
CREATE TRIGGER frozen_versions_gain_nothing BEFORE INSERT ON ca_set_version_certificates
WHEN (SELECT frozen_at FROM ca_set_versions WHERE ca_set_id = NEW.ca_set_id AND version = NEW.version) IS NOT NULL
BEGIN SELECT RAISE (ABORT, 'an activated version never changes'); END;
CREATE TRIGGER frozen_versions_lose_nothing BEFORE DELETE ON ca_set_version_certificates
WHEN (SELECT frozen_at FROM ca_set_versions WHERE ca_set_id = OLD.ca_set_id AND version = OLD.version) IS NOT NULL
BEGIN SELECT RAISE (ABORT, 'an activated version never changes'); END;
CREATE TRIGGER version_certificates_are_replaced BEFORE UPDATE ON ca_set_version_certificates
BEGIN SELECT RAISE (ABORT, 'certificates of a version are replaced, not edited'); END;

-- What each network enforces; the key says that it is at most one version.
CREATE TABLE active_versions (
    ca_set_id INTEGER NOT NULL,
    network   TEXT    NOT NULL CHECK (network IN ('STAGING', 'PRODUCTION')),
    version   INTEGER NOT NULL,
    PRIMARY KEY (ca_set_id, network),
    FOREIGN KEY (ca_set_id, version) REFERENCES ca_set_versions (ca_set_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE activations (
    id             INTEGER NOT NULL PRIMARY KEY,
    account_id     TEXT    NOT NULL REFERENCES accounts (id),
    ca_set_id      INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    network        TEXT    NOT NULL CHECK (network IN ('STAGING', 'PRODUCTION')),
    kind           TEXT    NOT NULL CHECK (kind IN ('ACTIVATE', 'DEACTIVATE')),
    status         TEXT    NOT NULL CHECK (status IN ('IN_PROGRESS', 'COMPLETE', 'FAILED')),
    percent        INTEGER NOT NULL CHECK (percent BETWEEN 0 AND 100),
    created_at     INTEGER NOT NULL,
    created_by     TEXT    NOT NULL,
    modified_at    INTEGER,
    modified_by    TEXT,
    failure_reason TEXT,
    -- JSON list of the warnings that the request was answered with.
    warnings       TEXT    NOT NULL,
    FOREIGN KEY (ca_set_id, version) REFERENCES ca_set_versions (ca_set_id, version),
    CHECK ((status = 'FAILED') = (failure_reason IS NOT NULL))
) STRICT;
-- One running activation or deactivation per set and network.
CREATE UNIQUE INDEX activations_running ON activations (ca_set_id, network) WHERE status = 'IN_PROGRESS';
CREATE INDEX activations_by_version ON activations (ca_set_id, version, id);
CREATE TRIGGER finished_activations_stay BEFORE UPDATE ON activations WHEN OLD.status <> 'IN_PROGRESS'
BEGIN SELECT RAISE (ABORT, 'a finished activation never changes'); END;

CREATE TABLE ca_set_deletions (
    ca_set_id        INTEGER NOT NULL REFERENCES ca_sets (id),
    network          TEXT    NOT NULL CHECK (network IN ('STAGING', 'PRODUCTION')),
    status           TEXT    NOT NULL CHECK (status IN ('IN_PROGRESS', 'COMPLETE', 'FAILED')),
    percent          INTEGER NOT NULL CHECK (percent BETWEEN 0 AND 100),
    started_at       INTEGER NOT NULL,
    started_by       TEXT    NOT NULL,
    ended_at         INTEGER,
    failure_reason   TEXT,
    PRIMARY KEY (ca_set_id, network)
) STRICT, WITHOUT ROWID;
CREATE INDEX ca_set_deletions_running ON ca_set_deletions (ca_set_id) WHERE status = 'IN_PROGRESS';

CREATE TABLE ca_set_activities (
    ca_set_id INTEGER NOT NULL REFERENCES ca_sets (id),
    sequence  INTEGER NOT NULL,
    kind      TEXT    NOT NULL,
    network   TEXT,
    version   INTEGER,
    at        INTEGER NOT NULL,
    by        TEXT    NOT NULL,
    PRIMARY KEY (ca_set_id, sequence)
) STRICT, WITHOUT ROWID;

-- Who uses a CA set. Written by whatever binds one (edge certificates, sites), in the transaction that binds it.
CREATE TABLE ca_set_associations (
    ca_set_id    INTEGER NOT NULL REFERENCES ca_sets (id),
    kind         TEXT    NOT NULL CHECK (kind IN ('ENROLLMENT', 'PROPERTY')),
    user_id      INTEGER NOT NULL,
    user_name    TEXT    NOT NULL,
    hostname     TEXT    NOT NULL,
    network      TEXT    NOT NULL CHECK (network IN ('STAGING', 'PRODUCTION')),
    status       TEXT    NOT NULL CHECK (status IN ('ATTACHED', 'ATTACHING', 'DETACHING')),
    PRIMARY KEY (ca_set_id, kind, user_id, hostname, network)
) STRICT, WITHOUT ROWID;
CREATE INDEX ca_set_associations_by_user ON ca_set_associations (kind, user_id);
