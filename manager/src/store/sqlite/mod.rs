//! The embedded store: one SQLite file in write-ahead mode, for one manager.
//!
//! One file per resource holds the statements, `methods` gives each method of the trait its lane, and
//! this one opens the file. No type of the database leaves this folder.

mod app_data;
mod methods;

mod lanes;
mod row;

mod check;
mod source;

mod app;
mod app_setting;
mod change;
mod desired;
mod kv;
mod lease;
mod module;
mod placement;
mod plan;
mod rollout;
mod session;
mod setting;
mod token;
mod version;
mod worker;

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

pub(crate) use self::check::check;
pub(crate) use self::source::Source;

use self::lanes::Lanes;
use super::{Result, StoreError};

const FILE: &str = "steading.db";

/// In order; one that was released is never changed, only followed by another.
const MIGRATIONS: &[M<'_>] = &[
    M::up(include_str!("migrations/0001_start.sql")),
    M::up(include_str!("migrations/0002_app_limits.sql")),
    M::up(include_str!("migrations/0003_microseconds_leases_changes.sql")),
    M::up(include_str!("migrations/0004_rollouts_offers.sql")),
    M::up(include_str!("migrations/0005_grants_settings_kv.sql")),
];

/// The embedded store.
#[derive(Debug)]
pub(crate) struct Sqlite {
    lanes: Lanes,
}

impl Sqlite {
    /// Opens the store of a file, or in a folder, making or migrating it; it grows to `bytes_max` at
    /// most.
    pub(crate) async fn open(place: &Path, bytes_max: Option<u64>) -> Result<Self> {
        const OPERATION: &str = "open";
        let path = file(place);
        let opened = tokio::task::spawn_blocking(move || {
            let mut writer =
                lanes::connect(&path).map_err(|error| lanes::store_error(OPERATION, error))?;
            Migrations::from_slice(MIGRATIONS).to_latest(&mut writer).map_err(|error| {
                StoreError::Failed { operation: "migrate", source: error.into() }
            })?;
            if let Some(bytes) = bytes_max {
                limit(&writer, bytes).map_err(|error| lanes::store_error(OPERATION, error))?;
            }
            Lanes::new(&path, writer).map_err(|error| lanes::store_error(OPERATION, error))
        });
        let lanes = opened.await.map_err(|panicked| StoreError::Failed {
            operation: OPERATION,
            source: panicked.into(),
        })??;
        Ok(Self { lanes })
    }
}

/// The file of a store, or the one in a folder.
pub(crate) fn file(place: &Path) -> PathBuf {
    if place.is_dir() { place.join(FILE) } else { place.to_owned() }
}

fn limit(writer: &Connection, bytes: u64) -> rusqlite::Result<()> {
    let page_bytes: u64 = writer.pragma_query_value(None, "page_size", |row| row.get(0))?;
    writer.pragma_update(None, "max_page_count", (bytes / page_bytes).max(1))
}

#[cfg(test)]
mod tests {
    use steading_protocol::VersionNumber;

    use super::super::{Store, contract};
    use super::*;

    macro_rules! promise {
        ($resource:ident :: $name:ident) => {
            #[tokio::test]
            async fn $name() {
                let folder = tempfile::tempdir().unwrap();
                contract::$resource::$name(&Sqlite::open(folder.path(), None).await.unwrap()).await;
            }
        };
    }

    contract::promises!(promise);

    #[tokio::test]
    async fn a_full_store_keeps_the_old_state() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(folder.path(), Some(1 << 20)).await.unwrap();
        contract::apps::a_full_store_keeps_the_old_state(&store).await;
    }

    #[tokio::test]
    async fn what_was_written_is_there_after_opening_again() {
        let folder = tempfile::tempdir().unwrap();
        let now = crate::clock::now();
        let version = contract::version("shop", b"1");
        {
            let store = Sqlite::open(folder.path(), None).await.unwrap();
            store.version_publish(version.clone(), now).await.unwrap();
        }
        let store = Sqlite::open(folder.path(), None).await.unwrap();
        let app = store.app_get(&version.app).await.unwrap().unwrap();
        assert_eq!((app.version, app.created_at), (VersionNumber(1), now));
        assert!(store.module_get(&version.modules[0].digest).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_panic_inside_a_write_undoes_it_and_the_store_goes_on() {
        fn panics(_: &crate::schedule::Snapshot) -> crate::schedule::Plan {
            panic!("a plan that fails")
        }
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(folder.path(), None).await.unwrap();
        let (now, version) = (crate::clock::now(), contract::version("shop", b"1"));
        store.version_publish(version, now).await.unwrap();
        store.plan_apply(panics, now).await.unwrap_err();
        assert_eq!(store.app_list().await.unwrap().len(), 1);
        store.plan_apply(crate::schedule::plan, now).await.unwrap();
    }

    #[test]
    fn the_migrations_are_sound() {
        Migrations::from_slice(MIGRATIONS).validate().unwrap();
    }

    #[tokio::test]
    async fn a_migration_that_breaks_off_in_the_middle_leaves_nothing_and_is_applied_by_the_next_start()
     {
        let folder = tempfile::tempdir().unwrap();
        let mut old = Connection::open(folder.path().join(FILE)).unwrap();
        Migrations::from_slice(&MIGRATIONS[..2]).to_latest(&mut old).unwrap();
        // In the way of the third one, after it has changed every time.
        old.execute_batch(
            "INSERT INTO token VALUES ('t', 'ci', x'00', 1800000000456);
             CREATE TABLE lease (in_the_way TEXT);",
        )
        .unwrap();
        let failed = Sqlite::open(folder.path(), None).await.unwrap_err();
        assert!(matches!(failed, StoreError::Failed { operation: "migrate", .. }), "{failed:?}");
        let created: i64 =
            old.query_row("SELECT created_at FROM token", [], |row| row.get(0)).unwrap();
        assert_eq!(created, 1_800_000_000_456, "as it was");
        old.execute_batch("DROP TABLE lease").unwrap();
        drop(old);
        let store = Sqlite::open(folder.path(), None).await.unwrap();
        let token = &store.token_list().await.unwrap()[0];
        assert_eq!(token.created_at.to_string(), "2027-01-15T08:00:00.456Z");
    }

    #[tokio::test]
    async fn times_of_before_microseconds_stay_the_same_moments() {
        let folder = tempfile::tempdir().unwrap();
        let mut old = Connection::open(folder.path().join(FILE)).unwrap();
        Migrations::from_slice(&MIGRATIONS[..2]).to_latest(&mut old).unwrap();
        old.execute_batch(
            "INSERT INTO app (app, version, created_at) VALUES ('shop', 1, 1800000000123);
             INSERT INTO version (app, version, package, size_bytes, published_at, hosts, functions)
               VALUES ('shop', 1, '', 0, 0, '[]', '[]');
             INSERT INTO token VALUES ('t', 'ci', x'00', 1800000000456);",
        )
        .unwrap();
        drop(old);
        let store = Sqlite::open(folder.path(), None).await.unwrap();
        let app = store.app_get(&"shop".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(app.created_at.to_string(), "2027-01-15T08:00:00.123Z");
        let token = &store.token_list().await.unwrap()[0];
        assert_eq!(token.created_at.to_string(), "2027-01-15T08:00:00.456Z");
    }
}
