//! What probes are told.

use std::time::{Duration, Instant};

use http::Method;
use rusqlite::Connection;

use crate::harness::{Answer, Steading, send};

async fn ask(manager: &Steading, path: &str) -> Answer {
    send(manager.bare(Method::GET, path)).await
}

/// Asks until the status is as wished.
async fn becomes(manager: &Steading, status: u16) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = ask(manager, "/ready").await;
        if answer.status == status {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", answer.text());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn anyone_may_ask_and_is_told_when_the_store_is_away_and_back() {
    let manager = Steading::start().await;
    let live = ask(&manager, "/live").await;
    assert_eq!((live.status.as_u16(), &*live.text()), (200, "live"));
    assert_eq!(becomes(&manager, 200).await.text(), "ready");

    let store = Connection::open(manager.folder.path().join("manager/steading.db")).unwrap();
    store.busy_timeout(Duration::from_secs(10)).unwrap();
    store.execute_batch("ALTER TABLE lease RENAME TO lease_away").unwrap();
    let answer = becomes(&manager, 503).await;
    assert_eq!(answer.text(), "the store cannot be read");
    assert_eq!(ask(&manager, "/live").await.status, 200, "it turns all the same");

    store.execute_batch("ALTER TABLE lease_away RENAME TO lease").unwrap();
    becomes(&manager, 200).await;
    manager.stop().await;
}
