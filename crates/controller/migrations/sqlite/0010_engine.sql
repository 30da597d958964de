-- The last generation that was given out on each network. It is taken before a snapshot is offered, so that no two different snapshots
-- ever carry the same number, whatever is interrupted.
CREATE TABLE generations (
    network    TEXT    NOT NULL PRIMARY KEY CHECK (network IN ('STAGING', 'PRODUCTION')),
    generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What each network enforces, as it was signed.
CREATE TABLE snapshots (
    network    TEXT    NOT NULL PRIMARY KEY CHECK (network IN ('STAGING', 'PRODUCTION')),
    generation INTEGER NOT NULL,
    -- Digest of the content without generation and time: equal exactly when the same is enforced.
    content    BLOB    NOT NULL,
    body       BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE edge_certificates (
    id          INTEGER NOT NULL PRIMARY KEY,
    account_id  TEXT    NOT NULL REFERENCES accounts (id),
    name        TEXT    NOT NULL,
    name_key    TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    -- The deployment settings, JSON in the form of the API.
    settings    TEXT    NOT NULL,
    -- The site that brought it along; it is deployed and deleted with that site.
    owner_site  INTEGER,
    created_at  INTEGER NOT NULL,
    created_by  TEXT    NOT NULL,
    modified_at INTEGER,
    modified_by TEXT
) STRICT;
CREATE UNIQUE INDEX edge_certificates_by_name ON edge_certificates (account_id, name_key);

-- Chains with their keys. A row never changes but for its end: a renewal adds rows and marks the old ones as superseded.
CREATE TABLE edge_certificate_keys (
    id                  INTEGER NOT NULL PRIMARY KEY,
    edge_certificate_id INTEGER NOT NULL,
    position            INTEGER NOT NULL,
    -- DER, leaf first, each with its length before it (4 bytes, big endian).
    chain               BLOB    NOT NULL,
    -- PKCS#8, sealed.
    sealed_key          BLOB    NOT NULL,
    superseded_at       INTEGER
) STRICT;
CREATE INDEX edge_certificate_keys_by_certificate ON edge_certificate_keys (edge_certificate_id, position);

CREATE TABLE sites (
    id          INTEGER NOT NULL PRIMARY KEY,
    account_id  TEXT    NOT NULL REFERENCES accounts (id),
    name        TEXT    NOT NULL,
    name_key    TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    -- JSON in the form of the API.
    settings    TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    created_by  TEXT    NOT NULL,
    modified_at INTEGER,
    modified_by TEXT
) STRICT;
CREATE UNIQUE INDEX sites_by_name ON sites (account_id, name_key);

-- One attempt each to make a network enforce, or forget, an edge certificate or a site as it was at that time.
CREATE TABLE deployments (
    id             INTEGER NOT NULL PRIMARY KEY,
    account_id     TEXT    NOT NULL REFERENCES accounts (id),
    kind           TEXT    NOT NULL CHECK (kind IN ('EDGE_CERTIFICATE', 'SITE')),
    subject_id     INTEGER NOT NULL,
    subject_name   TEXT    NOT NULL,
    version        INTEGER NOT NULL,
    network        TEXT    NOT NULL CHECK (network IN ('STAGING', 'PRODUCTION')),
    action         TEXT    NOT NULL CHECK (action IN ('DEPLOY', 'REMOVE')),
    status         TEXT    NOT NULL CHECK (status IN ('IN_PROGRESS', 'COMPLETE', 'FAILED')),
    percent        INTEGER NOT NULL CHECK (percent BETWEEN 0 AND 100),
    -- What is deployed: settings, and for an edge certificate the ids of its keys. JSON.
    body           TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    created_by     TEXT    NOT NULL,
    modified_at    INTEGER,
    failure_reason TEXT,
    CHECK ((status = 'FAILED') = (failure_reason IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX deployments_running ON deployments (kind, subject_id, network) WHERE status = 'IN_PROGRESS';
CREATE INDEX deployments_by_subject ON deployments (kind, subject_id, id);
CREATE TRIGGER finished_deployments_stay BEFORE UPDATE ON deployments WHEN OLD.status <> 'IN_PROGRESS'
BEGIN SELECT RAISE (ABORT, 'a finished deployment never changes'); END;

-- What each network enforces; the key says that it is at most one state of each thing.
CREATE TABLE deployed (
    kind          TEXT    NOT NULL CHECK (kind IN ('EDGE_CERTIFICATE', 'SITE')),
    subject_id    INTEGER NOT NULL,
    network       TEXT    NOT NULL CHECK (network IN ('STAGING', 'PRODUCTION')),
    deployment_id INTEGER NOT NULL REFERENCES deployments (id),
    PRIMARY KEY (kind, subject_id, network)
) STRICT, WITHOUT ROWID;

-- Which server name belongs to which site, from the request to deploy it until the network has forgotten it.
CREATE TABLE site_hostnames (
    network TEXT    NOT NULL CHECK (network IN ('STAGING', 'PRODUCTION')),
    pattern TEXT    NOT NULL,
    site_id INTEGER NOT NULL REFERENCES sites (id),
    PRIMARY KEY (network, pattern)
) STRICT, WITHOUT ROWID;
CREATE INDEX site_hostnames_by_site ON site_hostnames (site_id, network);

-- Which edge certificate a site presents on a network, for as long.
CREATE TABLE site_edge_certificates (
    network             TEXT    NOT NULL CHECK (network IN ('STAGING', 'PRODUCTION')),
    edge_certificate_id INTEGER NOT NULL REFERENCES edge_certificates (id),
    site_id             INTEGER NOT NULL REFERENCES sites (id),
    PRIMARY KEY (network, edge_certificate_id, site_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX site_edge_certificates_by_site ON site_edge_certificates (site_id, network);
