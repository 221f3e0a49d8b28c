//! Processes that come and go: a worker lost, a manager restarted, a worker told to end.

use std::time::Duration;

use reqwest::StatusCode;
use steading_protocol::api::Worker;
use steading_protocol::desired::PlacementState;
use steading_tests::{Cluster, Load, eventually, http, packages, run};

use crate::setup::{built, cluster};

/// The tests' manager gives a silent worker 3 s; the rest is for a busy machine.
const LOST_WITHIN: Duration = Duration::from_secs(20);

/// A cluster whose workers all serve the guests as the app `app`, without the guests' own limits.
async fn serving(workers: usize) -> Cluster {
    let cluster = cluster().workers(workers).start().await;
    let guests = packages::module_of(&built("tests/guests").await);
    cluster.api().publish_ready("app", &guests, workers).await;
    cluster
}

fn steady(worker: &str) -> String {
    format!("{worker}/api/steady")
}

async fn worker_named(cluster: &Cluster, name: &str) -> Worker {
    let workers = cluster.api().status().await.workers;
    workers.into_iter().find(|worker| worker.name == name).expect("the worker is listed")
}

/// Waits until all placements of one worker have a state.
async fn placements_become(cluster: &Cluster, name: &str, state: PlacementState) {
    let what = format!("the placements of {name} to be {state}");
    eventually(&what, LOST_WITHIN, || async {
        let placements = cluster.api().placements("app").await;
        let own = placements.iter().filter(|placement| placement.worker_name == name);
        let states: Vec<PlacementState> = own.map(|placement| placement.state).collect();
        if states == [state] { Ok(()) } else { Err(format!("{states:?}")) }
    })
    .await;
}

#[test]
fn a_killed_worker_is_lost_while_the_other_serves_and_comes_back_as_itself() {
    run(async {
        let mut cluster = serving(2).await;
        let before = worker_named(&cluster, "worker-0").await;
        let load = Load::start(steady(cluster.worker(1)));

        cluster.sigkill_worker(0).await;
        placements_become(&cluster, "worker-0", PlacementState::Lost).await;
        placements_become(&cluster, "worker-1", PlacementState::Ready).await;
        let report = load.stop().await;
        report.assert_no_failure("the other worker");
        assert!(report.answered() > 0, "the other worker was called");

        cluster.start_worker_again(0).await;
        placements_become(&cluster, "worker-0", PlacementState::Ready).await;
        let after = worker_named(&cluster, "worker-0").await;
        assert_eq!(after.worker, before.worker, "a worker keeps its identity");
        assert_eq!(http::get(&steady(cluster.worker(0))).await.status, StatusCode::OK);
    });
}

#[test]
fn workers_go_on_serving_without_their_manager_and_find_it_again() {
    run(async {
        let mut cluster = serving(2).await;
        let loads: Vec<Load> =
            cluster.workers().into_iter().map(|worker| Load::start(steady(worker))).collect();

        cluster.sigkill_manager().await;
        cluster.sigkill_worker(1).await;
        cluster.start_worker_again(1).await;
        answers(&steady(cluster.worker(1))).await;
        cluster.start_manager_again().await;
        cluster.live(2).await;
        let hello = packages::module_of(&built("examples/hello").await);
        cluster.api().publish_ready("later", &hello, 2).await;

        let mut reports = vec![];
        for load in loads {
            reports.push(load.stop().await);
        }
        reports[0].assert_no_failure("the worker that was left alone");
        assert!(reports[0].answered() > 0, "it was called");
    });
}

/// Waits until a URL answers with 200.
async fn answers(url: &str) {
    eventually("the worker to serve its last state", Duration::from_secs(20), || async {
        match http::try_send(http::request(reqwest::Method::GET, url)).await {
            Ok(reply) if reply.status == StatusCode::OK => Ok(()),
            Ok(reply) => Err(format!("{} {}", reply.status, reply.text())),
            Err(error) => Err(error),
        }
    })
    .await;
}

#[test]
pub(crate) fn a_worker_told_to_end_finishes_what_is_in_flight_and_takes_nothing_new() {
    run(async {
        let mut cluster = serving(1).await;
        let slow = format!("{}/api/slow?ms=3000", cluster.worker(0));
        let in_flight = tokio::spawn(async move { http::get(&slow).await });
        let status = "the slow request to be in flight";
        eventually(status, Duration::from_secs(10), || async {
            let load = worker_named(&cluster, "worker-0").await.load;
            if load.in_flight == 1 { Ok(()) } else { Err(format!("{load:?}")) }
        })
        .await;

        let url = steady(cluster.worker(0));
        cluster.worker_process(0).sigterm();
        http::connections_refused(&url).await;
        assert!(!in_flight.is_finished(), "the slow request is still in flight by then");

        let reply = in_flight.await.expect("the slow request is answered");
        assert_eq!((reply.status, reply.text().as_str()), (StatusCode::OK, "answered in the end"));
        let status = cluster.worker_process(0).ended(Duration::from_secs(10)).await;
        assert!(status.success(), "the worker ends with {status}");
    });
}
