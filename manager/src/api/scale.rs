//! What orchestrators ask to scale workers by. Answered from the store, where every heartbeat goes
//! whichever manager took it, so all managers of one store tell the same.
//!
//! A figure is one moment of each worker, at most a heartbeat old. It is not smoothed here: how long
//! to wait before workers are added or taken away is what orchestrators have settings for, and two
//! filters in a row only make both harder to reason about.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use steading_protocol::api::{App, Placement, Scale, Worker, WorkerState};
use steading_protocol::desired::PlacementState;
use steading_protocol::problem::ErrorBody;
use steading_protocol::{AppName, AvailabilityState, Replicas, WorkerId};

use super::app_of;
use super::extract::Path;
use crate::error::ApiError;
use crate::state::Shared;

/// How busy workers should be, percent: the rest takes what comes while a new worker starts, and what
/// others had when one is lost.
const TARGET_PERCENT: u64 = 70;

/// How busy an app's workers are, for KEDA's `metrics-api` scaler and the like. With the join token or
/// an API token as bearer.
#[utoipa::path(get, path = "/scale/{app}", tag = "scaling",
    params(("app" = String, Path)), security(("join" = []), ("token" = [])),
    responses((status = 200, body = Scale), (status = "default", body = ErrorBody)))]
pub(super) async fn scale_get(
    State(shared): State<Arc<Shared>>,
    Path(app): Path<AppName>,
) -> Result<Json<Scale>, ApiError> {
    let app = app_of(&shared, &app).await?;
    let placements = shared.store.placement_list(Some(&app.app)).await?;
    let workers = shared.store.worker_list().await?;
    Ok(Json(scale(&app, &placements, &workers)))
}

/// The figures of an app.
fn scale(app: &App, placements: &[Placement], workers: &[Worker]) -> Scale {
    let called = |p: &&Placement| p.state == PlacementState::Ready && p.percent != Some(0);
    let ready: BTreeSet<&WorkerId> =
        placements.iter().filter(called).map(|placement| &placement.worker).collect();
    let mut scale = Scale {
        app: app.app.clone(),
        in_flight: 0,
        capacity: 0,
        workers: 0,
        in_flight_all: 0,
        capacity_all: 0,
        suggested_workers: 1,
    };
    for worker in workers.iter().filter(|worker| worker.state == WorkerState::Live) {
        let load = &worker.load;
        scale.in_flight += u64::from(load.apps.get(&app.app).copied().unwrap_or(0));
        // one that is closing still serves, and is gone before another one could have started
        let is_open = worker.availability.state == AvailabilityState::Available;
        if is_open && ready.contains(&worker.worker) {
            let own = app.limits.in_flight_max.or(load.app_in_flight_max).map(u64::from);
            scale.workers += 1;
            scale.capacity += own.map_or(load.in_flight_max, |max| max.min(load.in_flight_max));
            scale.in_flight_all += load.in_flight;
            scale.capacity_all += load.in_flight_max;
        }
    }
    scale.suggested_workers = suggested(&scale, app.placement.replicas);
    scale
}

/// How many workers, each like one of these, would be as busy as they should be with what runs now: with
/// the app's calls under the app's caps, and with everybody's calls under the workers' own, because apps
/// share workers. No more than the app may have, and never none: an app that nobody has ready cannot
/// show that it is wanted.
fn suggested(scale: &Scale, replicas: Replicas) -> u32 {
    let most = match replicas {
        Replicas::All => Replicas::COUNT_MAX,
        Replicas::Count(count) => count,
    };
    let needed = |in_flight: u64, capacity: u64| {
        let target = u128::from(capacity) * u128::from(TARGET_PERCENT);
        let wanted = u128::from(in_flight) * u128::from(scale.workers) * 100;
        if target == 0 { 0 } else { wanted.div_ceil(target) }
    };
    let by_app = needed(scale.in_flight, scale.capacity);
    let by_all = needed(scale.in_flight_all, scale.capacity_all);
    let most = u128::from(most);
    u32::try_from(by_app.max(by_all).clamp(1, most.max(1))).unwrap_or(Replicas::COUNT_MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use steading_protocol::AppLimits;
    use steading_protocol::desired::WorkerLoad;

    use super::*;
    use crate::portal::sample;

    fn worker(id: &str, own: u32, all: u64) -> Worker {
        let load = WorkerLoad {
            in_flight: all,
            in_flight_max: 100,
            apps: [(sample::name(), own)].into(),
            ..WorkerLoad::default()
        };
        let availability = Default::default();
        Worker { worker: id.parse().unwrap(), load, availability, ..sample::worker() }
    }

    fn ready(id: &str) -> Placement {
        let placement = sample::placement(2, PlacementState::Ready);
        Placement { worker: id.parse().unwrap(), ..placement }
    }

    fn told(scale: &Scale) -> (u64, u64, u32, u32) {
        (scale.in_flight, scale.capacity, scale.workers, scale.suggested_workers)
    }

    #[test]
    fn calls_are_summed_over_live_workers_and_room_over_those_that_take_work() {
        let two = [worker("w-1", 30, 40), worker("w-2", 50, 55)];
        let scale_of = |workers: &[Worker], placements: &[Placement]| {
            told(&scale(&sample::app(), placements, workers))
        };
        let both = [ready("w-1"), ready("w-2")];
        assert_eq!(scale_of(&two, &both), (80, 200, 2, 2));
        // what still runs where the app is no longer ready counts, and its room does not
        assert_eq!(scale_of(&two, &both[..1]), (80, 100, 1, 2));
        let standby = Placement { percent: Some(0), ..ready("w-2") };
        assert_eq!(scale_of(&two, &[ready("w-1"), standby]), (80, 100, 1, 2));
        let mut lost = two.clone();
        lost[0].state = WorkerState::Lost;
        assert_eq!(scale_of(&lost, &both), (50, 100, 1, 1));
        let mut closing = two;
        closing[0].availability.state = AvailabilityState::Closing;
        assert_eq!(scale_of(&closing, &both), (80, 100, 1, 2));
        assert_eq!(scale_of(&[], &both), (0, 0, 0, 1));
    }

    #[test]
    fn an_app_has_the_room_of_its_cap_and_else_of_the_workers_ceiling() {
        let mut workers = [worker("w-1", 14, 14)];
        let mut app = sample::app();
        workers[0].load.app_in_flight_max = Some(20);
        assert_eq!(told(&scale(&app, &[ready("w-1")], &workers)), (14, 20, 1, 1));
        workers[0].load.apps = [(app.app.clone(), 15)].into();
        assert_eq!(told(&scale(&app, &[ready("w-1")], &workers)), (15, 20, 1, 2));
        app.limits = AppLimits { in_flight_max: Some(10) };
        assert_eq!(told(&scale(&app, &[ready("w-1")], &workers)), (15, 10, 1, 3));
        app.limits = AppLimits { in_flight_max: Some(500) };
        assert_eq!(told(&scale(&app, &[ready("w-1")], &workers)), (15, 100, 1, 1));
    }

    #[test]
    fn workers_that_others_keep_busy_are_too_few_as_well_and_a_number_of_replicas_is_the_most() {
        let workers = [worker("w-1", 1, 100)];
        let mut app = sample::app();
        assert_eq!(scale(&app, &[ready("w-1")], &workers).suggested_workers, 2);
        app.placement.replicas = Replicas::Count(1);
        assert_eq!(scale(&app, &[ready("w-1")], &workers).suggested_workers, 1);
    }

    proptest! {
        #[test]
        fn a_suggestion_is_enough_and_not_one_more_and_grows_with_the_load(
            workers in 1..500u32, each in 1..5_000u64, running in 0..1_000_000u64,
        ) {
            let scale = |in_flight| Scale {
                app: sample::name(),
                in_flight,
                capacity: each * u64::from(workers),
                workers,
                in_flight_all: in_flight,
                capacity_all: each * u64::from(workers),
                suggested_workers: 0,
            };
            let wanted = suggested(&scale(running), Replicas::All);
            prop_assert!((1..=Replicas::COUNT_MAX).contains(&wanted));
            prop_assert!(suggested(&scale(running + 1), Replicas::All) >= wanted);
            let enough = |workers: u32| u64::from(workers) * each * TARGET_PERCENT >= running * 100;
            prop_assert!(wanted == Replicas::COUNT_MAX || enough(wanted));
            prop_assert!(wanted == 1 || !enough(wanted - 1));
        }
    }
}
