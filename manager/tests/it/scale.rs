//! What an orchestrator is told that scales workers: who may ask, and what the numbers are made of.

use http::Method;
use serde_json::{Value, json};

use crate::guest::module;
use crate::harness::{Double, Steading, send};

const PATH: &str = "/api/v1/scale/shop";

async fn beat(worker: &Double<'_>, load: Value) {
    let answer = send(worker.call(Method::POST, "heartbeat").json(&json!({ "load": load }))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn load(in_flight: u64, apps: &Value) -> Value {
    json!({"in_flight": in_flight, "in_flight_max": 10, "invocations": 0, "failures": 0,
        "resident_bytes": 0, "apps": apps})
}

#[tokio::test]
async fn the_machines_of_the_installation_and_operators_may_ask_and_workers_may_not() {
    let manager = Steading::start().await;
    let worker = Double::join(&manager, "one").await;
    manager.published("shop", module()).await;
    for (token, status) in [
        (manager.join_token.as_str(), 200),
        (manager.token.as_str(), 200),
        (worker.token.as_str(), 401),
        ("", 401),
    ] {
        let asked = manager.bare(Method::GET, PATH).bearer_auth(token);
        assert_eq!(send(asked).await.status, status);
    }
    assert_eq!(send(manager.bare(Method::GET, PATH)).await.status, 401);
    let unknown = manager.bare(Method::GET, "/api/v1/scale/nothing");
    let unknown = send(unknown.bearer_auth(&manager.join_token)).await;
    assert_eq!((unknown.status.as_u16(), unknown.code().as_str()), (404, "app_unknown"));
}

#[tokio::test]
async fn what_heartbeats_tell_is_summed_in_whole_numbers_at_the_top() {
    let manager = Steading::start().await;
    let (one, two) = (Double::join(&manager, "one").await, Double::join(&manager, "two").await);
    manager.published("shop", module()).await;
    manager.published("other", module()).await;
    let idle = json!({"app": "shop", "in_flight": 0, "capacity": 0, "workers": 0,
        "in_flight_all": 0, "capacity_all": 0, "suggested_workers": 1});
    assert_eq!(manager.get("/scale/shop").await, idle, "nobody has it ready");

    one.report(3, &[("shop", 1, "ready"), ("other", 1, "ready")]).await;
    two.report(3, &[("shop", 1, "ready"), ("other", 1, "failed")]).await;
    beat(&one, load(9, &json!({"shop": 7, "other": 2}))).await;
    beat(&two, load(8, &json!({"shop": 8}))).await;
    let busy = json!({"app": "shop", "in_flight": 15, "capacity": 20, "workers": 2,
        "in_flight_all": 17, "capacity_all": 20, "suggested_workers": 3});
    assert_eq!(manager.get("/scale/shop").await, busy);
    let other = manager.get("/scale/other").await;
    assert_eq!((&other["in_flight"], &other["workers"]), (&json!(2), &json!(1)));
    assert_eq!(other["suggested_workers"], json!(2), "its worker is busy, if with others' calls");

    // a worker of a release that tells nothing of apps
    two.heartbeat().await;
    let shop = manager.get("/scale/shop").await;
    assert_eq!((&shop["in_flight"], &shop["in_flight_all"]), (&json!(7), &json!(10)));
}

#[tokio::test]
async fn the_cap_of_a_manifest_is_the_room_of_its_app() {
    let manager = Steading::start().await;
    let one = Double::join(&manager, "one").await;
    let manifest = b"[app]\nin_flight_max = 4\n";
    let package = crate::guest::zip(&[("shop.wasm", &module()), ("steading.toml", &manifest[..])]);
    manager.published("shop", package).await;
    one.report(2, &[("shop", 1, "ready")]).await;
    beat(&one, load(3, &json!({"shop": 3}))).await;
    let shop = manager.get("/scale/shop").await;
    assert_eq!((&shop["capacity"], &shop["capacity_all"]), (&json!(4), &json!(10)));
    assert_eq!(shop["suggested_workers"], json!(2));
    assert_eq!(manager.get("/apps/shop").await["limits"], json!({"in_flight_max": 4}));
}
