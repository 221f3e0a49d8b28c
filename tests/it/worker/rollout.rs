//! Versions side by side, as a manager rolls them out: standby, shares, and going back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use steading_protocol::VersionNumber;
use steading_protocol::desired::PlacementState::{Failed, Loading, Ready};
use steading_protocol::desired::VersionLoad;
use steading_tests::desk::version;
use steading_tests::{Load, http, run, wasm};

use super::{desk_and_worker, state};

#[test]
fn a_standby_is_loaded_and_not_called_until_it_has_a_share() {
    run(async {
        let (desk, worker) = desk_and_worker().await;
        let [one, two] = ["one", "two"].map(|text| desk.module(wasm::saying(text)));
        desk.applied(desk.want(vec![version("shop", 1, 100, &one)], vec![])).await;
        let load = Load::start(format!("{}/functions/shop/api/hello", worker.url()));

        let both = vec![version("shop", 1, 100, &one), version("shop", 2, 0, &two)];
        desk.applied(desk.want(both, vec![])).await;
        let report = desk.reported("version 2", |r| state(r, "shop", 2) == Some(Ready)).await;
        assert_eq!(state(&report, "shop", 1), Some(Ready));
        for _ in 0..50 {
            assert_eq!(worker.hello("shop").await, (200, "one".into()));
        }
        let two_alone = vec![version("shop", 2, 100, &two)];
        let report = desk.applied(desk.want(two_alone, vec![])).await;
        assert_eq!(state(&report, "shop", 2), Some(Ready));
        assert_eq!(worker.hello("shop").await, (200, "two".into()));

        let report = load.stop().await;
        report.assert_no_failure("the app");
        assert_eq!(report.replies.keys().collect::<Vec<_>>(), ["one", "two"]);
    });
}

#[test]
fn shares_divide_the_calls_and_each_version_is_counted() {
    run(async {
        let (desk, worker) = desk_and_worker().await;
        let [one, two] = ["one", "two"].map(|text| desk.module(wasm::saying(text)));
        let shares = vec![version("shop", 1, 80, &one), version("shop", 2, 20, &two)];
        desk.applied(desk.want(shares, vec![])).await;
        let mut seen: BTreeMap<String, u64> = BTreeMap::new();
        for _ in 0..1000 {
            *seen.entry(worker.hello("shop").await.1).or_default() += 1;
        }
        // 200 of 1,000 are expected; beyond 120 to 280 lies one in some hundred millions of runs
        assert!((120..=280).contains(&seen["two"]), "{seen:?}");
        let load = |version, invocations| VersionLoad {
            app: "shop".parse().unwrap(),
            version: VersionNumber(version),
            invocations,
            failures: 0,
        };
        let expected = vec![load(1, seen["one"]), load(2, seen["two"])];
        desk.heartbeat("the counts of both versions", |h| h.versions == expected).await;
        let metrics = http::get(&format!("{}/metrics", worker.control())).await.text();
        for (text, version) in [("one", 1), ("two", 2)] {
            let line = format!(
                "steading_invocations_total{{app=\"shop\",version=\"{version}\",function=\"hello\",outcome=\"ok\"}} {}",
                seen[text]
            );
            assert!(metrics.contains(&line), "{line}\n{metrics}");
        }

        desk.applied(desk.want(vec![version("shop", 2, 100, &two)], vec![])).await;
        desk.heartbeat("no counts of one version alone", |h| h.versions.is_empty()).await;
    });
}

#[test]
fn a_version_that_cannot_be_fetched_is_loading_and_the_old_one_serves_until_it_can() {
    run(async {
        let (desk, worker) = desk_and_worker().await;
        let [one, two] = ["one", "two"].map(|text| desk.module(wasm::saying(text)));
        let first = desk.want(vec![version("shop", 1, 100, &one)], vec![]);
        desk.applied(first).await;
        desk.lose(&two);
        let second = desk.want(vec![version("shop", 2, 100, &two)], vec![]);
        let why = |report: &steading_protocol::desired::PlacementsReport| {
            report.placements.iter().find_map(|placement| placement.detail.clone())
        };
        let report = desk.reported("the reason", |report| why(report).is_some()).await;
        assert_eq!(state(&report, "shop", 2), Some(Loading));
        assert_eq!(state(&report, "shop", 1), Some(Ready));
        assert_eq!((report.generation, report.applied), (second, first));
        assert!(why(&report).unwrap().contains("cannot be fetched"), "{report:?}");
        assert_eq!(worker.hello("shop").await, (200, "one".into()));

        desk.module(wasm::saying("two"));
        desk.applied(second).await;
        assert_eq!(worker.hello("shop").await, (200, "two".into()));
    });
}

#[test]
fn a_version_that_can_never_be_loaded_has_failed_and_the_state_is_applied_all_the_same() {
    run(async {
        let (desk, worker) = desk_and_worker().await;
        let good = desk.module(wasm::saying("good"));
        let bad = desk.module(wasm::module_importing("elsewhere", "nothing"));
        desk.applied(desk.want(vec![version("shop", 1, 100, &good)], vec![])).await;
        let wanted = vec![
            version("shop", 2, 100, &bad),
            version("other", 1, 100, &good),
            version("other", 2, 0, &bad),
        ];
        let report = desk.applied(desk.want(wanted.clone(), vec![])).await;
        assert_eq!(state(&report, "shop", 2), Some(Failed));
        assert_eq!(state(&report, "shop", 1), Some(Ready));
        assert_eq!(worker.hello("shop").await, (200, "good".into()));
        assert_eq!(worker.hello("other").await, (200, "good".into()));
        let ready = http::get(&format!("{}/ready", worker.control())).await;
        assert_eq!(ready.status, 200);
        let fetched = desk.fetches(&bad);
        desk.applied(desk.want(wanted, vec![])).await;
        assert_eq!(desk.fetches(&bad), fetched, "it is not tried again");
    });
}

#[test]
fn a_slow_fetch_holds_up_neither_another_app_nor_the_next_generation() {
    run(async {
        let (desk, worker) = desk_and_worker().await;
        let [one, two, slow] = ["one", "two", "slow"].map(|text| desk.module(wasm::saying(text)));
        desk.applied(desk.want(vec![version("shop", 1, 100, &one)], vec![])).await;
        desk.give_out(&slow, false);
        let waiting = version("waiting", 1, 100, &slow);
        let generation = desk.want(vec![waiting.clone(), version("shop", 2, 100, &two)], vec![]);
        let ready = |report: &_| state(report, "shop", 2) == Some(Ready);
        let report = desk.reported("the app behind it", ready).await;
        assert_eq!(state(&report, "waiting", 1), Some(Loading));
        assert!(report.generation == generation && report.applied < generation);
        assert_eq!(worker.hello("shop").await, (200, "two".into()));

        // and back again, while it still waits
        desk.want(vec![waiting, version("shop", 1, 100, &one)], vec![]);
        desk.reported("the way back", |report| state(report, "shop", 1) == Some(Ready)).await;
        assert_eq!(worker.hello("shop").await, (200, "one".into()));
        assert_eq!(desk.fetches(&slow), 1, "a new generation does not begin the fetch anew");
        desk.give_out(&slow, true);
        desk.reported("the slow one", |report| state(report, "waiting", 1) == Some(Ready)).await;
        assert_eq!(worker.hello("waiting").await, (200, "slow".into()));
    });
}

#[test]
fn a_held_version_is_back_in_service_within_a_second() {
    run(async {
        let (desk, worker) = desk_and_worker().await;
        let [one, two] = ["one", "two"].map(|text| desk.module(wasm::saying(text)));
        // version 1 has never run here: its code comes only by being held
        desk.applied(desk.want(vec![version("shop", 2, 100, &two)], vec![one.clone()])).await;
        steading_tests::eventually("both modules' code", Duration::from_secs(30), || async {
            let files = worker.code().len();
            if files == 2 { Ok(()) } else { Err(files) }
        })
        .await;
        desk.lose(&one);
        let began = Instant::now();
        desk.applied(desk.want(vec![version("shop", 1, 100, &one)], vec![two])).await;
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        assert_eq!(worker.hello("shop").await, (200, "one".into()));
    });
}
