//! What workers call: joining, heartbeats, the long poll for their desired state, reports, goodbye.
//! A worker acts for itself only; the gate has seen to that before a handler runs.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use steading_protocol::desired::{
    DesiredState, Heartbeat, HeartbeatReply, JoinReply, JoinRequest, PlacementState,
    PlacementsReport,
};
use steading_protocol::problem::ErrorBody;
use steading_protocol::{Generation, WorkerId, label_fault};
use tokio::time::Instant;
use url::Url;

use super::extract::{JsonBody, Query};
use crate::auth::{AsWorker, SecretHash, mint};
use crate::error::{ApiError, Code};
use crate::reconcile;
use crate::secrets;
use crate::state::Shared;
use crate::store::NewWorker;

/// The longest long poll: below the minute after which proxies like to cut idle requests.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(55);

/// Names, releases and platforms are shown in one line.
const LABEL_CHARS_MAX: usize = 100;

/// Takes a worker in, with the join token as bearer. With the id and name of an earlier join it
/// keeps its identity; its earlier token dies.
#[utoipa::path(post, path = "/workers/join", tag = "worker side", security(("join" = [])),
    responses((status = 200, body = JoinReply), (status = "default", body = ErrorBody)))]
pub(super) async fn worker_join(
    State(shared): State<Arc<Shared>>,
    JsonBody(request): JsonBody<JoinRequest>,
) -> Result<Json<JoinReply>, ApiError> {
    let token = mint("stw_");
    let join = joining(request, SecretHash::of(token.expose()))?;
    let (name, url) = (join.name.clone(), join.url.clone());
    let worker = shared.store.worker_join(join, shared.now()).await?;
    reconcile::planned(&shared).await;
    tracing::info!(%worker, name, url, "worker joined");
    Ok(Json(JoinReply { worker, token, heartbeat_ms: shared.settings.heartbeat_ms }))
}

fn joining(request: JoinRequest, token: SecretHash) -> Result<NewWorker, ApiError> {
    for (field, text) in
        [("name", &request.name), ("release", &request.release), ("platform", &request.platform)]
    {
        if text.trim().is_empty() || text.chars().count() > LABEL_CHARS_MAX {
            return Err(ApiError::new(
                Code::BodyInvalid,
                format!("`{field}` has 1 to {LABEL_CHARS_MAX} characters"),
            ));
        }
    }
    if let Some(fault) = label_fault("labels", &request.labels) {
        return Err(ApiError::new(Code::BodyInvalid, fault));
    }
    let usable = request.url.parse::<Url>().is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    if !usable {
        return Err(ApiError::new(
            Code::BodyInvalid,
            format!("`url`: `{}` is not the http or https address of a worker", request.url),
        ));
    }
    let fresh = format!("w-{}", hex::encode(rand::random::<[u8; 8]>()));
    Ok(NewWorker {
        earlier: request.worker,
        fresh: fresh.parse().expect("`w-` and hexadecimal digits are a worker id"),
        name: request.name,
        url: request.url,
        release: request.release,
        platform: request.platform,
        labels: request.labels,
        capacity: request.capacity,
        availability: request.availability,
        modules: request.modules,
        token,
    })
}

/// A sign of life, with the worker's load; tells the newest generation.
#[utoipa::path(post, path = "/workers/{worker}/heartbeat", tag = "worker side",
    params(("worker" = String, Path)), security(("worker" = [])),
    responses((status = 200, body = HeartbeatReply), (status = "default", body = ErrorBody)))]
pub(super) async fn worker_heartbeat(
    State(shared): State<Arc<Shared>>,
    AsWorker(worker): AsWorker,
    JsonBody(heartbeat): JsonBody<Heartbeat>,
) -> Result<Json<HeartbeatReply>, ApiError> {
    let generation = shared
        .store
        .worker_heartbeat(&worker, heartbeat, shared.now())
        .await?
        .ok_or_else(|| unknown(&worker))?;
    Ok(Json(HeartbeatReply { generation }))
}

/// The query of the long poll.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DesiredQuery {
    /// The generation that the worker has.
    #[serde(default)]
    after: u64,
    /// How long to wait for a newer one, milliseconds; at most 55,000 are waited.
    #[serde(default)]
    wait_ms: u64,
}

/// The worker's desired state, as soon as it is newer than what the worker has; 204 when the wait
/// ends first.
#[utoipa::path(get, path = "/workers/{worker}/desired", tag = "worker side",
    params(("worker" = String, Path), DesiredQuery), security(("worker" = [])),
    responses((status = 200, body = DesiredState), (status = 204),
        (status = "default", body = ErrorBody)))]
pub(super) async fn worker_desired(
    State(shared): State<Arc<Shared>>,
    AsWorker(worker): AsWorker,
    Query(query): Query<DesiredQuery>,
) -> Result<Response, ApiError> {
    let after = Generation(query.after);
    let until = Instant::now() + Duration::from_millis(query.wait_ms).min(WAIT_MAX);
    // Subscribed before the first look, so that no change falls between look and wait.
    let mut changes = shared.signals.generations();
    loop {
        let state = desired_after(&shared, &worker, after).await?;
        if let Some(state) = state {
            return Ok(Json(state).into_response());
        }
        tokio::select! {
            _ = changes.changed() => {}
            () = tokio::time::sleep_until(until) => break,
            () = shared.signals.stop.cancelled() => break,
        }
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn desired_after(
    shared: &Shared,
    worker: &WorkerId,
    after: Generation,
) -> Result<Option<DesiredState>, ApiError> {
    let store = &shared.store;
    let newest = store.desired_generation(worker).await?.ok_or_else(|| unknown(worker))?;
    if newest == after {
        return Ok(None);
    }
    if newest < after {
        tracing::warn!(%worker, generation = %newest, "worker is ahead of the store; raised");
        store.desired_raise(worker, after).await?;
    }
    let desired = store.desired_get(worker, shared.settings.versions_held).await?;
    let mut desired = desired.ok_or_else(|| unknown(worker))?;
    secrets::open(shared.secrets.as_ref(), &mut desired);
    Ok(Some(desired))
}

/// Everything that the worker holds.
#[utoipa::path(post, path = "/workers/{worker}/placements", tag = "worker side",
    params(("worker" = String, Path)), security(("worker" = [])),
    responses((status = 204), (status = "default", body = ErrorBody)))]
pub(super) async fn worker_placements(
    State(shared): State<Arc<Shared>>,
    AsWorker(worker): AsWorker,
    JsonBody(report): JsonBody<PlacementsReport>,
) -> Result<StatusCode, ApiError> {
    let unknown = shared.store.placement_report(&worker, report, shared.now()).await?;
    shared.signals.nudge.notify_one();
    shared.signals.routes_changed();
    for report in unknown {
        let (app, version) = (&report.app, report.version);
        // What is being drained after its app was removed is unknown for a good reason.
        if report.state == PlacementState::Draining {
            tracing::debug!(%worker, %app, %version, "draining placement of a removed app");
        } else {
            tracing::warn!(%worker, %app, %version, "report of an unknown version ignored");
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A goodbye: the worker's token dies and its placements go.
#[utoipa::path(post, path = "/workers/{worker}/leave", tag = "worker side",
    params(("worker" = String, Path)), security(("worker" = [])),
    responses((status = 204), (status = "default", body = ErrorBody)))]
pub(super) async fn worker_leave(
    State(shared): State<Arc<Shared>>,
    AsWorker(worker): AsWorker,
) -> Result<StatusCode, ApiError> {
    shared.store.worker_leave(&worker).await?;
    shared.signals.routes_changed();
    tracing::info!(%worker, "worker left");
    Ok(StatusCode::NO_CONTENT)
}

fn unknown(worker: &WorkerId) -> ApiError {
    ApiError::new(Code::WorkerUnknown, format!("there is no worker `{worker}`"))
}
