-- A frozen version loses its certificates in one way only: it is purged whole, after it or its set was deleted and its time is up.
DROP TRIGGER frozen_versions_lose_nothing;
CREATE TRIGGER frozen_versions_lose_nothing BEFORE DELETE ON ca_set_version_certificates
WHEN EXISTS (
    SELECT 1 FROM ca_set_versions v JOIN ca_sets s ON s.id = v.ca_set_id
    WHERE v.ca_set_id = OLD.ca_set_id AND v.version = OLD.version
      AND v.frozen_at IS NOT NULL AND v.deleted_at IS NULL AND s.status <> 'DELETED')
BEGIN SELECT RAISE (ABORT, 'an activated version never changes'); END;

CREATE INDEX ca_sets_to_purge ON ca_sets (removal_at) WHERE status = 'DELETED';
CREATE INDEX ca_set_versions_to_purge ON ca_set_versions (removal_at) WHERE removal_at IS NOT NULL;
