-- Properties: hostnames with a rule tree, versioned. SQLite changes no CHECK in place, so the tables that listed the kinds of what is
-- deployed are made anew; which kinds there are is for the program to say.
CREATE TABLE deployed_kept AS SELECT kind, subject_id, network, deployment_id FROM deployed;
DROP TABLE deployed;

CREATE TABLE deployments_next (
    id             INTEGER NOT NULL PRIMARY KEY,
    account_id     TEXT    NOT NULL REFERENCES accounts (id),
    kind           TEXT    NOT NULL,
    subject_id     INTEGER NOT NULL,
    subject_name   TEXT    NOT NULL,
    version        INTEGER NOT NULL,
    network        TEXT    NOT NULL CHECK (network IN ('STAGING', 'PRODUCTION')),
    action         TEXT    NOT NULL CHECK (action IN ('DEPLOY', 'REMOVE')),
    status         TEXT    NOT NULL CHECK (status IN ('IN_PROGRESS', 'COMPLETE', 'FAILED')),
    percent        INTEGER NOT NULL CHECK (percent BETWEEN 0 AND 100),
    -- What is deployed, JSON.
    body           TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    created_by     TEXT    NOT NULL,
    modified_at    INTEGER,
    failure_reason TEXT,
    -- Those with the same number are enforced together or not at all.
    change_set     INTEGER,
    CHECK ((status = 'FAILED') = (failure_reason IS NOT NULL))
) STRICT;
INSERT INTO deployments_next
SELECT id, account_id, kind, subject_id, subject_name, version, network, action, status, percent, body, created_at, created_by, modified_at,
    failure_reason, NULL
FROM deployments;
DROP TABLE deployments;
ALTER TABLE deployments_next RENAME TO deployments;
CREATE UNIQUE INDEX deployments_running ON deployments (kind, subject_id, network) WHERE status = 'IN_PROGRESS';
CREATE INDEX deployments_by_subject ON deployments (kind, subject_id, id);
CREATE TRIGGER finished_deployments_stay BEFORE UPDATE ON deployments WHEN OLD.status <> 'IN_PROGRESS'
BEGIN SELECT RAISE (ABORT, 'a finished deployment never changes'); END;

CREATE TABLE deployed (
    kind          TEXT    NOT NULL,
    subject_id    INTEGER NOT NULL,
    network       TEXT    NOT NULL CHECK (network IN ('STAGING', 'PRODUCTION')),
    deployment_id INTEGER NOT NULL REFERENCES deployments (id),
    PRIMARY KEY (kind, subject_id, network)
) STRICT, WITHOUT ROWID;
INSERT INTO deployed SELECT kind, subject_id, network, deployment_id FROM deployed_kept;
DROP TABLE deployed_kept;

ALTER TABLE activations ADD COLUMN change_set INTEGER;

-- Which server name belongs to which site or property, from the request to enforce it until the network has forgotten it.
CREATE TABLE held_hostnames (
    network      TEXT    NOT NULL CHECK (network IN ('STAGING', 'PRODUCTION')),
    pattern      TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    subject_id   INTEGER NOT NULL,
    subject_name TEXT    NOT NULL,
    account_id   TEXT    NOT NULL REFERENCES accounts (id),
    PRIMARY KEY (network, pattern)
) STRICT, WITHOUT ROWID;
INSERT INTO held_hostnames
SELECT held.network, held.pattern, 'SITE', sites.id, sites.name, sites.account_id
FROM site_hostnames held JOIN sites ON sites.id = held.site_id;
DROP TABLE site_hostnames;
CREATE INDEX held_hostnames_by_subject ON held_hostnames (kind, subject_id, network);

-- Which edge certificate a site or property presents on a network, for as long.
CREATE TABLE held_edge_certificates (
    network             TEXT    NOT NULL CHECK (network IN ('STAGING', 'PRODUCTION')),
    edge_certificate_id INTEGER NOT NULL REFERENCES edge_certificates (id),
    pattern             TEXT    NOT NULL,
    kind                TEXT    NOT NULL,
    subject_id          INTEGER NOT NULL,
    subject_name        TEXT    NOT NULL,
    PRIMARY KEY (network, edge_certificate_id, pattern)
) STRICT, WITHOUT ROWID;
INSERT INTO held_edge_certificates
SELECT used.network, used.edge_certificate_id, held.pattern, 'SITE', sites.id, sites.name
FROM site_edge_certificates used
JOIN sites ON sites.id = used.site_id
JOIN held_hostnames held ON held.kind = 'SITE' AND held.subject_id = used.site_id AND held.network = used.network;
DROP TABLE site_edge_certificates;
CREATE INDEX held_edge_certificates_by_subject ON held_edge_certificates (kind, subject_id, network);

-- A property's number is taken from the same counter as a site's: to what uses a CA set, a site is a property.
CREATE TABLE properties (
    id         INTEGER NOT NULL PRIMARY KEY,
    account_id TEXT    NOT NULL REFERENCES accounts (id),
    name       TEXT    NOT NULL,
    name_key   TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT    NOT NULL,
    deleted_at INTEGER,
    deleted_by TEXT
) STRICT;
CREATE UNIQUE INDEX properties_by_name ON properties (account_id, name_key) WHERE deleted_at IS NULL;

CREATE TABLE property_versions (
    property_id  INTEGER NOT NULL REFERENCES properties (id),
    version      INTEGER NOT NULL,
    -- Grows with each edit.
    edit         INTEGER NOT NULL,
    note         TEXT,
    created_from INTEGER,
    -- JSON in the form of the API.
    hostnames    TEXT    NOT NULL,
    origins      TEXT    NOT NULL,
    rules        TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    created_by   TEXT    NOT NULL,
    modified_at  INTEGER,
    modified_by  TEXT,
    -- When its first activation was asked for; it never changes from then on.
    frozen_at    INTEGER,
    PRIMARY KEY (property_id, version)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER frozen_property_versions_stay BEFORE UPDATE ON property_versions WHEN OLD.frozen_at IS NOT NULL
BEGIN SELECT RAISE (ABORT, 'a version that was activated never changes'); END;
CREATE TRIGGER frozen_property_versions_are_kept BEFORE DELETE ON property_versions WHEN OLD.frozen_at IS NOT NULL
BEGIN SELECT RAISE (ABORT, 'a version that was activated is never deleted'); END;
