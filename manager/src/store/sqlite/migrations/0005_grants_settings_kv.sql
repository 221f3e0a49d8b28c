-- What a version may reach; versions from before this may reach nothing.
ALTER TABLE version ADD COLUMN grants TEXT NOT NULL DEFAULT '{}';

-- Settings of apps. `id` is the name in lower case: two spellings are one setting. The value of a secret
-- is sealed.
CREATE TABLE app_setting (
    app        TEXT NOT NULL REFERENCES app ON DELETE CASCADE,
    id         TEXT NOT NULL,
    name       TEXT NOT NULL,
    value      TEXT NOT NULL,
    secret     INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (app, id)
) STRICT;

-- Key-value stores of apps: what their entries count together, and the last revision given.
CREATE TABLE kv_store (
    app      TEXT NOT NULL REFERENCES app ON DELETE CASCADE,
    store    TEXT NOT NULL,
    bytes    INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (app, store)
) STRICT;

-- Their entries. `name` is the key, in UTF-8.
CREATE TABLE kv_entry (
    app      TEXT NOT NULL,
    store    TEXT NOT NULL,
    name     BLOB NOT NULL,
    value    BLOB NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (app, store, name),
    FOREIGN KEY (app, store) REFERENCES kv_store ON DELETE CASCADE
) STRICT;
