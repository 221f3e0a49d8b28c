//! Follows a version onto the workers until every live one serves it or says that it cannot. The
//! judgement ([`assess`]) is pure; the loop around it only asks and waits.

use std::time::Duration;

use steading_protocol::api::{App, RolloutState, Status, Worker, WorkerState};
use steading_protocol::desired::PlacementState;
use steading_protocol::{AppName, AvailabilityState, VersionNumber};
use tokio::time::{Instant, sleep};

use crate::client::Client;
use crate::exit::{Exit, Failure};
use crate::terminal;

/// How often the manager is asked; a worker takes about as long to compile a small module.
const POLL: Duration = Duration::from_millis(150);

/// How far a version has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rollout {
    /// No worker is there that may run it; those that join will load it.
    NoWorkers,
    /// Not every worker that is to serve it has it; their names, and what keeps them.
    Waiting(Vec<String>),
    /// Every worker that is to serve it does, or has failed at it.
    Settled(Vec<Outcome>),
    /// A worker could not load it, so the version before it serves on; why.
    Stopped(String),
    /// A newer version has taken its place.
    Superseded(VersionNumber),
}

/// What one worker made of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The worker's name.
    pub(crate) worker: String,
    /// Why it could not load the version, when it could not.
    pub(crate) failure: Option<String>,
}

/// Waits until the version has settled, at most this long.
pub(crate) async fn wait(
    client: &Client,
    app: &AppName,
    version: VersionNumber,
    limit: Duration,
) -> Result<Rollout, Failure> {
    let spinner = terminal::spinner(format!("waiting for workers to load {app} {version}"));
    let end = Instant::now() + limit;
    loop {
        let workers = match client.status().await {
            Ok(status) => match assess(&status, app, version) {
                Rollout::Waiting(workers) => workers.join(", "),
                over => return Ok(over),
            },
            // The version is stored; a manager that restarts meanwhile will know of it.
            Err(error) if error.is_passing() && Instant::now() < end => "workers".to_owned(),
            Err(error) => return Err(error.into()),
        };
        if Instant::now() >= end {
            let limit = limit.as_secs();
            let message = format!("{app} {version} is not ready after {limit} s on {workers}");
            return Err(Failure::new(Exit::Other, message));
        }
        spinner.set_message(format!("waiting for {workers} to load {app} {version}"));
        sleep(POLL).await;
    }
}

/// Judges how far a version has come.
pub(crate) fn assess(status: &Status, app: &AppName, version: VersionNumber) -> Rollout {
    let Some(app) = status.apps.iter().find(|entry| entry.app == *app) else {
        return Rollout::Superseded(version);
    };
    let on_its_way = app.rollout.as_ref().filter(|rollout| rollout.version == version);
    match on_its_way.map(|rollout| (rollout.state, rollout.detail.clone())) {
        Some((RolloutState::Stopped, detail)) => Rollout::Stopped(detail.unwrap_or_default()),
        Some((RolloutState::Rolling, detail)) => match on_workers(status, app, version) {
            Rollout::Waiting(workers) if !workers.is_empty() => Rollout::Waiting(workers),
            _ => Rollout::Waiting(vec![detail.unwrap_or_else(|| "the manager".to_owned())]),
        },
        None if app.version > version => Rollout::Superseded(app.version),
        None if app.version < version => {
            Rollout::Superseded(app.rollout.as_ref().map_or(app.version, |newer| newer.version))
        }
        Some((RolloutState::Split, _)) | None => on_workers(status, app, version),
    }
}

/// What the workers that are to serve a version make of it.
fn on_workers(status: &Status, app: &App, version: VersionNumber) -> Rollout {
    let (mut waiting, mut outcomes) = (vec![], vec![]);
    let wanted = status.placements.iter().filter(|placement| {
        placement.app == app.app && placement.version == version && placement.percent.is_some()
    });
    for placement in wanted {
        let (worker, detail) = (placement.worker_name.clone(), placement.detail.clone());
        match placement.state {
            PlacementState::Ready => outcomes.push(Outcome { worker, failure: None }),
            PlacementState::Failed => {
                let failure = Some(detail.unwrap_or_else(|| "no reason given".to_owned()));
                outcomes.push(Outcome { worker, failure });
            }
            PlacementState::Lost => {}
            _ => waiting.push(detail.map_or(worker.clone(), |why| format!("{worker} ({why})"))),
        }
    }
    // Right after a publish the manager may not have told anybody yet.
    let may = |worker: &Worker| {
        worker.state == WorkerState::Live
            && worker.availability.state == AvailabilityState::Available
            && app.placement.ask_for(&worker.labels)
    };
    match (waiting.is_empty(), outcomes.is_empty()) {
        (false, _) => Rollout::Waiting(waiting),
        (true, false) => Rollout::Settled(outcomes),
        (true, true) if status.workers.iter().any(may) => Rollout::Waiting(vec!["workers".into()]),
        (true, true) => Rollout::NoWorkers,
    }
}

#[cfg(test)]
mod tests {
    use steading_protocol::api;

    use super::*;

    const TIME: &str = "2030-01-01T00:00:00Z";

    fn status(workers: &[(&str, &str)], placements: &[(&str, u32, &str)]) -> Status {
        let workers: Vec<_> = workers
            .iter()
            .map(|(name, state)| {
                serde_json::json!({
                    "worker": name, "name": name, "url": "", "release": "", "platform": "",
                    "state": state, "joined_at": TIME, "seen_at": TIME,
                    "load": {"in_flight": 0, "in_flight_max": 1, "invocations": 0, "failures": 0, "resident_bytes": 0},
                })
            })
            .collect();
        let placements: Vec<_> = placements
            .iter()
            .map(|(worker, version, state)| {
                serde_json::json!({
                    "app": "a", "version": version, "worker": worker, "worker_name": worker,
                    "state": state, "percent": 100, "created_at": TIME, "changed_at": TIME,
                })
            })
            .collect();
        let app = serde_json::json!({
            "app": "a", "version": 2, "default": true, "hosts": [], "created_at": TIME,
        });
        let status = serde_json::json!({
            "release": "", "apps": [app], "workers": workers, "placements": placements,
        });
        serde_json::from_value(status).unwrap()
    }

    fn judge(status: &Status, version: u32) -> Rollout {
        assess(status, &"a".parse().unwrap(), VersionNumber(version))
    }

    fn rolling(mut status: Status, state: RolloutState, detail: Option<&str>) -> Status {
        let version = VersionNumber(3);
        let detail = detail.map(str::to_owned);
        status.apps[0].rollout = Some(api::Rollout { version, percent: 100, state, detail });
        status
    }

    #[test]
    fn a_version_is_waited_for_on_the_workers_that_are_to_serve_it() {
        let workers = [("one", "live"), ("two", "live"), ("gone", "lost")];
        let states = [("one", 2, "ready"), ("two", 2, "loading"), ("gone", 2, "lost")];
        let waiting = status(&workers, &states);
        assert_eq!(judge(&waiting, 2), Rollout::Waiting(vec!["two".into()]));
        let settled = status(&workers, &[("one", 2, "ready"), ("two", 2, "failed")]);
        let Rollout::Settled(outcomes) = judge(&settled, 2) else { panic!("not settled") };
        assert_eq!(outcomes[0], Outcome { worker: "one".into(), failure: None });
        assert_eq!(outcomes[1].failure.as_deref(), Some("no reason given"));
        let untold = status(&workers, &[]);
        assert_eq!(judge(&untold, 2), Rollout::Waiting(vec!["workers".into()]));
    }

    #[test]
    fn a_version_on_its_way_is_waited_for_until_it_takes_over_or_stops() {
        let workers = [("one", "live"), ("two", "live")];
        let both = [("one", 3, "ready"), ("two", 3, "loading")];
        let under_way = rolling(status(&workers, &both), RolloutState::Rolling, None);
        assert_eq!(judge(&under_way, 3), Rollout::Waiting(vec!["two".into()]));
        let both = [("one", 3, "ready"), ("two", 3, "ready")];
        let nearly = rolling(status(&workers, &both), RolloutState::Rolling, None);
        assert_eq!(judge(&nearly, 3), Rollout::Waiting(vec!["the manager".into()]));
        let split = rolling(status(&workers, &both), RolloutState::Split, None);
        assert!(matches!(judge(&split, 3), Rollout::Settled(outcomes) if outcomes.len() == 2));
        let stopped = rolling(status(&workers, &[]), RolloutState::Stopped, Some("one: no"));
        assert_eq!(judge(&stopped, 3), Rollout::Stopped("one: no".into()));
        assert_eq!(judge(&split, 4), Rollout::Superseded(VersionNumber(3)));
    }

    #[test]
    fn nobody_to_wait_for_and_a_newer_version_end_the_wait() {
        assert_eq!(judge(&status(&[("gone", "left")], &[]), 2), Rollout::NoWorkers);
        let newer = status(&[("one", "live")], &[("one", 2, "loading")]);
        assert_eq!(judge(&newer, 1), Rollout::Superseded(VersionNumber(2)));
    }
}
