-- Accounts are isolated: whose certificate is registered in one is nothing that another could notice or be kept out by.
DROP INDEX api_clients_by_certificate;
CREATE UNIQUE INDEX api_clients_by_certificate ON api_clients (certificate_sha256, account_id)
    WHERE revoked_at IS NULL AND certificate_sha256 IS NOT NULL;
