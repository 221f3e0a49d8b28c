//! What a plan promises of any installation, whatever happens to it.

use proptest::prelude::*;
use steading_protocol::{AvailabilityState, Replicas};

use super::simulation::{Simulation, version, worker};
use super::{LiveWorker, Plan, plan};

const ALL: Replicas = Replicas::All;

/// An installation of a few workers in two zones and apps of all kinds.
fn installations() -> impl Strategy<Value = Simulation> {
    let zone = prop_oneof![Just(None), Just(Some("x")), Just(Some("y"))];
    let replicas = prop_oneof![Just(ALL), (1..5_u32).prop_map(Replicas::Count)];
    let asks = prop_oneof![4 => Just(None), 1 => Just(Some("x"))];
    let workers = prop::collection::vec(zone, 0..7);
    (workers, prop::collection::vec((replicas, asks), 0..9)).prop_map(|(workers, apps)| {
        let workers = workers.into_iter().enumerate();
        let mut sim = Simulation::new(workers.map(|(i, zone)| worker(&format!("n{i}"), zone)));
        for (i, (replicas, asks)) in apps.into_iter().enumerate() {
            sim.publish(&format!("app{i}"), version(1, replicas, asks), 100);
        }
        sim
    })
}

/// Something that happens to an installation.
#[derive(Clone, Debug)]
enum Event {
    Publish(usize, Replicas, u8),
    RollBack(usize),
    Availability(usize, AvailabilityState),
    Gone(usize),
    Joins(Option<&'static str>),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let state = prop_oneof![
        Just(AvailabilityState::Available),
        Just(AvailabilityState::Closing),
        Just(AvailabilityState::Away)
    ];
    let replicas = prop_oneof![Just(ALL), (1..5_u32).prop_map(Replicas::Count)];
    let share = prop_oneof![Just(100_u8), 1..100_u8];
    let event = prop_oneof![
        (0..9_usize, replicas, share).prop_map(|(app, r, share)| Event::Publish(app, r, share)),
        (0..9_usize).prop_map(Event::RollBack),
        (0..9_usize, state).prop_map(|(worker, state)| Event::Availability(worker, state)),
        (0..9_usize).prop_map(Event::Gone),
        prop_oneof![Just(None), Just(Some("x"))].prop_map(Event::Joins),
    ];
    prop::collection::vec(event, 0..12)
}

fn happen(sim: &mut Simulation, event: &Event, turn: usize) {
    let app = |sim: &Simulation, index: usize| {
        let index = index.checked_rem(sim.now.apps.len())?;
        Some(sim.now.apps[index].app.to_string())
    };
    let worker_at = |sim: &Simulation, index: usize| index.checked_rem(sim.now.workers.len());
    match event {
        Event::Publish(index, replicas, percent) => {
            if let Some(app) = app(sim, *index) {
                let number = u32::try_from(turn).unwrap() + 2;
                sim.publish(&app, version(number, *replicas, None), *percent);
            }
        }
        Event::RollBack(index) => {
            if let Some(app) = app(sim, *index) {
                sim.roll_back(&app, 1);
            }
        }
        Event::Availability(index, state) => {
            if let Some(at) = worker_at(sim, *index) {
                sim.now.workers[at].availability = *state;
            }
        }
        Event::Gone(index) => {
            if let Some(at) = worker_at(sim, *index) {
                sim.now.workers.remove(at);
            }
        }
        Event::Joins(zone) => sim.now.workers.push(worker(&format!("late{turn}"), *zone)),
    }
}

/// What holds at every moment.
fn always(sim: &Simulation) {
    for worker in &sim.now.workers {
        let wanted: Vec<_> = worker.placements.iter().filter_map(|p| p.wanted.as_ref()).collect();
        for (index, one) in wanted.iter().enumerate() {
            let same =
                |other: &&&super::Wanted| (&other.app, other.version) == (&one.app, one.version);
            assert!(!wanted[index + 1..].iter().any(|other| same(&other)), "{one:?} twice");
        }
        for app in &sim.now.apps {
            let of_app = wanted.iter().filter(|w| w.app == app.app);
            let shares: Vec<u32> = of_app.map(|w| u32::from(w.percent)).collect();
            let sum: u32 = shares.iter().sum();
            assert!(shares.len() <= 2 && (sum == 100 || sum == 0), "{shares:?}");
        }
    }
}

proptest! {
    #[test]
    fn a_settled_installation_has_what_was_asked_for_in_balance(
        mut sim in installations(), events in events()
    ) {
        sim.settle(always);
        for (turn, event) in events.iter().enumerate() {
            happen(&mut sim, event, turn);
            sim.settle(always);
        }
        for worker in &sim.now.workers {
            if worker.availability != AvailabilityState::Available {
                let stays = worker.placements.iter().any(|p| p.wanted.as_ref().is_some_and(|w| !w.leaving));
                prop_assert!(!stays, "{} is not available", worker.name);
            }
        }
        for app in &sim.now.apps {
            let rules = &app.current.rules;
            let may = |w: &&LiveWorker| {
                w.availability == AvailabilityState::Available
                    && rules.workers.iter().all(|(k, v)| w.labels.get(k) == Some(v))
            };
            let may = sim.now.workers.iter().filter(may).count();
            let expected = match rules.replicas {
                Replicas::All => may,
                Replicas::Count(count) => may.min(count as usize),
            };
            let serving = sim.now.workers.iter().filter(|w| w.placements.iter().any(|p| {
                p.wanted.as_ref().is_some_and(|w| {
                    w.app == app.app && w.version == app.current.version && !w.leaving
                })
            }));
            prop_assert_eq!(serving.count(), expected, "{}", app.app);
        }
        // Planning is a function of what is there, not of its order.
        let mut turned = sim.clone();
        turned.now.apps.reverse();
        turned.now.workers.reverse();
        prop_assert_eq!(plan(&turned.now), Plan::default());
    }

    #[test]
    fn equal_workers_are_balanced_within_one(
        counts in prop::collection::vec(1..4_u32, 0..12), first in 1..6_usize, more in 0..4_usize
    ) {
        let mut sim = Simulation::new((0..first).map(|i| worker(&format!("n{i}"), None)));
        for (i, count) in counts.iter().enumerate() {
            sim.publish(&format!("app{i}"), version(1, Replicas::Count(*count), None), 100);
        }
        sim.settle(always);
        for i in 0..more {
            sim.now.workers.push(worker(&format!("late{i}"), None));
        }
        sim.settle(always);
        let load = |w: &LiveWorker| w.placements.iter().filter(|p| p.wanted.is_some()).count();
        let loads: Vec<_> = sim.now.workers.iter().map(load).collect();
        let (least, most) = (loads.iter().min().unwrap(), loads.iter().max().unwrap());
        prop_assert!(most - least <= 1, "{loads:?}");
    }

    #[test]
    fn a_worker_that_goes_moves_only_what_it_had_and_calls_are_answered_all_the_time(
        counts in prop::collection::vec(2..4_u32, 1..9), gone in 0..4_usize
    ) {
        let mut sim = Simulation::new(["a", "b", "c", "d"].map(|label| worker(label, None)));
        for (i, count) in counts.iter().enumerate() {
            sim.publish(&format!("app{i}"), version(1, Replicas::Count(*count), None), 100);
        }
        sim.settle(always);
        let before = sim.clone();
        let lost = sim.now.workers.remove(gone);
        let apps: Vec<_> = (0..counts.len()).map(|i| format!("app{i}")).collect();
        sim.apply();
        for app in &apps {
            let had = lost.placements.iter().any(|p| p.app.as_str() == app);
            let old: Vec<_> = before.on(app, 1).into_iter().filter(|(w, _)| *w != lost.name).collect();
            prop_assert!(old.iter().all(|one| sim.on(app, 1).contains(one)) || !had);
            if !had {
                prop_assert!(old.len() >= 2);
            }
        }
        sim.settle(|sim| for app in &apps { assert!(sim.answers(app), "{app}") });
    }
}
