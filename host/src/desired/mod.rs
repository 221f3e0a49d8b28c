//! The worker's side of its bond with the manager: join, pull the desired state, apply it, report.
//!
//! [`apply`] decides what is to be loaded and when it is served, with [`app`] for the versions of one app;
//! [`loads`] and [`loader`] load it, [`part`] by part; [`forward`] tells the manager.
//!
//! The worker never needs the manager to go on serving: the last state is on disk and is applied at
//! start from the code cache, before anyone is asked. Everything here retries for ever, with growing
//! pauses, because a manager that is away will come back. Invariant: one task applies states, so no two
//! are ever applied at once.

mod agenda;
mod app;
mod apply;
mod apps;
mod call;
mod draining;
mod forward;
mod in_service;
mod link;
mod loader;
mod loads;
mod modules;
mod part;
mod report;
mod state;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use steading_protocol::desired::{DesiredState, PlacementsReport};
use steading_protocol::{Generation, SettingValue};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) use apply::{Applier, Served};
pub(crate) use call::LinkError;
pub(crate) use link::{Link, Offer, Session};
pub(crate) use loader::{Loader, compiling};
pub(crate) use state::StateDir;
pub use state::has_joined;

use crate::capability::KvRemote;

pub(crate) use self::forward::Pulse;
use self::forward::{beat, report};

/// How long one pull waits at the manager for news.
const PULL_WAIT: Duration = Duration::from_secs(25);

/// How long one waits whose last answer had secrets that the manager could not read; then the same state is
/// asked for again.
const UNREADABLE_WAIT: Duration = Duration::from_secs(10);

/// Follows the manager until cancelled.
pub(crate) struct Follower {
    pub(crate) link: Link,
    pub(crate) applier: Applier,
    pub(crate) state: StateDir,
    pub(crate) reports: watch::Receiver<PlacementsReport>,
    pub(crate) pulse: Pulse,
    pub(crate) kv: Arc<KvRemote>,
}

impl Follower {
    /// Applies the state of an earlier run from the code cache alone.
    pub(crate) async fn resume(&mut self) {
        match self.state.desired() {
            Ok(Some(desired)) => {
                let generation = desired.generation;
                self.applier.apply(desired).await;
                let whole = self.applier.is_applied();
                tracing::info!(
                    generation = generation.0,
                    whole,
                    "Last desired state taken up again"
                );
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(error = %error, "Last desired state cannot be read, waiting for the manager");
            }
        }
    }

    /// Joins, follows, and joins again when the manager no longer knows this worker.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut pauses = Pauses::new();
        while !stop.is_cancelled() {
            match stop.run_until_cancelled(self.link.join()).await {
                None => break,
                Some(Err(error)) => {
                    tracing::warn!(error = %error, cause = error.cause(), "Manager cannot be joined, trying again");
                    stop.run_until_cancelled(pauses.pause()).await;
                }
                Some(Ok(session)) => {
                    pauses = Pauses::new();
                    tracing::info!(worker = %session.worker(), "Joined the manager");
                    self.kv.joined(&session);
                    self.follow(&session, &stop).await;
                    if stop.is_cancelled() {
                        session.leave().await;
                    }
                }
            }
        }
    }

    /// One session: heartbeats, reports and pulls side by side, until one finds the worker unknown.
    async fn follow(&mut self, session: &Session, stop: &CancellationToken) {
        let beats = beat(session, self.pulse.clone());
        let reports = report(session, self.reports.clone());
        let pulls = pull(session, &mut self.applier, &self.state);
        tokio::select! {
            () = beats => {}
            () = reports => {}
            () = pulls => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Pulls and applies states; returns when the manager does not know this worker.
async fn pull(session: &Session, applier: &mut Applier, state: &StateDir) {
    // after a join the manager's word is taken whatever the generation: it may have been restored
    // from a backup and count anew
    let mut known = Generation(0);
    let mut wait = PULL_WAIT;
    let mut pauses = Pauses::new();
    loop {
        match beside(applier, session, session.desired(known, wait)).await {
            Ok(None) => {
                pauses = Pauses::new();
                if wait == UNREADABLE_WAIT {
                    // the state is the same, but perhaps its secrets can be read now
                    known = Generation(0);
                }
            }
            Ok(Some(desired)) => {
                known = desired.generation;
                wait = if is_readable(&desired) { PULL_WAIT } else { UNREADABLE_WAIT };
                pauses = Pauses::new();
                applier.apply(desired.clone()).await;
                keep(state, &desired);
            }
            Err(LinkError::Unknown) => return,
            Err(error) => {
                tracing::warn!(error = %error, cause = error.cause(), "Desired state cannot be pulled, trying again");
                beside(applier, session, pauses.pause()).await;
            }
        }
    }
}

/// Whether the manager could read every secret of the state.
fn is_readable(desired: &DesiredState) -> bool {
    let mut values = desired.apps.iter().flat_map(|app| app.settings.values());
    !values.any(|value| matches!(value, SettingValue::Unreadable(_)))
}

/// Lets the applier get on while something else is waited for.
async fn beside<T>(applier: &mut Applier, session: &Session, wait: impl Future<Output = T>) -> T {
    let mut wait = pin!(wait);
    loop {
        tokio::select! {
            waited = &mut wait => return waited,
            () = applier.advance(session) => {}
        }
    }
}

/// Keeps the state for the next start. A full disk must not stop what runs now.
fn keep(state: &StateDir, desired: &DesiredState) {
    if let Err(error) = state.set_desired(desired) {
        tracing::error!(error = %error, "Desired state cannot be kept for the next start");
    }
}

/// Growing pauses with jitter, without an end: 100 ms to 5 s.
struct Pauses(backon::ExponentialBackoff);

impl Pauses {
    fn new() -> Self {
        let growing = ExponentialBuilder::new()
            .with_jitter()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(5))
            .without_max_times();
        Self(growing.build())
    }

    fn next(&mut self) -> Duration {
        self.0.next().unwrap_or(Duration::from_secs(5))
    }

    async fn pause(&mut self) {
        tokio::time::sleep(self.next()).await;
    }
}

/// An error with what lies under it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string().replace('\n', " "));
        next = cause.source();
    }
    text
}
