-- Times are milliseconds since 1970, UTC. Lists and specs that are only ever read whole are JSON.

CREATE TABLE app (
    app        TEXT PRIMARY KEY,
    version    INTEGER NOT NULL,
    is_default INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX app_one_default ON app (is_default) WHERE is_default = 1;

-- The last version number given; outlives its app, so that a number never names two packages.
CREATE TABLE app_number (
    app  TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT;

-- Which app a host name leads to now.
CREATE TABLE app_host (
    host     TEXT PRIMARY KEY,
    app      TEXT NOT NULL REFERENCES app ON DELETE CASCADE,
    position INTEGER NOT NULL
) STRICT;

CREATE INDEX app_host_app ON app_host (app);

CREATE TABLE version (
    app          TEXT NOT NULL REFERENCES app ON DELETE CASCADE,
    version      INTEGER NOT NULL,
    package      TEXT NOT NULL,
    size_bytes   INTEGER NOT NULL,
    published_at INTEGER NOT NULL,
    hosts        TEXT NOT NULL,
    functions    TEXT NOT NULL,
    PRIMARY KEY (app, version)
) STRICT;

CREATE TABLE module (
    digest     TEXT PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    bytes      BLOB NOT NULL
) STRICT;

CREATE TABLE version_module (
    app      TEXT NOT NULL,
    version  INTEGER NOT NULL,
    position INTEGER NOT NULL,
    digest   TEXT NOT NULL REFERENCES module,
    PRIMARY KEY (app, version, position),
    FOREIGN KEY (app, version) REFERENCES version ON DELETE CASCADE
) STRICT;

CREATE INDEX version_module_digest ON version_module (digest);

CREATE TABLE worker (
    worker     TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    url        TEXT NOT NULL,
    release    TEXT NOT NULL,
    platform   TEXT NOT NULL,
    state      TEXT NOT NULL,
    load       TEXT NOT NULL,
    token      BLOB UNIQUE,
    generation INTEGER NOT NULL,
    joined_at  INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL
) STRICT;

-- `position` is the place in the worker's desired state; null when it is no longer wanted there and
-- only waits for the worker's report that it is gone.
CREATE TABLE placement (
    worker     TEXT NOT NULL REFERENCES worker ON DELETE CASCADE,
    app        TEXT NOT NULL,
    version    INTEGER NOT NULL,
    position   INTEGER,
    state      TEXT NOT NULL,
    detail     TEXT,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (worker, app, version),
    FOREIGN KEY (app, version) REFERENCES version ON DELETE CASCADE
) STRICT;

CREATE INDEX placement_app ON placement (app, version);

CREATE TABLE session (
    id         BLOB PRIMARY KEY,
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE token (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    hash       BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE setting (
    setting TEXT PRIMARY KEY,
    value   TEXT NOT NULL
) STRICT;
