//! How much an invocation writes to files, for every kind of guest and every way of writing.

use std::fs;
use std::path::Path;

use reqwest::Method;
use steading_protocol::Limits;
use steading_protocol::desired::PlacementState;
use steading_tests::desk::app_of;
use steading_tests::http::Reply;
use steading_tests::{Cluster, Desk, DeskWorker, http, run, scratch, wasm};

use super::{GUESTS, package};
use crate::setup::{binary, cluster};

const MANIFEST: &str = "[grants]\nfiles = [{ host = \"worker:up\", guest = \"/up\", write = true }]\n[limits]\nfile_write_kib_max = 1024\n";

/// What each may write.
const LIMIT: u64 = 1 << 20;

/// A guest of each kind, which may write to `up` in this folder.
async fn serving(folder: &Path) -> Cluster {
    let up = folder.join("up");
    fs::create_dir(&up).expect("the temporary folder takes it");
    let tables = format!("[directories]\nup = {{ path = {up:?}, write = true }}\n");
    let cluster = cluster().workers(1).worker_tables(tables).start().await;
    for guest in GUESTS {
        cluster.api().publish_ready(guest, &package(guest, MANIFEST).await, 1).await;
    }
    cluster
}

/// Has a guest write to a file of its folder.
async fn fill(cluster: &Cluster, guest: &str, how: &str, bytes: u64) -> Reply {
    let function = if guest == "native" { "folder" } else { "fill" };
    let at = format!("{}/functions/{guest}/api/{function}", cluster.worker(0));
    let request = http::request(Method::GET, &at).header("do", "fill").header("how", how);
    http::send(request.header("path", "/up/file").header("bytes", bytes.to_string())).await
}

#[test]
fn an_invocation_writes_as_much_as_it_may_and_the_next_one_as_much_again() {
    run(async {
        let folder = scratch();
        let cluster = serving(folder.path()).await;
        let file = folder.path().join("up/file");
        for guest in GUESTS {
            for (how, bytes, length) in [
                ("write", LIMIT, LIMIT),
                ("append", LIMIT, 2 * LIMIT),
                ("behind", 3 * LIMIT - 1, 3 * LIMIT),
                ("length", 4 * LIMIT, 4 * LIMIT),
                // what is there already may be written to
                ("write", LIMIT, 4 * LIMIT),
                ("length", 1, 1),
            ] {
                let reply = fill(&cluster, guest, how, bytes).await;
                assert_eq!(reply.text(), "done", "{guest} {how} {bytes}");
                assert_eq!(fs::metadata(&file).unwrap().len(), length, "{guest} {how} {bytes}");
            }
            fs::remove_file(&file).unwrap();
        }
    });
}

#[test]
fn one_that_writes_more_is_ended_with_its_name_however_it_writes() {
    run(async {
        let folder = scratch();
        let cluster = serving(folder.path()).await;
        let file = folder.path().join("up/file");
        for guest in GUESTS {
            for (how, bytes) in [
                ("write", LIMIT + 1),
                ("write", 1 << 40),
                ("append", LIMIT + 1),
                ("behind", LIMIT),
                ("behind", 1 << 40),
                ("length", LIMIT + 1),
                ("length", 1 << 40),
            ] {
                let problem = fill(&cluster, guest, how, bytes).await.problem();
                let told = (problem.status, problem.code.as_str());
                assert_eq!(told, (500, "file_write_exceeded"), "{guest} {how}: {problem:?}");
                assert!(problem.title.contains("1024 KiB"), "{problem:?}");
                let length = fs::metadata(&file).unwrap().len();
                assert!(length <= LIMIT, "{guest} {how} {bytes}: {length}");
                fs::remove_file(&file).unwrap();
            }
            assert_eq!(fill(&cluster, guest, "write", 1).await.text(), "done", "{guest}");
        }
    });
}

#[test]
fn a_function_that_asks_for_more_than_the_workers_ceiling_is_not_loaded() {
    run(async {
        let desk = Desk::open().await;
        let config = "[ceilings]\nfile_write_kib_max = 10\n";
        let _worker = DeskWorker::start(binary(), &desk, config).await;
        let module = desk.module(wasm::saying("here"));
        let asked = Limits { file_write_bytes_max: 11 << 10, ..Limits::default() };
        let app = app_of("shop", "hello", &module, asked);
        let report = desk.applied(desk.want(vec![app], vec![])).await;
        assert_eq!(report.placements[0].state, PlacementState::Failed, "{report:?}");
        let detail = report.placements[0].detail.as_deref().unwrap_or_default();
        assert!(
            detail.contains("limits.file_write_kib_max = 11; this worker allows 10"),
            "{detail}"
        );
    });
}
