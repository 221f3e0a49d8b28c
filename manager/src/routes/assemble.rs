//! Apps, workers and placements in, what gateways have to know out. Pure.
//!
//! While an app goes from one version to the next, some workers have the old one ready and some the new
//! one. Both are called then, each with a part as large as its shares on all workers together, so the shares
//! come out as they were set and no worker is left to carry everything. Invariant: only live workers and ready placements come out.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use steading_protocol::api::{App, Placement, Worker, WorkerState};
use steading_protocol::desired::PlacementState;
use steading_protocol::routes::{RouteApp, RouteVersion, RouteWorker, Routes};
use steading_protocol::{AppName, AvailabilityState, HttpTrigger, VersionNumber, WorkerId};

/// What the functions of versions answer; a version never changes, so this is kept.
pub(super) type Functions = HashMap<(AppName, VersionNumber), Arc<[HttpTrigger]>>;

/// Each app with the versions that are called, and on which of the workers each is.
pub(super) struct Called {
    workers: Vec<RouteWorker>,
    apps: Vec<(App, BTreeMap<VersionNumber, On>)>,
}

impl Called {
    pub(super) fn of(mut apps: Vec<App>, workers: Vec<Worker>, placements: Vec<Placement>) -> Self {
        let takes = |worker: &Worker| {
            worker.state == WorkerState::Live
                && worker.availability.state != AvailabilityState::Away
        };
        let mut live: Vec<Worker> = workers.into_iter().filter(takes).collect();
        live.sort_by(|one, other| one.worker.cmp(&other.worker));
        let index: HashMap<&WorkerId, usize> =
            live.iter().map(|worker| &worker.worker).zip(0..).collect();
        let mut ready: HashMap<AppName, BTreeMap<usize, Vec<Ready>>> = HashMap::new();
        for placement in placements.into_iter().filter(|p| p.state == PlacementState::Ready) {
            if let Some(worker) = index.get(&placement.worker) {
                let of_app = ready.entry(placement.app).or_default();
                let found = Ready { version: placement.version, percent: placement.percent };
                of_app.entry(*worker).or_default().push(found);
            }
        }
        apps.sort_by_key(|app| (!app.default, app.created_at, app.app.clone()));
        let apps = apps.into_iter().map(|app| {
            let ready = ready.remove(&app.app).unwrap_or_default();
            let versions = by_version(app.version, ready);
            (app, versions)
        });
        let apps = apps.collect();
        let workers = live.into_iter().map(|w| RouteWorker { worker: w.worker, url: w.url });
        Self { workers: workers.collect(), apps }
    }

    /// The versions whose functions have to be known.
    pub(super) fn versions(&self) -> impl Iterator<Item = (AppName, VersionNumber)> {
        let of = |(app, versions): &(App, BTreeMap<VersionNumber, _>)| {
            let name = app.app.clone();
            versions.keys().map(move |version| (name.clone(), *version)).collect::<Vec<_>>()
        };
        self.apps.iter().flat_map(of)
    }

    /// Without a revision yet; an app of which a version's functions are unknown is left out.
    pub(super) fn routes(self, functions: &Functions) -> Routes {
        let version = |app: &AppName, (version, on): (_, On), percent| {
            let functions = functions.get(&(app.clone(), version))?.to_vec();
            Some(RouteVersion { version, percent, functions, workers: on.workers })
        };
        let apps = self.apps.into_iter().filter_map(|(App { app, hosts, .. }, versions)| {
            let percents = percents(&versions.values().map(|on| on.share).collect::<Vec<_>>());
            let versions = versions.into_iter().zip(percents).rev();
            let versions = versions.map(|(found, percent)| version(&app, found, percent));
            let versions = versions.collect::<Option<_>>()?;
            Some(RouteApp { app, hosts, versions })
        });
        Routes { revision: String::new(), apps: apps.collect(), workers: self.workers }
    }
}

/// A version that a worker has ready, with the share that it is told to answer.
struct Ready {
    version: VersionNumber,
    percent: Option<u8>,
}

/// Where a version is called.
#[derive(Default)]
struct On {
    workers: Vec<usize>,
    /// The percents that it has on each of them, added up.
    share: usize,
}

/// Which versions are called on each worker: those with a share that are ready, else, on a worker that
/// has yet to load those, the newest of what it is no longer told to have. With no worker at all it is the
/// wanted one, which then nobody answers.
fn by_version(
    wanted: VersionNumber,
    ready: BTreeMap<usize, Vec<Ready>>,
) -> BTreeMap<VersionNumber, On> {
    let mut versions: BTreeMap<VersionNumber, On> = BTreeMap::new();
    for (worker, ready) in ready {
        let shared = ready.iter().filter_map(|found| Some((found.version, found.percent?)));
        let mut called: Vec<(VersionNumber, u8)> = shared.filter(|(_, part)| *part > 0).collect();
        if called.is_empty() {
            let old = ready.iter().filter(|found| found.percent.is_none());
            called.extend(old.map(|found| (found.version, 100)).max());
        }
        for (version, percent) in called {
            let on = versions.entry(version).or_default();
            on.workers.push(worker);
            on.share += usize::from(percent);
        }
    }
    if versions.is_empty() {
        versions.insert(wanted, On::default());
    }
    versions
}

/// Parts in the ratio of `counts` that make 100 together; what rounding leaves goes to the last.
fn percents(counts: &[usize]) -> Vec<u8> {
    let all = counts.iter().sum::<usize>();
    let mut left = 100;
    let mut parts: Vec<u8> = counts
        .iter()
        .map(|count| {
            let part = u8::try_from((count * 100).checked_div(all).unwrap_or(0)).unwrap_or(100);
            left -= part;
            part
        })
        .collect();
    if let Some(last) = parts.last_mut() {
        *last += left;
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use steading_protocol::AuthLevel;

    use super::*;

    fn app(name: &str, version: u32, default: bool, second: i64) -> App {
        let created_at = jiff::Timestamp::from_second(second).unwrap();
        let app = json!({
            "app": name, "version": version, "default": default, "hosts": [], "created_at": created_at,
        });
        serde_json::from_value(app).unwrap()
    }

    fn worker(id: &str, state: &str) -> Worker {
        let (load, at) =
            (steading_protocol::desired::WorkerLoad::default(), "2026-01-01T00:00:00Z");
        let worker = json!({
            "worker": id, "name": id, "url": format!("http://{id}"), "release": "0",
            "platform": "linux/test", "state": state, "load": load, "joined_at": at, "seen_at": at,
        });
        serde_json::from_value(worker).unwrap()
    }

    fn placement(
        (app, version, worker, state, percent): (&str, u32, &str, &str, Option<u8>),
    ) -> Placement {
        let at = "2026-01-01T00:00:00Z";
        let placement = json!({
            "app": app, "version": version, "worker": worker, "worker_name": worker,
            "state": state, "percent": percent, "created_at": at, "changed_at": at,
        });
        serde_json::from_value(placement).unwrap()
    }

    /// Each version as its number, its percent and the URLs of its workers.
    fn called(routes: &Routes, app: &str) -> Vec<(u32, u8, Vec<String>)> {
        let app = routes.apps.iter().find(|found| found.app.as_str() == app).unwrap();
        let url = |index: &usize| routes.workers[*index].url.clone();
        let of = |v: &RouteVersion| (v.version.0, v.percent, v.workers.iter().map(url).collect());
        app.versions.iter().map(of).collect()
    }

    fn routes(placements: &[(&str, u32, &str, &str, Option<u8>)]) -> Routes {
        let apps = vec![app("new", 2, false, 9), app("old", 1, false, 1), app("main", 3, true, 5)];
        let workers = [("a", "live"), ("b", "live"), ("c", "lost"), ("d", "left"), ("e", "live")];
        let workers = workers.map(|(id, state)| worker(id, state)).into();
        let called = Called::of(apps, workers, placements.iter().copied().map(placement).collect());
        let (methods, auth) = (vec![], AuthLevel::Anonymous);
        let trigger = HttpTrigger { route: "x".parse().unwrap(), methods, auth };
        let functions = called.versions().map(|key| (key, Arc::from([trigger.clone()]))).collect();
        called.routes(&functions)
    }

    #[test]
    fn only_what_is_ready_on_a_live_worker_is_called_and_the_order_is_the_workers() {
        let routes = routes(&[
            ("main", 3, "a", "ready", Some(100)),
            ("main", 3, "b", "loading", Some(100)),
            ("main", 3, "c", "ready", Some(100)),
            ("main", 3, "e", "ready", Some(100)),
            ("old", 1, "a", "failed", Some(100)),
            ("old", 1, "d", "ready", Some(100)),
        ]);
        let order: Vec<_> = routes.apps.iter().map(|app| app.app.as_str()).collect();
        assert_eq!(order, ["main", "old", "new"]);
        assert_eq!(called(&routes, "main"), [(3, 100, vec!["http://a".into(), "http://e".into()])]);
        assert_eq!(called(&routes, "old"), [(1, 100, vec![])]);
    }

    #[test]
    fn between_two_versions_each_worker_is_called_with_what_it_has() {
        let routes = routes(&[
            ("new", 1, "a", "ready", None),
            ("new", 2, "a", "loading", Some(100)),
            ("new", 1, "b", "draining", None),
            ("new", 2, "b", "ready", Some(100)),
            ("new", 1, "e", "ready", None),
            ("new", 2, "e", "ready", Some(100)),
        ]);
        let b_and_e = vec!["http://b".to_owned(), "http://e".to_owned()];
        assert_eq!(called(&routes, "new"), [(2, 67, b_and_e), (1, 33, vec!["http://a".into()])]);
    }

    #[test]
    fn a_share_is_called_and_what_stands_by_is_not() {
        let split = [("new", 1, "a", "ready", Some(90)), ("new", 2, "a", "ready", Some(10))];
        let called_on = |routes: &Routes| {
            let versions = called(routes, "new").into_iter();
            versions.map(|(version, part, on)| (version, part, on.len())).collect::<Vec<_>>()
        };
        assert_eq!(called_on(&routes(&split)), [(2, 10, 1), (1, 90, 1)]);
        // one worker has yet to load the version with the smaller share
        let late = [split[0], split[1], ("new", 1, "b", "ready", Some(90))];
        assert_eq!(called_on(&routes(&late)), [(2, 6, 1), (1, 94, 2)]);
        let standby = [("new", 1, "a", "ready", Some(100)), ("new", 2, "a", "ready", Some(0))];
        assert_eq!(called_on(&routes(&standby)), [(1, 100, 1)]);
        assert_eq!(called_on(&routes(&standby[1..])), [(2, 100, 0)]);
    }

    proptest! {
        #[test]
        fn parts_make_a_hundred_and_follow_the_counts(
            counts in proptest::collection::vec(0..300_usize, 1..6)
        ) {
            let parts = percents(&counts);
            prop_assert_eq!(parts.iter().map(|part| u32::from(*part)).sum::<u32>(), 100);
            let all = counts.iter().sum::<usize>().max(1);
            for (count, part) in counts.iter().zip(&parts).rev().skip(1) {
                prop_assert_eq!(usize::from(*part), count * 100 / all);
            }
        }
    }
}
