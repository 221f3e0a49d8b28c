//! What goes to the manager by itself: heartbeats and reports.

use std::sync::Arc;

use steading_protocol::desired::{Heartbeat, PlacementsReport};
use tokio::sync::watch;

use super::{LinkError, Pauses, Session};
use crate::availability::Openness;

/// Where a heartbeat comes from.
#[derive(Clone)]
pub(crate) struct Pulse {
    /// Makes one of how things are now.
    pub(crate) heartbeat: Arc<dyn Fn() -> Heartbeat + Send + Sync>,
    /// Whose changes are told at once.
    pub(crate) openness: Arc<Openness>,
}

/// Sends heartbeats; returns when the manager does not know this worker.
pub(super) async fn beat(session: &Session, pulse: Pulse) {
    let mut every = tokio::time::interval(session.heartbeat_every());
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut changes = pulse.openness.changes();
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = changes.next() => {}
        }
        match session.heartbeat(&(pulse.heartbeat)()).await {
            Ok(_newest) => {}
            Err(LinkError::Unknown) => return,
            Err(error) => tracing::debug!(error = %error, "Heartbeat failed"),
        }
    }
}

/// Sends the newest report whenever it changes; returns when the manager does not know this worker.
pub(super) async fn report(session: &Session, mut reports: watch::Receiver<PlacementsReport>) {
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
