-- What the edges of a network sign with what they forward. A key is used from its time on, until the next one's.
CREATE TABLE forwarding_keys (
    -- The JWK thumbprint (RFC 7638), base64url.
    key_id     TEXT    NOT NULL PRIMARY KEY,
    network    TEXT    NOT NULL CHECK (network IN ('STAGING', 'PRODUCTION')),
    public_key BLOB    NOT NULL CHECK (length(public_key) = 32),
    sealed_key BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT    NOT NULL,
    used_from  INTEGER NOT NULL
) STRICT;
