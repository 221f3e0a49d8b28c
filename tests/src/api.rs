//! The manager's API as its clients see it, with a token of its own.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use steading_protocol::api::{List, Placement, PublishReply, Status, TokenReply};
use steading_protocol::desired::PlacementState;
use steading_protocol::problem::ErrorBody;
use steading_protocol::{Secret, VersionNumber};

use crate::{ADMIN_PASSWORD, eventually, http};

/// Compiling a module in an unoptimised test build on a busy machine comes within this.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A client of one manager.
#[derive(Clone, Debug)]
pub struct Api {
    base: String,
    token: Secret,
}

/// An answer that refuses or fails, with the body that every such answer must have.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub error: ErrorBody,
}

impl Api {
    /// Makes a token with the admin's password and uses it from then on.
    pub async fn sign_in(manager: &str) -> Self {
        let base = format!("{manager}/api/v1");
        let request = http::request(Method::POST, &format!("{base}/tokens"))
            .basic_auth("admin", Some(ADMIN_PASSWORD))
            .json(&serde_json::json!({ "name": "tests" }));
        let reply = http::send(request).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text());
        Self { base, token: reply.json::<TokenReply>().token }
    }

    /// The token, for command lines.
    pub fn token(&self) -> &str {
        self.token.expose()
    }

    /// A request with the token; `path` stands below `/api/v1/`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        http::request(method, &format!("{}/{path}", self.base)).bearer_auth(self.token())
    }

    /// Sends a request: the body of a success, or the refusal.
    pub async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Refusal> {
        let reply = http::send(request).await;
        if reply.status.is_success() {
            return Ok(reply.json());
        }
        let error: ErrorBody = reply.json();
        assert!(!error.request_id.is_empty(), "every refusal has the id of its request");
        Err(Refusal { status: reply.status, error })
    }

    /// `GET` of a path below `/api/v1/`, which must succeed.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        let reply = self.send(self.request(Method::GET, path)).await;
        reply.unwrap_or_else(|refusal| panic!("GET {path}: {refusal}"))
    }

    /// Publishes a package as an app, with whatever grants it asks for.
    pub async fn publish(&self, app: &str, package: &[u8]) -> Result<PublishReply, Refusal> {
        let path = format!("apps/{app}/versions?allow_new_grants=true");
        self.send(self.request(Method::POST, &path).body(package.to_vec())).await
    }

    /// Publishes as [`Api::publish`], by a manager that may die meanwhile: nothing when no answer came.
    pub async fn try_publish(&self, app: &str, package: &[u8]) -> Option<PublishReply> {
        let path = format!("apps/{app}/versions");
        let request = self.request(Method::POST, &path).body(package.to_vec());
        let reply = http::try_send(request).await.ok()?;
        reply.status.is_success().then(|| reply.json())
    }

    /// Publishes a package that must be taken, and waits until `workers` workers serve it.
    pub async fn publish_ready(&self, app: &str, package: &[u8], workers: usize) -> VersionNumber {
        let published = self.publish(app, package).await;
        let version = published.unwrap_or_else(|refusal| panic!("{app}: {refusal}")).version;
        self.ready(app, version, workers).await;
        version
    }

    /// Waits until `workers` workers serve a version.
    pub async fn ready(&self, app: &str, version: VersionNumber, workers: usize) {
        let what = format!("{app} {version} to be ready on {workers} workers");
        eventually(&what, READY_WITHIN, || async {
            let placements = self.placements(app).await;
            let ready = placements
                .iter()
                .filter(|p| p.version == version && p.state == PlacementState::Ready)
                .count();
            if ready == workers { Ok(()) } else { Err(described(&placements)) }
        })
        .await;
    }

    /// Everything at a glance.
    pub async fn status(&self) -> Status {
        self.get("status").await
    }

    /// The placements of one app.
    pub async fn placements(&self, app: &str) -> Vec<Placement> {
        self.get::<List<Placement>>(&format!("placements?app={app}")).await.items
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.status, self.error.code, self.error.message)
    }
}

/// Placements in one line, for messages.
fn described(placements: &[Placement]) -> String {
    let line = |p: &Placement| {
        let detail = p.detail.as_deref().unwrap_or_default();
        format!("{} {} {} {}", p.version, p.worker_name, p.state, detail).trim_end().to_owned()
    };
    let lines: Vec<String> = placements.iter().map(line).collect();
    if lines.is_empty() { "no placements".to_owned() } else { lines.join(", ") }
}
