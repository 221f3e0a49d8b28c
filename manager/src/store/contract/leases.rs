//! Promises about leases, the store's clock, and the number that counts changes.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use steading_protocol::Generation;
use steading_protocol::desired::{Heartbeat, PlacementState};

use super::{at, futures_in_order, join, name, publish, report};
use crate::schedule::plan;
use crate::store::Store;

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(300);

/// How many try for the same leases at once, and for how many.
const CLAIMANTS: usize = 8;
const CLAIMS: usize = 2000;

pub(in crate::store) async fn a_lease_is_one_owners_until_it_ends_or_is_given_back(
    store: &dyn Store,
) {
    let take = async |owner: &str, ttl| store.lease_take("l", owner, ttl).await.unwrap();
    assert!(take("a", LONG).await);
    assert!(!take("b", LONG).await);
    assert!(take("a", LONG).await, "its owner may renew it");
    assert!(store.lease_take("other", "b", LONG).await.unwrap());
    let held = store.lease_list().await.unwrap();
    let names: Vec<_> = held.iter().map(|lease| (&*lease.name, &*lease.owner)).collect();
    assert_eq!(names, [("l", "a"), ("other", "b")]);
    let left = held[0].until.duration_since(store.clock().await.unwrap());
    assert!(left > SignedDuration::from_secs(500) && left <= SignedDuration::from_secs(600));

    store.lease_release("l", "b").await.unwrap();
    assert!(!take("b", LONG).await, "only its owner can give it back");
    store.lease_release("l", "a").await.unwrap();
    assert!(take("b", LONG).await);

    // A renewal may also make it shorter; then it ends by itself.
    let ending = Instant::now();
    assert!(take("b", SHORT).await);
    while !take("a", LONG).await {
        assert!(ending.elapsed() < Duration::from_secs(20), "it does not end");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(ending.elapsed() >= SHORT - Duration::from_millis(1), "{:?}", ending.elapsed());
    let held = store.lease_list().await.unwrap();
    assert_eq!((held.len(), &*held[0].owner), (2, "a"));
}

pub(in crate::store) async fn claims_at_once_never_give_one_lease_to_two_owners(store: &dyn Store) {
    let claimant = async |owner: usize| {
        let mut got = vec![];
        for claim in 0..CLAIMS {
            let lease = format!("lease-{claim:04}");
            if store.lease_take(&lease, &format!("owner-{owner}"), LONG).await.unwrap() {
                got.push(claim);
            }
        }
        got
    };
    let mut got = futures_in_order((0..CLAIMANTS).map(claimant)).await.concat();
    got.sort_unstable();
    assert_eq!(got, (0..CLAIMS).collect::<Vec<_>>());
    assert_eq!(store.lease_list().await.unwrap().len(), CLAIMS);
}

pub(in crate::store) async fn the_clock_goes_on_and_is_near_this_machines(store: &dyn Store) {
    let first = store.clock().await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let second = store.clock().await.unwrap();
    assert!(second > first, "{first} {second}");
    let apart = second.duration_since(crate::clock::now()).abs();
    assert!(apart < SignedDuration::from_secs(3600), "{apart}: not in UTC?");
    assert_eq!(second.subsec_nanosecond() % 1000, 0);
}

pub(in crate::store) async fn a_change_of_apps_or_generations_is_counted(store: &dyn Store) {
    let mut last = store.change_get().await.unwrap();
    let mut grown = async || {
        let now = store.change_get().await.unwrap();
        std::mem::replace(&mut last, now) < now
    };
    assert!(!grown().await);
    publish(store, "a", b"1").await;
    assert!(grown().await, "an app without workers");
    let worker = join(store, "one").await;
    assert!(grown().await, "a worker that joins");
    publish(store, "b", b"1").await;
    assert!(grown().await, "a publish");
    store.app_default_set(&name("b")).await.unwrap();
    assert!(grown().await, "another default");
    store.desired_raise(&worker, Generation(1000)).await.unwrap();
    assert!(grown().await, "a generation that is raised");
    report(store, &worker, &[("a", 1, PlacementState::Ready)]).await;
    assert!(grown().await, "a placement's new state");
    store.plan_apply(plan, at(2)).await.unwrap();
    assert!(grown().await, "another order");
    store.desired_raise(&worker, Generation(5)).await.unwrap();
    store.plan_apply(plan, at(2)).await.unwrap();
    store.worker_heartbeat(&worker, Heartbeat::default(), at(3)).await.unwrap();
    report(store, &worker, &[("a", 1, PlacementState::Ready)]).await;
    publish(store, "b", b"1").await;
    assert!(!grown().await, "nothing has changed");
    store.worker_lose(at(9), at(9)).await.unwrap();
    grown().await;
    store.worker_heartbeat(&worker, Heartbeat::default(), at(10)).await.unwrap();
    assert!(grown().await, "a lost worker that is back");
    assert!(store.app_delete(&name("a")).await.unwrap());
    assert!(grown().await, "an app that is removed");
    assert!(!store.app_delete(&name("a")).await.unwrap());
    assert!(!grown().await);
}
