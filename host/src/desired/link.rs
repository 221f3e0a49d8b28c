//! HTTP to the manager: the calls a worker makes, each with a time limit.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use steading_protocol::desired::{
    DesiredState, Heartbeat, HeartbeatReply, JoinReply, JoinRequest, PlacementsReport,
};
use steading_protocol::kv::{KvReply, KvRequest};
use steading_protocol::{Capacity, Digest, Generation, Labels, Secret, WorkerId};
use url::Url;

use super::call::{LinkError, endpoint, json, send};
use super::state::{Identity, StateDir};
use crate::availability::Openness;
use crate::engine::CodeCache;

/// How to reach and join the manager.
pub(crate) struct Link {
    pub(crate) http: reqwest::Client,
    pub(crate) manager: Url,
    pub(crate) join_token: Option<Secret>,
    pub(crate) state: StateDir,
    pub(crate) code: CodeCache,
    pub(crate) offer: Offer,
}

/// What the worker says of itself when it joins.
pub(crate) struct Offer {
    pub(crate) name: String,
    pub(crate) url: Url,
    pub(crate) labels: Labels,
    pub(crate) capacity: Capacity,
    pub(crate) openness: Arc<Openness>,
}

/// A worker that the manager knows; cheap to clone.
#[derive(Clone)]
pub(crate) struct Session {
    http: reqwest::Client,
    api: Url,
    worker: WorkerId,
    token: Secret,
    heartbeat_every: Duration,
}

/// The modules that a join tells of. With the most labels there can be it stays below the 64 KiB that a
/// manager reads of it.
const MODULES_TOLD_MAX: usize = 700;
/// The time for a short call.
const CALL_TIME_MAX: Duration = Duration::from_secs(10);
/// The time to fetch one module; at the 100 MiB limit this is a slow link of 1 MiB/s.
const FETCH_TIME_MAX: Duration = Duration::from_secs(120);

impl Link {
    /// Joins with the join token, keeping the identity of an earlier join; without a token, that
    /// identity is all there is.
    pub(crate) async fn join(&self) -> Result<Session, LinkError> {
        let known = self.state.identity().map_err(LinkError::Identity)?;
        let Some(join_token) = &self.join_token else {
            let known = known.ok_or(LinkError::NoToken)?;
            return Ok(self.session(known, Duration::from_secs(2)));
        };
        let offer = &self.offer;
        let request = JoinRequest {
            worker: known.as_ref().map(|identity| identity.worker.clone()),
            name: offer.name.clone(),
            url: offer.url.as_str().trim_end_matches('/').to_owned(),
            release: env!("CARGO_PKG_VERSION").to_owned(),
            platform: format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
            labels: offer.labels.clone(),
            capacity: offer.capacity,
            availability: offer.openness.availability(),
            modules: self.modules(),
        };
        let call = self.http.post(endpoint(&self.api(), &["workers", "join"]));
        let call = call.bearer_auth(join_token.expose()).json(&request).timeout(CALL_TIME_MAX);
        let joined = send("join", call).await.map_err(|error| match error {
            LinkError::Unknown => LinkError::JoinToken,
            other => other,
        });
        let reply: JoinReply = json("join", joined?).await?;
        let identity = Identity { worker: reply.worker, token: reply.token };
        // a full disk must not keep a worker from serving; it is the same one as long as it runs
        if let Err(error) = self.state.set_identity(&identity) {
            tracing::error!(error = %error, "Identity cannot be kept for the next start");
        }
        Ok(self.session(identity, Duration::from_millis(reply.heartbeat_ms.max(100))))
    }

    /// The modules to tell of: where an app goes may depend on who has its code already.
    fn modules(&self) -> Vec<Digest> {
        let mut modules = self.code.modules();
        modules.truncate(MODULES_TOLD_MAX);
        modules
    }

    fn session(&self, identity: Identity, heartbeat_every: Duration) -> Session {
        Session {
            http: self.http.clone(),
            api: self.api(),
            worker: identity.worker,
            token: identity.token,
            heartbeat_every,
        }
    }

    fn api(&self) -> Url {
        endpoint(&self.manager, &["api", "v1"])
    }
}

impl Session {
    pub(crate) fn worker(&self) -> &WorkerId {
        &self.worker
    }

    pub(crate) fn heartbeat_every(&self) -> Duration {
        self.heartbeat_every
    }

    pub(crate) async fn heartbeat(
        &self,
        heartbeat: &Heartbeat,
    ) -> Result<HeartbeatReply, LinkError> {
        json("send a heartbeat", self.post("send a heartbeat", "heartbeat", heartbeat).await?).await
    }

    pub(crate) async fn report(&self, report: &PlacementsReport) -> Result<(), LinkError> {
        self.post("report placements", "placements", report).await.map(drop)
    }

    /// One operation on a key-value store.
    pub(crate) async fn kv(&self, request: &KvRequest) -> Result<KvReply, LinkError> {
        const CALL: &str = "ask for a key-value store";
        json(CALL, self.post(CALL, "kv", request).await?).await
    }

    /// Says goodbye, as far as the manager is there to hear it.
    pub(crate) async fn leave(&self) {
        if let Err(error) = self.post("leave", "leave", &serde_json::json!({})).await {
            tracing::warn!(error = %error, "Manager was not told that this worker leaves");
        }
    }

    /// The desired state when it is newer than `known`, waiting for it for a while.
    pub(crate) async fn desired(
        &self,
        known: Generation,
        wait: Duration,
    ) -> Result<Option<DesiredState>, LinkError> {
        let mut url = self.own("desired");
        url.query_pairs_mut()
            .append_pair("after", &known.to_string())
            .append_pair("wait_ms", &wait.as_millis().to_string());
        let call = self.http.get(url).timeout(wait + CALL_TIME_MAX);
        let response = send("pull the desired state", self.signed(call)).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        json("pull the desired state", response).await.map(Some)
    }

    /// Fetches a module and checks that it is what its digest says.
    pub(crate) async fn module(&self, digest: &Digest) -> Result<Bytes, LinkError> {
        let call = self.http.get(endpoint(&self.api, &["modules", digest.as_str()]));
        let response = send("fetch a module", self.signed(call.timeout(FETCH_TIME_MAX))).await?;
        let bytes = response
            .bytes()
            .await
            .map_err(|source| LinkError::Unreachable { call: "fetch a module", source })?;
        let computed = Digest::from_bytes(Sha256::digest(&bytes).into());
        if computed == *digest { Ok(bytes) } else { Err(LinkError::WrongBytes(digest.clone())) }
    }

    async fn post(
        &self,
        call: &'static str,
        name: &str,
        body: &impl Serialize,
    ) -> Result<reqwest::Response, LinkError> {
        let request = self.http.post(self.own(name)).json(body).timeout(CALL_TIME_MAX);
        send(call, self.signed(request)).await
    }

    fn signed(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        request.bearer_auth(self.token.expose())
    }

    fn own(&self, name: &str) -> Url {
        endpoint(&self.api, &["workers", self.worker.as_str(), name])
    }
}

#[cfg(test)]
mod tests {
    use steading_protocol::Availability;

    use super::*;

    #[test]
    fn the_longest_join_is_one_that_a_manager_reads() {
        let label = |number: usize| format!("{number:063}");
        let request = JoinRequest {
            worker: Some("w".repeat(64).parse().unwrap()),
            name: "n".repeat(255),
            url: format!("http://{}:65535", "h".repeat(255)),
            release: "10.20.30".into(),
            platform: "windows/x86_64".into(),
            labels: (0..32).map(|number| (label(number), label(number))).collect(),
            capacity: Capacity { memory_bytes: u64::MAX, instances: u32::MAX },
            availability: Availability::default(),
            modules: vec![Digest::from_bytes([0xab; 32]); MODULES_TOLD_MAX],
        };
        assert_eq!(steading_protocol::label_fault("labels", &request.labels), None);
        let bytes = serde_json::to_vec(&request).unwrap().len();
        assert!((48 << 10..64 << 10).contains(&bytes), "{bytes}");
    }
}
