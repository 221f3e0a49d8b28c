//! Promises about keys and values of key-value stores as bytes: what goes in comes out, and what only a
//! collation takes for the same is not the same.

use std::pin::Pin;

use bytes::Bytes;
use steading_protocol::KvKey;
use steading_protocol::kv::{KvRefusal, VALUE_BYTES_MAX};

use super::{futures_in_order, name, publish};
use crate::store::{KvLimits, KvList, KvSlot, KvWrite, KvWritten, Store};

const LIMITS: KvLimits = KvLimits { value_bytes_max: VALUE_BYTES_MAX, app_bytes_max: 64 << 20 };

/// What one entry counts beside its key and its value.
const ENTRY_BYTES: u64 = 64;

/// By case, blanks at the end, width, accents, spelling of accents, ligatures, kana, letters beyond
/// the first plane, and what nobody sees.
const ALIKE: [&[&str]; 8] = [
    &["k", "K", "k ", "k  ", " k", "\u{ff4b}", "\u{212a}"],
    &["é", "e\u{301}", "e", "É"],
    &["i", "I", "İ", "ı"],
    &["ß", "ss", "ẞ", "SS"],
    &["æ", "ae", "Æ"],
    &["は", "ハ", "ﾊ", "ば"],
    &["\u{1f600}", "\u{1f601}", "\u{10437}", "\u{1040f}", "\u{10ffff}"],
    &["co-op", "coop", "co\u{ad}op", "co\u{200b}op", "co'op"],
];

fn key(text: &str) -> KvKey {
    text.parse().unwrap()
}

async fn slot(store: &dyn Store, app: &str, of: &str) -> KvSlot {
    publish(store, app, app.as_bytes()).await;
    KvSlot { app: name(app), store: of.parse().unwrap() }
}

async fn set(store: &dyn Store, slot: &KvSlot, at: &str, value: &Bytes) {
    let written = store.kv_write(slot, &key(at), KvWrite::Set(value.clone()), LIMITS).await;
    assert_eq!(written.unwrap(), Ok(KvWritten::Stored));
}

async fn get(store: &dyn Store, slot: &KvSlot, at: &str) -> Option<Bytes> {
    store.kv_get(slot, &key(at)).await.unwrap().map(|entry| entry.value)
}

async fn listed(
    store: &dyn Store,
    slot: &KvSlot,
    prefix: &str,
    after: Option<&str>,
) -> Vec<String> {
    let list = KvList { prefix: prefix.into(), after: after.map(key), count: 1000 };
    store.kv_list(slot, list).await.unwrap().iter().map(ToString::to_string).collect()
}

pub(in crate::store) async fn keys_that_look_alike_are_apart(store: &dyn Store) {
    let slot = slot(store, "shop", "default").await;
    let mut keys = ALIKE.concat();
    for at in &keys {
        let created = KvWrite::CompareAndSet(None, Bytes::copy_from_slice(at.as_bytes()));
        let written = store.kv_write(&slot, &key(at), created, LIMITS).await.unwrap();
        assert_eq!(written, Ok(KvWritten::Stored), "{at:?} is taken for another key");
    }
    for at in &keys {
        assert_eq!(get(store, &slot, at).await.unwrap(), at.as_bytes(), "{at:?}");
    }
    for prefix in ["", "k", "K", "k ", "e", "s", "\u{1f600}", "co"] {
        let mut expected: Vec<_> = keys.iter().filter(|at| at.starts_with(prefix)).collect();
        expected.sort_unstable();
        let found = listed(store, &slot, prefix, None).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{prefix:?}");
    }
    let gone = keys.swap_remove(0);
    store.kv_write(&slot, &key(gone), KvWrite::Delete, LIMITS).await.unwrap().unwrap();
    assert_eq!(get(store, &slot, gone).await, None);
    assert_eq!(listed(store, &slot, "", None).await.len(), keys.len(), "one was removed");
}

pub(in crate::store) async fn values_are_bytes_of_any_length(store: &dyn Store) {
    let (app, of) = ("a".repeat(40), "s".repeat(40));
    let slot = slot(store, &app, &of).await;
    let longest = "\u{1f600}".repeat(KvKey::BYTES_MAX / 4);
    let ends = Bytes::from_static(b"\0\0 \xff\xfe \0");
    let of_length = |length: usize| (0..length).map(|at| (at * 31 % 251) as u8).collect::<Bytes>();
    // the largest that stand in a row of SQL Server, in a packet, and in a parameter that is not `max`
    let lengths = [0, 1, 4000, 4001, 8000, 8001, 65_535, 65_536];
    let largest = usize::try_from(VALUE_BYTES_MAX).unwrap();
    let values = lengths.into_iter().chain([largest]).map(of_length).chain([ends]);
    for value in values {
        for at in ["k", &longest] {
            set(store, &slot, at, &value).await;
            let found = get(store, &slot, at).await.unwrap();
            assert!(found == value, "{} bytes at {at:?} became {}", value.len(), found.len());
        }
    }
    assert_eq!(listed(store, &slot, "", None).await, ["k", &longest]);
    assert_eq!(listed(store, &slot, &longest, None).await, [&*longest]);
}

pub(in crate::store) async fn a_page_begins_after_its_key_also_when_that_is_gone(
    store: &dyn Store,
) {
    let slot = slot(store, "shop", "default").await;
    for at in ["a", "b", "b ", "c", "漢"] {
        set(store, &slot, at, &Bytes::new()).await;
    }
    store.kv_write(&slot, &key("b"), KvWrite::Delete, LIMITS).await.unwrap().unwrap();
    assert_eq!(listed(store, &slot, "", Some("b")).await, ["b ", "c", "漢"]);
    assert_eq!(listed(store, &slot, "b", Some("a")).await, ["b "], "it is before the prefix");
    assert!(listed(store, &slot, "b", Some("c")).await.is_empty(), "it is behind the prefix");
}

pub(in crate::store) async fn writers_at_once_do_not_fill_more_than_the_app_may_have(
    store: &dyn Store,
) {
    const WRITERS: usize = 8;
    const ROOM: u64 = 5;
    let one = slot(store, "shop", "one").await;
    let two = KvSlot { store: "two".parse().unwrap(), ..one.clone() };
    let limits = KvLimits { app_bytes_max: ROOM * (ENTRY_BYTES + 2), ..LIMITS };
    let writer = async |number: usize| {
        let slot = [&one, &two][number % 2];
        let write = KvWrite::Set(Bytes::from_static(b"v"));
        store.kv_write(slot, &key(&number.to_string()), write, limits).await.unwrap()
    };
    let written = futures_in_order((0..WRITERS).map(writer)).await;
    let full = Err(KvRefusal::Full { bytes_max: limits.app_bytes_max });
    assert_eq!(written.iter().filter(|written| **written == full).count(), 3, "{written:?}");
    let kept = [listed(store, &one, "", None).await, listed(store, &two, "", None).await].concat();
    assert_eq!(kept.len(), 5, "{kept:?}");
}

pub(in crate::store) async fn nothing_is_kept_for_an_app_that_is_not_there(store: &dyn Store) {
    let slot = slot(store, "shop", "default").await;
    set(store, &slot, "k", &Bytes::from_static(b"v")).await;
    assert!(store.app_delete(&slot.app).await.unwrap());
    let write = KvWrite::Set(Bytes::from_static(b"late"));
    let refused = store.kv_write(&slot, &key("k"), write, LIMITS).await.unwrap();
    assert_eq!(refused, Err(KvRefusal::NotGranted));
    publish(store, "shop", b"again").await;
    assert_eq!(get(store, &slot, "k").await, None);
    assert!(listed(store, &slot, "", None).await.is_empty());
}

pub(in crate::store) async fn an_app_that_is_removed_while_it_writes_takes_everything_along(
    store: &dyn Store,
) {
    /// Before the removal some write, and after it some still do.
    const WRITES: usize = 24;
    let slot = slot(store, "shop", "default").await;
    let removal = async {
        set(store, &slot, "first", &Bytes::from_static(b"v")).await;
        assert!(store.app_delete(&slot.app).await.unwrap());
        None
    };
    let write = async |n: usize| {
        let at = key(&format!("k{}", n % 3));
        Some(store.kv_write(&slot, &at, KvWrite::Increment(1), LIMITS).await.unwrap())
    };
    type Answer = Option<Result<KvWritten, KvRefusal>>;
    let mut calls: Vec<Pin<Box<dyn Future<Output = Answer> + '_>>> = vec![Box::pin(removal)];
    calls.extend((0..WRITES).map(|n| Box::pin(write(n)) as _));
    for answer in futures_in_order(calls.into_iter()).await.into_iter().flatten() {
        assert!(matches!(answer, Ok(_) | Err(KvRefusal::NotGranted)), "{answer:?}");
    }
    publish(store, "shop", b"again").await;
    assert!(listed(store, &slot, "", None).await.is_empty());
}
