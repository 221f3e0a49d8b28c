//! Refusals of the manager: status, code, and the name of what is at fault in the message.

use reqwest::{Method, StatusCode};
use steading_protocol::VersionNumber;
use steading_protocol::api::{App, List};
use steading_protocol::problem::ErrorBody;
use steading_tests::{http, packages, run, wasm};

use crate::setup::{cluster, shared};

/// The least manifest of an archive.
const MANIFEST: (&str, &[u8]) = ("steading.toml", b"");

/// Publishes what must be refused, and asserts that no trace of it stays.
async fn refused(package: &[u8], status: StatusCode, code: &str, named: &str) {
    let cluster = shared().await;
    let refusal = cluster.api().publish("refused", package).await;
    let refusal = refusal.expect_err("the package is refused");
    assert_eq!((refusal.status, refusal.error.code.as_str()), (status, code), "{refusal}");
    assert!(refusal.error.message.contains(named), "`{named}` in `{}`", refusal.error.message);
    let apps = cluster.api().get::<List<App>>("apps").await.items;
    assert!(apps.iter().all(|app| app.app.as_str() != "refused"), "nothing was stored");
}

#[test]
fn what_is_no_wasm_is_refused_as_such() {
    run(refused(b"#!/bin/sh\necho hello\n", StatusCode::UNPROCESSABLE_ENTITY, "not_wasm", ""));
    run(refused(b"", StatusCode::UNPROCESSABLE_ENTITY, "not_wasm", ""));
}

#[test]
fn truncated_wasm_is_refused_as_invalid() {
    let module = wasm::module(&[("hello", "hello")]);
    let cut = &module[..module.len() * 2 / 3];
    run(refused(cut, StatusCode::UNPROCESSABLE_ENTITY, "wasm_invalid", ""));
}

#[test]
fn a_broken_archive_and_one_without_a_module_are_refused_as_packages() {
    let module = wasm::module(&[("hello", "hello")]);
    let refused = |package: &[u8], named: &str| {
        run(refused(package, StatusCode::UNPROCESSABLE_ENTITY, "package_invalid", named));
    };
    let whole = packages::zipped(&[MANIFEST, ("hello.wasm", &module)]);
    refused(&whole[..whole.len() / 2], "");
    refused(&packages::zipped(&[MANIFEST]), ".wasm");
    refused(&packages::zipped(&[("hello.wasm", &module)]), "steading.toml");
    refused(&packages::zipped(&[MANIFEST, ("../hello.wasm", &module)]), "../hello.wasm");
}

#[test]
fn a_module_over_the_size_limit_is_refused_with_413() {
    run(async {
        let cluster = cluster().module_bytes_max(4096).start().await;
        let within = cluster.api().publish("small", &wasm::module(&[("hello", "hello")])).await;
        within.expect("a small module is taken");
        let long = vec![b'x'; 5000];
        let archive = packages::zipped(&[MANIFEST, ("a.wasm", &[0u8; 5000])]);
        for (package, named) in [(long, "4096"), (archive, "`a.wasm`")] {
            let refusal =
                cluster.api().publish("large", &package).await.expect_err("it is refused");
            assert_eq!(refusal.status, StatusCode::PAYLOAD_TOO_LARGE, "{refusal}");
            assert_eq!(refusal.error.code, "module_too_large");
            assert!(refusal.error.message.contains(named), "{refusal}");
        }
    });
}

#[test]
fn a_module_that_does_not_fit_into_the_store_is_refused_with_507_and_nothing_is_lost() {
    run(async {
        let cluster = cluster().workers(1).store_bytes_max(1 << 20).start().await;
        let module = wasm::module(&[("hello", "hello")]);
        cluster.api().publish_ready("small", &module, 1).await;
        // a custom section of zeros: valid, and larger than the store
        let mut large = module.clone();
        large.extend([0, 0x85, 0x80, 0x80, 0x01, 4]);
        large.extend(b"zero");
        large.resize(large.len() + (2 << 20), 0);
        let refusal = cluster.api().publish("small", &large).await.expect_err("it is refused");
        assert_eq!(refusal.status, StatusCode::INSUFFICIENT_STORAGE, "{refusal}");
        assert_eq!(refusal.error.code, "store_full");
        let app: App = cluster.api().get("apps/small").await;
        assert_eq!(app.version, VersionNumber(1));
        let reply = http::get(&format!("{}/api/hello", cluster.worker(0))).await;
        assert_eq!(reply.status, StatusCode::OK);
    });
}

#[test]
fn an_import_that_no_worker_provides_is_refused_by_name() {
    let module = wasm::module_importing("wasi_nn", "load");
    run(refused(&module, StatusCode::UNPROCESSABLE_ENTITY, "import_unknown", "wasi_nn"));
    let module = wasm::module_importing("steading_v1", "file_open");
    run(refused(&module, StatusCode::UNPROCESSABLE_ENTITY, "import_unknown", "file_open"));
}

#[test]
fn two_functions_on_one_route_are_refused_with_both_names() {
    let module = wasm::module(&[("first", "orders/{id}"), ("second", "Orders/{number}")]);
    run(refused(
        &module,
        StatusCode::UNPROCESSABLE_ENTITY,
        "route_conflict",
        "`first` and `second`",
    ));
    let package = packages::zipped(&[
        MANIFEST,
        ("a.wasm", &wasm::module(&[("same", "one")])),
        ("b.wasm", &wasm::module(&[("same", "two")])),
    ]);
    run(refused(&package, StatusCode::UNPROCESSABLE_ENTITY, "function_duplicate", "same"));
}

#[test]
fn a_bad_route_template_is_refused_with_its_reason() {
    let module = wasm::module(&[("orders", "orders/{id?}/items")]);
    let reason = "may only be the last part";
    run(refused(&module, StatusCode::UNPROCESSABLE_ENTITY, "route_invalid", reason));
}

#[test]
fn a_module_without_functions_is_refused() {
    let module = wasm::module(&[]);
    run(refused(&module, StatusCode::UNPROCESSABLE_ENTITY, "no_functions", ""));
}

#[test]
fn an_unknown_key_in_the_manifest_is_refused_with_its_line() {
    let module = wasm::module(&[("hello", "hello")]);
    let package = |manifest: &str| {
        packages::zipped(&[("steading.toml", manifest.as_bytes()), ("hello.wasm", &module)])
    };
    let unknown = package("[app]\n\n[limits]\nmemory_max = 64\n");
    let refused = |package: Vec<u8>, named: &'static str| async move {
        refused(&package, StatusCode::UNPROCESSABLE_ENTITY, "manifest_invalid", named).await;
    };
    run(refused(unknown.clone(), "`memory_max`"));
    run(refused(unknown, "line 4"));
    run(refused(package("[functions.other.limits]\ndeadline_ms_max = 5\n"), "other"));
    run(refused(package("[app]\nname = \"another\"\n"), "another"));
}

#[test]
fn an_unknown_app_is_404_wherever_one_is_named() {
    run(async {
        let cluster = shared().await;
        let paths = [
            (Method::GET, "apps/absent"),
            (Method::GET, "apps/absent/versions"),
            (Method::GET, "apps/absent/functions"),
            (Method::PUT, "apps/absent/default"),
            (Method::DELETE, "apps/absent"),
        ];
        for (method, path) in paths {
            let reply = http::send(cluster.api().request(method.clone(), path)).await;
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{method} {path}");
            let error: ErrorBody = reply.json();
            assert_eq!(error.code, "app_unknown", "{method} {path}");
            assert!(error.message.contains("absent"), "{}", error.message);
        }
    });
}

#[test]
fn a_wrong_token_and_a_wrong_password_are_401_and_change_nothing() {
    run(async {
        let cluster = shared().await;
        let base = format!("{}/api/v1", cluster.manager());
        let publish = |request: reqwest::RequestBuilder| {
            http::send(request.body(wasm::module(&[("hello", "hello")])))
        };
        let url = format!("{base}/apps/refused/versions");
        let without = publish(http::request(Method::POST, &url)).await;
        let wrong = publish(http::request(Method::POST, &url).bearer_auth("not-a-token")).await;
        let url = format!("{base}/tokens");
        let password = http::request(Method::POST, &url).basic_auth("admin", Some("guess"));
        let password = http::send(password.json(&serde_json::json!({ "name": "x" }))).await;
        for reply in [without, wrong, password] {
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
            assert_eq!(reply.json::<ErrorBody>().code, "unauthorized");
        }
        let apps = cluster.api().get::<List<App>>("apps").await.items;
        assert!(apps.iter().all(|app| app.app.as_str() != "refused"));
    });
}

#[test]
fn a_wrong_join_token_lets_no_worker_in() {
    run(async {
        let cluster = shared().await;
        let url = format!("{}/api/v1/workers/join", cluster.manager());
        let body = serde_json::json!({
            "worker": null, "name": "intruder", "url": "http://127.0.0.1:1",
            "release": "0", "platform": "linux/x86_64",
        });
        let reply = http::send(http::request(Method::POST, &url).bearer_auth("guess").json(&body));
        assert_eq!(reply.await.status, StatusCode::UNAUTHORIZED);
        let workers = cluster.api().status().await.workers;
        assert!(workers.iter().all(|worker| worker.name != "intruder"));
    });
}
