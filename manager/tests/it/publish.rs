//! Publishing: what is taken, what is refused and by which code, and that nothing is kept of what
//! was refused.

use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wasm_encoder::MemoryType;

use crate::guest::{Guest, module, module_like, record, zip};
use crate::harness::{Double, Steading, send};

#[tokio::test]
async fn a_module_becomes_version_1_of_a_new_app_that_is_the_default() {
    let manager = Steading::start().await;
    let worker = Double::join(&manager, "one").await;
    let answer = manager.publish("shop", module()).await;
    assert_eq!(answer.status, 201);
    let reply = answer.json();
    assert_eq!((&reply["app"], &reply["version"]), (&json!("shop"), &json!(1)));
    assert_eq!(reply["created"], json!(true));
    assert_eq!(reply["functions"][0]["name"], json!("f"));
    assert_eq!(reply["functions"][0]["urls"][0], json!("http://127.0.0.1:9/api/f"));
    let app = manager.get("/apps/shop").await;
    assert_eq!((&app["default"], &app["version"]), (&json!(true), &json!(1)));
    assert_eq!(manager.get("/apps/shop/versions").await["items"][0]["version"], json!(1));
    assert_eq!(manager.get("/apps/shop/functions").await["items"], reply["functions"]);
    let status = manager.get("/status").await;
    assert_eq!(status["placements"][0]["worker"], json!(worker.worker));
    assert_eq!(status["placements"][0]["state"], json!("pending"));
}

#[tokio::test]
async fn the_same_bytes_again_are_the_same_version_and_others_the_next() {
    let manager = Steading::start().await;
    assert_eq!(manager.publish("shop", module()).await.status, 201);
    let again = manager.publish("shop", module()).await;
    assert_eq!(again.status, 200);
    assert_eq!((&again.json()["created"], &again.json()["version"]), (&json!(false), &json!(1)));
    let next = manager.published("shop", module_like(b"2")).await;
    assert_eq!((&next["created"], &next["version"]), (&json!(true), &json!(2)));
    let versions = manager.get("/apps/shop/versions").await;
    let numbers: Vec<_> =
        versions["items"].as_array().unwrap().iter().map(|v| v["version"].clone()).collect();
    assert_eq!(numbers, [json!(2), json!(1)]);
}

#[tokio::test]
async fn a_package_brings_its_manifest_hosts_and_limits() {
    let manager = Steading::start().await;
    let toml = "[app]\nname = \"shop\"\nhosts = [\"Shop.example\"]\n[limits]\nmemory_mib_max = 64\n\
        [functions.a.limits]\ndeadline_ms_max = 50\n";
    let (a, b) = (Guest::new(&[("a", "a")]).wasm(), Guest::new(&[("b", "b/{id?}")]).wasm());
    let package = zip(&[("steading.toml", toml.as_bytes()), ("x/a.wasm", &a), ("b.wasm", &b)]);
    manager.published("shop", package).await;
    assert_eq!(manager.get("/apps/shop").await["hosts"], json!(["shop.example"]));
    let functions = &manager.get("/apps/shop/functions").await["items"];
    assert_eq!(functions[0]["limits"]["deadline_ms_max"], json!(50));
    assert_eq!(functions[1]["limits"]["deadline_ms_max"], json!(30_000));
    assert_eq!(functions[1]["limits"]["memory_bytes_max"], json!(64 << 20));
    let answer = manager.publish(
        "other",
        zip(&[("steading.toml", b"[app]\nhosts = [\"shop.example\"]\n"), ("b.wasm", &b)]),
    );
    let answer = answer.await;
    assert_eq!((answer.status.as_u16(), &*answer.code()), (422, "manifest_invalid"));
    assert!(answer.text().contains("already leads to app `shop`"), "{}", answer.text());
}

#[tokio::test]
async fn the_default_app_can_be_chosen_while_publishing_and_later() {
    let manager = Steading::start().await;
    manager.published("a", module()).await;
    let second = manager.api(Method::POST, "/apps/b/versions?default=true").body(module());
    assert_eq!(send(second).await.status, 201);
    assert_eq!(manager.get("/apps/b").await["default"], json!(true));
    assert_eq!(send(manager.api(Method::PUT, "/apps/a/default")).await.status, 204);
    assert_eq!(manager.get("/apps/b").await["default"], json!(false));
    assert_eq!(send(manager.api(Method::DELETE, "/apps/a")).await.status, 204);
    assert_eq!(send(manager.api(Method::GET, "/apps/a")).await.code(), "app_unknown");
}

fn guest(change: impl FnOnce(&mut Guest)) -> Vec<u8> {
    let mut guest = Guest::new(&[("f", "f")]);
    change(&mut guest);
    guest.wasm()
}

fn with_record(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut bad = record("f", "f");
    change(&mut bad);
    guest(|guest| guest.records = vec![bad])
}

fn with_toml(toml: &str) -> Vec<u8> {
    zip(&[("steading.toml", toml.as_bytes()), ("a.wasm", &module())])
}

/// What is refused: the package, the code, and a text that the message must hold.
fn refusals() -> Vec<(Vec<u8>, &'static str, &'static str)> {
    let good = module();
    let component = [b"\0asm\x0d\0\x01\0".as_slice(), &[]].concat();
    let memory64 = MemoryType {
        minimum: 1,
        maximum: None,
        memory64: true,
        shared: false,
        page_size_log2: None,
    };
    vec![
        (b"hello".to_vec(), "not_wasm", "neither a wasm module nor a zip"),
        (vec![], "not_wasm", "neither"),
        (good[..good.len() / 2].to_vec(), "wasm_invalid", "not valid wasm"),
        (component, "no_functions", "neither `wasi:http/incoming-handler"),
        (guest(|g| g.imports.push(("env", "puts"))), "import_unknown", "`puts` from `env`"),
        (guest(|g| g.imports.push(("steading_v1", "nope"))), "import_unknown", "`nope`"),
        (guest(|g| g.records.clear()), "no_functions", "no functions"),
        (guest(|g| g.results.clear()), "wasm_invalid", "(i32) -> (i32)"),
        (guest(|g| g.memory_export = "mem"), "wasm_invalid", "`memory`"),
        (guest(|g| g.memory = memory64), "wasm_invalid", "32-bit"),
        (guest(|g| g.memory.minimum = 4096), "wasm_invalid", "limits.memory_mib_max"),
        (with_record(|r| r["v"] = json!(2)), "wasm_invalid", "version 2"),
        (with_record(|r| r["name"] = json!("host")), "name_invalid", "`host`"),
        (with_record(|r| r["trigger"]["route"] = json!("{f")), "route_invalid", "no closing brace"),
        (
            with_record(|r| r["trigger"]["auth"] = json!("function")),
            "auth_unsupported",
            "`function`",
        ),
        (with_record(|r| r["trigger"]["auth"] = json!("admin")), "auth_unsupported", "`admin`"),
        (with_record(|r| r["trigger"]["type"] = json!("queue")), "wasm_invalid", "record 1"),
        (
            Guest::new(&[("a", "x/{id}"), ("b", "X/{other}")]).wasm(),
            "route_conflict",
            "`a` and `b`",
        ),
        (
            zip(&[
                ("steading.toml", b""),
                ("a.wasm", &module()),
                ("b.wasm", &Guest::new(&[("F", "other")]).wasm()),
            ]),
            "function_duplicate",
            "`f` and `F`",
        ),
        (b"PK\x03\x04rubbish".to_vec(), "package_invalid", "cannot be read"),
        (zip(&[("a.wasm", &good)]), "package_invalid", "steading.toml"),
        (with_toml("[limits]\nmemory_max = 1\n"), "manifest_invalid", "line 2"),
        (with_toml("[app]\nname = \"other\"\n"), "manifest_invalid", "`other`"),
        (with_toml("[functions.g]\n"), "manifest_invalid", "functions.g"),
    ]
}

#[tokio::test]
async fn every_fault_of_a_package_has_its_code_and_leaves_the_app_as_it_was() {
    let manager = Steading::start().await;
    manager.published("shop", module_like(b"good")).await;
    for (package, code, text) in refusals() {
        let answer = manager.publish("shop", package).await;
        assert_eq!(answer.status, 422, "{code}: {}", answer.text());
        assert_eq!(answer.code(), code, "{}", answer.text());
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(text), "{code}: {message}");
    }
    assert_eq!(manager.get("/apps/shop").await["version"], json!(1));
    assert_eq!(manager.get("/apps/shop/versions").await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_export_that_a_record_names_has_to_exist() {
    let manager = Steading::start().await;
    let mut wasm = module();
    // The section's text, not the export's: only one of the two is preceded by a quote.
    let at = wasm.windows(8).position(|w| w == b"\"http.f\"").unwrap();
    wasm[at + 6] = b'g';
    let answer = manager.publish("shop", wasm).await;
    assert_eq!(answer.code(), "wasm_invalid");
    assert!(answer.text().contains("`http.g`, which does not exist"), "{}", answer.text());
}

#[tokio::test]
async fn a_package_over_the_limit_is_refused_also_when_only_unpacking_shows_it() {
    let manager = Steading::with(|config| config.module_bytes_max = 10_000).await;
    let big = module_like(&[0; 20_000]);
    let packed = zip(&[("steading.toml", b""), ("a.wasm", &big)]);
    assert!(packed.len() < 5_000);
    for package in [big, packed] {
        let answer = manager.publish("shop", package).await;
        assert_eq!((answer.status.as_u16(), &*answer.code()), (413, "module_too_large"));
    }
    // A body that does not state its length.
    let address = manager.url.strip_prefix("http://").unwrap();
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/v1/apps/shop/versions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n",
        manager.token
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..3 {
        socket.write_all(&[b"1000\r\n", &[0; 0x1000][..], b"\r\n"].concat()).await.unwrap();
    }
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("module_too_large"), "{answer}");
    assert_eq!(send(manager.api(Method::GET, "/apps/shop")).await.code(), "app_unknown");
}

#[tokio::test]
async fn a_bad_app_name_and_an_unknown_query_are_refused() {
    let manager = Steading::start().await;
    let answer = manager.publish("No_Good", module()).await;
    assert_eq!((answer.status.as_u16(), &*answer.code()), (422, "name_invalid"));
    assert!(answer.text().contains("No_Good"), "{}", answer.text());
    let odd = manager.api(Method::POST, "/apps/shop/versions?defualt=true").body(module());
    assert_eq!(send(odd).await.code(), "body_invalid");
}
