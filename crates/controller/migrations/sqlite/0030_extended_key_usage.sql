-- What the extended key usage of a CA set's clients must say; a set without a row says nothing of its own.
CREATE TABLE extended_key_usage_rules (
    ca_set_id   INTEGER NOT NULL PRIMARY KEY REFERENCES ca_sets (id) ON DELETE CASCADE,
    rule        TEXT    NOT NULL CHECK (rule IN ('acceptAbsent', 'acceptServerAuthUntil', 'any', 'requireClientAuth')),
    -- Microseconds since the epoch; there exactly with acceptServerAuthUntil.
    until       INTEGER CHECK ((until IS NOT NULL) = (rule = 'acceptServerAuthUntil')),
    modified_at INTEGER NOT NULL,
    modified_by TEXT    NOT NULL
) STRICT;
