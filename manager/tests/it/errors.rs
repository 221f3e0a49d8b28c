//! The one shape of errors, wherever a request goes wrong.

use std::time::Duration;

use http::Method;
use serde_json::json;
use steading_manager::{Config, Manager, StartError};
use steading_protocol::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{Double, Steading, send};

#[tokio::test]
async fn unknown_routes_methods_and_bodies_answer_the_same_body() {
    let manager = Steading::start().await;
    let cases = [
        (Method::GET, "/nothing", None, 404, "not_found"),
        (Method::PATCH, "/apps", None, 405, "method_not_allowed"),
        (Method::POST, "/tokens", Some("{"), 400, "body_invalid"),
        (Method::POST, "/tokens", Some("{\"nme\":1}"), 400, "body_invalid"),
        (Method::GET, "/apps/nope", None, 404, "app_unknown"),
        (Method::GET, "/apps/nope/functions", None, 404, "app_unknown"),
        (Method::GET, "/apps/nope/versions", None, 404, "app_unknown"),
        (Method::PUT, "/apps/nope/default", None, 404, "app_unknown"),
        (Method::DELETE, "/apps/nope", None, 404, "app_unknown"),
        (Method::GET, "/placements?app=nope", None, 404, "app_unknown"),
        (Method::GET, "/placements?app=No", None, 400, "body_invalid"),
        (Method::GET, "/apps/No", None, 422, "name_invalid"),
    ];
    for (method, path, body, status, code) in cases {
        let answer = send(manager.api(method, path).body(body.unwrap_or(""))).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert_eq!(answer.code(), code, "{path}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_for_its_route_is_refused() {
    let manager = Steading::start().await;
    let request = manager.api(Method::POST, "/tokens").json(&json!({"name": "x".repeat(70_000)}));
    let answer = send(request).await;
    assert_eq!((answer.status.as_u16(), &*answer.code()), (413, "body_too_large"));
}

#[tokio::test]
async fn a_refused_client_that_is_still_sending_gets_the_answer_and_no_reset() {
    let manager = Steading::with(|config| config.module_bytes_max = 1 << 20).await;
    let big = vec![0; 64 << 20];
    let answer = manager.publish("shop", big.clone()).await;
    assert_eq!((answer.status.as_u16(), &*answer.code()), (413, "module_too_large"));
    let wrong = manager.bare(Method::POST, "/api/v1/apps/shop/versions").bearer_auth("stk_wrong");
    assert_eq!(send(wrong.body(vec![0; 1 << 20])).await.code(), "unauthorized");
}

#[tokio::test]
async fn a_method_that_a_route_does_not_take_is_answered_with_those_it_takes() {
    let manager = Steading::start().await;
    let answer = send(manager.api(Method::PATCH, "/tokens")).await;
    let allowed = answer.headers["allow"].to_str().unwrap();
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
}

#[tokio::test]
async fn a_worker_that_joins_with_an_unusable_address_or_name_is_refused() {
    let manager = Steading::start().await;
    for (field, value) in
        [("url", "ftp://x"), ("url", "nonsense"), ("url", "http://x/?q=1"), ("name", "")]
    {
        let mut request = json!({"worker": null, "name": "one", "url": "http://w:1", "release": "0",
            "platform": "linux"});
        request[field] = json!(value);
        let join = manager.bare(Method::POST, "/api/v1/workers/join");
        let answer = send(join.bearer_auth(&manager.join_token).json(&request)).await;
        assert_eq!(answer.code(), "body_invalid", "{field} {value}");
        assert!(answer.text().contains(field), "{}", answer.text());
    }
    let worker = Double::join(&manager, "one").await;
    let unknown = format!("/api/v1/modules/{}", "0".repeat(64));
    let request = manager.bare(Method::GET, &unknown).bearer_auth(&worker.token);
    assert_eq!(send(request).await.code(), "module_unknown");
}

fn config(folder: &tempfile::TempDir) -> Config {
    Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: folder.path().join("manager"),
        ..Config::default()
    }
}

#[tokio::test]
async fn what_keeps_a_manager_from_starting_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let refusal = async |config: Config| Manager::start(config).await.err().unwrap();
    let error = refusal(Config { listen, ..config(&folder) }).await;
    let message = error.to_string();
    assert!(
        message.starts_with(&format!("cannot listen on {listen}: another process")),
        "{message}"
    );
    let weak = Config { admin_password: Some(Secret::new("short")), ..config(&folder) };
    assert!(matches!(refusal(weak).await, StartError::Password(_)));
    let weak = Config { join_token: Some(Secret::new("short")), ..config(&folder) };
    assert!(matches!(refusal(weak).await, StartError::JoinToken));
    let running = Manager::start(config(&folder)).await.unwrap();
    let error = refusal(config(&folder)).await.to_string();
    assert!(error.contains("another manager is running on"), "{error}");
    drop(running);
    std::fs::write(folder.path().join("manager/steading.db"), "not a database, not at all")
        .unwrap();
    let error = refusal(config(&folder)).await;
    assert!(matches!(error, StartError::Store { .. }), "{error}");
}

#[tokio::test]
async fn a_request_under_way_ends_before_the_manager_does() {
    let manager = Steading::start().await;
    let address = manager.url.strip_prefix("http://").unwrap().to_owned();
    let mut slow = tokio::net::TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "POST /api/v1/tokens HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-length: 15\r\n\r\n{{\"name\":",
        manager.token
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let stopping = tokio::spawn(manager.stop());
    tokio::time::sleep(Duration::from_millis(100)).await;
    slow.write_all(b"\"slow\"}").await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    stopping.await.unwrap();
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
}
