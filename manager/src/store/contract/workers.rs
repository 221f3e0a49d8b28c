//! Promises about workers, placements and desired states.

use std::collections::BTreeMap;

use steading_protocol::api::WorkerState;
use steading_protocol::desired::{Heartbeat, PlacementState, WorkerLoad};
use steading_protocol::{Generation, WorkerId};

use super::{at, generation, join, joining, name, planned, publish, report, states, version};
use crate::auth::SecretHash;
use crate::store::Store;

pub(in crate::store) async fn a_worker_keeps_its_id_by_name_and_its_old_token_dies(
    store: &dyn Store,
) {
    let first = store.worker_join(joining("one", None, "t1"), at(0)).await.unwrap();
    let by = async |token: &str| store.worker_by_token(&SecretHash::of(token)).await.unwrap();
    assert_eq!(by("t1").await.as_ref(), Some(&first));
    let again = joining("one", Some(&first), "t2");
    assert_eq!(store.worker_join(again, at(7)).await.unwrap(), first);
    assert_eq!((by("t1").await, by("t2").await), (None, Some(first.clone())));
    let worker = store.worker_get(&first).await.unwrap().unwrap();
    assert_eq!((worker.joined_at, worker.seen_at), (at(0), at(7)));
    // Another machine with a copied id, and an id from another store.
    let other = store.worker_join(joining("two", Some(&first), "t3"), at(8)).await.unwrap();
    assert_ne!(other, first);
    assert_eq!(by("t2").await, Some(first));
    let strange: WorkerId = "w-strange".parse().unwrap();
    let third = store.worker_join(joining("one", Some(&strange), "t4"), at(9)).await.unwrap();
    assert_ne!(third, strange);
    assert_eq!(store.worker_list().await.unwrap().len(), 3);
}

pub(in crate::store) async fn a_generation_grows_with_a_change_and_only_then(store: &dyn Store) {
    let worker = join(store, "one").await;
    let mut last = generation(store, &worker).await;
    assert!(last > 0);
    let mut grown = async || {
        let now = generation(store, &worker).await;
        std::mem::replace(&mut last, now) < now
    };
    assert!(planned(store).await.is_empty());
    store.worker_heartbeat(&worker, Heartbeat::default(), at(1)).await.unwrap();
    assert!(!grown().await);
    publish(store, "a", b"1").await;
    assert!(grown().await);
    publish(store, "b", b"1").await;
    assert!(grown().await);
    report(store, &worker, &[("a", 1, PlacementState::Ready)]).await;
    assert!(planned(store).await.is_empty());
    assert!(!grown().await);
    store.app_default_set(&name("b")).await.unwrap();
    planned(store).await;
    assert!(grown().await);
    store.app_default_set(&name("b")).await.unwrap();
    planned(store).await;
    assert!(!grown().await);
}

pub(in crate::store) async fn the_desired_state_is_whole_and_in_order(store: &dyn Store) {
    let worker = join(store, "one").await;
    for (second, app) in [(3, "old"), (1, "older"), (9, "young")] {
        store.version_publish(version(app, app.as_bytes()), at(second)).await.unwrap();
    }
    store.app_default_set(&name("young")).await.unwrap();
    planned(store).await;
    let state = store.desired_get(&worker, 5).await.unwrap().unwrap();
    let order: Vec<_> = state.apps.iter().map(|app| app.app.as_str()).collect();
    assert_eq!(order, ["young", "older", "old"]);
    assert_eq!(state.generation.0, generation(store, &worker).await);
    let young = &state.apps[0];
    let expected = version("young", b"young");
    assert_eq!(young.functions, expected.functions);
    assert_eq!(young.limits, expected.limits);
    assert_eq!(young.modules[0].digest, expected.modules[0].digest);
    assert_eq!(young.modules[0].size_bytes, 5);
    let nobody = "w-nobody".parse().unwrap();
    assert!(store.desired_get(&nobody, 5).await.unwrap().is_none());
    assert!(store.desired_generation(&nobody).await.unwrap().is_none());
}

pub(in crate::store) async fn a_generation_can_be_raised_above_the_workers(store: &dyn Store) {
    let worker = join(store, "one").await;
    store.desired_raise(&worker, Generation(41)).await.unwrap();
    assert_eq!(generation(store, &worker).await, 42);
    store.desired_raise(&worker, Generation(7)).await.unwrap();
    assert_eq!(generation(store, &worker).await, 42);
}

pub(in crate::store) async fn old_placements_stay_until_the_report_drops_them(store: &dyn Store) {
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
    report(store, &worker, &[("shop", 1, Ready), ("shop", 2, Ready)]).await;
    planned(store).await;
    report(store, &worker, &[("shop", 1, Draining), ("shop", 2, Ready)]).await;
    assert_eq!(states(store).await, [("shop".into(), 1, Draining), ("shop".into(), 2, Ready)]);
    report(store, &worker, &[("shop", 2, Ready)]).await;
    assert_eq!(states(store).await, [("shop".into(), 2, Ready)]);
    // A worker that lost what it should have: wanted, so pending.
    report(store, &worker, &[]).await;
    assert_eq!(states(store).await, [("shop".into(), 2, Pending)]);
}

pub(in crate::store) async fn a_report_of_an_unknown_version_is_given_back(store: &dyn Store) {
    let worker = join(store, "one").await;
    publish(store, "shop", b"1").await;
    let ready = PlacementState::Ready;
    let unknown =
        report(store, &worker, &[("shop", 9, ready), ("shop", 1, ready), ("no", 1, ready)]).await;
    let unknown: Vec<_> = unknown.iter().map(|p| (p.app.as_str(), p.version.0)).collect();
    assert_eq!(unknown, [("shop", 9), ("no", 1)]);
    assert_eq!(states(store).await, [("shop".into(), 1, ready)]);
}

pub(in crate::store) async fn a_silent_worker_is_lost_and_comes_back(store: &dyn Store) {
    let worker = join(store, "one").await;
    publish(store, "shop", b"1").await;
    report(store, &worker, &[("shop", 1, PlacementState::Ready)]).await;
    store.worker_heartbeat(&worker, Heartbeat::default(), at(10)).await.unwrap();
    assert!(store.worker_lose(at(10), at(20)).await.unwrap().is_empty());
    assert_eq!(store.worker_lose(at(11), at(21)).await.unwrap(), std::slice::from_ref(&worker));
    assert!(store.worker_lose(at(11), at(22)).await.unwrap().is_empty());
    let lost = store.placement_list(None).await.unwrap();
    assert_eq!((lost[0].state, lost[0].changed_at), (PlacementState::Lost, at(21)));
    assert_eq!(store.worker_get(&worker).await.unwrap().unwrap().state, WorkerState::Lost);
    // Published meanwhile: the lost worker gets it when it is back.
    publish(store, "shop", b"2").await;
    let before = generation(store, &worker).await;
    let apps = BTreeMap::from([("shop".parse().unwrap(), 2)]);
    let load = WorkerLoad { in_flight: 3, apps, app_in_flight_max: Some(9), ..Default::default() };
    let beat = Heartbeat { load: load.clone(), ..Heartbeat::default() };
    let told = store.worker_heartbeat(&worker, beat.clone(), at(30)).await.unwrap().unwrap();
    assert!(told.0 > before);
    assert_eq!(planned(store).await, std::slice::from_ref(&worker));
    let pending = PlacementState::Pending;
    assert_eq!(states(store).await, [("shop".into(), 1, pending), ("shop".into(), 2, pending)]);
    let back = store.worker_get(&worker).await.unwrap().unwrap();
    assert_eq!((back.state, back.load, back.seen_at), (WorkerState::Live, load, at(30)));
    let nobody = "w-nobody".parse().unwrap();
    assert!(store.worker_heartbeat(&nobody, beat, at(30)).await.unwrap().is_none());
}

pub(in crate::store) async fn a_worker_that_leaves_loses_token_and_placements(store: &dyn Store) {
    let worker = join(store, "one").await;
    publish(store, "shop", b"1").await;
    store.worker_leave(&worker).await.unwrap();
    assert!(store.worker_by_token(&SecretHash::of("one")).await.unwrap().is_none());
    assert!(store.placement_list(None).await.unwrap().is_empty());
    assert_eq!(store.worker_get(&worker).await.unwrap().unwrap().state, WorkerState::Left);
    assert!(planned(store).await.is_empty());
}

pub(in crate::store) async fn workers_that_are_gone_are_forgotten_in_time(store: &dyn Store) {
    let left = join(store, "left").await;
    join(store, "live").await;
    store.worker_leave(&left).await.unwrap();
    assert_eq!(store.worker_prune(at(0)).await.unwrap(), 0);
    assert_eq!(store.worker_prune(at(1)).await.unwrap(), 1);
    let names: Vec<_> =
        store.worker_list().await.unwrap().into_iter().map(|worker| worker.name).collect();
    assert_eq!(names, ["live"]);
}
