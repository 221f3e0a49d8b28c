//! Follows a version onto the workers until every live one serves it or says that it cannot. The
//! judgement ([`assess`]) is pure; the loop around it only asks and waits.

use std::time::Duration;

use steading_protocol::api::{Status, WorkerState};
use steading_protocol::desired::PlacementState;
use steading_protocol::{AppName, VersionNumber};
use tokio::time::{Instant, sleep};

use crate::client::Client;
use crate::exit::{Exit, Failure};
use crate::terminal;

/// How often the manager is asked; a worker takes about as long to compile a small module.
const POLL: Duration = Duration::from_millis(150);

/// How far a version has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rollout {
    /// No worker is live; those that join will load it.
    NoWorkers,
    /// Some live workers are still loading it; their names.
    Waiting(Vec<String>),
    /// Every live worker has it or has failed at it.
    Settled(Vec<Outcome>),
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
    let current = status.apps.iter().find(|entry| entry.app == *app).map(|entry| entry.version);
    if let Some(newer) = current.filter(|current| *current > version) {
        return Rollout::Superseded(newer);
    }
    let (mut waiting, mut outcomes) = (vec![], vec![]);
    for worker in status.workers.iter().filter(|worker| worker.state == WorkerState::Live) {
        let placement = status.placements.iter().find(|placement| {
            placement.worker == worker.worker
                && placement.app == *app
                && placement.version == version
        });
        let name = worker.name.clone();
        match placement.map(|placement| (placement.state, placement.detail.clone())) {
            Some((PlacementState::Ready, _)) => {
                outcomes.push(Outcome { worker: name, failure: None });
            }
            Some((PlacementState::Failed, detail)) => {
                let failure = Some(detail.unwrap_or_else(|| "no reason given".to_owned()));
                outcomes.push(Outcome { worker: name, failure });
            }
            _ => waiting.push(name),
        }
    }
    match (waiting.is_empty(), outcomes.is_empty()) {
        (false, _) => Rollout::Waiting(waiting),
        (true, true) => Rollout::NoWorkers,
        (true, false) => Rollout::Settled(outcomes),
    }
}

#[cfg(test)]
mod tests {
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
                    "state": state, "created_at": TIME, "changed_at": TIME,
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

    #[test]
    fn a_version_is_waited_for_on_live_workers_only() {
        let workers = [("one", "live"), ("two", "live"), ("gone", "lost")];
        let waiting = status(&workers, &[("one", 2, "ready"), ("two", 1, "ready")]);
        assert_eq!(judge(&waiting, 2), Rollout::Waiting(vec!["two".into()]));
        let settled = status(&workers, &[("one", 2, "ready"), ("two", 2, "failed")]);
        let Rollout::Settled(outcomes) = judge(&settled, 2) else { panic!("not settled") };
        assert_eq!(outcomes[0], Outcome { worker: "one".into(), failure: None });
        assert_eq!(outcomes[1].failure.as_deref(), Some("no reason given"));
    }

    #[test]
    fn nobody_to_wait_for_and_a_newer_version_end_the_wait() {
        assert_eq!(judge(&status(&[("gone", "left")], &[]), 2), Rollout::NoWorkers);
        let newer = status(&[("one", "live")], &[("one", 2, "loading")]);
        assert_eq!(judge(&newer, 1), Rollout::Superseded(VersionNumber(2)));
    }
}
