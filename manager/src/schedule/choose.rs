//! Which workers serve a version: all that may, or so many of them. Those that have it keep it; the
//! best by score are added; and an app moves only where that makes the fullest worker less full.

use steading_protocol::{AvailabilityState, Replicas};

use super::score::{Score, fullness, lacks_module};
use super::{Holding, LiveWorker, PlannedApp, PlannedVersion};

/// The workers of one app, by their place in the snapshot, in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chosen {
    /// For the version in service.
    pub(super) current: Vec<usize>,
    /// For the version on its way.
    pub(super) rollout: Vec<usize>,
}

/// Chooses for every app, in the order of `apps`.
pub(super) fn workers(
    apps: &[&PlannedApp],
    workers: &[&LiveWorker],
    holdings: &[Vec<Holding<'_>>],
) -> Vec<Chosen> {
    let mut field = Field {
        apps,
        workers,
        chosen: vec![Chosen::default(); apps.len()],
        load: vec![0; workers.len()],
    };
    for (place, app) in apps.iter().enumerate() {
        let keep = field.keep(&app.current, &holdings[place]);
        field.take(place, keep);
    }
    for place in 0..apps.len() {
        field.fill(place);
    }
    field.balance();
    for (place, app) in apps.iter().enumerate() {
        if let Some((_, version)) = &app.rollout {
            let kept = field.keep(version, &holdings[place]);
            field.chosen[place].rollout = field.beside(place, version, kept);
        }
    }
    for chosen in &mut field.chosen {
        chosen.current.sort_unstable();
        chosen.rollout.sort_unstable();
    }
    field.chosen
}

struct Field<'s> {
    apps: &'s [&'s PlannedApp],
    workers: &'s [&'s LiveWorker],
    chosen: Vec<Chosen>,
    /// Apps in service on each worker.
    load: Vec<usize>,
}

impl Field<'_> {
    /// Whether a worker may serve a version.
    fn may(&self, worker: usize, version: &PlannedVersion) -> bool {
        let worker = self.workers[worker];
        let (has, needs) = (worker.capacity.memory_bytes, version.memory_bytes);
        worker.availability == AvailabilityState::Available
            && version.rules.ask_for(&worker.labels)
            && (has == 0 || needs <= has)
    }

    /// The workers that have the version and may go on with it; for `all`, every one that may.
    fn keep(&self, version: &PlannedVersion, holdings: &[Holding<'_>]) -> Vec<usize> {
        if version.rules.replicas == Replicas::All {
            return (0..self.workers.len()).filter(|&w| self.may(w, version)).collect();
        }
        let stays = |held: &Holding<'_>| {
            let wanted = held.1.wanted.as_ref().is_some_and(|wanted| !wanted.leaving);
            (wanted && held.1.version == version.version && self.may(held.0, version))
                .then_some(held.0)
        };
        holdings.iter().filter_map(stays).collect()
    }

    fn take(&mut self, place: usize, workers: Vec<usize>) {
        for &worker in &workers {
            self.load[worker] += 1;
        }
        self.chosen[place].current = workers;
    }

    /// Brings an app in service to its number of workers: the fullest go, the best come.
    fn fill(&mut self, place: usize) {
        let version = &self.apps[place].current;
        let Replicas::Count(count) = version.rules.replicas else { return };
        let count = count as usize;
        while self.chosen[place].current.len() > count {
            let on = &self.chosen[place].current;
            let worst = on.iter().max_by_key(|&&worker| self.score(place, worker, version));
            let Some(&worst) = worst else { break };
            self.chosen[place].current.retain(|&worker| worker != worst);
            self.load[worst] -= 1;
        }
        while self.chosen[place].current.len() < count {
            let Some(best) = self.best(place, version, &self.chosen[place].current) else { break };
            self.chosen[place].current.push(best);
            self.load[best] += 1;
        }
    }

    /// The workers of a version on its way: those of the version in service, as far as they may.
    fn beside(&self, place: usize, version: &PlannedVersion, mut on: Vec<usize>) -> Vec<usize> {
        let Replicas::Count(count) = version.rules.replicas else { return on };
        while on.len() < count as usize {
            let Some(best) = self.best(place, version, &on) else { break };
            on.push(best);
        }
        on.truncate(count as usize);
        on
    }

    fn best(&self, place: usize, version: &PlannedVersion, on: &[usize]) -> Option<usize> {
        (0..self.workers.len())
            .filter(|worker| !on.contains(worker) && self.may(*worker, version))
            .min_by_key(|&worker| self.score(place, worker, version))
    }

    fn score(&self, place: usize, worker: usize, version: &PlannedVersion) -> Score<'_> {
        Score {
            apart: !self.chosen[place].current.contains(&worker),
            fullness: fullness(self.workers[worker], self.load[worker]),
            lacks_module: lacks_module(self.workers[worker], version),
            worker: &self.workers[worker].worker,
        }
    }

    /// Moves apps from fuller workers to emptier ones for as long as that leaves the emptier one less
    /// full than the fuller one was.
    fn balance(&mut self) {
        let counted = |app: &PlannedApp| matches!(app.current.rules.replicas, Replicas::Count(_));
        let movable: Vec<usize> =
            (0..self.apps.len()).filter(|&place| counted(self.apps[place])).collect();
        while let Some((place, from, to)) = self.next_move(&movable) {
            let on = &mut self.chosen[place].current;
            on.retain(|&worker| worker != from);
            on.push(to);
            self.load[from] -= 1;
            self.load[to] += 1;
        }
    }

    fn next_move(&self, movable: &[usize]) -> Option<(usize, usize, usize)> {
        if movable.is_empty() {
            return None;
        }
        let full = |worker: usize, more| fullness(self.workers[worker], self.load[worker] + more);
        let mut order: Vec<usize> = (0..self.workers.len()).collect();
        order.sort_by_key(|&worker| (full(worker, 0), &self.workers[worker].worker));
        for &from in order.iter().rev() {
            for &to in order.iter().take_while(|&&to| full(to, 1) < full(from, 0)) {
                let fits = |place: &&usize| {
                    let on = &self.chosen[**place].current;
                    on.contains(&from)
                        && !on.contains(&to)
                        && self.may(to, &self.apps[**place].current)
                };
                let cheapest =
                    |place: &&usize| lacks_module(self.workers[to], &self.apps[**place].current);
                if let Some(&place) = movable.iter().filter(fits).min_by_key(cheapest) {
                    return Some((place, from, to));
                }
            }
        }
        None
    }
}
