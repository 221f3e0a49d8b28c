//! What is known of the worker's availability, for everyone in it who asks: the path of every request, the
//! heartbeat, and whoever waits for a change. Decides nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use steading_protocol::{Availability, AvailabilityState};
use tokio::sync::watch;

/// What callers are told to wait when nobody knows when the worker will be open again.
const RETRY_AFTER_UNKNOWN_S: u64 = 30;

/// Whether the worker takes work now, for everyone who asks.
pub(crate) struct Openness {
    /// For the path of every request.
    is_away: AtomicBool,
    now: watch::Sender<Standing>,
}

/// How things stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) availability: Availability,
    /// When it opens again, as far as that is known.
    pub(super) opens_at: Option<Timestamp>,
}

/// The worker takes no calls now.
#[derive(Debug, thiserror::Error)]
#[error("this worker takes no calls now; {why}")]
pub(crate) struct Away {
    why: String,
    /// When to ask again, seconds.
    pub(crate) retry_after_s: u64,
}

impl Openness {
    /// Open for ever, as long as nobody looks after it.
    pub(crate) fn new() -> Self {
        Self { is_away: AtomicBool::new(false), now: watch::Sender::default() }
    }

    /// Nothing, or why no call is taken.
    pub(crate) fn check(&self) -> Result<(), Away> {
        if self.is_away.load(Ordering::Relaxed) { Err(self.away(Timestamp::now())) } else { Ok(()) }
    }

    /// How it is now.
    pub(crate) fn availability(&self) -> Availability {
        self.now.borrow().availability.clone()
    }

    /// Waits for a change after the last one that was seen by this receiver.
    pub(crate) fn changes(&self) -> Changes {
        Changes(self.now.subscribe())
    }

    pub(super) fn away(&self, now: Timestamp) -> Away {
        let standing = self.now.borrow();
        let seconds = standing.opens_at.map(|opens| (opens.as_second() - now.as_second()).max(1));
        let retry_after_s = seconds.map_or(RETRY_AFTER_UNKNOWN_S, i64::unsigned_abs);
        Away { why: standing.availability.detail.clone().unwrap_or_default(), retry_after_s }
    }

    pub(super) fn set(&self, standing: Standing) {
        let is_away = standing.availability.state == AvailabilityState::Away;
        self.is_away.store(is_away, Ordering::Relaxed);
        self.now.send_if_modified(|now| {
            let is_new = *now != standing;
            if is_new {
                let Availability { state, detail } = &standing.availability;
                let (state, why) = (state.as_str(), detail.as_deref().unwrap_or_default());
                tracing::info!(state, why, "Availability changed");
                *now = standing;
            }
            is_new
        });
    }
}

/// Tells of changes.
pub(crate) struct Changes(watch::Receiver<Standing>);

impl Changes {
    /// Returns at the next change.
    pub(crate) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // nobody will ever change it
            std::future::pending::<()>().await;
        }
    }
}
