//! Promises about key-value stores.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use steading_protocol::KvKey;
use steading_protocol::kv::KvRefusal;

use super::{futures_in_order, name, publish};
use crate::store::{KvLimits, KvList, KvSlot, KvWrite, KvWritten, Store};

const LIMITS: KvLimits = KvLimits { value_bytes_max: 20, app_bytes_max: 1 << 20 };

/// How many write at once, and how often each.
const WRITERS: usize = 8;
const WRITES: usize = 25;

fn key(text: &str) -> KvKey {
    text.parse().unwrap()
}

async fn slot(store: &dyn Store, of: &str) -> KvSlot {
    publish(store, "shop", b"1").await;
    KvSlot { app: name("shop"), store: of.parse().unwrap() }
}

async fn write(
    store: &dyn Store,
    slot: &KvSlot,
    at: &str,
    write: KvWrite,
) -> Result<KvWritten, KvRefusal> {
    store.kv_write(slot, &key(at), write, LIMITS).await.unwrap()
}

async fn value(store: &dyn Store, slot: &KvSlot, at: &str) -> Option<(Bytes, u64)> {
    let entry = store.kv_get(slot, &key(at)).await.unwrap();
    entry.map(|entry| (entry.value, entry.revision))
}

fn set(text: &str) -> KvWrite {
    KvWrite::Set(Bytes::copy_from_slice(text.as_bytes()))
}

/// A model: what a careful reader of the trait would make of a map.
#[derive(Default)]
struct Model(BTreeMap<KvKey, Bytes>);

impl Model {
    fn write(
        &mut self,
        key: &KvKey,
        write: &KvWrite,
        matches: bool,
    ) -> Result<KvWritten, KvRefusal> {
        let value = match write {
            KvWrite::Delete => {
                self.0.remove(key);
                return Ok(KvWritten::Stored);
            }
            KvWrite::Increment(by) => {
                let text = self.0.get(key).map_or("0", |v| std::str::from_utf8(v).unwrap_or("x"));
                let sum = text.parse::<i64>().ok().and_then(|number| number.checked_add(*by));
                let sum = sum.ok_or(KvRefusal::NotANumber)?;
                self.0.insert(key.clone(), Bytes::from(sum.to_string()));
                return Ok(KvWritten::Number(sum));
            }
            KvWrite::CompareAndSet(..) if !matches => return Err(KvRefusal::Changed),
            KvWrite::Set(value) | KvWrite::CompareAndSet(_, value) => value,
        };
        if value.len() > 20 {
            return Err(KvRefusal::ValueTooLarge { bytes_max: 20 });
        }
        self.0.insert(key.clone(), value.clone());
        Ok(KvWritten::Stored)
    }
}

pub(in crate::store) async fn a_store_does_what_a_map_does(store: &dyn Store) {
    let keys = prop::sample::select(vec!["a", "A", "ab", "é", "b/", "b/1"]);
    let values = prop_oneof!["[0-9]{1,3}", "-?[a-z]{0,24}", Just(i64::MAX.to_string())];
    let writes = prop_oneof![
        values.clone().prop_map(|text| set(&text)),
        Just(KvWrite::Delete),
        (-3_i64..9).prop_map(KvWrite::Increment),
        (prop::option::of(0_u64..9), values)
            .prop_map(|(revision, text)| KvWrite::CompareAndSet(revision, text.into())),
    ];
    let script = prop::collection::vec((keys, writes), 150);
    let mut runner = TestRunner::new(Config::default());
    let steps = script.new_tree(&mut runner).unwrap().current();
    let (slot, mut model) = (slot(store, "default").await, Model::default());
    for (at, step) in &steps {
        let at = key(at);
        let matches = match step {
            KvWrite::CompareAndSet(revision, _) => {
                store.kv_get(&slot, &at).await.unwrap().map(|entry| entry.revision) == *revision
            }
            _ => true,
        };
        let expected = model.write(&at, step, matches);
        let written = store.kv_write(&slot, &at, step.clone(), LIMITS).await.unwrap();
        assert_eq!(written, expected, "{at} {step:?} of {steps:#?}");
        let entry = store.kv_get(&slot, &at).await.unwrap().map(|entry| entry.value);
        assert_eq!(entry.as_ref(), model.0.get(&at), "{at} {step:?} of {steps:#?}");
    }
    let list = KvList { prefix: String::new(), after: None, count: 100 };
    let listed = store.kv_list(&slot, list).await.unwrap();
    assert_eq!(listed, model.0.keys().cloned().collect::<Vec<_>>());
}

pub(in crate::store) async fn increments_at_once_are_all_counted(store: &dyn Store) {
    let slot = slot(store, "default").await;
    let writer = async |_| {
        let mut seen = vec![];
        for _ in 0..WRITES {
            match write(store, &slot, "hits", KvWrite::Increment(1)).await {
                Ok(KvWritten::Number(number)) => seen.push(number),
                other => panic!("{other:?}"),
            }
        }
        seen
    };
    let mut seen = futures_in_order((0..WRITERS).map(writer)).await.concat();
    seen.sort_unstable();
    let all = i64::try_from(WRITERS * WRITES).unwrap();
    assert_eq!(seen, (1..=all).collect::<Vec<_>>(), "every number once");
}

pub(in crate::store) async fn of_those_who_saw_the_same_revision_one_may_write(store: &dyn Store) {
    let slot = slot(store, "default").await;
    for revision in [None, Some(())] {
        let seen = value(store, &slot, "k").await.map(|(_, revision)| revision);
        assert_eq!(seen.is_some(), revision.is_some());
        let writer = async |number: usize| {
            write(store, &slot, "k", KvWrite::CompareAndSet(seen, number.to_string().into())).await
        };
        let written = futures_in_order((0..WRITERS).map(writer)).await;
        let won = written.iter().filter(|written| written.is_ok()).count();
        assert_eq!(won, 1, "{written:?}");
        assert_eq!(written.iter().filter(|w| **w == Err(KvRefusal::Changed)).count(), WRITERS - 1);
    }
}

pub(in crate::store) async fn a_removed_and_rewritten_entry_is_another_one(store: &dyn Store) {
    let slot = slot(store, "default").await;
    write(store, &slot, "k", set("1")).await.unwrap();
    let (_, first) = value(store, &slot, "k").await.unwrap();
    write(store, &slot, "k", KvWrite::Delete).await.unwrap();
    write(store, &slot, "k", KvWrite::Delete).await.unwrap();
    write(store, &slot, "k", set("1")).await.unwrap();
    let late = KvWrite::CompareAndSet(Some(first), "2".into());
    assert_eq!(write(store, &slot, "k", late).await, Err(KvRefusal::Changed));
    let other = KvSlot { store: "other".parse().unwrap(), ..slot };
    assert_eq!(value(store, &other, "k").await, None, "stores are apart");
}

pub(in crate::store) async fn keys_are_listed_by_their_bytes_in_pages(store: &dyn Store) {
    let slot = slot(store, "default").await;
    let mut keys = ["Z", "a", "a b", "a/", "a/1", "a/10", "a/2", "a0", "é", "漢", "\u{10ffff}"];
    for at in keys {
        write(store, &slot, at, set("")).await.unwrap();
    }
    keys.sort_unstable();
    for (prefix, count) in [("", 3), ("a", 2), ("a/", 1), ("a/1", 9), ("\u{10ffff}", 1), ("x", 1)] {
        let (mut listed, mut after) = (vec![], None);
        loop {
            let list = KvList { prefix: prefix.into(), after: after.clone(), count };
            let page = store.kv_list(&slot, list).await.unwrap();
            assert!(page.len() <= count as usize);
            after = page.last().cloned();
            listed.extend(page.iter().map(ToString::to_string));
            if page.is_empty() {
                break;
            }
        }
        let expected: Vec<_> = keys.iter().filter(|key| key.starts_with(prefix)).collect();
        assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "{prefix}");
    }
}

pub(in crate::store) async fn a_value_and_an_app_have_their_limits(store: &dyn Store) {
    let slot = slot(store, "one").await;
    let other = KvSlot { store: "two".parse().unwrap(), ..slot.clone() };
    // three entries of 64 + 1 + 10 bytes, in whichever store
    let limits = KvLimits { value_bytes_max: 10, app_bytes_max: 225 };
    let put = async |slot: &KvSlot, at: &str, write| {
        store.kv_write(slot, &key(at), write, limits).await.unwrap()
    };
    let ten = || set("0123456789");
    let large = put(&slot, "a", set("0123456789+")).await;
    assert_eq!(large, Err(KvRefusal::ValueTooLarge { bytes_max: 10 }));
    for (slot, at) in [(&slot, "a"), (&other, "a"), (&other, "b")] {
        put(slot, at, ten()).await.unwrap();
    }
    let full = Err(KvRefusal::Full { bytes_max: 225 });
    assert_eq!(put(&slot, "b", set("")).await, full);
    assert_eq!(put(&slot, "n", KvWrite::Increment(1)).await, full);
    assert_eq!(put(&slot, "a", ten()).await, Ok(KvWritten::Stored), "no larger than before");
    put(&slot, "a", set("0")).await.unwrap();
    put(&other, "b", KvWrite::Delete).await.unwrap();
    assert_eq!(put(&slot, "b", ten()).await, Ok(KvWritten::Stored));
    let tight = KvLimits { app_bytes_max: 1, ..limits };
    let less = store.kv_write(&slot, &key("b"), set("1"), tight).await.unwrap();
    assert_eq!(less, Ok(KvWritten::Stored), "what makes it smaller is taken");
}
