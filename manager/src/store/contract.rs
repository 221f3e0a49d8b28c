//! What every store promises, as functions that each implementation's tests run on a fresh store.
//! One function, one promise; nothing here knows which database is behind the trait.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use steading_protocol::api::{Placement, WorkerState};
use steading_protocol::desired::{
    PlacementReport, PlacementState, PlacementsReport, WorkerLoad,
};
use steading_protocol::{
    AppName, AuthLevel, Digest, FunctionSpec, Generation, HttpTrigger, Limits, Trigger,
    VersionNumber, WorkerId,
};

use super::{
    NewModule, NewToken, NewVersion, NewWorker, Publishing, SessionRecord, Setting, Store,
    StoreError,
};
use crate::auth::SecretHash;
use crate::clock;
use crate::schedule::plan;

/// Names every promise once; an implementation passes a macro that makes a test of each.
macro_rules! promises {
    ($test:ident) => {
        $test!(a_publish_makes_the_app_its_version_and_its_modules);
        $test!(the_same_package_again_changes_nothing);
        $test!(the_first_app_is_the_default_and_another_can_become_it);
        $test!(a_host_leads_to_one_app);
        $test!(a_removed_app_leaves_nothing_and_its_numbers_are_not_given_again);
        $test!(a_module_stays_while_another_version_needs_it);
        $test!(a_worker_keeps_its_id_by_name_and_its_old_token_dies);
        $test!(a_generation_grows_with_a_change_and_only_then);
        $test!(the_desired_state_is_whole_and_in_order);
        $test!(a_generation_can_be_raised_above_the_workers);
        $test!(old_placements_stay_until_the_report_drops_them);
        $test!(a_report_of_an_unknown_version_is_given_back);
        $test!(a_silent_worker_is_lost_and_comes_back);
        $test!(a_worker_that_leaves_loses_token_and_placements);
        $test!(workers_that_are_gone_are_forgotten_in_time);
        $test!(sessions_are_kept_touched_and_forgotten);
        $test!(tokens_are_found_by_hash_until_revoked);
        $test!(a_setting_is_inserted_once_and_can_be_put);
        $test!(publishing_at_once_gives_every_version_its_own_number);
    };
}

pub(super) use promises;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn name(text: &str) -> AppName {
    text.parse().unwrap()
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}

/// A version whose only module has these bytes.
pub(super) fn version(app: &str, bytes: &[u8]) -> NewVersion {
    let module = NewModule { digest: digest(bytes), bytes: Bytes::copy_from_slice(bytes) };
    let function = FunctionSpec {
        name: "f".parse().unwrap(),
        module: module.digest.clone(),
        export: "e".into(),
        trigger: Trigger::Http(HttpTrigger {
            route: "f/{id?}".parse().unwrap(),
            methods: vec![],
            auth: AuthLevel::Anonymous,
        }),
        limits: Limits::default(),
    };
    NewVersion {
        app: name(app),
        package: digest(&[b"package of ", bytes].concat()),
        size_bytes: bytes.len() as u64,
        hosts: vec![],
        modules: vec![module],
        functions: vec![function],
        default: false,
    }
}

async fn publish(store: &dyn Store, app: &str, bytes: &[u8]) -> VersionNumber {
    match store.version_publish(version(app, bytes), plan, at(0)).await.unwrap() {
        Publishing::Created(version) | Publishing::Same(version) => version,
        taken @ Publishing::HostTaken { .. } => panic!("{taken:?}"),
    }
}

fn joining(label: &str, earlier: Option<&WorkerId>, token: &str) -> NewWorker {
    NewWorker {
        earlier: earlier.cloned(),
        fresh: format!("w-{token}").parse().unwrap(),
        name: label.into(),
        url: "http://w".into(),
        release: "0".into(),
        platform: "linux/x86_64".into(),
        token: SecretHash::of(token),
    }
}

async fn join(store: &dyn Store, label: &str) -> WorkerId {
    store.worker_join(joining(label, None, label), plan, at(0)).await.unwrap()
}

async fn report(
    store: &dyn Store,
    worker: &WorkerId,
    placements: &[(&str, u32, PlacementState)],
) -> Vec<PlacementReport> {
    let placements = placements.iter().map(|(app, version, state)| PlacementReport {
        app: name(app),
        version: VersionNumber(*version),
        state: *state,
        detail: None,
    });
    let report =
        PlacementsReport { generation: Generation(0), placements: placements.collect() };
    store.placement_report(worker, report, at(1)).await.unwrap()
}

async fn states(store: &dyn Store) -> Vec<(String, u32, PlacementState)> {
    let of = |p: Placement| (p.app.to_string(), p.version.0, p.state);
    store.placement_list(None).await.unwrap().into_iter().map(of).collect()
}

async fn generation(store: &dyn Store, worker: &WorkerId) -> u64 {
    store.desired_generation(worker).await.unwrap().unwrap().0
}

pub(super) async fn a_publish_makes_the_app_its_version_and_its_modules(store: &dyn Store) {
    let worker = join(store, "one").await;
    let mut new = version("shop", b"wasm");
    new.hosts = vec!["shop.example".into(), "a.example".into()];
    let made = store.version_publish(new.clone(), plan, at(5)).await.unwrap();
    assert_eq!(made, Publishing::Created(VersionNumber(1)));
    let app = store.app_get(&name("shop")).await.unwrap().unwrap();
    assert_eq!((app.version, app.created_at), (VersionNumber(1), at(5)));
    assert_eq!(app.hosts, new.hosts);
    let kept = store.version_get(&name("shop"), VersionNumber(1)).await.unwrap().unwrap();
    assert_eq!((kept.package, kept.size_bytes), (new.package, 4));
    assert_eq!((kept.functions, kept.published_at), (new.functions, at(5)));
    let bytes = store.module_get(&new.modules[0].digest).await.unwrap();
    assert_eq!(bytes.as_deref(), Some(&b"wasm"[..]));
    let placements = store.placement_list(Some(&name("shop"))).await.unwrap();
    assert_eq!(placements.len(), 1);
    assert_eq!((&placements[0].worker, &*placements[0].worker_name), (&worker, "one"));
    assert_eq!(placements[0].state, PlacementState::Pending);
    assert!(store.app_get(&name("other")).await.unwrap().is_none());
    assert!(store.module_get(&digest(b"other")).await.unwrap().is_none());
    assert!(store.version_get(&name("shop"), VersionNumber(2)).await.unwrap().is_none());
}

pub(super) async fn the_same_package_again_changes_nothing(store: &dyn Store) {
    let worker = join(store, "one").await;
    publish(store, "shop", b"1").await;
    let before = generation(store, &worker).await;
    let again = store.version_publish(version("shop", b"1"), plan, at(9)).await.unwrap();
    assert_eq!(again, Publishing::Same(VersionNumber(1)));
    assert_eq!(generation(store, &worker).await, before);
    assert_eq!(publish(store, "shop", b"2").await, VersionNumber(2));
    // Only the current version counts: going back is a new version.
    assert_eq!(publish(store, "shop", b"1").await, VersionNumber(3));
    let versions = store.version_list(&name("shop")).await.unwrap();
    assert_eq!(versions.iter().map(|v| v.version.0).collect::<Vec<_>>(), [3, 2, 1]);
}

pub(super) async fn the_first_app_is_the_default_and_another_can_become_it(store: &dyn Store) {
    let default = async || {
        let apps = store.app_list().await.unwrap();
        let defaults = apps.iter().filter(|app| app.default).map(|app| app.app.to_string());
        defaults.collect::<Vec<_>>()
    };
    publish(store, "b", b"b").await;
    publish(store, "a", b"a").await;
    assert_eq!(default().await, ["b"]);
    assert!(store.app_default_set(&name("a"), plan, at(1)).await.unwrap());
    assert_eq!(default().await, ["a"]);
    assert!(!store.app_default_set(&name("c"), plan, at(1)).await.unwrap());
    assert_eq!(default().await, ["a"]);
    let again = NewVersion { default: true, ..version("b", b"b") };
    let again = store.version_publish(again, plan, at(2)).await.unwrap();
    assert_eq!(again, Publishing::Same(VersionNumber(1)));
    assert_eq!(default().await, ["b"]);
    let new = NewVersion { default: true, ..version("a", b"a2") };
    store.version_publish(new, plan, at(3)).await.unwrap();
    assert_eq!(default().await, ["a"]);
}

pub(super) async fn a_host_leads_to_one_app(store: &dyn Store) {
    let hosts = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let first = NewVersion { hosts: hosts(&["x.example"]), ..version("a", b"a") };
    store.version_publish(first, plan, at(0)).await.unwrap();
    let second = NewVersion { hosts: hosts(&["y.example", "x.example"]), ..version("b", b"b") };
    let taken = store.version_publish(second.clone(), plan, at(0)).await.unwrap();
    let expected = Publishing::HostTaken { host: "x.example".into(), app: name("a") };
    assert_eq!(taken, expected);
    assert!(store.app_get(&name("b")).await.unwrap().is_none());
    let moved = NewVersion { hosts: hosts(&["z.example"]), ..version("a", b"a2") };
    store.version_publish(moved, plan, at(0)).await.unwrap();
    let made = store.version_publish(second, plan, at(0)).await.unwrap();
    assert_eq!(made, Publishing::Created(VersionNumber(1)));
}

pub(super) async fn a_removed_app_leaves_nothing_and_its_numbers_are_not_given_again(
    store: &dyn Store,
) {
    let worker = join(store, "one").await;
    publish(store, "shop", b"1").await;
    let before = generation(store, &worker).await;
    assert!(store.app_delete(&name("shop"), plan, at(1)).await.unwrap());
    assert!(!store.app_delete(&name("shop"), plan, at(1)).await.unwrap());
    assert!(generation(store, &worker).await > before);
    assert!(store.app_list().await.unwrap().is_empty());
    assert!(store.version_list(&name("shop")).await.unwrap().is_empty());
    assert!(store.placement_list(None).await.unwrap().is_empty());
    assert!(store.module_get(&digest(b"1")).await.unwrap().is_none());
    assert!(store.desired_get(&worker).await.unwrap().unwrap().apps.is_empty());
    assert_eq!(publish(store, "shop", b"1").await, VersionNumber(2));
}

pub(super) async fn a_module_stays_while_another_version_needs_it(store: &dyn Store) {
    publish(store, "a", b"shared").await;
    publish(store, "b", b"shared").await;
    store.app_delete(&name("a"), plan, at(1)).await.unwrap();
    assert!(store.module_get(&digest(b"shared")).await.unwrap().is_some());
    store.app_delete(&name("b"), plan, at(1)).await.unwrap();
    assert!(store.module_get(&digest(b"shared")).await.unwrap().is_none());
}

pub(super) async fn a_worker_keeps_its_id_by_name_and_its_old_token_dies(store: &dyn Store) {
    let first = store.worker_join(joining("one", None, "t1"), plan, at(0)).await.unwrap();
    let by = async |token: &str| store.worker_by_token(&SecretHash::of(token)).await.unwrap();
    assert_eq!(by("t1").await.as_ref(), Some(&first));
    let again = joining("one", Some(&first), "t2");
    assert_eq!(store.worker_join(again, plan, at(7)).await.unwrap(), first);
    assert_eq!((by("t1").await, by("t2").await), (None, Some(first.clone())));
    let worker = store.worker_get(&first).await.unwrap().unwrap();
    assert_eq!((worker.joined_at, worker.seen_at), (at(0), at(7)));
    // Another machine with a copied id, and an id from another store.
    let other = store.worker_join(joining("two", Some(&first), "t3"), plan, at(8)).await.unwrap();
    assert_ne!(other, first);
    assert_eq!(by("t2").await, Some(first));
    let strange: WorkerId = "w-strange".parse().unwrap();
    let third =
        store.worker_join(joining("one", Some(&strange), "t4"), plan, at(9)).await.unwrap();
    assert_ne!(third, strange);
    assert_eq!(store.worker_list().await.unwrap().len(), 3);
}

pub(super) async fn a_generation_grows_with_a_change_and_only_then(store: &dyn Store) {
    let worker = join(store, "one").await;
    let mut last = generation(store, &worker).await;
    assert!(last > 0);
    let mut grown = async || {
        let now = generation(store, &worker).await;
        std::mem::replace(&mut last, now) < now
    };
    assert!(store.plan_apply(plan, at(1)).await.unwrap().is_empty());
    store.worker_heartbeat(&worker, WorkerLoad::default(), at(1)).await.unwrap();
    assert!(!grown().await);
    publish(store, "a", b"1").await;
    assert!(grown().await);
    publish(store, "b", b"1").await;
    assert!(grown().await);
    report(store, &worker, &[("a", 1, PlacementState::Ready)]).await;
    assert!(store.plan_apply(plan, at(1)).await.unwrap().is_empty());
    assert!(!grown().await);
    store.app_default_set(&name("b"), plan, at(1)).await.unwrap();
    assert!(grown().await);
    store.app_default_set(&name("b"), plan, at(1)).await.unwrap();
    assert!(!grown().await);
}

pub(super) async fn the_desired_state_is_whole_and_in_order(store: &dyn Store) {
    let worker = join(store, "one").await;
    for (second, app) in [(3, "old"), (1, "older"), (9, "young")] {
        store.version_publish(version(app, app.as_bytes()), plan, at(second)).await.unwrap();
    }
    store.app_default_set(&name("young"), plan, at(9)).await.unwrap();
    let state = store.desired_get(&worker).await.unwrap().unwrap();
    let order: Vec<_> = state.apps.iter().map(|app| app.app.as_str()).collect();
    assert_eq!(order, ["young", "older", "old"]);
    assert_eq!(state.generation.0, generation(store, &worker).await);
    let young = &state.apps[0];
    let expected = version("young", b"young");
    assert_eq!(young.functions, expected.functions);
    assert_eq!(young.modules[0].digest, expected.modules[0].digest);
    assert_eq!(young.modules[0].size_bytes, 5);
    let nobody = "w-nobody".parse().unwrap();
    assert!(store.desired_get(&nobody).await.unwrap().is_none());
    assert!(store.desired_generation(&nobody).await.unwrap().is_none());
}

pub(super) async fn a_generation_can_be_raised_above_the_workers(store: &dyn Store) {
    let worker = join(store, "one").await;
    store.desired_raise(&worker, Generation(41)).await.unwrap();
    assert_eq!(generation(store, &worker).await, 42);
    store.desired_raise(&worker, Generation(7)).await.unwrap();
    assert_eq!(generation(store, &worker).await, 42);
}

pub(super) async fn old_placements_stay_until_the_report_drops_them(store: &dyn Store) {
    use PlacementState::{Draining, Pending, Ready};
    let worker = join(store, "one").await;
    publish(store, "shop", b"1").await;
    report(store, &worker, &[("shop", 1, Ready)]).await;
    assert_eq!(states(store).await, [("shop".into(), 1, Ready)]);
    publish(store, "shop", b"2").await;
    let both = [("shop".to_owned(), 1, Ready), ("shop".to_owned(), 2, Pending)];
    assert_eq!(states(store).await, both);
    // A report that was under way when version 2 was published.
    report(store, &worker, &[("shop", 1, Ready)]).await;
    assert_eq!(states(store).await, both);
    report(store, &worker, &[("shop", 1, Draining), ("shop", 2, Ready)]).await;
    assert_eq!(states(store).await, [("shop".into(), 1, Draining), ("shop".into(), 2, Ready)]);
    report(store, &worker, &[("shop", 2, Ready)]).await;
    assert_eq!(states(store).await, [("shop".into(), 2, Ready)]);
    // A worker that lost what it should have: wanted, so pending.
    report(store, &worker, &[]).await;
    assert_eq!(states(store).await, [("shop".into(), 2, Pending)]);
}

pub(super) async fn a_report_of_an_unknown_version_is_given_back(store: &dyn Store) {
    let worker = join(store, "one").await;
    publish(store, "shop", b"1").await;
    let ready = PlacementState::Ready;
    let unknown =
        report(store, &worker, &[("shop", 9, ready), ("shop", 1, ready), ("no", 1, ready)]).await;
    let unknown: Vec<_> = unknown.iter().map(|p| (p.app.as_str(), p.version.0)).collect();
    assert_eq!(unknown, [("shop", 9), ("no", 1)]);
    assert_eq!(states(store).await, [("shop".into(), 1, ready)]);
}

pub(super) async fn a_silent_worker_is_lost_and_comes_back(store: &dyn Store) {
    let worker = join(store, "one").await;
    publish(store, "shop", b"1").await;
    report(store, &worker, &[("shop", 1, PlacementState::Ready)]).await;
    store.worker_heartbeat(&worker, WorkerLoad::default(), at(10)).await.unwrap();
    assert!(store.worker_lose(at(10), at(20)).await.unwrap().is_empty());
    assert_eq!(store.worker_lose(at(11), at(21)).await.unwrap(), std::slice::from_ref(&worker));
    assert!(store.worker_lose(at(11), at(22)).await.unwrap().is_empty());
    let lost = store.placement_list(None).await.unwrap();
    assert_eq!((lost[0].state, lost[0].changed_at), (PlacementState::Lost, at(21)));
    assert_eq!(store.worker_get(&worker).await.unwrap().unwrap().state, WorkerState::Lost);
    // Published meanwhile: the lost worker gets it when it is back.
    publish(store, "shop", b"2").await;
    let before = generation(store, &worker).await;
    let load = WorkerLoad { in_flight: 3, ..Default::default() };
    let told = store.worker_heartbeat(&worker, load, at(30)).await.unwrap().unwrap();
    assert!(told.0 > before);
    assert_eq!(store.plan_apply(plan, at(31)).await.unwrap(), std::slice::from_ref(&worker));
    let pending = PlacementState::Pending;
    assert_eq!(states(store).await, [("shop".into(), 1, pending), ("shop".into(), 2, pending)]);
    let back = store.worker_get(&worker).await.unwrap().unwrap();
    assert_eq!((back.state, back.load, back.seen_at), (WorkerState::Live, load, at(30)));
    let nobody = "w-nobody".parse().unwrap();
    assert!(store.worker_heartbeat(&nobody, load, at(30)).await.unwrap().is_none());
}

pub(super) async fn a_worker_that_leaves_loses_token_and_placements(store: &dyn Store) {
    let worker = join(store, "one").await;
    publish(store, "shop", b"1").await;
    store.worker_leave(&worker).await.unwrap();
    assert!(store.worker_by_token(&SecretHash::of("one")).await.unwrap().is_none());
    assert!(store.placement_list(None).await.unwrap().is_empty());
    assert_eq!(store.worker_get(&worker).await.unwrap().unwrap().state, WorkerState::Left);
    assert!(store.plan_apply(plan, at(1)).await.unwrap().is_empty());
}

pub(super) async fn workers_that_are_gone_are_forgotten_in_time(store: &dyn Store) {
    let left = join(store, "left").await;
    join(store, "live").await;
    store.worker_leave(&left).await.unwrap();
    assert_eq!(store.worker_prune(at(0)).await.unwrap(), 0);
    assert_eq!(store.worker_prune(at(1)).await.unwrap(), 1);
    let names: Vec<_> =
        store.worker_list().await.unwrap().into_iter().map(|worker| worker.name).collect();
    assert_eq!(names, ["live"]);
}

pub(super) async fn sessions_are_kept_touched_and_forgotten(store: &dyn Store) {
    let session = |id: &str, expires: i64| SessionRecord {
        id: SecretHash::of(id),
        seen_at: at(0),
        expires_at: at(expires),
    };
    let get = async |id: &str| store.session_get(&SecretHash::of(id)).await.unwrap();
    for (id, expires) in [("a", 100), ("b", 10), ("c", 100)] {
        store.session_insert(session(id, expires)).await.unwrap();
    }
    assert_eq!(get("a").await, Some(session("a", 100)));
    assert_eq!(get("x").await, None);
    store.session_touch(&SecretHash::of("a"), at(50)).await.unwrap();
    assert_eq!(get("a").await.unwrap().seen_at, at(50));
    assert_eq!(store.session_prune(at(10), at(0)).await.unwrap(), 1);
    assert_eq!(get("b").await, None);
    assert_eq!(store.session_prune(at(10), at(1)).await.unwrap(), 1);
    assert_eq!(get("c").await, None);
    store.session_insert(session("d", 100)).await.unwrap();
    store.session_delete(&SecretHash::of("d")).await.unwrap();
    assert_eq!(get("d").await, None);
    store.session_delete_all().await.unwrap();
    assert_eq!(get("a").await, None);
}

pub(super) async fn tokens_are_found_by_hash_until_revoked(store: &dyn Store) {
    for (id, second) in [("t-2", 1), ("t-1", 0)] {
        let hash = SecretHash::of(id);
        let token = NewToken { id: id.into(), name: "ci".into(), hash, created_at: at(second) };
        store.token_insert(token).await.unwrap();
    }
    let ids: Vec<_> = store.token_list().await.unwrap().into_iter().map(|t| t.id).collect();
    assert_eq!(ids, ["t-1", "t-2"]);
    let by = async |text: &str| store.token_by_hash(&SecretHash::of(text)).await.unwrap();
    assert_eq!(by("t-1").await.unwrap().created_at, at(0));
    assert!(by("t-3").await.is_none());
    assert!(store.token_delete("t-1").await.unwrap());
    assert!(!store.token_delete("t-1").await.unwrap());
    assert!(by("t-1").await.is_none());
}

pub(super) async fn a_setting_is_inserted_once_and_can_be_put(store: &dyn Store) {
    let setting = Setting::AdminPassword;
    assert_eq!(store.setting_get(setting).await.unwrap(), None);
    assert!(store.setting_insert(setting, "a").await.unwrap());
    assert!(!store.setting_insert(setting, "b").await.unwrap());
    assert_eq!(store.setting_get(setting).await.unwrap().as_deref(), Some("a"));
    store.setting_put(setting, "c").await.unwrap();
    assert_eq!(store.setting_get(setting).await.unwrap().as_deref(), Some("c"));
}

pub(super) async fn publishing_at_once_gives_every_version_its_own_number(store: &dyn Store) {
    let publishes = (0..8_u8).map(|n| store.version_publish(version("a", &[n]), plan, at(0)));
    let mut numbers = vec![];
    for outcome in futures_in_order(publishes).await {
        match outcome.unwrap() {
            Publishing::Created(version) => numbers.push(version.0),
            other => panic!("{other:?}"),
        }
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
}

/// Polls all futures at once; answers in their order.
async fn futures_in_order<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut pending: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(move |context| {
        for (future, output) in &mut pending {
            if output.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *output = Some(value);
            }
        }
        if pending.iter().all(|(_, output)| output.is_some()) {
            std::task::Poll::Ready(pending.drain(..).filter_map(|(_, output)| output).collect())
        } else {
            std::task::Poll::Pending
        }
    })
    .await
}

/// For a store that has room for about a mebibyte: what does not fit is refused as a whole.
pub(super) async fn a_full_store_keeps_the_old_state(store: &dyn Store) {
    let worker = join(store, "one").await;
    publish(store, "shop", &[1; 1000]).await;
    report(store, &worker, &[("shop", 1, PlacementState::Ready)]).await;
    let before = (states(store).await, generation(store, &worker).await);
    let big = version("shop", &vec![2; 4 << 20]);
    let error = store.version_publish(big.clone(), plan, at(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Full { operation: "version_publish", .. }), "{error:?}");
    assert_eq!((states(store).await, generation(store, &worker).await), before);
    assert!(store.module_get(&big.modules[0].digest).await.unwrap().is_none());
    let app = store.app_get(&name("shop")).await.unwrap().unwrap();
    assert_eq!(app.version, VersionNumber(1));
    // And it goes on working, also without a gap in the numbers.
    assert_eq!(publish(store, "shop", &[3; 1000]).await, VersionNumber(2));
    let soon = clock::after(at(1), Duration::from_secs(1));
    assert!(store.worker_lose(at(0), soon).await.unwrap().is_empty());
}
