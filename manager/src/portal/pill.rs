//! States in a word and a colour: of placements, workers, and an app as a whole. Pure.

use steading_protocol::api::{Placement, Worker, WorkerState};
use steading_protocol::desired::PlacementState;
use steading_protocol::{AvailabilityState, VersionNumber};

/// A state in a word, with the tone that its colour repeats; never colour alone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pill {
    /// `good`, `busy`, `bad` or `plain`: a class of the style sheet.
    pub(crate) tone: &'static str,
    pub(crate) text: String,
}

impl Pill {
    pub(crate) fn new(tone: &'static str, text: impl Into<String>) -> Self {
        Self { tone, text: text.into() }
    }

    pub(crate) fn of_placement(state: PlacementState) -> Self {
        let tone = match state {
            PlacementState::Ready => "good",
            PlacementState::Pending | PlacementState::Loading => "busy",
            PlacementState::Draining => "plain",
            PlacementState::Failed | PlacementState::Lost => "bad",
        };
        Self::new(tone, state.as_str())
    }

    /// What a live worker says of itself goes before that it is live.
    pub(crate) fn of_worker(worker: &Worker) -> Self {
        let state = worker.state;
        let tone = match state {
            WorkerState::Live if worker.availability.state != AvailabilityState::Available => {
                return Self::new("plain", worker.availability.state.as_str());
            }
            WorkerState::Live => "good",
            WorkerState::Left => "plain",
            WorkerState::Lost => "bad",
        };
        Self::new(tone, state.as_str())
    }

    /// An app's placements of its current version in one phrase: `ready on 1 of 2, 1 failed`.
    pub(crate) fn of_app(version: VersionNumber, placements: &[Placement]) -> Self {
        let of =
            |state| placements.iter().filter(|p| p.version == version && p.state == state).count();
        let (ready, failed, lost) =
            (of(PlacementState::Ready), of(PlacementState::Failed), of(PlacementState::Lost));
        let wanted =
            ready + failed + lost + of(PlacementState::Pending) + of(PlacementState::Loading);
        if wanted == 0 {
            return Self::new("plain", "no worker yet");
        }
        let mut text = format!("ready on {ready} of {wanted}");
        for (count, word) in [(failed, "failed"), (lost, "lost")] {
            if count > 0 {
                text.push_str(&format!(", {count} {word}"));
            }
        }
        // A lost worker is no harm while another serves.
        let tone = match ready {
            _ if failed > 0 => "bad",
            0 if lost > 0 => "bad",
            ready if ready == wanted => "good",
            _ => "busy",
        };
        Self::new(tone, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_good_only_when_every_placement_of_its_version_is_ready() {
        use PlacementState::{Draining, Failed, Lost, Pending, Ready};
        let pill = |states: &[(u32, PlacementState)]| {
            let placements: Vec<_> =
                states.iter().map(|(v, s)| crate::portal::sample::placement(*v, *s)).collect();
            Pill::of_app(VersionNumber(2), &placements)
        };
        assert_eq!(pill(&[]), Pill::new("plain", "no worker yet"));
        assert_eq!(pill(&[(2, Ready), (2, Ready)]), Pill::new("good", "ready on 2 of 2"));
        assert_eq!(pill(&[(2, Ready), (2, Pending)]), Pill::new("busy", "ready on 1 of 2"));
        assert_eq!(pill(&[(2, Ready), (2, Lost)]), Pill::new("busy", "ready on 1 of 2, 1 lost"));
        assert_eq!(pill(&[(2, Lost)]), Pill::new("bad", "ready on 0 of 1, 1 lost"));
        assert_eq!(pill(&[(2, Failed)]), Pill::new("bad", "ready on 0 of 1, 1 failed"));
        assert_eq!(pill(&[(2, Ready), (1, Draining)]), Pill::new("good", "ready on 1 of 1"));
    }
}
