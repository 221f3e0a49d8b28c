-- What a version may reach; versions from before this may reach nothing.
ALTER TABLE version ADD grants nvarchar(max) NOT NULL CONSTRAINT version_grants DEFAULT N'{}';

-- Settings of apps. `id` is the name in lower case: two spellings are one setting. The value of a secret
-- is sealed.
CREATE TABLE app_setting (
    app        nvarchar(64) NOT NULL,
    id         nvarchar(100) NOT NULL,
    name       nvarchar(100) NOT NULL,
    value      nvarchar(max) NOT NULL,
    secret     bit NOT NULL,
    changed_at datetime2(6) NOT NULL,
    CONSTRAINT app_setting_key PRIMARY KEY (app, id),
    CONSTRAINT app_setting_of_app FOREIGN KEY (app) REFERENCES app (app) ON DELETE CASCADE
);

-- Key-value stores of apps: what their entries count together, and the last revision given.
CREATE TABLE kv_store (
    app      nvarchar(64) NOT NULL,
    store    nvarchar(64) NOT NULL,
    bytes    bigint NOT NULL,
    revision bigint NOT NULL,
    CONSTRAINT kv_store_key PRIMARY KEY (app, store),
    CONSTRAINT kv_store_of_app FOREIGN KEY (app) REFERENCES app (app) ON DELETE CASCADE
);

-- Their entries. `name` is the key, in UTF-8: bytes, because text has the order and the letters of the
-- database's collation. No key has a zero byte, which would be nothing at the end of a varbinary.
CREATE TABLE kv_entry (
    app      nvarchar(64) NOT NULL,
    store    nvarchar(64) NOT NULL,
    name     varbinary(256) NOT NULL,
    value    varbinary(max) NOT NULL,
    revision bigint NOT NULL,
    CONSTRAINT kv_entry_key PRIMARY KEY (app, store, name),
    CONSTRAINT kv_entry_of_store FOREIGN KEY (app, store)
        REFERENCES kv_store (app, store) ON DELETE CASCADE
);
