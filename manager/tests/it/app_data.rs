//! Grants, settings and key-value stores over the API: what needs a yes, what a worker may ask for, and what
//! nobody is told.

use http::Method;
use serde_json::{Value, json};

use crate::guest::{Guest, zip};
use crate::harness::{Answer, Double, Steading, send};

fn package(grants: &str) -> Vec<u8> {
    let manifest = format!("[grants]\n{grants}\n");
    zip(&[("steading.toml", manifest.as_bytes()), ("a.wasm", &Guest::new(&[("f", "f")]).wasm())])
}

async fn allowed(manager: &Steading, app: &str, grants: &str) {
    let path = format!("/apps/{app}/versions?allow_new_grants=true");
    let answer = send(manager.api(Method::POST, &path).body(package(grants))).await;
    assert!(answer.status.is_success(), "{}", answer.text());
}

async fn kv(worker: &Double<'_>, app: &str, store: &str, operation: Value) -> Value {
    let answer = kv_answer(worker, (app, 1), store, operation).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn kv_answer(
    worker: &Double<'_>,
    (app, version): (&str, u32),
    store: &str,
    operation: Value,
) -> Answer {
    let request = json!({"app": app, "version": version, "store": store, "operation": operation});
    send(worker.call(Method::POST, "kv").json(&request)).await
}

#[tokio::test]
async fn new_grants_are_refused_with_their_list_until_somebody_allows_them() {
    let manager = Steading::start().await;
    let refused = manager.publish("shop", package("kv = [\"default\"]\nsettings = [\"A\"]")).await;
    assert_eq!((refused.status.as_u16(), &*refused.code()), (409, "grants_new"));
    for part in ["key-value store `default`", "setting `A`", "allow_new_grants=true"] {
        assert!(refused.text().contains(part), "{part} in {}", refused.text());
    }
    allowed(&manager, "shop", "kv = [\"default\"]").await;
    let versions = manager.get("/apps/shop/versions").await;
    assert_eq!(versions["items"][0]["grants"], json!({"kv": ["default"]}));
}

#[tokio::test]
async fn a_worker_reaches_the_stores_of_what_it_has_and_of_nothing_else() {
    let manager = Steading::start().await;
    let worker = Double::join(&manager, "one").await;
    allowed(&manager, "shop", "kv = [\"default\"]").await;
    allowed(&manager, "other", "settings = [\"A\"]").await;
    worker.desired(0, 2000).await.unwrap();
    let get = || json!({"get": {"key": "k"}});
    assert_eq!(kv(&worker, "shop", "default", get()).await, json!("absent"));
    let stored =
        kv(&worker, "shop", "default", json!({"set": {"key": "k", "value_base64": "aGk="}}));
    assert_eq!(stored.await, json!("stored"));
    let entry = kv(&worker, "shop", "default", get()).await;
    assert_eq!(entry, json!({"entry": {"value_base64": "aGk=", "revision": 1}}));

    let refused = json!({"refused": "not_granted"});
    assert_eq!(kv(&worker, "shop", "more", get()).await, refused, "a store that it does not name");
    assert_eq!(kv(&worker, "other", "default", get()).await, refused, "an app without stores");
    assert_eq!(kv(&worker, "absent", "default", get()).await, refused, "no app");
    let version = kv_answer(&worker, ("shop", 2), "default", get()).await;
    assert_eq!(version.json(), refused, "a version that is not placed there");

    let stranger = Double::join(&manager, "two").await;
    let path = format!("/api/v1/workers/{}/kv", worker.worker);
    let request = json!({"app": "shop", "version": 1, "store": "default", "operation": get()});
    let as_stranger = manager.bare(Method::POST, &path).bearer_auth(&stranger.token);
    assert_eq!(send(as_stranger.json(&request)).await.status, 403);
    let as_operator = manager.bare(Method::POST, &path).bearer_auth(&manager.token);
    assert_eq!(send(as_operator.json(&request)).await.status, 401, "not even an operator");
}

#[tokio::test]
async fn keys_values_and_lists_out_of_bounds_are_refused() {
    let manager = Steading::with(|config| config.kv_value_bytes_max = 4).await;
    let worker = Double::join(&manager, "one").await;
    allowed(&manager, "shop", "kv = [\"default\"]").await;
    worker.desired(0, 2000).await.unwrap();
    let large = json!({"set": {"key": "k", "value_base64": "aGVsbG8="}});
    let refused = kv(&worker, "shop", "default", large).await;
    assert_eq!(refused, json!({"refused": {"value_too_large": {"bytes_max": 4}}}));
    for bad in [
        json!({"get": {"key": ""}}),
        json!({"get": {"key": "a\u{0}"}}),
        json!({"get": {"key": "k".repeat(257)}}),
        json!({"set": {"key": "k", "value_base64": "%"}}),
        json!({"list": {"prefix": "", "count": 0}}),
        json!({"list": {"prefix": "a\u{0}", "count": 1}}),
        json!({"list": {"prefix": "", "count": 1001}}),
        json!({"drop": {}}),
    ] {
        let answer = kv_answer(&worker, ("shop", 1), "default", bad.clone()).await;
        assert_eq!((answer.status.as_u16(), &*answer.code()), (400, "body_invalid"), "{bad}");
    }
}

#[tokio::test]
async fn a_setting_reaches_its_worker_and_a_secret_is_told_to_nobody_else() {
    let manager = Steading::with(|config| {
        config.secrets_key = Some(steading_protocol::Secret::new("1f".repeat(32)));
    })
    .await;
    let worker = Double::join(&manager, "one").await;
    allowed(&manager, "shop", "settings = [\"Key\", \"NAME\"]").await;
    let set = async |name: &str, body: Value| {
        let path = format!("/apps/shop/settings/{name}");
        send(manager.api(Method::PUT, &path).json(&body)).await
    };
    assert_eq!(set("KEY", json!({"value": "hunter2", "secret": true})).await.status, 204);
    assert_eq!(set("NAME", json!({"value": "The Farm"})).await.status, 204);
    assert_eq!(set("OTHER", json!({"value": "1"})).await.status, 204);
    let told = serde_json::to_value(worker.desired(0, 2000).await.unwrap()).unwrap();
    let expected = json!({"Key": {"secret": "hunter2"}, "NAME": {"plain": "The Farm"}});
    assert_eq!(told["apps"][0]["settings"], expected);

    let listed = manager.get("/apps/shop/settings").await;
    assert!(!listed.to_string().contains("hunter2"), "{listed}");
    let names: Vec<_> = listed["items"].as_array().unwrap().iter().map(|s| &s["granted"]).collect();
    assert_eq!(names, [&json!(true), &json!(true), &json!(false)]);
    let file = manager.folder.path().join("manager/steading.db-wal");
    let kept = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
    assert!(kept.contains("The Farm") && !kept.contains("hunter2"));

    for (name, body, code) in [
        ("PATH_INFO", json!({"value": "x"}), "name_invalid"),
        ("A", json!({"value": "x".repeat(32 * 1024 + 1)}), "setting_invalid"),
        ("A", json!({"value": "a\u{0}b"}), "setting_invalid"),
        ("A", json!({"secret": true}), "body_invalid"),
    ] {
        assert_eq!(set(name, body).await.code(), code, "{name}");
    }
    let gone = async || send(manager.api(Method::DELETE, "/apps/shop/settings/other")).await;
    assert_eq!(gone().await.status, 204);
    assert_eq!(gone().await.code(), "setting_unknown");
}

#[tokio::test]
async fn without_a_key_no_secret_is_taken_and_an_older_one_is_told_as_unreadable() {
    let key = |text: &str| Some(steading_protocol::Secret::new(text));
    let (old, new) = ("1f".repeat(32), "2e".repeat(32));
    let manager = Steading::with(|config| config.secrets_key = key(&old)).await;
    allowed(&manager, "shop", "settings = [\"KEY\"]").await;
    let put = |manager: &Steading| {
        let request = manager.api(Method::PUT, "/apps/shop/settings/KEY");
        send(request.json(&json!({"value": "hunter2", "secret": true})))
    };
    assert_eq!(put(&manager).await.status, 204);
    let seen = async |folder, text: Option<&str>| {
        let secrets_key = text.and_then(key);
        let manager = Steading::in_folder(folder, |config| config.secrets_key = secrets_key).await;
        let worker = Double::join(&manager, "one").await;
        let told = worker.desired(0, 2000).await.unwrap();
        let told = serde_json::to_value(&told.apps[0].settings).unwrap()["KEY"].clone();
        (manager, told)
    };
    let (manager, told) = seen(manager.stop().await, None).await;
    assert!(told["unreadable"].as_str().unwrap().contains("STEADING_SECRETS_KEY"), "{told}");
    assert_eq!(put(&manager).await.code(), "secrets_key_missing");
    let (manager, told) = seen(manager.stop().await, Some(&new)).await;
    assert!(told["unreadable"].as_str().unwrap().contains("sealed with the key"), "{told}");
    // the new key before the old one, and a start later without the old one
    let both = format!("{new}\n{old}");
    let (manager, told) = seen(manager.stop().await, Some(&both)).await;
    assert_eq!(told, json!({"secret": "hunter2"}));
    let (_manager, told) = seen(manager.stop().await, Some(&new)).await;
    assert_eq!(told, json!({"secret": "hunter2"}));
}
