-- Times are UTC. Lists and specs that are only ever read whole are JSON.
--
-- Keys have the database's collation, whichever it is: they are made of ASCII and none differs from
-- another by case alone. A collation of their own would be a trap: not every server can follow a
-- foreign key between such columns. Whatever has to be in an order is sorted by the manager.

CREATE TABLE app (
    app        nvarchar(64) NOT NULL,
    version    bigint NOT NULL,
    is_default bit NOT NULL,
    created_at datetime2(6) NOT NULL,
    -- A version on its way into service beside the one in service.
    rollout_version bigint NULL,
    rollout_percent bigint NOT NULL,
    rollout_state   nvarchar(16) NOT NULL,
    rollout_detail  nvarchar(max) NULL,
    CONSTRAINT app_key PRIMARY KEY (app)
);

-- The last version number given; outlives its app, so that a number never names two packages.
CREATE TABLE app_number (
    app  nvarchar(64) NOT NULL,
    last bigint NOT NULL,
    CONSTRAINT app_number_key PRIMARY KEY (app)
);

-- Which app a host name leads to now.
CREATE TABLE app_host (
    host     nvarchar(255) NOT NULL,
    app      nvarchar(64) NOT NULL,
    position bigint NOT NULL,
    CONSTRAINT app_host_key PRIMARY KEY (host),
    CONSTRAINT app_host_of_app FOREIGN KEY (app) REFERENCES app (app) ON DELETE CASCADE
);

CREATE INDEX app_host_app ON app_host (app);

CREATE TABLE version (
    app          nvarchar(64) NOT NULL,
    version      bigint NOT NULL,
    package      nvarchar(64) NOT NULL,
    size_bytes   bigint NOT NULL,
    published_at datetime2(6) NOT NULL,
    hosts        nvarchar(max) NOT NULL,
    functions    nvarchar(max) NOT NULL,
    limits       nvarchar(max) NOT NULL,
    placement    nvarchar(max) NOT NULL,
    CONSTRAINT version_key PRIMARY KEY (app, version),
    CONSTRAINT version_of_app FOREIGN KEY (app) REFERENCES app (app) ON DELETE CASCADE
);

CREATE TABLE module (
    digest     nvarchar(64) NOT NULL,
    size_bytes bigint NOT NULL,
    CONSTRAINT module_key PRIMARY KEY (digest)
);

-- The bytes of a module, in order. Parts arrive before their module; those that no module claims go
-- when the next app is removed.
CREATE TABLE module_part (
    digest   nvarchar(64) NOT NULL,
    position bigint NOT NULL,
    bytes    varbinary(max) NOT NULL,
    CONSTRAINT module_part_key PRIMARY KEY (digest, position)
);

CREATE TABLE version_module (
    app      nvarchar(64) NOT NULL,
    version  bigint NOT NULL,
    position bigint NOT NULL,
    digest   nvarchar(64) NOT NULL,
    CONSTRAINT version_module_key PRIMARY KEY (app, version, position),
    CONSTRAINT version_module_of_version FOREIGN KEY (app, version)
        REFERENCES version (app, version) ON DELETE CASCADE,
    CONSTRAINT version_module_of_module FOREIGN KEY (digest) REFERENCES module (digest)
);

CREATE INDEX version_module_digest ON version_module (digest);

CREATE TABLE worker (
    worker     nvarchar(64) NOT NULL,
    name       nvarchar(max) NOT NULL,
    url        nvarchar(max) NOT NULL,
    release    nvarchar(max) NOT NULL,
    platform   nvarchar(max) NOT NULL,
    state      nvarchar(16) NOT NULL,
    [load]     nvarchar(max) NOT NULL,
    token      varbinary(32) NULL,
    generation bigint NOT NULL,
    joined_at  datetime2(6) NOT NULL,
    seen_at    datetime2(6) NOT NULL,
    -- What it offers, how its calls are spread over versions, and the generation it has applied.
    labels       nvarchar(max) NOT NULL,
    capacity     nvarchar(max) NOT NULL,
    availability nvarchar(max) NOT NULL,
    versions     nvarchar(max) NOT NULL,
    applied      bigint NOT NULL,
    CONSTRAINT worker_key PRIMARY KEY (worker)
);

-- Not unique, because to a unique key all workers without a token would be the same.
CREATE INDEX worker_token ON worker (token);

-- The modules whose code a worker is known to have had.
CREATE TABLE worker_module (
    worker nvarchar(64) NOT NULL,
    digest nvarchar(64) NOT NULL,
    CONSTRAINT worker_module_key PRIMARY KEY (worker, digest),
    CONSTRAINT worker_module_of_worker FOREIGN KEY (worker)
        REFERENCES worker (worker) ON DELETE CASCADE
);

-- `position` is the place in the worker's desired state; null when it is no longer wanted there and
-- only waits for the worker's report that it is gone. `percent` is its share of the calls; `leaving`,
-- whether it only stays until another one is ready.
CREATE TABLE placement (
    worker     nvarchar(64) NOT NULL,
    app        nvarchar(64) NOT NULL,
    version    bigint NOT NULL,
    position   bigint NULL,
    [percent]  bigint NOT NULL,
    leaving    bit NOT NULL,
    state      nvarchar(16) NOT NULL,
    detail     nvarchar(max) NULL,
    created_at datetime2(6) NOT NULL,
    changed_at datetime2(6) NOT NULL,
    CONSTRAINT placement_key PRIMARY KEY (worker, app, version),
    CONSTRAINT placement_of_worker FOREIGN KEY (worker)
        REFERENCES worker (worker) ON DELETE CASCADE,
    CONSTRAINT placement_of_version FOREIGN KEY (app, version)
        REFERENCES version (app, version) ON DELETE CASCADE
);

CREATE INDEX placement_app ON placement (app, version);

CREATE TABLE session (
    id         varbinary(32) NOT NULL,
    seen_at    datetime2(6) NOT NULL,
    expires_at datetime2(6) NOT NULL,
    CONSTRAINT session_key PRIMARY KEY (id)
);

CREATE TABLE token (
    id         nvarchar(64) NOT NULL,
    name       nvarchar(max) NOT NULL,
    hash       varbinary(32) NOT NULL,
    created_at datetime2(6) NOT NULL,
    CONSTRAINT token_key PRIMARY KEY (id),
    CONSTRAINT token_hash UNIQUE (hash)
);

CREATE TABLE setting (
    setting nvarchar(64) NOT NULL,
    value   nvarchar(max) NOT NULL,
    CONSTRAINT setting_key PRIMARY KEY (setting)
);

-- Who may do what only one manager does at a time, and until when by this server's clock.
CREATE TABLE lease (
    name  nvarchar(200) NOT NULL,
    owner nvarchar(200) NOT NULL,
    until datetime2(6) NOT NULL,
    CONSTRAINT lease_key PRIMARY KEY (name)
);

-- One row: how many changes of apps and generations there have been.
CREATE TABLE change (
    one    bigint NOT NULL,
    number bigint NOT NULL,
    CONSTRAINT change_key PRIMARY KEY (one),
    CONSTRAINT change_one CHECK (one = 1)
);

INSERT INTO change (one, number) VALUES (1, 0);
