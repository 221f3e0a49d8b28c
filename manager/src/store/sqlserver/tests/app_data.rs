//! Settings and key-value stores at the driver's edge: which lock a write holds, and what becomes of it
//! when a healthy server would have answered.

use std::error::Error as _;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use steading_protocol::kv::KvRefusal;
use steading_protocol::{AppName, Generation};

use super::double::{Act, Double, LONG};
use super::tds;
use crate::store::{
    AppData as _, KvLimits, KvSlot, KvWrite, KvWritten, Result, Store as _, StoreError,
    StoredSetting, contract,
};

/// The lock of an app's stores, and the writer lane's.
const OF_APP: &str = "N'steading-kv-shop'";
const OF_LANE: &str = "N'steading'";

const LIMITS: KvLimits = KvLimits { value_bytes_max: 100, app_bytes_max: 1000 };

fn shop() -> AppName {
    "shop".parse().unwrap()
}

fn slot(app: &str) -> KvSlot {
    KvSlot { app: app.parse().unwrap(), store: "default".parse().unwrap() }
}

async fn increment(double: &Double) -> Result<KvWritten> {
    let (store, key) = (double.store(LONG), "k".parse().unwrap());
    let written = store.kv_write(&slot("shop"), &key, KvWrite::Increment(1), LIMITS).await;
    written.map(|written| written.expect("it is within its limits"))
}

fn setting() -> StoredSetting {
    let (name, text) = ("KEY".parse().unwrap(), "v1.sealed".into());
    StoredSetting { name, text, secret: true, changed_at: Timestamp::UNIX_EPOCH }
}

#[tokio::test]
async fn a_write_to_a_store_holds_the_lock_of_its_app_and_stays_out_of_the_writer_lane() {
    let double = Double::play(|_, _| None).await;
    assert_eq!(increment(&double).await.unwrap(), KvWritten::Number(1));
    let times = ["BEGIN TRANSACTION", OF_APP, OF_LANE, "UPDATE kv_store", "COMMIT"];
    assert_eq!(times.map(|text| double.times(text)), [1, 1, 0, 1, 1]);
}

#[tokio::test]
async fn an_increment_that_lost_a_deadlock_is_counted_once() {
    let double = Double::play(|text, nth| {
        let victim = text.contains("UPDATE kv_entry") && nth == 1;
        victim.then(|| Act::Reply(tds::error(1205, "chosen as the deadlock victim")))
    })
    .await;
    assert_eq!(increment(&double).await.unwrap(), KvWritten::Number(1));
    let times = [OF_APP, "UPDATE kv_entry", "COMMIT"].map(|text| double.times(text));
    assert_eq!(times, [2, 2, 1]);
}

#[tokio::test]
async fn an_increment_whose_commit_nobody_answered_is_not_made_again() {
    let double =
        Double::play(|text, _| text.contains("COMMIT").then(|| Act::Cut(tds::touched(0)))).await;
    let error = increment(&double).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { operation: "kv_write", .. }), "{error:?}");
    assert!(error.source().unwrap().to_string().contains("not known"), "{error:?}");
    assert_eq!(["UPDATE kv_store", "COMMIT"].map(|text| double.times(text)), [1, 1]);
}

#[tokio::test]
async fn a_write_to_an_app_that_is_being_removed_is_refused_and_no_failure() {
    let double = Double::play(|text, nth| {
        let orphan = || Act::Reply(tds::error(547, "conflicted with the FOREIGN KEY constraint"));
        let none = || Act::Reply(tds::touched(0));
        match (text, nth) {
            (text, _) if text.contains("UPDATE kv_store") => Some(none()),
            (text, 1) if text.contains("INSERT INTO kv_store") => Some(orphan()),
            (text, _) if text.contains("INSERT INTO kv_store") => Some(none()),
            _ => None,
        }
    })
    .await;
    let (store, slot, key) = (double.store(LONG), slot("shop"), "k".parse().unwrap());
    for commits in [0, 1] {
        let written = store.kv_write(&slot, &key, KvWrite::Increment(1), LIMITS).await;
        assert_eq!(written.unwrap(), Err(KvRefusal::NotGranted));
        assert_eq!(double.times("COMMIT"), commits);
    }
    let times = ["INSERT INTO kv_store", "kv_entry (app"].map(|text| double.times(text));
    assert_eq!(times, [2, 0], "nothing is tried again, and nothing written");
}

#[tokio::test]
async fn a_lock_of_an_app_that_is_never_given_writes_nothing() {
    let double =
        Double::play(|text, _| text.contains("sp_getapplock").then(|| Act::Reply(tds::int(-1))))
            .await;
    let error = increment(&double).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    let times = [OF_APP, "kv_store", "kv_entry", "COMMIT"].map(|text| double.times(text));
    assert_eq!(times, [5, 0, 0, 0], "one attempt, and four more");
}

#[tokio::test]
async fn writes_of_an_app_that_wait_keep_nobody_else_waiting() {
    /// More than there are connections of all kinds.
    const WRITES: usize = 40;
    let double = Double::play(|text, _| text.contains(OF_APP).then_some(Act::Silence)).await;
    let store = double.store(LONG);
    let [held, free] = ["shop", "other"].map(slot);
    let key = "k".parse().unwrap();
    let waiting = (0..WRITES).map(|_| store.kv_write(&held, &key, KvWrite::Delete, LIMITS));
    let waiting = contract::futures_in_order(waiting);
    let others = async {
        while double.times(OF_APP) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let generation = store.desired_generation(&"w-1".parse().unwrap()).await.unwrap();
        assert_eq!(generation, Some(Generation(7)));
        let written = store.kv_write(&free, &key, KvWrite::Increment(1), LIMITS).await.unwrap();
        assert_eq!(written, Ok(KvWritten::Number(1)));
        assert_eq!(store.kv_get(&held, &key).await.unwrap(), None, "also to read waits for none");
    };
    tokio::select! {
        () = others => {}
        _ = waiting => panic!("the writes were to wait"),
        () = tokio::time::sleep(LONG / 2) => panic!("somebody waits behind the writes of an app"),
    }
    assert_eq!(double.times(OF_APP), 1, "the others wait without a connection");
}

#[tokio::test]
async fn a_write_waits_for_its_turn_no_longer_than_a_call_may_take() {
    let double = Double::play(|text, _| text.contains(OF_APP).then_some(Act::Silence)).await;
    let limit = Duration::from_millis(300);
    let (store, key, began) = (double.store(limit), "k".parse().unwrap(), Instant::now());
    let slot = slot("shop");
    let writes = (0..30).map(|_| store.kv_write(&slot, &key, KvWrite::Delete, LIMITS));
    for written in contract::futures_in_order(writes).await {
        let error = written.unwrap_err();
        assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    }
    assert!(began.elapsed() >= limit && began.elapsed() < 15 * limit, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_setting_may_be_written_twice_when_nobody_knows_whether_it_was_once() {
    let script = |text: &str, nth: usize| {
        let app = text.contains("FROM app a JOIN version") && !text.contains("app_setting");
        if text.contains("COMMIT") && nth == 1 {
            return Some(Act::Cut(tds::touched(0)));
        }
        app.then(|| Act::Reply(tds::touched(0)))
    };
    let double = Double::play(script).await;
    let put = double.store(LONG).app_setting_put(&shop(), setting()).await.unwrap();
    assert!(!put, "this server has no such app");
    let times = [OF_LANE, "FROM app a JOIN version", "COMMIT"].map(|text| double.times(text));
    assert_eq!(times, [2, 2, 2]);

    let double = Double::play(script).await;
    let name = setting().name;
    let error = double.store(LONG).app_setting_delete(&shop(), &name).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert_eq!(double.times("DELETE FROM app_setting"), 1, "who removed it is not known");
}

#[tokio::test]
async fn a_secret_that_was_set_anew_is_not_resealed() {
    let double = Double::play(|text, _| {
        text.contains("SELECT value FROM app_setting").then(|| Act::Reply(tds::text("V1.SEALED")))
    })
    .await;
    let (store, name) = (double.store(LONG), setting().name);
    store.app_setting_reseal(&shop(), &name, "v1.sealed", "v2").await.unwrap();
    assert_eq!(double.times("UPDATE app_setting"), 0, "a collation may take both for the same");
    store.app_setting_reseal(&shop(), &name, "V1.SEALED", "v2").await.unwrap();
    assert_eq!(double.times("UPDATE app_setting"), 1);
}

#[tokio::test]
async fn a_value_of_another_type_than_its_column_should_have_is_an_error() {
    let double = Double::play(|text, _| {
        text.contains("SELECT value, revision").then(|| Act::Reply(tds::bigint(7)))
    })
    .await;
    let error = increment(&double).await.unwrap_err();
    assert!(matches!(error, StoreError::Failed { operation: "kv_write", .. }), "{error:?}");
    assert_eq!(double.times("UPDATE kv"), 0);
}
