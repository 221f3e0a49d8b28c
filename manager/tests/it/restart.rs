//! A restart keeps everything: apps, modules, workers' identities, sessions, tokens.

use http::Method;
use serde_json::json;

use crate::guest::module;
use crate::harness::{Double, PASSWORD, Steading, send};

#[tokio::test]
async fn a_restart_keeps_apps_workers_sessions_and_tokens() {
    let manager = Steading::start().await;
    let worker = Double::join(&manager, "one").await;
    manager.published("shop", module()).await;
    let state = worker.desired(0, 0).await.unwrap();
    worker.report(state.generation.0, &[("shop", 1, "ready")]).await;
    let cookie = manager.cookie().await;
    let made = manager.bare(Method::POST, "/api/v1/tokens").basic_auth("admin", Some(PASSWORD));
    let made = send(made.json(&json!({"name": "ci"}))).await.json();
    let (id, token, join_token) =
        (worker.worker.clone(), worker.token.clone(), manager.join_token.clone());
    let old_local = manager.token.clone();
    let folder = manager.stop().await;

    let manager = Steading::in_folder(folder, |config| config.admin_password = None).await;
    assert_eq!(manager.join_token, join_token);
    assert!(manager.setup_code.is_none());
    let worker = Double { manager: &manager, worker: id, token, heartbeat_ms: 0 };
    assert_eq!(worker.heartbeat().await.json()["generation"], json!(state.generation.0));
    assert_eq!(worker.desired(0, 0).await.unwrap(), state);
    assert_eq!(manager.get("/placements").await["items"][0]["state"], json!("ready"));
    let digest = &state.apps[0].modules[0].digest;
    let bytes = manager.bare(Method::GET, &format!("/api/v1/modules/{digest}"));
    assert_eq!(send(bytes.bearer_auth(&worker.token)).await.bytes, module());
    let page = manager.bare(Method::GET, "/api/v1/apps").header("cookie", &cookie);
    assert_eq!(send(page).await.status, 200);
    let apps = |token: &str| manager.bare(Method::GET, "/api/v1/apps").bearer_auth(token);
    assert_eq!(send(apps(made["token"].as_str().unwrap())).await.status, 200);
    // The token of the last local access is replaced by that of this start.
    assert_eq!(send(apps(&old_local)).await.status, 401);
    assert_eq!(manager.publish("shop", module()).await.status, 200);
}

#[tokio::test]
async fn workers_get_the_whole_time_to_be_heard_of_again_after_a_restart() {
    let lost_after = |config: &mut steading_manager::Config| config.lost_after_ms = 2_000;
    let manager = Steading::with(lost_after).await;
    let worker = Double::join(&manager, "one").await;
    let (id, token) = (worker.worker.clone(), worker.token.clone());
    let folder = manager.stop().await;
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    let manager = Steading::in_folder(folder, lost_after).await;
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert_eq!(manager.get("/workers").await["items"][0]["state"], json!("live"));
    let worker = Double { manager: &manager, worker: id, token, heartbeat_ms: 0 };
    assert_eq!(worker.heartbeat().await.status, 200);
}
