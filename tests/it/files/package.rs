//! Folders of an app's own package, for every kind of guest.

use std::fs;
use std::time::Duration;

use reqwest::Method;
use steading_tests::{Dev, eventually, http, packages, run, scratch};

use super::{GUESTS, SECRET, read};
use crate::setup::{built, cluster, steading};

const GRANTS: &str = "[grants]\nfiles = [{ host = \"assets\", guest = \"/assets\", write = false }, { host = \"assets/deep\", guest = \"/mine/deep\" }]\n";

/// What belongs into a directory of the worker that has the folder's name.
const THEIRS: &str = "[directories]\nassets = { path = PATH, write = true }\n";

pub(super) async fn module(guest: &str) -> Vec<u8> {
    match guest {
        "native" => packages::module_of(&built("tests/guests").await),
        "command" => packages::command().await,
        component => packages::component(component).await,
    }
}

/// A package with this text in its folder.
async fn package(guest: &str, manifest: &str, text: &str) -> Vec<u8> {
    packages::zipped(&[
        ("assets/a.txt", text.as_bytes()),
        ("assets/deep/b.txt", b"deep"),
        ("assets/not.wasm", b"no module"),
        ("beside.txt", SECRET.as_bytes()),
        ("guest.wasm", &module(guest).await),
        ("steading.toml", manifest.as_bytes()),
    ])
}

#[test]
fn every_kind_of_guest_finds_the_folders_of_its_package_and_nothing_beside_them() {
    run(async {
        let cluster = cluster().workers(1).start().await;
        for guest in GUESTS {
            let package = package(guest, GRANTS, "version 1").await;
            // without `allow_new_grants`: what comes in the package needs no yes
            let request = cluster.api().request(Method::POST, &format!("apps/{guest}/versions"));
            let reply = http::send(request.body(package.clone())).await;
            assert_eq!(reply.status, 201, "{}", reply.text());
            let line = "`assets` of the package at `/assets`, read only";
            let grants: serde_json::Value = reply.json();
            let grants: steading_protocol::Grants =
                serde_json::from_value(grants["grants"].clone()).unwrap();
            assert!(grants.lines().iter().any(|grant| grant.contains(line)), "{grants:?}");
            cluster.api().publish_ready(guest, &package, 1).await;
            assert_eq!(read(&cluster, guest, "/assets/a.txt").await, "version 1", "{guest}");
            for path in ["/assets/deep/b.txt", "/mine/deep/b.txt"] {
                assert_eq!(read(&cluster, guest, path).await, "deep", "{guest} {path}");
            }
            assert_eq!(read(&cluster, guest, "/assets/not.wasm").await, "no module");
            for path in [
                "/assets/../beside.txt",
                "/mine/deep/../a.txt",
                "/beside.txt",
                "/assets/../../../desired.json",
                "/assets/../../../../identity.json",
            ] {
                let text = read(&cluster, guest, path).await;
                assert!(text.starts_with("refused: "), "{guest} {path}: {text}");
            }
        }
    });
}

#[test]
fn another_version_brings_its_own_files_and_the_old_ones_stay_as_they_are() {
    run(async {
        let cluster = cluster().workers(1).start().await;
        for text in ["version 1", "version 2", "version 1"] {
            let package = package("command", GRANTS, text).await;
            cluster.api().publish_ready("command", &package, 1).await;
            // a version that is ready takes over a moment later
            eventually("the version to be in service", Duration::from_secs(30), || async {
                let found = read(&cluster, "command", "/assets/a.txt").await;
                if found == text { Ok(()) } else { Err(found) }
            })
            .await;
        }
    });
}

#[test]
fn nothing_in_a_package_is_changed_linked_or_taken_away() {
    run(async {
        let folder = scratch();
        let up = folder.path().join("up");
        fs::create_dir(&up).expect("the temporary folder takes it");
        let tables = format!("[directories]\nup = {{ path = {up:?}, write = true }}\n");
        let cluster = cluster().workers(1).worker_tables(tables).start().await;
        let manifest = "[grants]\nfiles = [{ host = \"assets\", guest = \"/assets\" }, { host = \"worker:up\", guest = \"/up\", write = true }]\n";
        let package = package("native", manifest, "read me").await;
        cluster.api().publish_ready("native", &package, 1).await;
        for (action, path, to) in [
            ("write", "/assets/new.txt", ""),
            ("write", "/assets/a.txt", ""),
            ("remove", "/assets/a.txt", ""),
            ("make", "/assets/new", ""),
            ("rename", "/assets/a.txt", "/up/a.txt"),
            // a second name in a folder that may be written to would make the file writable
            ("link", "/assets/a.txt", "/up/a.txt"),
            ("rename", "/assets/deep", "/up/deep"),
        ] {
            let text = super::done(&cluster, action, path, to).await;
            assert!(text.starts_with("refused: "), "{action} {path} {to}: {text}");
        }
        assert_eq!(super::done(&cluster, "write", "/up/mine.txt", "").await, "done");
        assert_eq!(fs::read_dir(&up).unwrap().count(), 1, "only that was made");
        assert_eq!(read(&cluster, "native", "/assets/a.txt").await, "read me");
        assert_eq!(super::done(&cluster, "list", "/assets", "").await, "a.txt deep not.wasm");
    });
}

#[test]
fn a_folder_of_the_package_is_never_the_workers_directory_of_that_name() {
    run(async {
        let folder = scratch();
        fs::write(folder.path().join("a.txt"), SECRET).expect("the temporary folder takes it");
        let tables = THEIRS.replace("PATH", &format!("{:?}", folder.path()));
        let cluster = cluster().workers(1).worker_tables(tables).start().await;
        cluster.api().publish_ready("native", &package("native", GRANTS, "own").await, 1).await;
        assert_eq!(read(&cluster, "native", "/assets/a.txt").await, "own");
        let missing = packages::zipped(&[
            ("guest.wasm", &module("native").await),
            ("steading.toml", GRANTS.as_bytes()),
        ]);
        let refusal = cluster.api().publish("missing", &missing).await.unwrap_err().to_string();
        assert!(refusal.contains("no file in a folder `assets`"), "{refusal}");
    });
}

#[test]
fn in_development_a_saved_file_of_a_folder_is_served_and_a_folder_that_is_gone_waited_for() {
    run(async {
        let folder = scratch();
        let app = folder.path().join("native");
        fs::create_dir_all(app.join("assets")).expect("the temporary folder takes it");
        let save = |text: &str| fs::write(app.join("assets/a.txt"), text).unwrap();
        save("saved first");
        fs::write(app.join("guest.wasm"), module("native").await).unwrap();
        let manifest = "[grants]\nfiles = [{ host = \"assets\", guest = \"/assets\" }]\n";
        fs::write(app.join("steading.toml"), manifest).unwrap();
        let mut dev = Dev::start(steading(), &app).await;
        let base = dev.function().split("/api/").next().unwrap().to_owned();
        let text = || async {
            let request = http::request(Method::GET, &format!("{base}/api/folder"));
            http::send(request.header("path", "/assets/a.txt")).await.text()
        };
        assert_eq!(text().await, "saved first");
        fs::rename(app.join("assets"), app.join("elsewhere")).unwrap();
        dev.says("grants.files asks for this folder, and it is not there").await;
        assert_eq!(text().await, "saved first");
        fs::rename(app.join("elsewhere"), app.join("assets")).unwrap();
        save("saved again");
        dev.says("native 2 is ready").await;
        assert_eq!(text().await, "saved again");
        dev.stop().await;
    });
}
