-- Features of accounts that are not as they are by default.
CREATE TABLE account_features (
    account_id  TEXT    NOT NULL REFERENCES accounts (id),
    feature     TEXT    NOT NULL,
    enabled     INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    modified_at INTEGER NOT NULL,
    modified_by TEXT    NOT NULL,
    PRIMARY KEY (account_id, feature)
) STRICT, WITHOUT ROWID;
