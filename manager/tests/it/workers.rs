//! Workers: joining, the long poll, reports, loss and return.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};

use crate::guest::{module, module_like};
use crate::harness::{Double, Steading, eventually, send};

async fn placements(manager: &Steading) -> Vec<(u64, String, String)> {
    let list = manager.get("/placements").await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|p| (p["version"].as_u64().unwrap(), text(&p["worker_name"]), text(&p["state"])))
        .collect()
}

fn placed(version: u64, worker: &str, state: &str) -> (u64, String, String) {
    (version, worker.to_owned(), state.to_owned())
}

#[tokio::test]
async fn a_long_poll_answers_when_something_changes_and_not_before() {
    let manager = Steading::start().await;
    let worker = Double::join(&manager, "one").await;
    assert_eq!(worker.heartbeat_ms, 2000);
    let first = worker.desired(0, 0).await.unwrap();
    assert!(first.apps.is_empty());
    let begun = Instant::now();
    assert!(worker.desired(first.generation.0, 200).await.is_none());
    assert!(begun.elapsed() >= Duration::from_millis(200));
    let begun = Instant::now();
    let (state, _) = tokio::join!(worker.desired(first.generation.0, 15_000), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        manager.published("shop", module()).await
    });
    let state = state.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(state.generation > first.generation);
    assert_eq!((state.apps[0].app.as_str(), state.apps[0].version.0), ("shop", 1));
    assert_eq!(state.apps[0].functions[0].module, state.apps[0].modules[0].digest);
    let told = worker.heartbeat().await.json();
    assert_eq!(told["generation"], json!(state.generation.0));
}

#[tokio::test]
async fn placements_follow_the_workers_reports() {
    let manager = Steading::start().await;
    let (one, two) = (Double::join(&manager, "one").await, Double::join(&manager, "two").await);
    manager.published("shop", module()).await;
    assert_eq!(
        placements(&manager).await,
        [placed(1, "one", "pending"), placed(1, "two", "pending")]
    );
    one.report(2, &[("shop", 1, "ready")]).await;
    two.report(2, &[("shop", 1, "loading"), ("gone", 3, "ready")]).await;
    assert_eq!(
        placements(&manager).await,
        [placed(1, "one", "ready"), placed(1, "two", "loading")]
    );
    manager.published("shop", module_like(b"2")).await;
    one.report(3, &[("shop", 1, "ready"), ("shop", 2, "ready")]).await;
    let one_of = |all: Vec<(u64, String, String)>| {
        all.into_iter().filter(|p| p.1 == "one").map(|p| (p.0, p.2)).collect::<Vec<_>>()
    };
    let both = [(1, "ready".to_owned()), (2, "ready".to_owned())];
    assert_eq!(one_of(placements(&manager).await), both, "the other worker has yet to load it");
    // What it does not hold though it should is pending.
    one.report(3, &[("shop", 1, "ready")]).await;
    let pending = (2, "pending".to_owned());
    assert_eq!(one_of(placements(&manager).await), [both[0].clone(), pending]);
    let failed = json!({"generation": 3, "placements":
        [{"app": "shop", "version": 2, "state": "failed", "detail": "no memory"}]});
    assert_eq!(send(two.call(Method::POST, "placements").json(&failed)).await.status, 204);
    let list = manager.get("/placements?app=shop").await;
    assert!(list["items"].as_array().unwrap().iter().any(|p| p["detail"] == json!("no memory")));
}

#[tokio::test]
async fn a_silent_worker_is_lost_with_its_placements_and_comes_back_with_a_heartbeat() {
    let manager = Steading::with(|config| config.lost_after_ms = 600).await;
    let (silent, steady) = (Double::join(&manager, "a").await, Double::join(&manager, "b").await);
    manager.published("shop", module()).await;
    silent.report(2, &[("shop", 1, "ready")]).await;
    steady.report(2, &[("shop", 1, "ready")]).await;
    let both = async || {
        steady.heartbeat().await;
        manager.get("/placements").await["items"].clone()
    };
    let states = |first: &'static str| {
        move |list: &Value| list[0]["state"] == json!(first) && list[1]["state"] == json!("ready")
    };
    eventually("lost", both, states("lost")).await;
    let workers = manager.get("/workers").await;
    assert_eq!(workers["items"][0]["state"], json!("lost"));
    assert_eq!(workers["items"][1]["state"], json!("live"));
    assert_eq!(workers["items"][1]["load"]["in_flight_max"], json!(8));
    let generation = silent.heartbeat().await.json()["generation"].as_u64().unwrap();
    assert_eq!(manager.get("/workers").await["items"][0]["state"], json!("live"));
    silent.report(generation, &[("shop", 1, "ready")]).await;
    assert_eq!(placements(&manager).await[0], placed(1, "a", "ready"));
}

#[tokio::test]
async fn a_worker_that_joins_again_keeps_its_identity_by_name_and_gets_a_new_token() {
    let manager = Steading::start().await;
    let first = Double::join(&manager, "one").await;
    let url = "http://127.0.0.1:9";
    let again = Double::join_as(&manager, "one", json!(first.worker), url).await;
    assert_eq!(again.worker, first.worker);
    assert_eq!(first.heartbeat().await.status, 401);
    assert_eq!(again.heartbeat().await.status, 200);
    let copy = Double::join_as(&manager, "two", json!(first.worker), url).await;
    assert_ne!(copy.worker, first.worker);
    assert_eq!(manager.get("/workers").await["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_worker_that_leaves_is_out_at_once() {
    let manager = Steading::start().await;
    let worker = Double::join(&manager, "one").await;
    manager.published("shop", module()).await;
    assert_eq!(send(worker.call(Method::POST, "leave")).await.status, 204);
    assert_eq!(worker.heartbeat().await.status, 401);
    assert!(placements(&manager).await.is_empty());
    assert_eq!(manager.get("/workers").await["items"][0]["state"], json!("left"));
}

#[tokio::test]
async fn a_worker_that_is_ahead_of_the_store_gets_a_newer_generation_at_once() {
    let manager = Steading::start().await;
    let worker = Double::join(&manager, "one").await;
    let state = worker.desired(500, 15_000).await.unwrap();
    assert_eq!(state.generation.0, 501);
    assert!(worker.desired(501, 0).await.is_none());
}

#[tokio::test]
async fn a_long_poll_ends_when_the_manager_stops() {
    let manager = Steading::start().await;
    let worker = Double::join(&manager, "one").await;
    let generation = worker.desired(0, 0).await.unwrap().generation.0;
    let path = format!("desired?after={generation}&wait_ms=50000");
    let poll = tokio::spawn(send(worker.call(Method::GET, &path)));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let begun = Instant::now();
    manager.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(poll.await.unwrap().status, 204);
}
