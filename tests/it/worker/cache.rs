//! The compiled code on a worker's disk: damaged, and after a restart without a manager.

use steading_protocol::desired::PlacementState::{Loading, Ready};
use steading_protocol::desired::PlacementsReport;
use steading_tests::desk::version;
use steading_tests::{Desk, DeskWorker, Mount, eventually, run, wasm};

use super::{desk_and_worker, state};
use crate::setup::binary;

#[test]
fn a_damaged_code_file_is_seen_and_its_module_fetched_and_compiled_anew() {
    run(async {
        let (desk, mut worker) = desk_and_worker().await;
        let [one, two] = ["one", "two"].map(|text| desk.module(wasm::saying(text)));
        let apps = vec![version("shop", 1, 100, &one), version("whole", 1, 100, &two)];
        desk.applied(desk.want(apps, vec![])).await;
        worker.stop().await;
        let damaged: Vec<_> = (worker.code().into_iter())
            .filter(|path| path.to_string_lossy().contains(one.digest.as_str()))
            .collect();
        assert_eq!(damaged.len(), 1);
        let mut bytes = std::fs::read(&damaged[0]).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        std::fs::write(&damaged[0], bytes).unwrap();

        worker.restart().await;
        eventually("the app to be served", std::time::Duration::from_secs(30), || async {
            let answer = worker.hello("shop").await;
            if answer == (200, "one".into()) { Ok(()) } else { Err(format!("{answer:?}")) }
        })
        .await;
        assert_eq!(worker.hello("whole").await, (200, "two".into()));
        assert_eq!((desk.fetches(&one), desk.fetches(&two)), (2, 1));
        assert_eq!(desk.joined().modules.len(), 1, "it joins with what is whole");
        desk.reported("both", |report| {
            state(report, "shop", 1) == Some(Ready) && state(report, "whole", 1) == Some(Ready)
        })
        .await;
    });
}

#[test]
fn a_worker_that_cannot_keep_code_serves_on_says_so_and_gets_on_when_it_can() {
    run(async {
        let (desk, worker) = desk_and_worker().await;
        let [one, two] = ["one", "two"].map(|text| desk.module(wasm::saying(text)));
        desk.applied(desk.want(vec![version("shop", 1, 100, &one)], vec![])).await;
        // a file where the folder was takes no code, as a full disk does not, also not of root
        let folder = worker.code()[0].parent().unwrap().to_owned();
        let aside = folder.with_extension("aside");
        std::fs::rename(&folder, &aside).unwrap();
        std::fs::write(&folder, "").unwrap();

        let second = desk.want(vec![version("shop", 2, 100, &two)], vec![]);
        let told = |report: &PlacementsReport| {
            let details = report.placements.iter().filter_map(|placement| placement.detail.clone());
            details.collect::<String>()
        };
        let what = "why it is not loaded";
        let report = desk.reported(what, |report| told(report).contains("cannot keep")).await;
        assert_eq!(state(&report, "shop", 2), Some(Loading), "it has not failed for good");
        assert_eq!(state(&report, "shop", 1), Some(Ready));
        assert_eq!(worker.hello("shop").await, (200, "one".into()));

        std::fs::remove_file(&folder).unwrap();
        std::fs::rename(&aside, &folder).unwrap();
        desk.applied(second).await;
        assert_eq!(worker.hello("shop").await, (200, "two".into()));
    });
}

#[test]
fn code_on_a_volume_that_does_not_allow_mapping_it_is_read_and_that_is_said() {
    run(async {
        let folder = steading_tests::scratch();
        let state = folder.path().join("noexec");
        let Some(_volume) = Mount::over(&state, "noexec") else { return };
        let desk = Desk::open().await;
        let worker = DeskWorker::below(binary(), &desk, &state.to_string_lossy()).await;
        let module = desk.module(wasm::saying("read"));
        desk.applied(desk.want(vec![version("shop", 1, 100, &module)], vec![])).await;
        assert_eq!(worker.hello("shop").await, (200, "read".into()));
        let read = "Compiled code cannot be mapped from its volume and is read instead";
        assert!(worker.lines().iter().any(|line| line.contains(read)), "{:?}", worker.lines());
    });
}

#[test]
fn a_worker_without_its_manager_takes_up_its_shares_after_a_restart() {
    run(async {
        let desk = Desk::open().await;
        let mut worker = DeskWorker::start(binary(), &desk, "").await;
        let [one, two, slow] = ["one", "two", "slow"].map(|text| desk.module(wasm::saying(text)));
        desk.give_out(&slow, false);
        let apps = vec![
            version("shop", 1, 50, &one),
            version("shop", 2, 50, &two),
            version("shop", 3, 0, &slow),
        ];
        desk.applied(desk.want(apps, vec![])).await;
        // the state is kept right after it was taken up; the report may come before
        eventually("the state on disk", std::time::Duration::from_secs(10), || async {
            worker.keeps("\"version\": 3").then_some(()).ok_or("not yet")
        })
        .await;
        drop(desk);
        worker.restart().await;
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..60 {
            seen.insert(worker.hello("shop").await);
        }
        let expected = [(200, "one".to_owned()), (200, "two".to_owned())];
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected);
    });
}
