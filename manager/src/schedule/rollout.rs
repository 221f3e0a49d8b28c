//! Whether a version on its way takes its next step. It goes into service when every worker that was
//! chosen for it has it ready, and stops at the first that cannot load it.

use steading_protocol::VersionNumber;
use steading_protocol::api::{Rollout, RolloutState};
use steading_protocol::desired::PlacementState;

use super::{Chosen, Holding, LiveWorker, PlannedApp};

/// Workers that are named in the reason for a stop.
const NAMED_MAX: usize = 5;

/// What happens to an app now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Stay,
    /// The roll-out is now this.
    Become(Rollout),
    /// The version takes the other's place.
    Switch(VersionNumber),
}

pub(super) fn is_split(rollout: &Rollout) -> bool {
    rollout.state == RolloutState::Split
}

pub(super) fn is_stopped(rollout: &Rollout) -> bool {
    rollout.state == RolloutState::Stopped
}

pub(super) fn step(
    app: &PlannedApp,
    chosen: &Chosen,
    workers: &[&LiveWorker],
    holdings: &[Holding<'_>],
) -> Step {
    let Some((rollout, _)) = app.rollout.as_ref().filter(|(rollout, _)| !is_stopped(rollout))
    else {
        return Step::Stay;
    };
    let on = |worker: usize| {
        holdings
            .iter()
            .find(|(on, held)| *on == worker && held.version == rollout.version)
            .map(|(_, held)| held)
            .filter(|held| held.wanted.is_some())
    };
    let errors = failures(chosen.rollout.iter().filter_map(|&worker| {
        let held = on(worker).filter(|held| held.state == PlacementState::Failed)?;
        let why = held.detail.as_deref().unwrap_or("it could not be loaded");
        Some(format!("{}: {why}", workers[worker].name))
    }));
    if let Some(detail) = errors {
        let state = RolloutState::Stopped;
        return Step::Become(Rollout { state, detail: Some(detail), ..rollout.clone() });
    }
    if rollout.state == RolloutState::Split && rollout.percent < 100 {
        return Step::Stay;
    }
    if chosen.rollout.is_empty() && !chosen.current.is_empty() {
        let detail = Some("no worker that may run it is there".to_owned());
        let waiting = Rollout { detail, ..rollout.clone() };
        return if waiting == *rollout { Step::Stay } else { Step::Become(waiting) };
    }
    if rollout.detail.is_some() {
        return Step::Become(Rollout { detail: None, ..rollout.clone() });
    }
    let ready = |&worker: &usize| on(worker).is_some_and(|h| h.state == PlacementState::Ready);
    match chosen.rollout.iter().all(ready) {
        false => Step::Stay,
        true if rollout.percent >= 100 => Step::Switch(rollout.version),
        true => {
            let state = RolloutState::Split;
            Step::Become(Rollout { state, detail: None, ..rollout.clone() })
        }
    }
}

/// The first error of each worker, in one line; nothing when there is none.
fn failures(errors: impl Iterator<Item = String>) -> Option<String> {
    let errors: Vec<String> = errors.collect();
    let (more, named) = (errors.len().saturating_sub(NAMED_MAX), errors.len().min(NAMED_MAX));
    let mut text = errors[..named].join("; ");
    if more > 0 {
        text.push_str(&format!("; and {more} more workers"));
    }
    (!text.is_empty()).then_some(text)
}
