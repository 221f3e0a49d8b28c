//! Promises about apps, versions, modules, and a store without room.

use steading_protocol::VersionNumber;
use steading_protocol::desired::PlacementState;

use super::{
    at, digest, futures_in_order, generation, join, name, planned, publish, report, states, version,
};
use crate::store::{NewVersion, Publishing, Store, StoreError};

pub(in crate::store) async fn a_publish_makes_the_app_its_version_and_its_modules(
    store: &dyn Store,
) {
    let worker = join(store, "one").await;
    let mut new = version("shop", b"wasm");
    new.hosts = vec!["shop.example".into(), "a.example".into()];
    let made = store.version_publish(new.clone(), at(5)).await.unwrap();
    assert_eq!(made, Publishing::Created(VersionNumber(1)));
    assert_eq!(planned(store).await, std::slice::from_ref(&worker));
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

pub(in crate::store) async fn the_same_package_again_changes_nothing(store: &dyn Store) {
    let worker = join(store, "one").await;
    publish(store, "shop", b"1").await;
    let before = generation(store, &worker).await;
    let again = store.version_publish(version("shop", b"1"), at(9)).await.unwrap();
    assert_eq!(again, Publishing::Same(VersionNumber(1)));
    assert_eq!(generation(store, &worker).await, before);
    assert_eq!(publish(store, "shop", b"2").await, VersionNumber(2));
    assert_eq!(publish(store, "shop", b"2").await, VersionNumber(2), "the one on its way");
    assert_eq!(publish(store, "shop", b"1").await, VersionNumber(1), "the one in service");
    report(store, &worker, &[("shop", 2, PlacementState::Ready)]).await;
    planned(store).await;
    // What has been in service before does not count: going back so is a new version.
    assert_eq!(publish(store, "shop", b"1").await, VersionNumber(3));
    let versions = store.version_list(&name("shop")).await.unwrap();
    assert_eq!(versions.iter().map(|v| v.version.0).collect::<Vec<_>>(), [3, 2, 1]);
}

pub(in crate::store) async fn the_first_app_is_the_default_and_another_can_become_it(
    store: &dyn Store,
) {
    let default = async || {
        let apps = store.app_list().await.unwrap();
        let defaults = apps.iter().filter(|app| app.default).map(|app| app.app.to_string());
        defaults.collect::<Vec<_>>()
    };
    publish(store, "b", b"b").await;
    publish(store, "a", b"a").await;
    assert_eq!(default().await, ["b"]);
    assert!(store.app_default_set(&name("a")).await.unwrap());
    assert_eq!(default().await, ["a"]);
    assert!(!store.app_default_set(&name("c")).await.unwrap());
    assert_eq!(default().await, ["a"]);
    let again = NewVersion { default: true, ..version("b", b"b") };
    let again = store.version_publish(again, at(2)).await.unwrap();
    assert_eq!(again, Publishing::Same(VersionNumber(1)));
    assert_eq!(default().await, ["b"]);
    let new = NewVersion { default: true, ..version("a", b"a2") };
    store.version_publish(new, at(3)).await.unwrap();
    assert_eq!(default().await, ["a"]);
}

pub(in crate::store) async fn a_host_leads_to_one_app(store: &dyn Store) {
    let hosts = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let first = NewVersion { hosts: hosts(&["x.example"]), ..version("a", b"a") };
    store.version_publish(first, at(0)).await.unwrap();
    let second = NewVersion { hosts: hosts(&["y.example", "x.example"]), ..version("b", b"b") };
    let taken = store.version_publish(second.clone(), at(0)).await.unwrap();
    let expected = Publishing::HostTaken { host: "x.example".into(), app: name("a") };
    assert_eq!(taken, expected);
    assert!(store.app_get(&name("b")).await.unwrap().is_none());
    let moved = NewVersion { hosts: hosts(&["z.example"]), ..version("a", b"a2") };
    store.version_publish(moved, at(0)).await.unwrap();
    assert_eq!(store.version_publish(second.clone(), at(0)).await.unwrap(), expected);
    planned(store).await;
    let made = store.version_publish(second, at(0)).await.unwrap();
    assert_eq!(made, Publishing::Created(VersionNumber(1)));
}

pub(in crate::store) async fn a_removed_app_leaves_nothing_and_its_numbers_are_not_given_again(
    store: &dyn Store,
) {
    let worker = join(store, "one").await;
    publish(store, "shop", b"1").await;
    let before = generation(store, &worker).await;
    assert!(store.app_delete(&name("shop")).await.unwrap());
    assert!(!store.app_delete(&name("shop")).await.unwrap());
    assert!(generation(store, &worker).await > before);
    assert!(store.app_list().await.unwrap().is_empty());
    assert!(store.version_list(&name("shop")).await.unwrap().is_empty());
    assert!(store.placement_list(None).await.unwrap().is_empty());
    assert!(store.module_get(&digest(b"1")).await.unwrap().is_none());
    planned(store).await;
    assert!(store.desired_get(&worker, 5).await.unwrap().unwrap().apps.is_empty());
    assert_eq!(publish(store, "shop", b"1").await, VersionNumber(2));
}

pub(in crate::store) async fn a_module_stays_while_another_version_needs_it(store: &dyn Store) {
    publish(store, "a", b"shared").await;
    publish(store, "b", b"shared").await;
    store.app_delete(&name("a")).await.unwrap();
    assert!(store.module_get(&digest(b"shared")).await.unwrap().is_some());
    store.app_delete(&name("b")).await.unwrap();
    assert!(store.module_get(&digest(b"shared")).await.unwrap().is_none());
}

pub(in crate::store) async fn publishing_at_once_gives_every_version_its_own_number(
    store: &dyn Store,
) {
    let publishes = (0..8_u8).map(|n| store.version_publish(version("a", &[n]), at(0)));
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

/// For a store that has room for about a mebibyte: what does not fit is refused as a whole.
pub(in crate::store) async fn a_full_store_keeps_the_old_state(store: &dyn Store) {
    let worker = join(store, "one").await;
    publish(store, "shop", &[1; 1000]).await;
    report(store, &worker, &[("shop", 1, PlacementState::Ready)]).await;
    let before = (states(store).await, generation(store, &worker).await);
    let big = version("shop", &vec![2; 4 << 20]);
    let error = store.version_publish(big.clone(), at(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Full { operation: "version_publish", .. }), "{error:?}");
    assert_eq!((states(store).await, generation(store, &worker).await), before);
    assert!(store.module_get(&big.modules[0].digest).await.unwrap().is_none());
    let app = store.app_get(&name("shop")).await.unwrap().unwrap();
    assert_eq!(app.version, VersionNumber(1));
    // And it goes on working, also without a gap in the numbers.
    assert_eq!(publish(store, "shop", &[3; 1000]).await, VersionNumber(2));
    assert!(store.worker_lose(at(0), at(2)).await.unwrap().is_empty());
}
