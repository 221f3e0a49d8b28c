-- A version on its way into service beside the one in service.
ALTER TABLE app ADD COLUMN rollout_version INTEGER;
ALTER TABLE app ADD COLUMN rollout_percent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE app ADD COLUMN rollout_state TEXT NOT NULL DEFAULT '';
ALTER TABLE app ADD COLUMN rollout_detail TEXT;

-- Where a version may run.
ALTER TABLE version ADD COLUMN placement TEXT NOT NULL DEFAULT '{}';

-- What a worker offers, how its calls are spread over versions, and the generation it has applied.
ALTER TABLE worker ADD COLUMN labels TEXT NOT NULL DEFAULT '{}';
ALTER TABLE worker ADD COLUMN capacity TEXT NOT NULL DEFAULT '{"memory_bytes":0,"instances":0}';
ALTER TABLE worker ADD COLUMN availability TEXT NOT NULL DEFAULT '{"state":"available"}';
ALTER TABLE worker ADD COLUMN versions TEXT NOT NULL DEFAULT '[]';
ALTER TABLE worker ADD COLUMN applied INTEGER NOT NULL DEFAULT 0;

-- The modules whose code a worker is known to have had.
CREATE TABLE worker_module (
    worker TEXT NOT NULL REFERENCES worker ON DELETE CASCADE,
    digest TEXT NOT NULL,
    PRIMARY KEY (worker, digest)
) STRICT;

-- The share of calls of a wanted placement, and whether it only stays until another one is ready.
ALTER TABLE placement ADD COLUMN percent INTEGER NOT NULL DEFAULT 100;
ALTER TABLE placement ADD COLUMN leaving INTEGER NOT NULL DEFAULT 0;
