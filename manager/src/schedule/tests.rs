//! What a plan promises, in single steps.

use steading_protocol::api::RolloutState;
use steading_protocol::desired::PlacementState;
use steading_protocol::{AvailabilityState, Replicas};

use super::simulation::{Simulation, digest, name, version, worker};
use super::{LiveWorker, Plan, plan};

const ALL: Replicas = Replicas::All;
const TWO: Replicas = Replicas::Count(2);

fn four() -> Simulation {
    Simulation::new(["a", "b", "c", "d"].map(|label| worker(label, None)))
}

#[test]
fn every_worker_that_may_gets_an_app_for_all_the_default_first() {
    let mut sim = Simulation::new([worker("a", Some("x")), worker("b", None)]);
    sim.publish("one", version(1, ALL, None), 100);
    sim.publish("two", version(1, ALL, Some("x")), 100);
    sim.publish("three", version(1, ALL, None), 100);
    sim.now.apps[0].default = false;
    sim.now.apps[2].default = true;
    sim.settle(|_| {});
    let order = |worker: &LiveWorker| {
        worker.placements.iter().map(|p| p.app.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(order(&sim.now.workers[0]), ["three", "one", "two"]);
    assert_eq!(order(&sim.now.workers[1]), ["three", "one"]);
}

#[test]
fn a_new_version_takes_over_when_it_is_ready_everywhere_and_not_before() {
    let mut sim = four();
    sim.publish("shop", version(1, TWO, None), 100);
    sim.settle(|_| {});
    let old = sim.on("shop", 1).into_iter().map(|(w, _)| w.to_owned()).collect::<Vec<_>>();
    sim.publish("shop", version(2, TWO, None), 100);
    sim.apply();
    let standby = sim.on("shop", 2);
    assert_eq!(standby.iter().map(|(w, _)| *w).collect::<Vec<_>>(), old, "beside the old one");
    assert!(standby.iter().all(|(_, percent)| *percent == 0));
    assert!(sim.on("shop", 1).iter().all(|(_, percent)| *percent == 100));
    // one is ready, the other not yet
    let second = old[1].clone();
    for placement in &mut sim.worker_mut(&old[0]).placements {
        placement.state = PlacementState::Ready;
    }
    assert_eq!(plan(&sim.now), Plan::default());
    for placement in &mut sim.worker_mut(&second).placements {
        placement.state = PlacementState::Ready;
    }
    sim.apply();
    assert_eq!(sim.app("shop").current.version.0, 2);
    assert_eq!((sim.on("shop", 1).len(), sim.on("shop", 2)[0].1), (0, 100));
}

#[test]
fn a_version_that_fails_anywhere_stops_and_the_old_one_stays() {
    let mut sim = four();
    sim.publish("shop", version(1, ALL, None), 100);
    sim.settle(|_| {});
    sim.broken = [("b", 2), ("d", 2)]
        .map(|(w, v)| (w.to_owned(), name("shop"), steading_protocol::VersionNumber(v)))
        .into();
    sim.publish("shop", version(2, ALL, None), 100);
    sim.settle(|sim| assert!(sim.answers("shop")));
    let (rollout, _) = sim.app("shop").rollout.as_ref().unwrap();
    assert_eq!(rollout.state, RolloutState::Stopped);
    assert_eq!(rollout.detail.as_deref(), Some("b: out of tune; d: out of tune"));
    assert_eq!((sim.on("shop", 1).len(), sim.on("shop", 2).len()), (4, 0));
    assert_eq!(sim.app("shop").current.version.0, 1);
}

#[test]
fn a_share_is_given_when_both_versions_are_there_and_becomes_the_whole() {
    let mut sim = four();
    sim.publish("shop", version(1, TWO, None), 100);
    sim.settle(|_| {});
    sim.publish("shop", version(2, TWO, None), 10);
    sim.settle(|sim| assert!(sim.answers("shop")));
    assert!(sim.on("shop", 1).iter().all(|(_, percent)| *percent == 90));
    assert!(sim.on("shop", 2).iter().all(|(_, percent)| *percent == 10));
    assert_eq!(sim.on("shop", 2).len(), 2);
    let needs = sim.app("shop").rollout.as_ref().unwrap().1.clone();
    sim.publish("shop", needs, 100);
    sim.settle(|sim| assert!(sim.answers("shop")));
    assert_eq!((sim.on("shop", 1).len(), sim.app("shop").current.version.0), (0, 2));
    // A worker goes over to the old version by itself, when it has it loaded.
    sim.roll_back("shop", 1);
    sim.settle(|_| {});
    assert_eq!((sim.on("shop", 1).len(), sim.on("shop", 2).len()), (2, 0));
}

#[test]
fn a_version_for_workers_that_are_not_there_waits_and_says_so() {
    let mut sim = four();
    sim.publish("shop", version(1, ALL, None), 100);
    sim.publish("shop", version(2, ALL, Some("moon")), 100);
    sim.settle(|_| {});
    let (rollout, _) = sim.app("shop").rollout.as_ref().unwrap();
    assert_eq!(rollout.detail.as_deref(), Some("no worker that may run it is there"));
    assert_eq!(rollout.state, RolloutState::Rolling);
    sim.now.workers.push(worker("e", Some("moon")));
    sim.settle(|sim| assert!(sim.answers("shop")));
    assert_eq!((sim.app("shop").current.version.0, sim.on("shop", 2)), (2, vec![("e", 100)]));
    assert!(sim.on("shop", 1).is_empty());
}

#[test]
fn a_closing_worker_keeps_its_calls_until_another_is_ready() {
    let mut sim = four();
    sim.publish("shop", version(1, Replicas::Count(1), None), 100);
    sim.settle(|_| {});
    let on = sim.on("shop", 1)[0].0.to_owned();
    sim.worker_mut(&on).availability = AvailabilityState::Closing;
    sim.apply();
    assert_eq!(sim.on("shop", 1).len(), 2, "the old one is leaving, the new one is not ready");
    sim.settle(|sim| assert!(sim.answers("shop")));
    assert_eq!(sim.on("shop", 1).len(), 1);
    assert_ne!(sim.on("shop", 1)[0].0, on);
    // away at once: nothing to keep
    let on = sim.on("shop", 1)[0].0.to_owned();
    sim.worker_mut(&on).availability = AvailabilityState::Away;
    sim.apply();
    assert!(sim.on("shop", 1).iter().all(|(worker, _)| *worker != on));
}

#[test]
fn among_equally_full_workers_the_one_with_the_code_is_taken() {
    let mut sim = four();
    let needs = super::PlannedVersion { modules: vec![digest(7)], ..version(1, TWO, None) };
    sim.worker_mut("c").modules.insert(digest(7));
    sim.worker_mut("d").modules.insert(digest(7));
    sim.publish("shop", needs, 100);
    sim.settle(|_| {});
    assert_eq!(sim.on("shop", 1).iter().map(|(w, _)| *w).collect::<Vec<_>>(), ["c", "d"]);
}

#[test]
fn a_worker_that_cannot_hold_one_instance_gets_none() {
    let mut sim = four();
    sim.worker_mut("a").capacity.memory_bytes = 1000;
    sim.publish("shop", version(1, ALL, None), 100);
    sim.settle(|_| {});
    assert_eq!(sim.on("shop", 1).len(), 3);
}
