-- How often a version was edited: names its state, so that nobody overwrites what they did not see.
ALTER TABLE ca_set_versions ADD COLUMN edits INTEGER NOT NULL DEFAULT 0;
