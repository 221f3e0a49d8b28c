//! Key-value stores through real workers: shared by them, kept when one ends, and gone with the manager only
//! for as long as it is away.

use serde_json::json;
use steading_tests::{http, run};

use super::{visit, visited, visits};

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
        steading_tests::eventually("the pages", std::time::Duration::from_secs(30), || async {
            let seen = visits(&cluster, 0).await["pages"].clone();
            if seen == expected { Ok(()) } else { Err(seen.to_string()) }
        })
        .await;
        let done = "steading_kv_operations_total{operation=\"increment\",outcome=\"ok\"}";
        assert!(http::metric(cluster.control(1), done).await >= VISITS as f64);
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
        steading_tests::eventually("a visit", std::time::Duration::from_secs(30), || async {
            match visit(&cluster, 0, "home").await {
                (status, 2) if status.is_success() => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    });
}
