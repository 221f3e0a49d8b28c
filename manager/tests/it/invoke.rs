//! Calling a function through the manager: the call arrives at a worker as it should, and nowhere
//! else.

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

use crate::guest::module;
use crate::harness::{Answer, Double, Steading, send};

/// A worker's function port that answers with what it was asked.
async fn echo() -> String {
    async fn answer(request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().unwrap().to_string();
        if path.ends_with("/redirect") {
            return Redirect::to("http://127.0.0.1:1/").into_response();
        }
        if path.ends_with("/huge") {
            return vec![0; 11 << 20].into_response();
        }
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let headers: HeaderMap = parts.headers;
        let text = format!("{} {path} {:?} {}", parts.method, headers.get("x-a"), body.len());
        (axum::http::StatusCode::IM_A_TEAPOT, [("x-b", "2")], text).into_response()
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, Router::new().fallback(answer)).into_future());
    url
}

async fn invoke(manager: &Steading, request: &Value) -> Answer {
    send(manager.api(Method::POST, "/apps/shop/functions/f/invoke").json(request)).await
}

#[tokio::test]
async fn a_call_arrives_at_the_ready_worker_and_its_answer_comes_back_whole() {
    let manager = Steading::start().await;
    manager.published("shop", module()).await;
    let url = echo().await;
    let worker = Double::join_as(&manager, "one", Value::Null, &url).await;
    let call = json!({"method": "POST", "path": "f/7?x=1", "headers": [["x-a", "1"]],
        "body_base64": STANDARD.encode("hello")});
    assert_eq!(invoke(&manager, &call).await.code(), "no_worker_ready");
    worker.report(2, &[("shop", 1, "ready")]).await;
    let answer = invoke(&manager, &call).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let reply = answer.json();
    assert_eq!(reply["worker"], json!(worker.worker));
    assert_eq!(reply["status"], json!(418));
    assert!(reply["headers"].as_array().unwrap().contains(&json!(["x-b", "2"])));
    assert!(reply["duration_us"].as_u64().unwrap() > 0);
    let body = STANDARD.decode(reply["body_base64"].as_str().unwrap()).unwrap();
    assert_eq!(String::from_utf8(body).unwrap(), "POST /functions/shop/api/f/7?x=1 Some(\"1\") 5");
    let redirected = invoke(&manager, &json!({"method": "GET", "path": "redirect"})).await.json();
    assert_eq!(redirected["status"], json!(303));
    let huge = invoke(&manager, &json!({"method": "GET", "path": "huge"})).await;
    assert_eq!((huge.status.as_u16(), &*huge.code()), (502, "reply_too_large"));
}

#[tokio::test]
async fn a_call_that_cannot_be_made_says_why() {
    let manager = Steading::start().await;
    manager.published("shop", module()).await;
    // Nothing listens on port 1.
    let worker = Double::join_as(&manager, "one", Value::Null, "http://127.0.0.1:1").await;
    worker.report(2, &[("shop", 1, "ready")]).await;
    let cases = [
        (json!({"method": "GET", "path": "f"}), 502, "worker_unreachable"),
        (json!({"method": "GET", "path": "../../x"}), 400, "body_invalid"),
        (json!({"method": "GET", "path": "%2e%2e/x"}), 400, "body_invalid"),
        (json!({"method": "G T", "path": "f"}), 400, "body_invalid"),
        (json!({"method": "GET", "path": "f", "body_base64": "?"}), 400, "body_invalid"),
        (json!({"method": "GET", "path": "f", "headers": [["a b", "1"]]}), 400, "body_invalid"),
        (json!({"method": "GET", "path": "f", "worker": "w-none"}), 404, "worker_unknown"),
        (json!({"method": "GET", "path": "f", "odd": 1}), 400, "body_invalid"),
    ];
    for (call, status, code) in cases {
        let answer = invoke(&manager, &call).await;
        assert_eq!((answer.status.as_u16(), &*answer.code()), (status, code), "{call}");
    }
    let unknown = manager.api(Method::POST, "/apps/shop/functions/g/invoke");
    let call = json!({"method": "GET", "path": "f"});
    assert_eq!(send(unknown.json(&call)).await.code(), "function_unknown");
    let other = Double::join(&manager, "two").await;
    let named = json!({"method": "GET", "path": "f", "worker": other.worker});
    assert_eq!(invoke(&manager, &named).await.code(), "no_worker_ready");
}
