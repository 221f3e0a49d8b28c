//! How a component becomes an app, and which do not.

use steading_tests::wasm::component as exporting;
use steading_tests::{http, packages, run, scratch};

use super::{package, shared};
use crate::setup::cluster;

#[test]
fn a_component_that_cannot_be_run_is_refused_by_name() {
    run(async {
        let cluster = shared().await;
        let blobs = "(import \"wasi:blobstore/types@0.2.0-draft\" (instance))";
        let store = "(import \"wasi:keyvalue/store@0.3.0\" (instance))";
        let handler = "wasi:http/incoming-handler@0.2.6";
        let cut = exporting("", handler);
        let bad = [
            (exporting(blobs, handler), "import_unknown", "`wasi:blobstore/types@0.2.0-draft`"),
            (exporting(blobs, handler), "import_unknown", "the world `wasi:http/proxy`"),
            (exporting(store, handler), "import_unknown", "`wasi:keyvalue/store@0.2.0-draft2`"),
            (exporting("", "wasi:cli/run@0.2.0"), "no_functions", "wasm32-wasip1"),
            (exporting("", "wasi:http/handler@0.4.0"), "no_functions", "`wasi:http/handler@0.3.x`"),
            (cut[..cut.len() - 1].to_vec(), "wasm_invalid", "not a valid component"),
        ];
        for (component, code, named) in bad {
            let refusal = cluster.api().publish("bad", &component).await.unwrap_err().to_string();
            assert!(refusal.contains(code) && refusal.contains(named), "{refusal}");
        }
    });
}

#[test]
fn what_only_the_worker_can_find_fails_the_placement_with_a_reason() {
    run(async {
        let cluster = cluster().workers(1).start().await;
        // an interface that workers have, with a function that they do not
        let import = "(import \"wasi:cli/exit@0.2.0\" (instance (export \"leave\" (func))))";
        let component = exporting(import, "wasi:http/incoming-handler@0.2.6");
        let published = cluster.api().publish("odd", &component).await.expect("it is published");
        let within = std::time::Duration::from_secs(20);
        steading_tests::eventually("the placement to fail", within, || async {
            let placements = cluster.api().placements("odd").await;
            let told = placements.iter().any(|placement| {
                placement.detail.as_deref().is_some_and(|detail| detail.contains("wasi:cli/exit"))
            });
            if told { Ok(()) } else { Err(format!("{placements:?}")) }
        })
        .await;
        assert_eq!(published.functions.len(), 1);
    });
}

#[test]
fn components_commands_and_native_modules_stand_side_by_side() {
    run(async {
        let cluster = cluster().workers(1).start().await;
        let manifest = "[functions.old]\nmodule = \"old.wasm\"\nroute = \"hello/old\"\nmethods = [\"GET\"]\n[functions.new]\nmodule = \"new.wasm\"\nroute = \"hello/new\"\n[functions.command]\nmodule = \"command.wasm\"\nroute = \"command/{*rest}\"\n";
        let native = packages::module_of(&crate::setup::built("examples/hello").await);
        let files: [(&str, &[u8]); 5] = [
            ("steading.toml", manifest.as_bytes()),
            ("old.wasm", &packages::component("wasi02").await),
            ("new.wasm", &packages::component("wasi03").await),
            ("command.wasm", &packages::command().await),
            ("native.wasm", &native),
        ];
        cluster.api().publish_ready("mixed", &packages::zipped(&files), 1).await;
        let worker = cluster.worker(0);
        let answers = [
            ("hello/old", 200, "Hello from a component\n"),
            ("hello/new", 200, "Hello from a component\n"),
            ("command/length", 200, "0"),
            ("x", 404, ""),
        ];
        for (path, status, text) in answers {
            let reply = http::get(&format!("{worker}/api/{path}")).await;
            assert_eq!(reply.status, status, "{path}: {}", reply.text());
            assert!(status != 200 || reply.text() == text, "{path}: {}", reply.text());
        }
        assert_eq!(http::get(&format!("{worker}/api/hello")).await.status, 200);
        assert_eq!(http::post(&format!("{worker}/api/hello/old"), "x").await.status, 405);
    });
}

#[test]
fn a_bare_component_is_published_under_a_name_and_survives_a_restart_of_its_worker() {
    run(async {
        let mut cluster = cluster().workers(1).start().await;
        let folder = scratch();
        let file = folder.path().join("guest.wasm");
        std::fs::write(&file, packages::component("wasi02").await).unwrap();
        let publish = cluster.steading().args(["publish", "--app", "bare"]).args([&file]);
        let ended = publish.ended().await.succeeded();
        assert!(ended.stdout.contains("/api/{*path}"), "{ended}");
        let hello = "Hello from a component\n";
        let url = |cluster: &steading_tests::Cluster| {
            format!("{}/functions/bare/api/hello", cluster.worker(0))
        };
        assert_eq!(http::get(&url(&cluster)).await.text(), hello);
        // its code comes out of the worker's cache then
        cluster.sigkill_worker(0).await;
        cluster.start_worker_again(0).await;
        cluster.api().ready("bare", steading_protocol::VersionNumber(1), 1).await;
        assert_eq!(http::get(&url(&cluster)).await.text(), hello);
    });
}

#[test]
fn a_component_of_one_memory_takes_one_place_of_the_worker() {
    run(async {
        let cluster = cluster().workers(1).worker_tables("[engine]\ninstances_max = 1\n");
        let cluster = cluster.start().await;
        for guest in super::BOTH {
            cluster.api().publish_ready(guest, &packages::component(guest).await, 1).await;
            let reply = http::get(&super::url(&cluster, guest, "hello")).await;
            assert_eq!(reply.status, 200, "{guest}: {}", reply.text());
        }
    });
}

#[test]
fn a_table_of_the_manifest_gives_a_component_its_functions() {
    run(async {
        let cluster = shared().await;
        let manifest = "[functions.x]\nmodule = \"other.wasm\"\n";
        let package = package("wasi02", manifest).await;
        let refusal = cluster.api().publish("bad", &package).await.unwrap_err().to_string();
        assert!(refusal.contains("no command or component"), "{refusal}");
    });
}
