//! Promises about values: what goes in comes out, to the last digit, character and byte.

use bytes::Bytes;
use jiff::Timestamp;
use steading_protocol::desired::{Heartbeat, PlacementReport, PlacementState, PlacementsReport};
use steading_protocol::{Generation, VersionNumber};

use super::{digest, joining, name, publish, version};
use crate::auth::SecretHash;
use crate::schedule::plan;
use crate::store::{NewModule, NewToken, NewVersion, NewWorker, SessionRecord, Setting, Store};

/// Larger than any buffer, packet or page on the way.
const LARGE_BYTES: usize = 50 << 20;

/// Four bytes in UTF-8, two units in UTF-16, alone and joined; right to left; a quote and a bracket.
const TEXT: &str = "Wörker 🛠️ 𐐷𝕊 👩‍🚀 שלום 漢字 'quoted' [bracketed] N'\\ %_";

fn microsecond(count: i64) -> Timestamp {
    Timestamp::from_microsecond(1_800_000_000_000_000 + count).unwrap()
}

pub(in crate::store) async fn times_are_kept_to_the_microsecond(store: &dyn Store) {
    let [a, b, c, d] = [123_457, 999_999, 1_000_001, 86_399_999_999].map(microsecond);
    let worker = store.worker_join(joining("one", None, "one"), a).await.unwrap();
    store.version_publish(version("shop", b"1"), b).await.unwrap();
    store.plan_apply(plan, b).await.unwrap();
    let app = store.app_get(&name("shop")).await.unwrap().unwrap();
    assert_eq!(app.created_at, b);
    assert_eq!(store.version_list(&name("shop")).await.unwrap()[0].published_at, b);
    let placement = &store.placement_list(None).await.unwrap()[0];
    assert_eq!((placement.created_at, placement.changed_at), (b, b));

    store.worker_heartbeat(&worker, Heartbeat::default(), c).await.unwrap();
    let seen = store.worker_get(&worker).await.unwrap().unwrap();
    assert_eq!((seen.joined_at, seen.seen_at), (a, c));
    assert!(store.worker_lose(c, d).await.unwrap().is_empty());
    assert_eq!(store.worker_lose(microsecond(1_000_002), d).await.unwrap(), [worker]);
    assert_eq!(store.placement_list(None).await.unwrap()[0].changed_at, d);

    let session = SessionRecord { id: SecretHash::of("s"), seen_at: a, expires_at: b };
    store.session_insert(session.clone()).await.unwrap();
    assert_eq!(store.session_get(&session.id).await.unwrap(), Some(session));
    assert_eq!(store.session_prune(microsecond(999_998), a).await.unwrap(), 0);
    assert_eq!(store.session_prune(b, a).await.unwrap(), 1);
    let token = NewToken {
        id: "t".into(),
        name: "ci".into(),
        hash: SecretHash::of("t"),
        created_at: microsecond(-1_800_000_000_000_001),
    };
    store.token_insert(token.clone()).await.unwrap();
    assert_eq!(store.token_list().await.unwrap()[0].created_at, token.created_at);
}

pub(in crate::store) async fn text_of_any_script_comes_back(store: &dyn Store) {
    let join = NewWorker { name: TEXT.into(), platform: TEXT.into(), ..joining("", None, "one") };
    let worker = store.worker_join(join.clone(), microsecond(0)).await.unwrap();
    let again = NewWorker { earlier: Some(worker.clone()), ..join };
    assert_eq!(store.worker_join(again, microsecond(0)).await.unwrap(), worker);
    publish(store, "shop", b"1").await;
    let placement = PlacementReport {
        app: name("shop"),
        version: VersionNumber(1),
        state: PlacementState::Failed,
        detail: Some(TEXT.repeat(200)),
    };
    let report = PlacementsReport {
        generation: Generation(1),
        applied: Generation(1),
        placements: vec![placement],
    };
    store.placement_report(&worker, report, microsecond(1)).await.unwrap();
    let placement = store.placement_list(None).await.unwrap().remove(0);
    assert_eq!((&*placement.worker_name, placement.detail), (TEXT, Some(TEXT.repeat(200))));
    let worker = store.worker_get(&worker).await.unwrap().unwrap();
    assert_eq!((&*worker.name, &*worker.platform), (TEXT, TEXT));

    store.setting_put(Setting::AdminPassword, TEXT).await.unwrap();
    assert_eq!(store.setting_get(Setting::AdminPassword).await.unwrap().as_deref(), Some(TEXT));
    let (hash, created_at) = (SecretHash::of("t"), microsecond(0));
    let token = NewToken { id: "t".into(), name: TEXT.into(), hash, created_at };
    store.token_insert(token).await.unwrap();
    assert_eq!(store.token_by_hash(&hash).await.unwrap().unwrap().name, TEXT);

    let mut new = version("text", b"2");
    new.functions[0].export = TEXT.repeat(100);
    store.version_publish(new.clone(), microsecond(0)).await.unwrap();
    let kept = store.version_get(&new.app, VersionNumber(1)).await.unwrap().unwrap();
    assert_eq!(kept.functions, new.functions);
}

pub(in crate::store) async fn a_module_of_50_mib_comes_back_intact(store: &dyn Store) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let bytes: Vec<u8> =
        std::iter::repeat_with(&mut random).take(LARGE_BYTES / 8).flatten().collect();
    let large = NewModule { digest: digest(&bytes), bytes: Bytes::from(bytes) };
    let empty = NewModule { digest: digest(b""), bytes: Bytes::new() };
    let mut new = version("large", b"small");
    new.modules.extend([large.clone(), empty.clone()]);
    store.version_publish(new.clone(), microsecond(0)).await.unwrap();
    let kept = store.module_get(&large.digest).await.unwrap().unwrap();
    assert_eq!(kept.len(), LARGE_BYTES);
    assert!(kept == large.bytes, "other bytes of the same length");
    assert_eq!(store.module_get(&empty.digest).await.unwrap(), Some(Bytes::new()));
    let again = NewVersion { package: digest(b"again"), ..new };
    store.version_publish(again, microsecond(1)).await.unwrap();
    assert!(store.app_delete(&name("large")).await.unwrap());
    assert!(store.module_get(&large.digest).await.unwrap().is_none());
}
