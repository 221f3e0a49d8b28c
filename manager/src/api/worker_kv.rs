//! Key-value stores, as workers ask for them in the name of functions. A worker is trusted with the apps
//! that it has, and with nothing else: the version must be placed on it, and its manifest name the store.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use steading_protocol::KvKey;
use steading_protocol::kv::{
    KvOperation, KvRefusal, KvReply, KvRequest, LIST_MAX, VALUE_BYTES_MAX,
};
use steading_protocol::problem::ErrorBody;

use super::extract::JsonBody;
use crate::auth::AsWorker;
use crate::error::{ApiError, Code};
use crate::state::Shared;
use crate::store::{KvEntry, KvList, KvSlot, KvWrite, KvWritten};

/// The longest value in base64, and what stands around it.
pub(super) const BODY_BYTES_MAX: u64 = VALUE_BYTES_MAX * 4 / 3 + (4 << 10);

/// One operation on a key-value store of an app that the worker has.
#[utoipa::path(post, path = "/workers/{worker}/kv", tag = "worker side",
    params(("worker" = String, Path)), security(("worker" = [])), request_body = KvRequest,
    responses((status = 200, body = KvReply), (status = "default", body = ErrorBody)))]
pub(super) async fn worker_kv(
    State(shared): State<Arc<Shared>>,
    AsWorker(worker): AsWorker,
    JsonBody(request): JsonBody<KvRequest>,
) -> Result<Json<KvReply>, ApiError> {
    let KvRequest { app, version, store, operation } = request;
    let grants = shared.store.placement_grants(&worker, &app, version).await?;
    if !grants.is_some_and(|grants| grants.kv.contains(&store)) {
        tracing::warn!(%worker, %app, %version, %store, "key-value store without a grant asked for");
        return Ok(Json(KvReply::Refused(KvRefusal::NotGranted)));
    }
    perform(&shared, &KvSlot { app, store }, operation).await.map(Json)
}

async fn perform(
    shared: &Shared,
    slot: &KvSlot,
    operation: KvOperation,
) -> Result<KvReply, ApiError> {
    let (key, write) = match operation {
        KvOperation::Get { key } => {
            let entry = shared.store.kv_get(slot, &key).await?;
            return Ok(entry.as_ref().map_or(KvReply::Absent, told));
        }
        KvOperation::List { prefix, after, count } => {
            return list(shared, slot, KvList { prefix, after, count }).await;
        }
        KvOperation::Set { key, value_base64 } => (key, KvWrite::Set(decoded(&value_base64)?)),
        KvOperation::Delete { key } => (key, KvWrite::Delete),
        KvOperation::Increment { key, by } => (key, KvWrite::Increment(by)),
        KvOperation::CompareAndSet { key, revision, value_base64 } => {
            (key, KvWrite::CompareAndSet(revision, decoded(&value_base64)?))
        }
    };
    let written = shared.store.kv_write(slot, &key, write, shared.settings.kv).await?;
    Ok(match written {
        Ok(KvWritten::Stored) => KvReply::Stored,
        Ok(KvWritten::Number(number)) => KvReply::Number(number),
        Err(refusal) => KvReply::Refused(refusal),
    })
}

async fn list(shared: &Shared, slot: &KvSlot, list: KvList) -> Result<KvReply, ApiError> {
    if !(1..=LIST_MAX).contains(&list.count) {
        let message = format!("`count` = {} is not within 1 to {LIST_MAX}", list.count);
        return Err(ApiError::new(Code::BodyInvalid, message));
    }
    if !KvKey::may_begin(&list.prefix) {
        return Err(ApiError::new(Code::BodyInvalid, "no key begins with `prefix`"));
    }
    let wanted = list.count as usize;
    // one more tells whether there are more
    let list = KvList { count: list.count + 1, ..list };
    let mut keys = shared.store.kv_list(slot, list).await?;
    let more = keys.len() > wanted;
    keys.truncate(wanted);
    Ok(KvReply::Keys { keys, more })
}

fn told(KvEntry { value, revision }: &KvEntry) -> KvReply {
    KvReply::Entry { value_base64: STANDARD.encode(value), revision: *revision }
}

fn decoded(text: &str) -> Result<Bytes, ApiError> {
    let decoded = STANDARD.decode(text);
    let decoded =
        decoded.map_err(|_| ApiError::new(Code::BodyInvalid, "`value_base64` is not base64"))?;
    Ok(decoded.into())
}
