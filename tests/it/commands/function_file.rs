//! Functions of commands and components that a `function.json` tells instead of a table of the manifest.

use serde_json::{Value, json};
use steading_tests::{Cluster, http, packages, run, scratch};

use crate::setup::{built, cluster};

/// A `function.json` in Azure's form.
fn function(script: &str, trigger: &Value, limits: &Value) -> Vec<u8> {
    let mut http = json!({ "type": "httpTrigger", "direction": "in", "name": "req", "authLevel": "anonymous" });
    for (key, value) in trigger.as_object().expect("it is an object") {
        http[key] = value.clone();
    }
    let out = json!({ "type": "http", "direction": "out", "name": "res" });
    json!({ "scriptFile": script, "bindings": [http, out], "limits": limits }).to_string().into()
}

async fn serving() -> Cluster {
    let cluster = cluster().workers(1).start().await;
    let (toml, none) =
        (b"[functions.plain]\nmodule = \"old.wasm\"\nroute = \"hello/plain\"\n", json!({}));
    let count = json!({ "route": "count/{*rest}", "methods": ["post", "PUT"] });
    let files: [(&str, &[u8]); 7] = [
        ("command.wasm", &packages::command().await),
        (
            "count/function.json",
            &function("../command.wasm", &count, &json!({ "request_body_kib_max": 1 })),
        ),
        ("hello/function.json", &function("new.wasm", &json!({}), &none)),
        ("hello/new.wasm", &packages::component("wasi03").await),
        ("old.wasm", &packages::component("wasi02").await),
        ("steading.toml", toml),
        ("docs/deep/function.json", b"not looked at"),
    ];
    cluster.api().publish_ready("mixed", &packages::zipped(&files), 1).await;
    cluster
}

#[test]
fn route_methods_and_limits_of_a_function_file_are_heeded() {
    run(async {
        let cluster = serving().await;
        let at = |path: &str| format!("{}/api/{path}", cluster.worker(0));
        assert_eq!(http::post(&at("count/length"), "12345").await.text(), "5");
        let get = http::get(&at("count/length")).await;
        assert_eq!((get.status.as_u16(), get.header("allow")), (405, "POST, PUT"));
        let long = http::post(&at("count/length"), vec![b'x'; 1025]).await;
        assert_eq!(long.status, 413, "{}", long.text());
        // without a route it is the function's name, and without methods all are answered
        assert_eq!(http::get(&at("hello")).await.text(), "Hello from a component\n");
        assert_eq!(http::post(&at("hello"), "").await.status, 200);
        assert_eq!(http::get(&at("hello/plain")).await.text(), "Hello from a component\n");
    });
}

/// Why a manager refuses a package with this module and this file.
async fn refusal(cluster: &Cluster, module: &[u8], (file, text): (&str, &[u8])) -> String {
    let manifest: &[u8] = if file.starts_with('y') { b"[functions.y]\n" } else { b"" };
    let files = [("steading.toml", manifest), ("a.wasm", module), (file, text)];
    let published = cluster.api().publish("bad", &packages::zipped(&files)).await;
    published.expect_err("it is refused").to_string()
}

#[test]
fn a_function_file_that_cannot_be_meant_is_refused_by_name() {
    run(async {
        let cluster = cluster().workers(0).start().await;
        let command = packages::command().await;
        let none = json!({});
        let with = |trigger: Value| function("../a.wasm", &trigger, &none);
        let of = |script: &str| function(script, &none, &none);
        let limited = function("../a.wasm", &none, &json!({ "memory_mib_max": 0 }));
        for (text, told) in [
            (b"{".to_vec(), "manifest_invalid: EOF"),
            (b"{".to_vec(), "(in x/function.json)"),
            (with(json!({ "route": "{a" })), "manifest_invalid: route: "),
            (with(json!({ "methods": ["TRACE"] })), "`TRACE`"),
            (with(json!({ "authLevel": "function" })), "auth_unsupported: function `x`"),
            (with(json!({ "webHookType": "github" })), "`webHookType`"),
            (with(json!({ "type": "queueTrigger" })), "queueTrigger"),
            (of("../b.wasm"), "`b.wasm`, which is no command"),
            (of("../../a.wasm"), "leads out of the package"),
            (limited, "limits.memory_mib_max = 0"),
        ] {
            let refusal = refusal(&cluster, &command, ("x/function.json", &text)).await;
            assert!(refusal.contains(told), "{told}: {refusal}");
        }
        let native = packages::module_of(&built("tests/guests").await);
        for (file, module, told) in [
            ("function.json", &command, "belongs in a folder"),
            ("1st/function.json", &command, "`1st`"),
            ("y/function.json", &command, "say it in one place"),
            ("echo/function.json", &native, "functions.echo.module is for commands"),
            ("x/function.json", &native, "[functions.x] names a function"),
        ] {
            let refusal = refusal(&cluster, module, (file, &of("../a.wasm"))).await;
            assert!(refusal.contains("manifest_invalid: "), "{told}: {refusal}");
            assert!(refusal.contains(told), "{told}: {refusal}");
        }
    });
}

#[test]
fn a_build_packs_function_files_and_shows_their_functions() {
    run(async {
        let folder = scratch();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("it has one")).unwrap();
            std::fs::write(path, bytes).unwrap();
        };
        write("steading.toml", b"[app]\nname = \"counts\"\n");
        write("a.wasm", &packages::command().await);
        let trigger = json!({ "route": "count/{*rest}", "methods": ["POST"] });
        write("count/function.json", &function("../a.wasm", &trigger, &json!({})));
        let build = || crate::setup::steading().args(["build"]).args([folder.path()]).ended();
        let built = build().await.succeeded();
        for part in ["count", "POST", "/api/count/{*rest}", "anonymous"] {
            assert!(built.stdout.contains(part), "{built}");
        }
        write("count/function.json", b"{ \"bindings\": [] }");
        let refused = build().await;
        let line = refused.failed(65);
        assert!(
            line.contains("no binding of the type httpTrigger (in count/function.json)"),
            "{line}"
        );
    });
}
