//! Two thousand callers that never finish their heads, beside one that does.
//!
//! Quiet and slow rounds alternate in one run, and each pair is compared, so that what else the
//! machine does falls on both. The median of the pairs counts; while it is over the bar more pairs are
//! taken, up to a bound, because what is slow by itself stays slow and what the machine did evens out.

use std::time::{Duration, Instant};

use steading_tests::{Cluster, Raw, allow_open_files, eventually, http, run};
use tokio::task::{JoinHandle, JoinSet};

use super::ANSWER;
use crate::setup::{built, cluster};

const SLOW_CALLERS: usize = 2000;
/// Sockets of the slow callers on both sides, and some for everything else.
const FILES: u64 = 3 * SLOW_CALLERS as u64;
const ROUNDS_MIN: usize = 7;
const ROUNDS_MAX: usize = 21;
const FACTOR_MAX: f64 = 2.0;
const CALLS: usize = 300;
/// Each slow caller sends a byte in about four seconds: enough to look alive to a careless server.
const BYTE_EVERY: Duration = Duration::from_millis(2);

/// What the 99th of a hundred normal calls waits.
async fn p99(client: &reqwest::Client, url: &str) -> Duration {
    let mut times = vec![];
    for _ in 0..CALLS {
        let started = Instant::now();
        let reply = http::send(client.get(url)).await;
        times.push(started.elapsed());
        assert_eq!(reply.text(), ANSWER);
    }
    times.sort();
    times[CALLS * 99 / 100]
}

fn median(ratios: &mut [f64]) -> f64 {
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

/// Connects the slow callers and keeps them dripping until the task is aborted.
async fn crowd(cluster: &Cluster) -> JoinHandle<()> {
    let mut connecting = JoinSet::new();
    for _ in 0..SLOW_CALLERS {
        let url = cluster.worker(0).to_owned();
        connecting.spawn(async move {
            let mut raw = Raw::connect(&url).await;
            assert!(raw.send("GET /functions/guests/api/steady HTTP/1.1\r\nx: ").await);
            raw
        });
    }
    let mut callers = connecting.join_all().await;
    connected(cluster, |count| count >= SLOW_CALLERS).await;
    tokio::spawn(async move {
        loop {
            for caller in &mut callers {
                caller.send("x").await;
                tokio::time::sleep(BYTE_EVERY).await;
            }
        }
    })
}

/// Waits for a number of open connections.
async fn connected(cluster: &Cluster, enough: impl Fn(usize) -> bool) {
    let control = format!("{}/metrics", cluster.control(0));
    eventually("the connections to be counted", Duration::from_secs(30), || async {
        let metrics = http::get(&control).await.text();
        let count = metrics.lines().find_map(|line| line.strip_prefix("steading_connections "));
        let count = count.and_then(|count| count.parse().ok()).unwrap_or_default();
        if enough(count) { Ok(()) } else { Err(count) }
    })
    .await;
}

#[test]
fn two_thousand_slow_callers_do_not_double_the_p99_of_the_others() {
    run(async {
        allow_open_files(FILES);
        // long enough that the slow ones stay for a whole round: here they are at their worst
        let tables = "[server]\nheader_read_ms_max = 60000\n";
        let cluster = cluster().workers(1).worker_tables(tables).start().await;
        cluster.api().publish_ready("guests", &built("tests/guests").await, 1).await;
        let url = format!("{}/functions/guests/api/steady", cluster.worker(0));
        let client = http::client(|builder| builder);
        p99(&client, &url).await;

        let mut ratios = vec![];
        while ratios.len() < ROUNDS_MIN
            || median(&mut ratios) > FACTOR_MAX && ratios.len() < ROUNDS_MAX
        {
            let quiet = p99(&client, &url).await;
            let crowd = crowd(&cluster).await;
            let slow = p99(&client, &url).await;
            connected(&cluster, |count| count >= SLOW_CALLERS).await;
            crowd.abort();
            connected(&cluster, |count| count < SLOW_CALLERS / 10).await;
            println!("p99 {quiet:?}, beside {SLOW_CALLERS} slow callers {slow:?}");
            ratios.push(slow.as_secs_f64() / quiet.as_secs_f64());
        }
        let factor = median(&mut ratios);
        assert!(factor <= FACTOR_MAX, "the p99 grew by these factors: {ratios:?}");
    });
}
