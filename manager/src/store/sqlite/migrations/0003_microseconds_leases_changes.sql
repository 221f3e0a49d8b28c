-- Times are microseconds since 1970, UTC, from here on.

UPDATE app SET created_at = created_at * 1000;
UPDATE version SET published_at = published_at * 1000;
UPDATE worker SET joined_at = joined_at * 1000, seen_at = seen_at * 1000;
UPDATE placement SET created_at = created_at * 1000, changed_at = changed_at * 1000;
UPDATE session SET seen_at = seen_at * 1000, expires_at = expires_at * 1000;
UPDATE token SET created_at = created_at * 1000;

-- Who may do what only one manager does at a time, and until when.
CREATE TABLE lease (
    name  TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT;

-- One row: how many changes of apps and generations there have been.
CREATE TABLE change (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    number INTEGER NOT NULL
) STRICT;

INSERT INTO change (one, number) VALUES (1, 0);
