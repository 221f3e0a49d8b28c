//! The folders of packages on a worker's disk: kept, changed, not to be had, and without room.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Method;
use steading_protocol::Limits;
use steading_protocol::desired::{DesiredApp, ModuleRef, PlacementState};
use steading_tests::desk::app_of;
use steading_tests::{Desk, DeskWorker, Mount, eventually, http, packages, run, scratch};

use super::package::module;
use crate::setup::binary;

/// An archive as managers make it, with one file in `assets`.
fn archive(text: &str) -> Vec<u8> {
    use std::io::Write as _;
    use zip::write::SimpleFileOptions;
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(vec![]));
    archive.start_file("assets/a.txt", options).expect("memory takes a file");
    archive.write_all(text.as_bytes()).expect("memory takes bytes");
    archive.finish().expect("memory takes a directory").into_inner()
}

/// An app of the native guest `folder` with these parts, which asks for `assets`.
fn asking(parts: Vec<ModuleRef>) -> DesiredApp {
    let app = app_of("native", "folder", &parts[0], Limits::default());
    let files = serde_json::json!([{ "host": "assets", "guest": "/assets" }]);
    let grants = serde_json::from_value(serde_json::json!({ "files": files }));
    let grants = grants.expect("these are grants");
    DesiredApp { grants, modules: parts, ..app }
}

async fn answer(worker: &DeskWorker) -> String {
    let at = format!("{}/functions/native/api/folder", worker.url());
    http::send(http::request(Method::GET, &at).header("path", "/assets/a.txt")).await.text()
}

/// The directories of unpacked folders of a worker with its state there.
fn unpacked(state: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(state.join("folders")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

#[test]
fn folders_that_were_changed_on_the_disk_are_fetched_anew_and_whole_ones_are_not() {
    run(async {
        let folder = scratch();
        let state = folder.path().join("state");
        let desk = Desk::open().await;
        let mut worker = DeskWorker::below(binary(), &desk, state.to_str().unwrap()).await;
        let (module, files) =
            (desk.module(module("native").await), desk.module(archive("as published")));
        desk.applied(desk.want(vec![asking(vec![module, files.clone()])], vec![])).await;
        assert_eq!(answer(&worker).await, "as published");
        worker.restart().await;
        eventually("the app", Duration::from_secs(30), || async {
            let text = answer(&worker).await;
            if text == "as published" { Ok(()) } else { Err(text) }
        })
        .await;
        assert_eq!(desk.fetches(&files), 1, "after a restart they come from the disk");
        worker.stop().await;
        let [directory] = &unpacked(&state)[..] else { panic!("{:?}", unpacked(&state)) };
        fs::write(directory.join("assets/a.txt"), "as an intruder wants it").unwrap();
        worker.restart().await;
        eventually("the app", Duration::from_secs(30), || async {
            let text = answer(&worker).await;
            assert!(!text.contains("intruder"), "{text}");
            if text == "as published" { Ok(()) } else { Err(text) }
        })
        .await;
        assert_eq!(desk.fetches(&files), 2);
    });
}

#[test]
fn an_archive_that_a_manager_would_not_make_fails_the_placement() {
    run(async {
        let desk = Desk::open().await;
        let _worker = DeskWorker::start(binary(), &desk, "").await;
        let guest = module("native").await;
        let inflated = packages::zipped(&[("assets/a.txt", b"packed tightly")]);
        let without = packages::zipped(&[]);
        for (bytes, told) in [
            (b"PK, and then nothing of a zip".to_vec(), "cannot be used"),
            (inflated, "`assets/a.txt` is no file that is stored as it is"),
            (without, "has no folder `assets`"),
        ] {
            let parts = vec![desk.module(guest.clone()), desk.module(bytes)];
            let report = desk.applied(desk.want(vec![asking(parts)], vec![])).await;
            let placement = &report.placements[0];
            assert_eq!(placement.state, PlacementState::Failed, "{report:?}");
            let detail = placement.detail.as_deref().unwrap_or_default();
            assert!(detail.contains(told), "{detail}");
        }
    });
}

#[test]
fn a_disk_without_room_for_the_folders_is_named_and_got_over() {
    run(async {
        let folder = scratch();
        let state = folder.path().join("small");
        let Some(small) = Mount::over(&state, "size=8m") else { return };
        let desk = Desk::open().await;
        let worker = DeskWorker::below(binary(), &desk, state.to_str().unwrap()).await;
        let large = format!("large{}", " ".repeat(32 << 20));
        let parts = vec![desk.module(module("native").await), desk.module(archive(&large))];
        let generation = desk.want(vec![asking(parts)], vec![]);
        let told = "cannot unpack the folders of the package into";
        let report = desk
            .reported("why it is not loaded", |report| {
                let detail = report.placements.first().and_then(|p| p.detail.as_deref());
                detail.is_some_and(|why| why.contains(told) && why.contains("No space left"))
            })
            .await;
        assert_eq!(report.placements[0].state, PlacementState::Loading, "it may come to be");
        small.remount("size=256m");
        desk.applied(generation).await;
        assert!(answer(&worker).await.starts_with("large "));
        assert_eq!(unpacked(&state).len(), 1, "what was begun and not ended is gone");
        drop(worker);
    });
}
