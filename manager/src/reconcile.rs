//! Brings what is recorded in line with what is wanted: finds lost workers, applies the plan, wakes
//! the long polls. Takes no input, can run at any time and any number of times, and runs by itself
//! every second and when nudged.

use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::error::ApiError;
use crate::schedule;
use crate::state::Shared;
use crate::store::StoreError;

/// How long a change may go unnoticed when a nudge got lost.
const PERIOD: Duration = Duration::from_secs(1);

/// The longest pause between attempts while the store fails.
const PERIOD_FAILING_MAX: Duration = Duration::from_secs(30);

/// How long a worker that is gone stays in lists.
const GONE_KEPT: Duration = Duration::from_secs(24 * 3600);

/// How often what is old gets forgotten.
const PRUNE_PERIOD: Duration = Duration::from_secs(600);

/// Runs until the manager stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut pause = PERIOD;
    let mut pruned_at = None;
    loop {
        let now = std::time::Instant::now();
        let prune = pruned_at.is_none_or(|then| now.duration_since(then) >= PRUNE_PERIOD);
        let result = async {
            once(&shared).await?;
            if prune { forget(&shared).await } else { Ok(()) }
        };
        match result.await {
            Ok(()) => {
                pause = PERIOD.min(shared.settings.lost_after / 4).max(Duration::from_millis(10));
                pruned_at = if prune { Some(now) } else { pruned_at };
            }
            Err(error) => {
                pause = (pause * 2).min(PERIOD_FAILING_MAX);
                let error = ApiError::from(error).cause_chain();
                tracing::error!(error, "reconciling failed; it is tried again");
            }
        }
        tokio::select! {
            () = shared.signals.nudge.notified() => {}
            () = tokio::time::sleep(pause) => {}
            () = shared.signals.stop.cancelled() => return,
        }
    }
}

/// One pass.
pub(crate) async fn once(shared: &Shared) -> Result<(), StoreError> {
    let now = clock::now();
    let seen_before = clock::before(now, shared.settings.lost_after);
    // After a start, workers get the whole time to be heard of again.
    if seen_before > shared.settings.started_at {
        let lost = shared.store.worker_lose(seen_before, now).await?;
        for worker in &lost {
            tracing::warn!(%worker, "worker lost");
        }
        if !lost.is_empty() {
            shared.signals.routes_changed();
        }
    }
    let changed = shared.store.plan_apply(schedule::plan, now).await?;
    if !changed.is_empty() {
        shared.signals.generations_changed();
    }
    Ok(())
}

async fn forget(shared: &Shared) -> Result<(), StoreError> {
    let now = clock::now();
    shared.store.worker_prune(clock::before(now, GONE_KEPT)).await?;
    shared.store.session_prune(now, clock::before(now, crate::auth::IDLE_MAX)).await?;
    Ok(())
}
