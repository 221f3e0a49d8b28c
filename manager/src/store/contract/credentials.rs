//! Promises about sessions, tokens and settings.

use super::at;
use crate::auth::SecretHash;
use crate::store::{NewToken, SessionRecord, Setting, Store};

pub(in crate::store) async fn sessions_are_kept_touched_and_forgotten(store: &dyn Store) {
    let session = |id: &str, expires: i64| SessionRecord {
        id: SecretHash::of(id),
        seen_at: at(0),
        expires_at: at(expires),
    };
    let get = async |id: &str| store.session_get(&SecretHash::of(id)).await.unwrap();
    for (id, expires) in [("a", 100), ("b", 10), ("c", 100)] {
        store.session_insert(session(id, expires)).await.unwrap();
    }
    assert_eq!(get("a").await, Some(session("a", 100)));
    assert_eq!(get("x").await, None);
    store.session_touch(&SecretHash::of("a"), at(50)).await.unwrap();
    assert_eq!(get("a").await.unwrap().seen_at, at(50));
    assert_eq!(store.session_prune(at(10), at(0)).await.unwrap(), 1);
    assert_eq!(get("b").await, None);
    assert_eq!(store.session_prune(at(10), at(1)).await.unwrap(), 1);
    assert_eq!(get("c").await, None);
    store.session_insert(session("d", 100)).await.unwrap();
    store.session_delete(&SecretHash::of("d")).await.unwrap();
    assert_eq!(get("d").await, None);
    store.session_delete_all().await.unwrap();
    assert_eq!(get("a").await, None);
}

pub(in crate::store) async fn tokens_are_found_by_hash_until_revoked(store: &dyn Store) {
    for (id, second) in [("t-2", 1), ("t-1", 0)] {
        let hash = SecretHash::of(id);
        let token = NewToken { id: id.into(), name: "ci".into(), hash, created_at: at(second) };
        store.token_insert(token).await.unwrap();
    }
    let ids: Vec<_> = store.token_list().await.unwrap().into_iter().map(|t| t.id).collect();
    assert_eq!(ids, ["t-1", "t-2"]);
    let by = async |text: &str| store.token_by_hash(&SecretHash::of(text)).await.unwrap();
    assert_eq!(by("t-1").await.unwrap().created_at, at(0));
    assert!(by("t-3").await.is_none());
    assert!(store.token_delete("t-1").await.unwrap());
    assert!(!store.token_delete("t-1").await.unwrap());
    assert!(by("t-1").await.is_none());
}

pub(in crate::store) async fn a_setting_is_inserted_once_and_can_be_put(store: &dyn Store) {
    let setting = Setting::AdminPassword;
    assert_eq!(store.setting_get(setting).await.unwrap(), None);
    assert!(store.setting_insert(setting, "a").await.unwrap());
    assert!(!store.setting_insert(setting, "b").await.unwrap());
    assert_eq!(store.setting_get(setting).await.unwrap().as_deref(), Some("a"));
    store.setting_put(setting, "c").await.unwrap();
    assert_eq!(store.setting_get(setting).await.unwrap().as_deref(), Some("c"));
}
