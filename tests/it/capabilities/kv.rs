//! Key-value stores through real workers: shared by them, kept when one ends, and gone with the manager only
//! for as long as it is away.

use std::time::{Duration, Instant};

use serde_json::json;
use steading_tests::{eventually, http, packages, run};

use super::{visit, visited, visits};
use crate::setup::{built, cluster};

/// A worker or manager that is back is used again on a busy machine within this.
const WITHIN: Duration = Duration::from_secs(30);

/// Visits of each worker's callers.
const VISITS: usize = 20;

#[test]
fn increments_at_two_workers_at_once_are_all_counted_and_outlive_a_worker() {
    run(async {
        let mut cluster = visited(2).await;
        let at = async |worker: usize| {
            let mut counted = vec![];
            for _ in 0..VISITS {
                counted.push(visit(&cluster, worker, "home").await.1);
            }
            counted
        };
        let (one, two) = tokio::join!(at(0), at(1));
        let mut counted = [one, two].concat();
        counted.sort_unstable();
        let all = i64::try_from(2 * VISITS).unwrap();
        assert_eq!(counted, (1..=all).collect::<Vec<_>>(), "every number once");

        cluster.sigkill_worker(0).await;
        cluster.start_worker_again(0).await;
        assert_eq!(visit(&cluster, 1, "about").await.1, 1);
        let expected = json!([{"page": "about", "visits": 1}, {"page": "home", "visits": all}]);
        eventually("the pages", WITHIN, || async {
            let seen = visits(&cluster, 0).await["pages"].clone();
            if seen == expected { Ok(()) } else { Err(seen.to_string()) }
        })
        .await;
        let done = "steading_kv_operations_total{operation=\"increment\",outcome=\"ok\"}";
        assert!(http::metric(cluster.control(1), done).await >= VISITS as f64);
    });
}

#[test]
fn an_operation_that_waits_ends_with_the_deadline_of_its_function() {
    run(async {
        let cluster = cluster().workers(1).start().await;
        let module = packages::module_of(&built("examples/visits").await);
        let manifest = "[grants]\nkv = [\"default\"]\n[limits]\ndeadline_ms_max = 1000\n";
        let files = [("steading.toml", manifest.as_bytes()), ("visits.wasm", &module[..])];
        cluster.api().publish_ready("visits", &packages::zipped(&files), 1).await;
        assert_eq!(visit(&cluster, 0, "home").await.1, 1);
        let hold = cluster.hold_store();
        let began = Instant::now();
        assert_eq!(visit(&cluster, 0, "home").await.0, 504);
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        drop(hold);
        eventually("a visit", WITHIN, || async {
            match visit(&cluster, 0, "home").await {
                (status, _) if status.is_success() => Ok(()),
                (status, _) => Err(status),
            }
        })
        .await;
    });
}

#[test]
fn without_the_manager_a_store_cannot_be_reached_and_with_it_again() {
    run(async {
        let mut cluster = visited(1).await;
        assert_eq!(visit(&cluster, 0, "home").await.1, 1);
        cluster.sigkill_manager().await;
        let (status, _) = visit(&cluster, 0, "home").await;
        assert_eq!(status, 500);
        let why = "the key-value store cannot be reached";
        assert!(cluster.worker_lines(0).iter().any(|line| line.contains(why)), "the log says so");
        cluster.start_manager_again().await;
        eventually("a visit", WITHIN, || async {
            match visit(&cluster, 0, "home").await {
                (status, 2) if status.is_success() => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    });
}
