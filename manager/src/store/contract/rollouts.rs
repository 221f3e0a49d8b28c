//! Promises about bringing versions into service, and about what workers offer.

use steading_protocol::api::{RolloutRequest, RolloutState};
use steading_protocol::desired::{
    Heartbeat, PlacementReport, PlacementState, PlacementsReport, VersionLoad,
};
use steading_protocol::{
    Availability, AvailabilityState, Generation, PlacementRules, Replicas, VersionNumber, WorkerId,
};

use super::{at, digest, generation, join, name, planned, publish, report, states, version};
use crate::store::{Activation, NewVersion, Store};

const READY: PlacementState = PlacementState::Ready;

async fn serving(store: &dyn Store) -> (u32, Option<(u32, u8, RolloutState, Option<String>)>) {
    let app = store.app_get(&name("shop")).await.unwrap().unwrap();
    let rollout = app.rollout.map(|r| (r.version.0, r.percent, r.state, r.detail));
    (app.version.0, rollout)
}

async fn shares(store: &dyn Store, worker: &WorkerId) -> Vec<(u32, u8)> {
    let state = store.desired_get(worker, 5).await.unwrap().unwrap();
    state.apps.iter().map(|app| (app.version.0, app.percent)).collect()
}

pub(in crate::store) async fn a_version_is_rolled_out_beside_the_one_in_service(store: &dyn Store) {
    let worker = join(store, "one").await;
    publish(store, "shop", b"1").await;
    report(store, &worker, &[("shop", 1, READY)]).await;
    publish(store, "shop", b"2").await;
    assert_eq!(serving(store).await, (1, Some((2, 100, RolloutState::Rolling, None))));
    assert_eq!(shares(store, &worker).await, [(1, 100), (2, 0)]);
    report(store, &worker, &[("shop", 1, READY), ("shop", 2, PlacementState::Loading)]).await;
    assert!(planned(store).await.is_empty());
    let before = generation(store, &worker).await;
    report(store, &worker, &[("shop", 1, READY), ("shop", 2, READY)]).await;
    assert_eq!(planned(store).await, std::slice::from_ref(&worker));
    assert_eq!(serving(store).await, (2, None));
    assert_eq!(shares(store, &worker).await, [(2, 100)]);
    assert!(generation(store, &worker).await > before);
    let placements = store.placement_list(None).await.unwrap();
    let shares: Vec<_> = placements.iter().map(|p| (p.version.0, p.percent)).collect();
    assert_eq!(shares, [(1, None), (2, Some(100))]);
}

pub(in crate::store) async fn a_stopped_roll_out_says_why_and_can_begin_anew(store: &dyn Store) {
    let worker = join(store, "one").await;
    publish(store, "shop", b"1").await;
    publish(store, "shop", b"2").await;
    let failed = PlacementReport {
        app: name("shop"),
        version: VersionNumber(2),
        state: PlacementState::Failed,
        detail: Some("it does not compile".into()),
    };
    let (generation, applied) = (Generation(3), Generation(2));
    let told = PlacementsReport { generation, applied, placements: vec![failed] };
    store.placement_report(&worker, told, at(1)).await.unwrap();
    assert_eq!(store.worker_get(&worker).await.unwrap().unwrap().applied, applied);
    planned(store).await;
    let why = Some("one: it does not compile".to_owned());
    assert_eq!(serving(store).await, (1, Some((2, 100, RolloutState::Stopped, why))));
    assert_eq!(shares(store, &worker).await, [(1, 100)]);
    report(store, &worker, &[("shop", 1, READY)]).await;
    assert_eq!(states(store).await, [("shop".into(), 1, READY)]);
    assert_eq!(publish(store, "shop", b"2").await, VersionNumber(2));
    assert_eq!(serving(store).await, (1, Some((2, 100, RolloutState::Rolling, None))));
    assert!(store.app_roll_out_end(&name("shop")).await.unwrap());
    assert_eq!(serving(store).await, (1, None));
    assert!(!store.app_roll_out_end(&name("other")).await.unwrap());
}

pub(in crate::store) async fn going_back_takes_effect_at_once(store: &dyn Store) {
    let shop = name("shop");
    let worker = join(store, "one").await;
    let back = async |to: Option<u32>| {
        let made = store.app_roll_back(&shop, to.map(VersionNumber)).await.unwrap();
        planned(store).await;
        made
    };
    assert_eq!(back(None).await, Activation::AppUnknown);
    publish(store, "shop", b"1").await;
    assert_eq!(back(None).await, Activation::VersionUnknown);
    for number in 2..=4 {
        publish(store, "shop", &[number]).await;
        report(store, &worker, &[("shop", number.into(), READY)]).await;
        planned(store).await;
    }
    assert_eq!(serving(store).await, (4, None));
    assert_eq!(back(None).await, Activation::Set(VersionNumber(3)));
    assert_eq!(shares(store, &worker).await, [(3, 100)]);
    assert_eq!(back(Some(1)).await, Activation::Set(VersionNumber(1)));
    assert_eq!((serving(store).await, shares(store, &worker).await), ((1, None), vec![(1, 100)]));
    assert_eq!(back(Some(9)).await, Activation::VersionUnknown);
    assert_eq!(publish(store, "shop", b"5").await, VersionNumber(5));
}

pub(in crate::store) async fn a_share_of_calls_is_kept_and_told(store: &dyn Store) {
    let worker = join(store, "one").await;
    publish(store, "shop", b"1").await;
    let new = NewVersion { percent: 10, ..version("shop", b"2") };
    store.version_publish(new, at(2)).await.unwrap();
    planned(store).await;
    report(store, &worker, &[("shop", 1, READY), ("shop", 2, READY)]).await;
    planned(store).await;
    assert_eq!(serving(store).await, (1, Some((2, 10, RolloutState::Split, None))));
    assert_eq!(shares(store, &worker).await, [(1, 90), (2, 10)]);
    let wish = RolloutRequest { version: VersionNumber(2), percent: 100 };
    let made = store.app_roll_out(&name("shop"), wish).await.unwrap();
    assert_eq!(made, Activation::Set(VersionNumber(2)));
    planned(store).await;
    assert_eq!((serving(store).await, shares(store, &worker).await), ((2, None), vec![(2, 100)]));
    let wish = RolloutRequest { version: VersionNumber(7), percent: 1 };
    let made = store.app_roll_out(&name("shop"), wish).await.unwrap();
    assert_eq!(made, Activation::VersionUnknown);
    let made = store.app_roll_out(&name("other"), wish).await.unwrap();
    assert_eq!(made, Activation::AppUnknown);
}

pub(in crate::store) async fn workers_are_told_what_code_to_hold(store: &dyn Store) {
    let worker = join(store, "one").await;
    for number in 1..=4_u8 {
        publish(store, "shop", &[number]).await;
        report(store, &worker, &[("shop", number.into(), READY)]).await;
        planned(store).await;
    }
    let held = async |count| {
        let state = store.desired_get(&worker, count).await.unwrap().unwrap();
        let mut held: Vec<_> = state.hold.into_iter().map(|m| (m.digest, m.size_bytes)).collect();
        held.sort();
        held
    };
    let mut expected = vec![(digest(&[2]), 1), (digest(&[3]), 1)];
    expected.sort();
    assert_eq!(held(3).await, expected, "the newest three, without what it has in any case");
    assert_eq!(held(1).await, []);
}

pub(in crate::store) async fn a_host_goes_with_the_version_that_has_it(store: &dyn Store) {
    let worker = join(store, "one").await;
    let with = |app: &str, bytes: &[u8], host: &str| NewVersion {
        hosts: vec![host.to_owned()],
        ..version(app, bytes)
    };
    store.version_publish(with("shop", b"1", "old.example"), at(0)).await.unwrap();
    store.version_publish(with("shop", b"2", "new.example"), at(0)).await.unwrap();
    planned(store).await;
    let shop = store.app_get(&name("shop")).await.unwrap().unwrap();
    assert_eq!(shop.hosts, ["old.example"]);
    report(store, &worker, &[("shop", 1, READY), ("shop", 2, READY)]).await;
    planned(store).await;
    let shop = store.app_get(&name("shop")).await.unwrap().unwrap();
    assert_eq!(shop.hosts, ["new.example"]);
    store.version_publish(with("other", b"3", "old.example"), at(0)).await.unwrap();
    let taken = store.app_roll_back(&name("shop"), None).await.unwrap();
    let expected = Activation::HostTaken { host: "old.example".into(), app: name("other") };
    assert_eq!(taken, expected);
}

pub(in crate::store) async fn what_a_worker_offers_is_kept_and_counted_as_a_change(
    store: &dyn Store,
) {
    let worker = join(store, "one").await;
    let rules = PlacementRules {
        replicas: Replicas::Count(3),
        workers: [("zone".to_owned(), "plant-2".to_owned())].into(),
    };
    let new = NewVersion { placement: rules.clone(), ..version("shop", b"1") };
    store.version_publish(new, at(0)).await.unwrap();
    assert_eq!(store.app_get(&name("shop")).await.unwrap().unwrap().placement, rules);
    planned(store).await;
    assert_eq!(shares(store, &worker).await, [(1, 100)]);
    let kept = store.worker_get(&worker).await.unwrap().unwrap();
    assert_eq!((kept.labels["zone"].as_str(), kept.capacity.instances), ("plant-2", 100));
    assert_eq!(kept.generation.0, generation(store, &worker).await);

    let before = store.change_get().await.unwrap();
    let away = Heartbeat {
        availability: Availability {
            state: AvailabilityState::Away,
            detail: Some("opens Mon 19:00".into()),
        },
        versions: vec![VersionLoad {
            app: name("shop"),
            version: VersionNumber(1),
            invocations: 5,
            failures: 1,
        }],
        ..Heartbeat::default()
    };
    store.worker_heartbeat(&worker, away.clone(), at(3)).await.unwrap();
    let changed = store.change_get().await.unwrap();
    assert!(changed > before);
    store.worker_heartbeat(&worker, away.clone(), at(4)).await.unwrap();
    assert_eq!(store.change_get().await.unwrap(), changed, "nothing new");
    let kept = store.worker_get(&worker).await.unwrap().unwrap();
    assert_eq!((kept.availability, kept.versions), (away.availability, away.versions));
    assert_eq!(planned(store).await, std::slice::from_ref(&worker));
    assert_eq!(shares(store, &worker).await, []);
}
