//! How a command becomes an app: a package with a manifest, or a bare file.

use steading_protocol::api::{Function, List};
use steading_tests::{http, packages, run, scratch};

use super::{package, shared};
use crate::setup::cluster;

/// Two programs that are not the same.
async fn two(manifest: &str) -> Vec<u8> {
    let module = packages::command().await;
    // an empty custom section of the name `x`
    let other = [&module[..], &[0, 2, 1, b'x']].concat();
    let files = [("steading.toml", manifest.as_bytes()), ("a.wasm", &module), ("b.wasm", &other)];
    packages::zipped(&files)
}

#[test]
fn a_manifest_that_does_not_fit_is_refused_by_name() {
    run(async {
        let cluster = shared().await;
        let bad = [
            (package("[functions.x]\nmodule = \"c.wasm\"\n").await, "manifest_invalid", "`c.wasm`"),
            (package("[functions.x]\nroute = \"/x\"\n").await, "manifest_invalid", "`/x`"),
            (package("[functions.x]\nauth = \"function\"\n").await, "auth_unsupported", "`x`"),
            (package("[functions.x]\n[functions.y]\n").await, "route_conflict", "`x` and `y`"),
            (two("").await, "manifest_invalid", "module = \"a.wasm\""),
            (two("[functions.x]\n").await, "manifest_invalid", "needs `module`"),
        ];
        for (package, code, named) in bad {
            let refusal = cluster.api().publish("bad", &package).await.unwrap_err();
            let text = refusal.to_string();
            assert!(text.contains(code) && text.contains(named), "{text}");
        }
        let guests = crate::setup::built("tests/guests").await;
        let manifest = b"[functions.echo]\nroute = \"x\"\n";
        let module = packages::module_of(&guests);
        let package = packages::zipped(&[("steading.toml", manifest), ("guests.wasm", &module)]);
        let refusal = cluster.api().publish("bad", &package).await.unwrap_err().to_string();
        assert!(refusal.contains("functions.echo.route is for commands"), "{refusal}");
    });
}

#[test]
fn several_programs_and_a_native_module_stand_side_by_side() {
    run(async {
        let cluster = cluster().workers(1).start().await;
        let manifest = "[functions.one]\nmodule = \"a.wasm\"\nroute = \"one/{*rest}\"\nmethods = [\"GET\"]\n[functions.two]\nmodule = \"b.wasm\"\nroute = \"two/{*rest}\"\n";
        let module = packages::command().await;
        let other = [&module[..], &[0, 2, 1, b'x']].concat();
        let native = packages::module_of(&crate::setup::built("examples/hello").await);
        let files = [("a.wasm", &module[..]), ("b.wasm", &other[..]), ("native.wasm", &native[..])];
        let package = [&[("steading.toml", manifest.as_bytes())], &files[..]].concat();
        cluster.api().publish_ready("mixed", &packages::zipped(&package), 1).await;
        let worker = cluster.worker(0);
        for (path, status) in [("hello", 200), ("one/length", 200), ("two/length", 200), ("x", 404)]
        {
            assert_eq!(http::get(&format!("{worker}/api/{path}")).await.status, status, "{path}");
        }
        assert_eq!(http::post(&format!("{worker}/api/one/length"), "x").await.status, 405);
    });
}

#[test]
fn a_bare_file_is_published_under_a_name_and_answers_everything() {
    run(async {
        let cluster = cluster().workers(1).start().await;
        let folder = scratch();
        let file = folder.path().join("program.wasm");
        std::fs::write(&file, packages::command().await).unwrap();
        let publish = cluster.steading().args(["publish", "--app", "bare"]).args([&file]);
        let ended = publish.ended().await.succeeded();
        assert!(ended.stdout.contains("/api/{*path}"), "{ended}");
        let worker = cluster.worker(0);
        assert_eq!(http::get(&format!("{worker}/functions/bare/api/length")).await.text(), "0");
        assert_eq!(http::get(&format!("{worker}/api/")).await.text(), "no action ``");
        let list: List<Function> = cluster.api().get("apps/bare/functions").await;
        assert_eq!(list.items[0].spec.name.as_str(), "bare");
    });
}
