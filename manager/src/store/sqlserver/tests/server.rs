//! Tests that need a server: the contract, and what only SQL Server's side of it promises.

use std::future::Future;
use std::io::Write as _;
use std::sync::Once;

use steading_protocol::{Secret, VersionNumber};

use super::super::lanes::{Again, Hold, transact};
use super::super::migrate::{self, MIGRATIONS, batches};
use super::super::*;
use crate::store::{Publishing, Store, contract};

const VARIABLE: &str = "STEADING_TEST_SQLSERVER";

/// Some servers cannot make or drop two databases at once.
static DATABASES: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Says once that there is no server.
static SKIPPED: Once = Once::new();

/// The server, with a database name that nobody else has; none where the environment names no server.
fn fresh() -> Option<Target> {
    if std::env::var(VARIABLE).unwrap_or_default().is_empty() {
        SKIPPED.call_once(|| {
            // Past the capture of the test harness, which shows nothing of a test that passes.
            let why = "is not set, so there is no SQL Server to run against";
            writeln!(std::io::stderr(), "SKIPPED: {VARIABLE} {why}").ok();
        });
        return None;
    }
    rustls::crypto::ring::default_provider().install_default().ok();
    let name = format!("steading_test_{}", uuid::Uuid::new_v4().simple());
    let text = connection(&name);
    Some(Target::parse(&text, None).expect("the variable holds a connection string"))
}

/// The connection string of the environment with a database.
pub(super) fn connection(database: &str) -> Secret {
    let text = std::env::var(VARIABLE).unwrap_or_default();
    Secret::new(format!("{text};Database={database}"))
}

/// Runs a test on a database of its own, and drops it whatever becomes of the test.
pub(super) async fn on_server<T: Future<Output = ()>>(test: impl FnOnce(Target) -> T) {
    let Some(target) = fresh() else { return };
    {
        let _alone = DATABASES.lock().await;
        create::database(&target).await.unwrap();
    }
    let outcome = futures_unwind(test(target.clone())).await;
    let _alone = DATABASES.lock().await;
    let mut server = target.with_database("master").connect().await.unwrap();
    let drop = format!("DROP DATABASE {}", create::quoted(&target.database));
    let dropped = server.simple_query(drop).await;
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
    dropped.unwrap().into_results().await.unwrap();
}

/// A future's end, or its panic.
async fn futures_unwind<T>(future: impl Future<Output = T>) -> std::thread::Result<T> {
    let mut future = Box::pin(future);
    std::future::poll_fn(move |context| {
        let poll = || future.as_mut().poll(context);
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(poll)) {
            Ok(std::task::Poll::Ready(value)) => std::task::Poll::Ready(Ok(value)),
            Ok(std::task::Poll::Pending) => std::task::Poll::Pending,
            Err(panic) => std::task::Poll::Ready(Err(panic)),
        }
    })
    .await
}

macro_rules! promise {
    ($resource:ident :: $name:ident) => {
        #[tokio::test]
        async fn $name() {
            on_server(async |target| {
                let store = SqlServer::open(target).await.unwrap();
                contract::$resource::$name(&store).await;
            })
            .await;
        }
    };
}

contract::promises!(promise);

pub(super) async fn published(store: &SqlServer, bytes: &[u8]) -> VersionNumber {
    let now = crate::clock::now();
    match store.version_publish(contract::version("shop", bytes), now).await.unwrap() {
        Publishing::Created(version) => version,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn two_managers_on_a_fresh_server_make_one_store() {
    on_server(async |target| {
        let _alone = DATABASES.lock().await;
        let mut server = target.with_database("master").connect().await.unwrap();
        let drop = format!("DROP DATABASE {}", create::quoted(&target.database));
        server.simple_query(drop).await.unwrap().into_results().await.unwrap();
        let opened = async || SqlServer::open(target.clone()).await.unwrap();
        let (first, second) = tokio::join!(opened(), opened());
        assert_eq!(published(&first, b"1").await, VersionNumber(1));
        assert_eq!(published(&second, b"2").await, VersionNumber(2));
        assert_eq!(second.version_list(&"shop".parse().unwrap()).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_restart_in_the_middle_of_a_migration_finishes_it() {
    on_server(async |target| {
        // A manager that dies after some of the statements: the connection goes, nothing is committed.
        let mut dying = target.connect().await.unwrap();
        dying.simple_query("BEGIN TRANSACTION").await.unwrap().into_results().await.unwrap();
        let sql = batches(MIGRATIONS[0]).remove(0);
        let half = sql.split_inclusive(");\n").take(5).collect::<String>();
        dying.simple_query(half).await.unwrap().into_results().await.unwrap();
        drop(dying);
        // And some that end while the whole of it runs.
        for ms in [1, 5, 20, 50] {
            let opening = SqlServer::open(target.clone());
            tokio::time::timeout(std::time::Duration::from_millis(ms), opening).await.ok();
        }
        let store = SqlServer::open(target.clone()).await.unwrap();
        assert_eq!(published(&store, b"1").await, VersionNumber(1));
        let again = SqlServer::open(target).await.unwrap();
        assert_eq!(migrate::run(&again.lanes, &again.target).await.unwrap(), 0);
        assert_eq!(published(&again, b"2").await, VersionNumber(2));
    })
    .await;
}

#[tokio::test]
async fn a_database_of_a_newer_release_is_left_alone() {
    on_server(async |target| {
        let store = SqlServer::open(target.clone()).await.unwrap();
        let sql = "INSERT INTO steading_migration (number, applied_at) VALUES (999, '2030-01-01')";
        let newer = transact!(store.lanes, "test", Hold::Nothing, Again::Safe, |tx| tx.batch(sql));
        newer.unwrap();
        let error = SqlServer::open(target).await.err().unwrap();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("has migration 999"), "{cause}");
    })
    .await;
}

#[tokio::test]
async fn a_panic_in_a_plan_undoes_the_transaction_and_the_store_goes_on() {
    fn panics(_: &crate::schedule::Snapshot) -> crate::schedule::Plan {
        panic!("a plan that fails")
    }
    on_server(async |target| {
        let store = SqlServer::open(target).await.unwrap();
        published(&store, b"1").await;
        let before = store.change_get().await.unwrap();
        store.plan_apply(panics, crate::clock::now()).await.unwrap_err();
        assert_eq!(store.change_get().await.unwrap(), before);
        assert_eq!(published(&store, b"2").await, VersionNumber(2));
    })
    .await;
}

#[tokio::test]
async fn a_check_tells_what_is_there_and_leaves_nothing() {
    on_server(async |target| {
        let found = async || {
            let findings = SqlServer::check(target.clone()).await.unwrap();
            let line = |what| findings.iter().find(|finding| finding.what == what).cloned();
            (line("migrations").unwrap().found, line("app").map(|finding| finding.found))
        };
        let (migrations, apps) = found().await;
        assert!(migrations.starts_with("none yet"), "{migrations}");
        assert_eq!(apps, None);
        let store = SqlServer::open(target.clone()).await.unwrap();
        published(&store, b"1").await;
        let (migrations, apps) = found().await;
        assert!(migrations.starts_with("up to date"), "{migrations}");
        assert_eq!(apps.as_deref(), Some("1"));
    })
    .await;
}
