//! Promises about grants and settings.

use steading_protocol::{AppName, Grants, SettingValue, VersionNumber};

use super::{at, generation, join, name, planned, publish, version};
use crate::store::{KvLimits, KvSlot, KvWrite, NewGrants, Publishing, Store, StoredSetting};

fn grants(text: &str) -> Grants {
    serde_json::from_str(text).unwrap()
}

fn setting(name: &str, value: SettingValue) -> StoredSetting {
    let (text, secret) = match value {
        SettingValue::Sealed(text) => (text, true),
        SettingValue::Plain(text) => (text, false),
        other => panic!("{other:?} is not kept"),
    };
    StoredSetting { name: name.parse().unwrap(), text, secret, changed_at: at(5) }
}

fn plain(text: &str) -> SettingValue {
    SettingValue::Plain(text.into())
}

async fn publish_granted(
    store: &dyn Store,
    bytes: &[u8],
    asked: &str,
    yes: NewGrants,
) -> Publishing {
    let mut new = version("shop", bytes);
    (new.grants, new.new_grants) = (grants(asked), yes);
    let published = store.version_publish(new, at(0)).await.unwrap();
    planned(store).await;
    published
}

pub(in crate::store) async fn a_version_asks_for_no_more_than_the_newest_until_somebody_allows_it(
    store: &dyn Store,
) {
    use NewGrants::{Allowed, Refused};
    use Publishing::{Created, GrantsNew};
    let (one, two) = (r#"{"kv":["default"]}"#, r#"{"kv":["default"],"settings":["A"]}"#);
    let line = |text: &str| GrantsNew(vec![text.to_owned()]);
    let refused = publish_granted(store, b"1", one, Refused).await;
    assert_eq!(refused, line("key-value store `default`"));
    assert!(store.app_list().await.unwrap().is_empty(), "nothing is kept of it");
    let first = publish_granted(store, b"1", one, Allowed).await;
    assert_eq!(first, Created(VersionNumber(1)), "no number was given to what was refused");
    assert_eq!(publish_granted(store, b"2", two, Refused).await, line("setting `A`"));
    assert_eq!(publish_granted(store, b"2", one, Refused).await, Created(VersionNumber(2)));
    assert_eq!(publish_granted(store, b"3", two, Allowed).await, Created(VersionNumber(3)));
    assert_eq!(publish_granted(store, b"4", two, Refused).await, Created(VersionNumber(4)));
    assert_eq!(publish_granted(store, b"5", "{}", Refused).await, Created(VersionNumber(5)));
    let again = publish_granted(store, b"6", two, Refused).await;
    assert!(matches!(again, GrantsNew(new) if new.len() == 2), "what was given up is new again");
    let kept = store.version_get(&name("shop"), VersionNumber(4)).await.unwrap().unwrap();
    assert_eq!(kept.grants, grants(two));
    let asks = r#"{"reuse":{"requests":7,"concurrent":1,"idle_ms":50}}"#;
    assert_eq!(publish_granted(store, b"7", asks, Allowed).await, Created(VersionNumber(6)));
    let app = store.app_get(&name("shop")).await.unwrap().unwrap();
    assert_eq!(app.grants, grants(asks), "an app shows those of the version in service");
}

pub(in crate::store) async fn settings_reach_the_workers_that_may_read_them_with_a_new_generation(
    store: &dyn Store,
) {
    let (shop, worker) = (name("shop"), join(store, "one").await);
    assert!(!store.app_setting_put(&shop, setting("A", plain("1"))).await.unwrap());
    publish_granted(store, b"1", r#"{"settings":["a","SEALED"]}"#, NewGrants::Allowed).await;
    publish(store, "other", b"o").await;
    let before = (generation(store, &worker).await, store.change_get().await.unwrap());
    for stored in [
        setting("A", plain("1")),
        setting("SEALED", SettingValue::Sealed("v1.x".into())),
        setting("NOT_ASKED_FOR", plain("2")),
    ] {
        assert!(store.app_setting_put(&shop, stored).await.unwrap());
    }
    assert!(store.app_setting_put(&name("other"), setting("A", plain("3"))).await.unwrap());
    let after = (generation(store, &worker).await, store.change_get().await.unwrap());
    assert!(after.0 > before.0 && after.1 > before.1, "{before:?} {after:?}");
    let desired = store.desired_get(&worker, 5).await.unwrap().unwrap();
    let of = |app: &AppName| {
        let told = desired.apps.iter().find(|told| told.app == *app).unwrap();
        told.settings.iter().map(|(n, v)| (n.to_string(), v.clone())).collect::<Vec<_>>()
    };
    let sealed = SettingValue::Sealed("v1.x".into());
    assert_eq!(of(&shop), [("SEALED".to_owned(), sealed), ("a".to_owned(), plain("1"))]);
    assert!(of(&name("other")).is_empty(), "its manifest names none");
    let last = generation(store, &worker).await;
    assert!(store.app_setting_delete(&shop, &"a".parse().unwrap()).await.unwrap());
    assert!(!store.app_setting_delete(&shop, &"a".parse().unwrap()).await.unwrap());
    assert_eq!(generation(store, &worker).await, last + 1);
}

pub(in crate::store) async fn two_spellings_are_one_setting_and_a_resealed_one_changes_nothing_else(
    store: &dyn Store,
) {
    let (shop, sealed) = (name("shop"), |text: &str| SettingValue::Sealed(text.into()));
    publish(store, "shop", b"1").await;
    for (spelling, value) in
        [("api_key", plain("1")), ("API_KEY", sealed("old")), ("b", plain("2"))]
    {
        assert!(store.app_setting_put(&shop, setting(spelling, value)).await.unwrap());
    }
    let expected = [setting("API_KEY", sealed("old")), setting("b", plain("2"))];
    assert_eq!(store.app_setting_list(&shop).await.unwrap(), expected);
    let secrets = store.app_setting_secrets().await.unwrap();
    assert_eq!(secrets, [(shop.clone(), expected[0].clone())]);
    let key = "Api_Key".parse().unwrap();
    let change = store.change_get().await.unwrap();
    store.app_setting_reseal(&shop, &key, "another", "never").await.unwrap();
    store.app_setting_reseal(&shop, &key, "old", "new").await.unwrap();
    assert_eq!(store.app_setting_list(&shop).await.unwrap()[0].text, "new");
    assert_eq!(store.change_get().await.unwrap(), change);
}

pub(in crate::store) async fn what_belongs_to_an_app_goes_with_it(store: &dyn Store) {
    let (shop, key) = (name("shop"), "k".parse().unwrap());
    publish(store, "shop", b"1").await;
    let slot = KvSlot { app: shop.clone(), store: "default".parse().unwrap() };
    let limits = KvLimits { value_bytes_max: 10, app_bytes_max: 1000 };
    let write = KvWrite::Set("v".into());
    store.kv_write(&slot, &key, write, limits).await.unwrap().unwrap();
    store.app_setting_put(&shop, setting("A", plain("1"))).await.unwrap();
    assert!(store.app_delete(&shop).await.unwrap());
    publish(store, "shop", b"1").await;
    assert!(store.app_setting_list(&shop).await.unwrap().is_empty());
    assert_eq!(store.kv_get(&slot, &key).await.unwrap(), None);
}

pub(in crate::store) async fn a_worker_is_told_the_grants_of_what_it_has_alone(store: &dyn Store) {
    let shop = name("shop");
    publish_granted(store, b"1", r#"{"kv":["default"]}"#, NewGrants::Allowed).await;
    let worker = join(store, "one").await;
    let ask = async |worker, app: &AppName, version| {
        store.placement_grants(worker, app, VersionNumber(version)).await.unwrap()
    };
    assert_eq!(ask(&worker, &shop, 1).await, Some(grants(r#"{"kv":["default"]}"#)));
    assert_eq!(ask(&worker, &shop, 2).await, None);
    assert_eq!(ask(&worker, &name("other"), 1).await, None);
    assert_eq!(ask(&"w-stranger".parse().unwrap(), &shop, 1).await, None);
}
