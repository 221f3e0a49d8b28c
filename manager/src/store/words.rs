//! Words in tables back to what they stand for, the same for every database.

use steading_protocol::api::{RolloutState, WorkerState};
use steading_protocol::desired::PlacementState;

use super::BoxError;

/// A placement's state.
pub(super) fn placement_state(text: &str) -> Result<PlacementState, BoxError> {
    use PlacementState as S;
    let states = [S::Pending, S::Loading, S::Ready, S::Draining, S::Failed, S::Lost];
    let state = states.into_iter().find(|state| state.as_str() == text);
    state.ok_or_else(|| format!("`{text}` is no placement state").into())
}

/// A roll-out's state.
pub(super) fn rollout_state(text: &str) -> Result<RolloutState, BoxError> {
    use RolloutState as S;
    let states = [S::Rolling, S::Split, S::Stopped];
    let state = states.into_iter().find(|state| state.as_str() == text);
    state.ok_or_else(|| format!("`{text}` is no state of a roll-out").into())
}

/// A worker's state.
pub(super) fn worker_state(text: &str) -> Result<WorkerState, BoxError> {
    use WorkerState as S;
    let state = [S::Live, S::Left, S::Lost].into_iter().find(|state| state.as_str() == text);
    state.ok_or_else(|| format!("`{text}` is no worker state").into())
}
