//! Guests that misbehave in a Windows worker: each is ended for what it does, and its neighbour is answered.

use reqwest::StatusCode;
use steading_tests::{DeskWorker, http, run};

use super::{SMALL_POOL, wine};
use crate::setup::{built, cluster};

/// Guests, with the status and the code of the problem that callers get.
const FATES: [(&str, u16, &str); 8] = [
    ("trap", 500, "guest_trapped"),
    ("exit", 500, "guest_trapped"),
    ("wild", 500, "guest_trapped"),
    ("spin", 504, "deadline_exceeded"),
    ("block", 504, "deadline_exceeded"),
    ("compute", 500, "cpu_exceeded"),
    ("grow", 500, "memory_exceeded"),
    ("recurse", 500, "stack_exhausted"),
];

#[test]
fn a_windows_worker_survives_traps_timeouts_memory_limits_and_stack_overflows() {
    run(async {
        let wine = wine!();
        let cluster = cluster().start().await;
        let worker = DeskWorker::join(&wine.steading(), cluster.manager(), SMALL_POOL).await;
        cluster.live(1).await;
        cluster.api().publish_ready("guests", &built("tests/guests").await, 1).await;
        let url = |guest: &str| format!("{}/functions/guests/api/{guest}", worker.url());
        for (guest, status, code) in FATES {
            // several at once: a trap of one thread must not be taken for that of another
            let calls: Vec<_> = (0..4).map(|_| tokio::spawn(call(url(guest)))).collect();
            for ended in calls {
                let problem = ended.await.expect("the call does not panic").problem();
                assert_eq!((problem.status, problem.code.as_str()), (status, code), "{guest}");
            }
            let steady = http::get(&url("steady")).await;
            assert_eq!(steady.status, StatusCode::OK, "after {guest}: {}", steady.text());
        }
    });
}

async fn call(url: String) -> http::Reply {
    http::post(&url, "").await
}
