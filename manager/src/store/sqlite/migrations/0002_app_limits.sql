-- What all functions of a version together may use; versions from before this have no such limits.

ALTER TABLE version ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
