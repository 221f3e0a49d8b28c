//! What a worker does with what it is told, asked of a real worker at a desk in this process.

mod availability;
mod cache;
mod limits;
mod rollout;

use steading_protocol::desired::{PlacementState, PlacementsReport};
use steading_tests::{Desk, DeskWorker};

use crate::setup::binary;

/// A desk and a worker at it.
async fn desk_and_worker() -> (Desk, DeskWorker) {
    let desk = Desk::open().await;
    let worker = DeskWorker::start(binary(), &desk, "").await;
    (desk, worker)
}

/// The state of a version in a report.
fn state(report: &PlacementsReport, app: &str, version: u32) -> Option<PlacementState> {
    let found = report.placements.iter().find(|p| p.app.as_str() == app && p.version.0 == version);
    found.map(|placement| placement.state)
}
