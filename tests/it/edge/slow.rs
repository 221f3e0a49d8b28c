//! Callers that take their time: a head, a preface or a next request that does not come.

use std::time::{Duration, Instant};

use steading_tests::{Cluster, Raw, http, run};

use super::{ANSWER, STEADY};
use crate::setup::{built, cluster};

const HEAD: Duration = Duration::from_millis(700);
const IDLE: Duration = Duration::from_millis(2500);

/// A worker with these times.
async fn impatient() -> Cluster {
    let tables = format!(
        "[server]\nheader_read_ms_max = {}\nidle_ms_max = {}\n",
        HEAD.as_millis(),
        IDLE.as_millis()
    );
    let cluster = cluster().workers(1).worker_tables(tables).start().await;
    cluster.api().publish_ready("guests", &built("tests/guests").await, 1).await;
    cluster
}

/// How long the worker keeps a connection on which these bytes were sent.
async fn kept(cluster: &Cluster, bytes: &str) -> Duration {
    let mut raw = Raw::connect(cluster.worker(0)).await;
    let started = Instant::now();
    raw.send(bytes).await;
    raw.until_closed().await;
    started.elapsed()
}

#[test]
fn whoever_does_not_come_to_the_point_is_cut_in_time() {
    run(async {
        let cluster = impatient().await;
        let silent = ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\nhost: "];
        for bytes in silent {
            let kept = kept(&cluster, bytes).await;
            assert!(kept >= HEAD - Duration::from_millis(50), "{bytes:?}: {kept:?}");
            assert!(kept < IDLE, "{bytes:?}: {kept:?}");
        }
        // a byte now and then does not help
        let mut raw = Raw::connect(cluster.worker(0)).await;
        let started = Instant::now();
        for byte in STEADY.bytes() {
            if !raw.send([byte]).await || started.elapsed() > IDLE {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(raw.until_closed().await, "");
        assert!((HEAD..IDLE).contains(&started.elapsed()), "{:?}", started.elapsed());

        let metrics = http::get(&format!("{}/metrics", cluster.control(0))).await.text();
        let line = "steading_requests_refused_total{code=\"head_too_slow\"} 5";
        assert!(metrics.contains(line), "{metrics}");
    });
}

#[test]
fn an_idle_connection_is_kept_for_a_while_and_a_busy_one_as_long_as_it_takes() {
    run(async {
        let cluster = impatient().await;
        let mut raw = Raw::connect(cluster.worker(0)).await;
        // longer than the time for a head: the pause between two requests is idle time
        for _ in 0..2 {
            raw.send(STEADY).await;
            raw.until(ANSWER).await;
            tokio::time::sleep(HEAD * 2).await;
        }
        let ms = (IDLE + HEAD).as_millis();
        raw.send(format!("GET /functions/guests/api/slow?ms={ms} HTTP/1.1\r\nhost: x\r\n\r\n"))
            .await;
        raw.until("answered in the end").await;
        let answered = Instant::now();
        raw.until_closed().await;
        let idle = answered.elapsed();
        assert!(idle >= IDLE - Duration::from_millis(50) && idle < IDLE * 2, "{idle:?}");

        // the second head is begun and not ended
        let mut raw = Raw::connect(cluster.worker(0)).await;
        raw.send(STEADY).await;
        raw.until(ANSWER).await;
        raw.send("GET /fun").await;
        let begun = Instant::now();
        raw.until_closed().await;
        assert!(begun.elapsed() < IDLE, "{:?}", begun.elapsed());
    });
}
