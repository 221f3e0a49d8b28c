//! The worker's side of its bond with the manager: join, pull the desired state, apply it, report.
//!
//! The worker never needs the manager to go on serving: the last state is on disk and is applied at
//! start from the code cache, before anyone is asked. Everything here retries for ever, with growing
//! pauses, because a manager that is away will come back. Invariant: one task applies states, so no two
//! are ever applied at once.

mod apply;
mod link;
mod loader;
mod order;
mod state;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use steading_protocol::desired::{DesiredState, Heartbeat, PlacementsReport};
use steading_protocol::{Availability, Generation};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) use apply::{Applier, Progress};
pub(crate) use link::{Link, LinkError, Session};
pub(crate) use loader::Loader;
pub(crate) use state::StateDir;

use crate::worker::Load;

/// How long one pull waits at the manager for news.
const PULL_WAIT: Duration = Duration::from_secs(25);

/// How long one pull waits while an old version drains, so that its end is told soon.
const PULL_WAIT_DRAINING: Duration = Duration::from_secs(1);

/// Follows the manager until cancelled.
pub(crate) struct Follower {
    pub(crate) link: Link,
    pub(crate) applier: Applier,
    pub(crate) state: StateDir,
    pub(crate) reports: watch::Receiver<PlacementsReport>,
    /// Set once a state has been applied whole.
    pub(crate) settled: Arc<AtomicBool>,
    pub(crate) load: Arc<dyn Fn() -> Load + Send + Sync>,
}

impl Follower {
    /// Applies the state of an earlier run from the code cache alone.
    pub(crate) async fn resume(&mut self) {
        match self.state.desired() {
            Ok(Some(desired)) => {
                let generation = desired.generation;
                if self.applier.apply(desired, None).await == Progress::Complete {
                    self.settled.store(true, Ordering::Release);
                }
                tracing::info!(generation = generation.0, "Last desired state taken up again");
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
        let beats = beat(session, &*self.load);
        let reports = report(session, self.reports.clone());
        let pulls = pull(session, &mut self.applier, &self.state, &self.settled);
        tokio::select! {
            () = beats => {}
            () = reports => {}
            () = pulls => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Pulls and applies states; returns when the manager does not know this worker.
async fn pull(session: &Session, applier: &mut Applier, state: &StateDir, settled: &AtomicBool) {
    // after a join the manager's word is taken whatever the generation: it may have been restored
    // from a backup and count anew
    let mut known = Generation(0);
    let mut pauses = Pauses::new();
    loop {
        let wait = if applier.is_draining() { PULL_WAIT_DRAINING } else { PULL_WAIT };
        match session.desired(known, wait).await {
            Ok(None) => applier.look_after_drained(),
            Ok(Some(desired)) => {
                let generation = desired.generation;
                let progress = applier.apply(desired.clone(), Some(session)).await;
                keep(state, &desired);
                if progress == Progress::Complete {
                    known = generation;
                    settled.store(true, Ordering::Release);
                    pauses = Pauses::new();
                } else {
                    pauses.pause().await;
                }
            }
            Err(LinkError::Unknown) => return,
            Err(error) => {
                tracing::warn!(error = %error, cause = error.cause(), "Desired state cannot be pulled, trying again");
                pauses.pause().await;
            }
        }
    }
}

/// Keeps the state for the next start. A full disk must not stop what runs now.
fn keep(state: &StateDir, desired: &DesiredState) {
    if let Err(error) = state.set_desired(desired) {
        tracing::error!(error = %error, "Desired state cannot be kept for the next start");
    }
}

/// Sends heartbeats; returns when the manager does not know this worker.
async fn beat(session: &Session, load: &(dyn Fn() -> Load + Send + Sync)) {
    let mut every = tokio::time::interval(session.heartbeat_every());
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        match session
            .heartbeat(&Heartbeat {
                load: load(),
                availability: Availability::default(),
                versions: vec![],
            })
            .await
        {
            Ok(_newest) => {}
            Err(LinkError::Unknown) => return,
            Err(error) => tracing::debug!(error = %error, "Heartbeat failed"),
        }
    }
}

/// Sends the newest report whenever it changes; returns when the manager does not know this worker.
async fn report(session: &Session, mut reports: watch::Receiver<PlacementsReport>) {
    reports.mark_changed();
    while reports.changed().await.is_ok() {
        let mut pauses = Pauses::new();
        loop {
            let newest = reports.borrow_and_update().clone();
            match session.report(&newest).await {
                Ok(()) => break,
                Err(LinkError::Unknown) => return,
                Err(error) => {
                    tracing::warn!(error = %error, "Placements cannot be reported, trying again");
                    pauses.pause().await;
                }
            }
        }
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

    async fn pause(&mut self) {
        let pause = self.0.next().unwrap_or(Duration::from_secs(5));
        tokio::time::sleep(pause).await;
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
