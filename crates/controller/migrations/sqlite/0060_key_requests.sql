-- Keys that were made here and wait for their certificates. A row goes when its certificate is installed; the key stays with that.
CREATE TABLE edge_certificate_key_requests (
    id                  INTEGER NOT NULL PRIMARY KEY,
    edge_certificate_id INTEGER NOT NULL REFERENCES edge_certificates (id) ON DELETE CASCADE,
    -- PKCS#10, PEM.
    request             TEXT    NOT NULL,
    -- PKCS#8, sealed.
    sealed_key          BLOB    NOT NULL,
    created_at          INTEGER NOT NULL,
    created_by          TEXT    NOT NULL
) STRICT;
CREATE INDEX edge_certificate_key_requests_by_certificate ON edge_certificate_key_requests (edge_certificate_id, id);
