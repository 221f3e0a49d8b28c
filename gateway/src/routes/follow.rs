//! The gateway's side of its bond with the manager: a long poll for the routes, for ever, with growing
//! pauses while the manager is away. What is served meanwhile is what was heard last.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use http::StatusCode;
use steading_protocol::Secret;
use steading_protocol::routes::Routes as Told;
use url::Url;

use super::table::TableMaker;
use super::{Kept, Routes, Table};

/// How long one pull waits at the manager for news.
const PULL_WAIT: Duration = Duration::from_secs(25);

/// What a pull may take beyond that: a list of a thousand apps over a slow line.
const PULL_SLACK: Duration = Duration::from_secs(10);

/// How to reach the manager.
pub(crate) struct Link {
    pub(crate) http: reqwest::Client,
    pub(crate) manager: Url,
    pub(crate) token: Option<Secret>,
}

/// Follows the manager.
pub(crate) struct Follower {
    pub(crate) link: Link,
    pub(crate) kept: Kept,
    pub(crate) maker: TableMaker,
    pub(crate) routes: Routes,
}

#[derive(Debug, thiserror::Error)]
enum PullError {
    #[error("the manager takes neither join token nor API token of this gateway")]
    Unauthorized,
    #[error("the manager answered {0}")]
    Status(StatusCode),
    #[error("the manager cannot be reached")]
    Unreachable(#[from] reqwest::Error),
}

impl Follower {
    /// Takes up what an earlier run has kept.
    pub(crate) fn resume(&self) {
        match self.kept.routes() {
            Ok(Some(told)) => {
                self.apply(&told);
                tracing::info!(revision = told.revision, "Last routes taken up again");
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "Last routes cannot be read, waiting for the manager");
            }
        }
    }

    /// Pulls until dropped.
    pub(crate) async fn run(self) {
        let this = Arc::new(self);
        let mut revision = String::new();
        let mut pauses = pauses();
        loop {
            match this.link.pull(&revision).await {
                Ok(told) => {
                    pauses = self::pauses();
                    let Some(told) = told else { continue };
                    revision.clone_from(&told.revision);
                    let applied = Arc::clone(&this);
                    // a thousand apps take some milliseconds, which callers should not feel
                    let applied = tokio::task::spawn_blocking(move || applied.take(&told)).await;
                    if let Err(error) = applied {
                        tracing::error!(%error, "Routes cannot be applied");
                    }
                }
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(%error, cause, "Routes cannot be pulled, trying again");
                    tokio::time::sleep(pauses.next().unwrap_or(PULL_SLACK)).await;
                }
            }
        }
    }

    fn take(&self, told: &Told) {
        self.apply(told);
        tracing::info!(
            revision = told.revision,
            apps = told.apps.len(),
            workers = told.workers.len(),
            "Routes changed"
        );
        if let Err(error) = self.kept.set(told) {
            tracing::error!(%error, "Routes cannot be kept for the next start");
        }
    }

    fn apply(&self, told: &Told) {
        let table: Table = self.maker.make(told, &self.routes.load());
        self.routes.store(Arc::new(table));
    }
}

impl Link {
    /// The routes, when they are others than those of a revision.
    async fn pull(&self, revision: &str) -> Result<Option<Told>, PullError> {
        let mut url = self.manager.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v1", "routes"]);
        }
        url.query_pairs_mut()
            .append_pair("after", revision)
            .append_pair("wait_ms", &PULL_WAIT.as_millis().to_string());
        let mut call = self.http.get(url).timeout(PULL_WAIT + PULL_SLACK);
        if let Some(token) = &self.token {
            call = call.bearer_auth(token.expose());
        }
        let reply = call.send().await?;
        match reply.status() {
            StatusCode::OK => Ok(Some(reply.json().await?)),
            StatusCode::NO_CONTENT => Ok(None),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(PullError::Unauthorized),
            status => Err(PullError::Status(status)),
        }
    }
}

/// 100 ms to 5 s, with jitter, without an end.
fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_jitter()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(5))
        .without_max_times()
        .build()
}
