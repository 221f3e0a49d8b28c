//! Folders that an app asks for and does not get, and directories that an operator cannot give.

use steading_protocol::Limits;
use steading_protocol::desired::{DesiredApp, PlacementState};
use steading_tests::desk::app_of;
use steading_tests::{Desk, DeskWorker, Steading, packages, run, scratch, wasm};

use crate::setup::{binary, cluster};

/// Why a worker with this configuration does not load an app that asks for this folder.
async fn refusal(config: &str, files: serde_json::Value) -> String {
    let desk = Desk::open().await;
    let _worker = DeskWorker::start(binary(), &desk, config).await;
    let module = desk.module(wasm::saying("here"));
    let app = app_of("shop", "hello", &module, Limits::default());
    let grants = serde_json::from_value(serde_json::json!({ "files": [files] }));
    let grants = grants.expect("these are grants");
    let app = DesiredApp { grants, ..app };
    let report = desk.applied(desk.want(vec![app], vec![])).await;
    assert_eq!(report.placements[0].state, PlacementState::Failed, "{report:?}");
    report.placements[0].detail.clone().expect("a failure has its reason")
}

#[test]
fn a_directory_that_the_operator_does_not_give_fails_the_placement_by_its_name() {
    run(async {
        let folder = scratch();
        let asked = |name: &str, write: bool| serde_json::json!({ "host": format!("worker:{name}"), "guest": "/up", "write": write });
        let config = format!(
            "[directories]\nup = {{ path = {0:?} }}\ntheirs = {{ path = {0:?}, apps = [\"bank\"] }}\n",
            folder.path()
        );
        for (name, write, told) in [
            ("other", false, "no directory `other`"),
            ("up", true, "`up` of this worker is read only"),
            ("theirs", false, "`theirs` of this worker is not for this app"),
        ] {
            let detail = refusal(&config, asked(name, write)).await;
            assert!(detail.contains(told), "{detail}");
        }
    });
}

#[test]
fn folders_of_a_package_that_cannot_be_given_are_refused_when_it_is_published() {
    run(async {
        let cluster = cluster().workers(0).start().await;
        let module = wasm::saying("here");
        let asset = ("assets/a.txt", &b"x"[..]);
        let grant = |more: &str| format!("[grants]\nfiles = [{{ {more}, guest = \"/assets\" }}]\n");
        let plain = grant("host = \"assets\"");
        let nested = "[grants]\nfiles = [{ host = \"assets\", guest = \"/a\" }, { host = \"worker:up\", guest = \"/a/b\" }]\n";
        let long = vec![b'x'; 65 << 20];
        for (manifest, files, code, told) in [
            (&*plain, vec![], "manifest_invalid", "no file in a folder `assets`"),
            (&plain, vec![("assets", &b"x"[..])], "manifest_invalid", "folder `assets`"),
            (
                &grant("host = \"assets\", write = true"),
                vec![asset],
                "manifest_invalid",
                "nobody writes to",
            ),
            (&grant("host = \"../x\""), vec![asset], "manifest_invalid", "lead elsewhere"),
            (&grant("host = \"/etc\""), vec![asset], "manifest_invalid", "is not a relative path"),
            (&grant("host = 'C:x'"), vec![asset], "manifest_invalid", "a drive"),
            (&grant("host = \"nul\""), vec![asset], "manifest_invalid", "a device"),
            (nested, vec![asset], "manifest_invalid", "`/a/b` lies in `/a`"),
            (&plain, vec![asset, ("assets/../b", b"")], "package_invalid", "lead elsewhere"),
            (&plain, vec![asset, ("assets/a:b", b"")], "package_invalid", "a stream"),
            (&plain, vec![asset, ("assets/CON.txt", b"")], "package_invalid", "a device"),
            (&plain, vec![asset, ("assets/A.TXT", b"")], "package_invalid", "stands twice"),
            (&plain, vec![asset, ("Assets/b", b"")], "package_invalid", "is spelled `assets`"),
            (&plain, vec![("assets/a.txt", &long)], "module_too_large", "folders_bytes_max"),
        ] {
            let mut entries =
                vec![("guest.wasm", &module[..]), ("steading.toml", manifest.as_bytes())];
            entries.extend(files);
            let package = packages::zipped(&entries);
            let refusal = cluster.api().publish("assets", &package).await.unwrap_err().to_string();
            assert!(refusal.contains(code) && refusal.contains(told), "{told}: {refusal}");
        }
    });
}

#[test]
fn a_worker_does_not_start_with_a_directory_that_is_missing_or_its_own() {
    run(async {
        let folder = scratch();
        let config = folder.path().join("worker.toml");
        let state = folder.path().join("state");
        for (path, told) in
            [("missing", "directories.up"), ("state", "state_dir"), (".", "state_dir")]
        {
            let path = folder.path().join(path);
            let text = format!(
                "listen = \"127.0.0.1:0\"\ncontrol = \"127.0.0.1:0\"\nstate_dir = {state:?}\n[directories]\nup = {{ path = {path:?} }}\n"
            );
            std::fs::write(&config, text).unwrap();
            let worker = Steading::at(binary()).args(["worker", "--config"]).args([&config]);
            let ended = worker.ended().await;
            assert!(ended.code != 0 && ended.stderr.contains(told), "{ended}");
        }
    });
}
