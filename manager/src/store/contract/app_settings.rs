//! Promises about settings as values: what goes in comes out, whoever else writes at the same moment.

use jiff::Timestamp;

use super::{futures_in_order, generation, join, name, publish};
use crate::store::{NewGrants, Publishing, Store, StoredSetting};

/// How many write at once.
const WRITERS: usize = 8;

fn setting(name: &str, text: &str, secret: bool, changed_at: Timestamp) -> StoredSetting {
    StoredSetting { name: name.parse().unwrap(), text: text.into(), secret, changed_at }
}

fn microsecond(count: i64) -> Timestamp {
    Timestamp::from_microsecond(1_800_000_000_000_000 + count).unwrap()
}

pub(in crate::store) async fn the_text_of_a_setting_comes_back_as_it_was(store: &dyn Store) {
    let shop = name("shop");
    publish(store, "shop", b"1").await;
    // 4000 units of UTF-16 are the longest text that is not `max`; one of these ends amid a pair
    let texts = [
        String::new(),
        " ".into(),
        "ends in blanks  ".into(),
        "🛠️ 𐐷𝕊 e\u{301} é שלום 'quoted' N'\\ %_\r\n\t--;".into(),
        "x".repeat(4000),
        "x".repeat(4001),
        format!("{}\u{1f600}", "x".repeat(3999)),
        "\u{1f600}".repeat(2001),
        "漢".repeat(65_536),
    ];
    let longest = "L".repeat(100);
    for (at, text) in (1_i64..).zip(&texts) {
        for (name, secret) in [("A", false), (&*longest, true)] {
            let stored = setting(name, text, secret, microsecond(at));
            assert!(store.app_setting_put(&shop, stored.clone()).await.unwrap());
            let listed = store.app_setting_list(&shop).await.unwrap();
            let found = listed.into_iter().find(|found| found.name == stored.name).unwrap();
            assert!(found == stored, "{} characters", text.chars().count());
        }
    }
    assert_eq!(store.app_setting_list(&shop).await.unwrap().len(), 2);
}

pub(in crate::store) async fn a_secret_is_resealed_only_where_it_stands_as_it_was_read(
    store: &dyn Store,
) {
    let (shop, key) = (name("shop"), "KEY".parse().unwrap());
    publish(store, "shop", b"1").await;
    let secret = setting("KEY", "v1.abCd", true, microsecond(1));
    let plain = setting("PLAIN", "v1.abCd", false, microsecond(1));
    for stored in [&secret, &plain] {
        assert!(store.app_setting_put(&shop, stored.clone()).await.unwrap());
    }
    for other in ["v1.abcd", "V1.ABCD", "v1.abCd ", "v1.abC\u{301}d", "", "v1.ab"] {
        store.app_setting_reseal(&shop, &key, other, "wrong").await.unwrap();
    }
    let of_plain = "plain".parse().unwrap();
    store.app_setting_reseal(&shop, &of_plain, "v1.abCd", "wrong").await.unwrap();
    store.app_setting_reseal(&name("other"), &key, "v1.abCd", "wrong").await.unwrap();
    assert_eq!(store.app_setting_list(&shop).await.unwrap(), [secret.clone(), plain.clone()]);
    store.app_setting_reseal(&shop, &key, "v1.abCd", "v2.x").await.unwrap();
    let resealed = StoredSetting { text: "v2.x".into(), ..secret };
    assert_eq!(store.app_setting_list(&shop).await.unwrap(), [resealed, plain]);
}

pub(in crate::store) async fn a_setting_written_at_once_is_one_of_them_whole(store: &dyn Store) {
    let (shop, worker) = (name("shop"), join(store, "one").await);
    let mut new = super::version("shop", b"1");
    new.grants = serde_json::from_str(r#"{"settings":["KEY"]}"#).unwrap();
    new.new_grants = NewGrants::Allowed;
    let published = store.version_publish(new, microsecond(0)).await.unwrap();
    assert!(matches!(published, Publishing::Created(_)), "{published:?}");
    super::planned(store).await;
    let before = generation(store, &worker).await;
    let of = |number: usize| {
        let (spelling, secret) = [("key", true), ("KEY", false)][number % 2];
        let at = microsecond(i64::try_from(number).unwrap());
        setting(spelling, &format!("value {number}"), secret, at)
    };
    let writer = async |number: usize| store.app_setting_put(&shop, of(number)).await.unwrap();
    let written = futures_in_order((0..WRITERS).map(writer)).await;
    assert!(written.iter().all(|written| *written), "{written:?}");
    let [kept] = &store.app_setting_list(&shop).await.unwrap()[..] else { panic!("not one") };
    assert!((0..WRITERS).any(|number| of(number) == *kept), "{kept:?}");
    let grown = generation(store, &worker).await - before;
    assert_eq!(grown, WRITERS as u64, "one generation each");
    let desired = store.desired_get(&worker, 5).await.unwrap().unwrap();
    let told = desired.apps[0].settings.values().next().cloned();
    assert_eq!(told, Some(kept.clone().into_value()), "what the worker is told is what is kept");
}
