//! Brings what is recorded in line with what is wanted: finds lost workers, applies the plan, wakes
//! the long polls. Takes no input, can run at any time and any number of times, and runs by itself
//! every second and when nudged.
//!
//! Of managers that share a store, one holds the lease and looks for lost workers; every one plans what
//! came in through itself, and wakes its pollers for what the others did.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::clock;
use crate::error::ApiError;
use crate::schedule;
use crate::state::Shared;
use crate::store::StoreError;

/// How long a change may go unnoticed when a nudge got lost, and one of another manager in any case.
const PERIOD: Duration = Duration::from_secs(1);

/// The longest pause between attempts while the store fails.
const PERIOD_FAILING_MAX: Duration = Duration::from_secs(10);

/// How long a worker that is gone stays in lists.
const GONE_KEPT: Duration = Duration::from_secs(24 * 3600);

/// How often what is old gets forgotten, and the clock is set anew.
const UPKEEP_PERIOD: Duration = Duration::from_secs(600);

/// How long an answer waits for the plan.
const PLANNED_WITHIN: Duration = Duration::from_secs(2);

/// The lease that one of several managers holds.
const LEASE: &str = "reconcile";

/// For how long it is taken: renewed with every pass, and short enough that another manager takes over
/// within ten seconds.
const LEASE_TTL: Duration = Duration::from_secs(5);

/// Runs until the manager stops, then gives the lease back.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut reconciler = Reconciler::default();
    let mut pause = PERIOD;
    loop {
        let began = Instant::now();
        let result = reconciler.pass(&shared).await;
        let took = began.elapsed();
        match result {
            Ok(()) => pause = period(&shared),
            Err(error) => {
                pause = (pause * 2).min(PERIOD_FAILING_MAX);
                let error = ApiError::from(error).cause_chain();
                tracing::error!(error, "reconciling failed; it is tried again");
            }
        }
        tokio::select! {
            () = shared.signals.nudge.notified() => {
                // As much rest as work: a plan over a large installation takes a while, and what is
                // reported meanwhile is planned together.
                tokio::time::sleep_until((began + 2 * took.min(PERIOD)).into()).await;
            }
            () = tokio::time::sleep(pause) => {}
            () = shared.signals.stop.cancelled() => break,
        }
    }
    if let Err(error) = shared.store.lease_release(LEASE, &shared.settings.owner).await {
        tracing::debug!(error = %error, "lease not given back; it runs out");
    }
}

fn period(shared: &Shared) -> Duration {
    PERIOD.min(shared.settings.lost_after / 4).max(Duration::from_millis(10))
}

#[derive(Default)]
struct Reconciler {
    leads: bool,
    /// The number of changes up to which everything is planned.
    planned: Option<u64>,
    upkeep_at: Option<Instant>,
    /// When it was last looked for lost workers.
    looked_at: Option<Instant>,
    /// Since when heartbeats could be taken without a gap: silence before that is not the workers'.
    heard_since: Option<Timestamp>,
}

impl Reconciler {
    async fn pass(&mut self, shared: &Shared) -> Result<(), StoreError> {
        let due = self.upkeep_at.is_none_or(|then| then.elapsed() >= UPKEEP_PERIOD);
        if due {
            set_clock(shared).await?;
        }
        self.lead(shared).await?;
        let changes = shared.store.change_get().await?;
        if self.planned != Some(changes) {
            let planned = shared.store.plan_apply(schedule::plan, shared.now()).await?;
            self.planned = Some(planned.change);
            shared.signals.planned.send_replace(planned.change);
            shared.signals.generations_changed();
            shared.signals.routes_changed();
        }
        if due {
            forget(shared).await?;
            self.upkeep_at = Some(Instant::now());
        }
        Ok(())
    }

    /// What only one manager does.
    async fn lead(&mut self, shared: &Shared) -> Result<(), StoreError> {
        let owner = &shared.settings.owner;
        let leads = shared.store.lease_take(LEASE, owner, LEASE_TTL).await?;
        if leads != std::mem::replace(&mut self.leads, leads) {
            tracing::info!(owner, leads, "reconcile lease changed hands");
        }
        let now = shared.now();
        let lost_after = shared.settings.lost_after;
        // After a start, and after a time in which the store or this process stood still, workers get
        // the whole time to be heard of again.
        let looked_at = self.looked_at.replace(Instant::now());
        if looked_at.is_none_or(|then| then.elapsed() > lost_after / 2) {
            self.heard_since = Some(now);
        }
        let seen_before = clock::before(now, lost_after);
        if leads && self.heard_since.is_some_and(|since| seen_before > since) {
            for worker in shared.store.worker_lose(seen_before, now).await? {
                tracing::warn!(%worker, "worker lost");
            }
        }
        Ok(())
    }
}

/// Waits until everything is planned that is in the store now, so that whoever changed something finds
/// it in what they read next. Not for long: what is acknowledged is planned in any case.
pub(crate) async fn planned(shared: &Shared) {
    let changes = match shared.store.change_get().await {
        Ok(changes) => changes,
        Err(error) => return tracing::debug!(error = %error, "not waited for the plan"),
    };
    let mut planned = shared.signals.planned.subscribe();
    shared.signals.nudge.notify_one();
    let planned = planned.wait_for(|planned| *planned >= changes);
    let _ = tokio::time::timeout(PLANNED_WITHIN, planned).await;
}

/// Sets this manager's clock by the store's.
async fn set_clock(shared: &Shared) -> Result<(), StoreError> {
    let before = clock::now();
    let store = shared.store.clock().await?;
    shared.clock.follow(store, before, clock::now());
    Ok(())
}

async fn forget(shared: &Shared) -> Result<(), StoreError> {
    let now = shared.now();
    shared.store.worker_prune(clock::before(now, GONE_KEPT)).await?;
    shared.store.session_prune(now, clock::before(now, crate::auth::IDLE_MAX)).await?;
    Ok(())
}
