//! What comes from elsewhere: the database of an earlier release, and an embedded store with everything
//! that belongs to apps. Two managers of one store.

use std::path::Path;

use steading_protocol::{AppName, VersionNumber};

use super::super::migrate::{MIGRATIONS, batches};
use super::super::*;
use super::server::{connection, on_server, published};
use crate::auth::SecretHash;
use crate::store::copy::{Copied, StoreToolError};
use crate::store::{
    AppData as _, KvLimits, KvSlot, KvWrite, KvWritten, SessionRecord, Sqlite, Store as _,
    StoredSetting, contract, store_copy,
};

const LIMITS: KvLimits = KvLimits { value_bytes_max: 1 << 20, app_bytes_max: 1 << 30 };

/// What a manager of the first release left: an app in service with its module, on one worker.
const FIRST_RELEASE: &str = "
    INSERT INTO app (app, version, is_default, created_at, rollout_percent, rollout_state)
      VALUES (N'shop', 3, 1, '2026-01-15T08:00:00.123457', 0, N'');
    INSERT INTO app_number (app, last) VALUES (N'shop', 3);
    INSERT INTO version (app, version, package, size_bytes, published_at, hosts, functions, limits,
        placement)
      VALUES (N'shop', 3, N'DIGEST', 3, '2026-01-15T08:00:00.999999', N'[\"shop.example\"]', N'[]',
        N'{}', N'{}');
    INSERT INTO app_host (host, app, position) VALUES (N'shop.example', N'shop', 0);
    INSERT INTO module (digest, size_bytes) VALUES (N'DIGEST', 3);
    INSERT INTO module_part (digest, position, bytes) VALUES (N'DIGEST', 0, 0x00ff20);
    INSERT INTO version_module (app, version, position, digest) VALUES (N'shop', 3, 0, N'DIGEST');
    INSERT INTO setting (setting, value) VALUES (N'admin_password', N'W\u{f6}rker \u{1f600} ');
    UPDATE change SET number = 41;
    INSERT INTO steading_migration (number, applied_at) VALUES (1, SYSUTCDATETIME())";

fn shop() -> AppName {
    "shop".parse().unwrap()
}

fn slot() -> KvSlot {
    KvSlot { app: shop(), store: "default".parse().unwrap() }
}

fn setting(name: &str, text: &str, secret: bool) -> StoredSetting {
    let changed_at = "2027-01-15T08:00:00.123457Z".parse().unwrap();
    StoredSetting { name: name.parse().unwrap(), text: text.into(), secret, changed_at }
}

/// Copies the embedded store of a folder.
async fn copy(target: &Target, folder: &Path) -> std::result::Result<Vec<Copied>, StoreToolError> {
    let store_connection = Some(connection(&target.database));
    store_copy(&crate::Config { store_connection, ..Default::default() }, folder).await
}

fn rows(copied: &[Copied], table: &str) -> usize {
    copied.iter().find(|copied| copied.table == table).unwrap().rows
}

async fn embedded(folder: &Path) -> Sqlite {
    Sqlite::open(folder, None).await.unwrap()
}

#[tokio::test]
async fn a_database_of_the_first_release_keeps_its_data_and_gets_what_is_new() {
    on_server(async |target| {
        let digest = "ab".repeat(32);
        let mut old = target.connect().await.unwrap();
        let table = "CREATE TABLE steading_migration (number bigint NOT NULL,
            applied_at datetime2(6) NOT NULL, CONSTRAINT steading_migration_key PRIMARY KEY (number))";
        let filled = FIRST_RELEASE.replace("DIGEST", &digest);
        for sql in [vec![table.to_owned()], batches(MIGRATIONS[0]), vec![filled]].concat() {
            old.simple_query(sql).await.unwrap().into_results().await.unwrap();
        }
        let store = SqlServer::open(target.clone()).await.unwrap();
        let apps = store.app_list().await.unwrap();
        assert_eq!((apps.len(), &apps[0].app, apps[0].default), (1, &shop(), true));
        assert_eq!(apps[0].hosts, ["shop.example"]);
        assert_eq!(apps[0].created_at, "2026-01-15T08:00:00.123457Z".parse().unwrap());
        let version = store.version_get(&shop(), VersionNumber(3)).await.unwrap().unwrap();
        assert_eq!(version.grants, steading_protocol::Grants::default(), "a version of that release may reach nothing");
        let module = store.module_get(&digest.parse().unwrap()).await.unwrap();
        assert_eq!(module.as_deref(), Some(&b"\0\xff "[..]));
        let password = store.setting_get(crate::store::Setting::AdminPassword).await.unwrap();
        assert_eq!(password.as_deref(), Some("Wörker 😀 "));
        assert_eq!(store.change_get().await.unwrap(), 41);
        assert!(store.app_setting_put(&shop(), setting("A", "1", false)).await.unwrap());
        let (slot, key) = (slot(), "k".parse().unwrap());
        let written = store.kv_write(&slot, &key, KvWrite::Increment(2), LIMITS).await.unwrap();
        assert_eq!(written, Ok(KvWritten::Number(2)));
        let again = SqlServer::open(target).await.unwrap();
        assert_eq!(again.app_setting_list(&shop()).await.unwrap().len(), 1);
        let next = again.version_publish(contract::version("shop", b"4"), crate::clock::now());
        let created = crate::store::Publishing::Created(VersionNumber(4));
        assert_eq!(next.await.unwrap(), created, "numbers go on");
    })
    .await;
}

#[tokio::test]
async fn an_installation_moves_here_whole_and_only_once() {
    on_server(async |target| {
        let folder = tempfile::tempdir().unwrap();
        let lite = embedded(folder.path()).await;
        contract::values::text_of_any_script_comes_back(&lite).await;
        let session = SessionRecord {
            id: SecretHash::of("s"),
            seen_at: "2027-01-15T08:00:00.123457Z".parse().unwrap(),
            expires_at: "2027-01-16T08:00:00.999999Z".parse().unwrap(),
        };
        lite.session_insert(session.clone()).await.unwrap();
        let large = contract::version("large", &vec![7; 3 << 20]);
        lite.version_publish(large.clone(), crate::clock::now()).await.unwrap();
        let apps = lite.app_list().await.unwrap();
        drop(lite);
        let copied = copy(&target, folder.path()).await.unwrap();
        let tables = ["app", "app_number", "worker", "session", "token", "module"];
        assert_eq!(tables.map(|table| rows(&copied, table)), [3, 3, 1, 1, 1, 3]);
        let moved = SqlServer::open(target.clone()).await.unwrap();
        let serialized = |value| serde_json::to_value(value).unwrap();
        assert_eq!(serialized(moved.app_list().await.unwrap()), serialized(apps));
        assert_eq!(moved.session_get(&session.id).await.unwrap(), Some(session));
        let module = &large.modules[0];
        assert_eq!(moved.module_get(&module.digest).await.unwrap().as_ref(), Some(&module.bytes));
        assert_eq!(published(&moved, b"next").await, VersionNumber(2));
        let again = copy(&target, folder.path()).await.unwrap_err();
        let cause = std::error::Error::source(&again).and_then(std::error::Error::source);
        assert!(cause.unwrap().to_string().contains("not empty"), "{again:?}");
    })
    .await;
}

#[tokio::test]
async fn settings_secrets_and_key_value_stores_move_here_with_their_app() {
    on_server(async |target| {
        let folder = tempfile::tempdir().unwrap();
        let lite = embedded(folder.path()).await;
        lite.version_publish(contract::version("shop", b"1"), crate::clock::now()).await.unwrap();
        let settings = [setting("PLAIN", "🛠️ 'x' ", false), setting("sealed", "v1.abCd", true)];
        for setting in &settings {
            assert!(lite.app_setting_put(&shop(), setting.clone()).await.unwrap());
        }
        let keys = ["K", "k", "k ", "é", "\u{10ffff}"].map(|key| key.parse().unwrap());
        for (key, bytes) in keys.iter().zip([0, 1, 8000, 8001, 1 << 20]) {
            let write = KvWrite::Set(vec![0; bytes].into());
            lite.kv_write(&slot(), key, write, LIMITS).await.unwrap().unwrap();
        }
        let mut expected = vec![];
        for key in &keys {
            expected.push(lite.kv_get(&slot(), key).await.unwrap().unwrap());
        }
        drop(lite);
        let copied = copy(&target, folder.path()).await.unwrap();
        let tables = ["app_setting", "kv_store", "kv_entry"];
        assert_eq!(tables.map(|table| rows(&copied, table)), [2, 1, 5]);
        let moved = SqlServer::open(target).await.unwrap();
        assert_eq!(moved.app_setting_list(&shop()).await.unwrap(), settings);
        for (key, expected) in keys.iter().zip(expected) {
            let found = moved.kv_get(&slot(), key).await.unwrap().unwrap();
            assert!(found == expected, "{key:?}: {} bytes", found.value.len());
        }
        let write = KvWrite::Set("next".into());
        moved.kv_write(&slot(), &keys[0], write, LIMITS).await.unwrap().unwrap();
        let next = moved.kv_get(&slot(), &keys[0]).await.unwrap().unwrap();
        assert_eq!(next.revision, 6, "revisions go on");
    })
    .await;
}

#[tokio::test]
async fn two_managers_count_together() {
    const EACH: usize = 40;
    on_server(async |target| {
        let stores = [
            SqlServer::open(target.clone()).await.unwrap(),
            SqlServer::open(target).await.unwrap(),
        ];
        let shop = contract::version("shop", b"1");
        stores[0].version_publish(shop, crate::clock::now()).await.unwrap();
        let count = async |store: &SqlServer| {
            for _ in 0..EACH {
                let key = "hits".parse().unwrap();
                let written = store.kv_write(&slot(), &key, KvWrite::Increment(1), LIMITS).await;
                written.unwrap().unwrap();
            }
        };
        let [first, second] = &stores;
        tokio::join!(count(first), count(second), count(first), count(second));
        let found = second.kv_get(&slot(), &"hits".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(found.value, (4 * EACH).to_string(), "no increment is lost");
    })
    .await;
}
