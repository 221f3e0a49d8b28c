//! The table that requests are looked up in, made from what the manager says.

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;
use steading_protocol::WorkerId;
use steading_protocol::routes::{RouteApp, RouteVersion};
use steading_router::{AppRoutes, RouteTable, Split};

use crate::UpstreamConfig;
use crate::balance::pick;
use crate::metrics::{AppMetrics, Metrics};
use crate::problem::Refusal;
use crate::upstream::Upstream;

/// Routes and workers.
pub(crate) struct Table {
    /// None before the manager was ever heard of.
    routes: Option<RouteTable<Arc<Target>>>,
    upstreams: HashMap<WorkerId, Arc<Upstream>>,
}

/// Where the requests of one version of an app go.
pub(crate) struct Target {
    /// The workers that have this version ready.
    ready: Vec<Arc<Upstream>>,
    /// Those that have another version of the app ready, in case none of the first answers.
    others: Vec<Arc<Upstream>>,
    pub(crate) metrics: AppMetrics,
}

/// What tables are made with.
pub(crate) struct TableMaker {
    pub(crate) config: UpstreamConfig,
    pub(crate) metrics: Arc<Metrics>,
}

impl Table {
    /// What there is before the manager was ever heard of.
    pub(crate) fn unknown() -> Self {
        Self { routes: None, upstreams: HashMap::new() }
    }

    /// Whether the manager was heard of, now or in an earlier run.
    pub(crate) fn is_known(&self) -> bool {
        self.routes.is_some()
    }

    /// Finds where a request goes.
    pub(crate) fn find(
        &self,
        host: Option<&str>,
        path: &str,
        method: &Method,
        roll: impl FnOnce() -> u8,
    ) -> Result<Arc<Target>, Refusal> {
        let routes = self.routes.as_ref().ok_or(Refusal::NoRoutes)?;
        Ok(routes.find(host, path, method, roll)?.function)
    }

    /// The workers.
    pub(crate) fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.upstreams.values()
    }
}

impl Target {
    /// Picks a worker of those that `tried` does not hold for.
    pub(crate) fn pick(&self, tried: impl Fn(&Arc<Upstream>) -> bool) -> Option<Arc<Upstream>> {
        let random = |max| rand::random_range(0..max);
        let picked = pick(&self.ready, &tried, random);
        picked.or_else(|| pick(&self.others, &tried, random)).cloned()
    }
}

impl TableMaker {
    /// Makes a table; workers that stand in `before` at the same URL keep their connections and counts.
    pub(crate) fn make(&self, routes: &steading_protocol::routes::Routes, before: &Table) -> Table {
        let upstreams: Vec<Option<Arc<Upstream>>> = routes
            .workers
            .iter()
            .map(|worker| match before.upstreams.get(&worker.worker) {
                Some(known) if known.url == worker.url => Some(Arc::clone(known)),
                _ => self.upstream(&worker.worker, &worker.url),
            })
            .collect();
        let mut table = RouteTable::default();
        for app in &routes.apps {
            match self.split(app, &upstreams) {
                Ok(split) => table.insert(app.app.as_str(), &app.hosts, split),
                Err(error) => {
                    tracing::error!(app = %app.app, %error, "App's routes cannot be used");
                }
            }
        }
        let upstreams = upstreams.into_iter().flatten();
        let upstreams = upstreams.map(|it| (it.worker.clone(), it)).collect();
        for gone in before.upstreams.keys().filter(|it| !HashMap::contains_key(&upstreams, *it)) {
            self.metrics.gone(gone);
        }
        Table { routes: Some(table), upstreams }
    }

    fn upstream(&self, worker: &WorkerId, url: &str) -> Option<Arc<Upstream>> {
        let made =
            Upstream::new(worker.clone(), url.to_owned(), self.config, Arc::clone(&self.metrics));
        made.inspect_err(|error| tracing::error!(%worker, %error, "Worker cannot be called")).ok()
    }

    fn split(
        &self,
        app: &RouteApp,
        upstreams: &[Option<Arc<Upstream>>],
    ) -> Result<Split<Arc<Target>>, Box<dyn std::error::Error>> {
        let metrics = self.metrics.of(&app.app);
        let workers = |version: &RouteVersion| {
            let found = version.workers.iter().filter_map(|index| upstreams.get(*index)?.clone());
            found.collect::<Vec<_>>()
        };
        let mut parts = vec![];
        for version in &app.versions {
            let others = app.versions.iter().filter(|other| other.version != version.version);
            let target = Arc::new(Target {
                ready: workers(version),
                others: others.flat_map(workers).collect(),
                metrics: metrics.clone(),
            });
            let functions = version.functions.iter().map(|http| (http, Arc::clone(&target)));
            parts.push((version.percent, Arc::new(AppRoutes::new(functions)?)));
        }
        Ok(Split::new(parts)?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn maker() -> TableMaker {
        TableMaker { config: UpstreamConfig::default(), metrics: Metrics::new() }
    }

    fn routes(workers: &[(&str, &str)]) -> steading_protocol::routes::Routes {
        let workers: Vec<_> =
            workers.iter().map(|(id, url)| json!({"worker": id, "url": url})).collect();
        let http = json!([{"route": "x", "methods": ["GET"], "auth": "anonymous"}]);
        let version = |number: u32, percent: u8, workers: &[usize]| json!({"version": number, "percent": percent, "functions": http, "workers": workers});
        let apps = json!([
            {"app": "one", "hosts": ["one.example.org"], "versions": [version(2, 100, &[0, 1])]},
            {"app": "none", "hosts": [], "versions": [version(1, 100, &[])]},
            {"app": "split", "hosts": [], "versions": [version(4, 10, &[1]), version(3, 90, &[0])]},
        ]);
        let routes = json!({"revision": "r", "workers": workers, "apps": apps});
        serde_json::from_value(routes).unwrap()
    }

    fn urls(table: &Table, app: &str, roll: u8) -> Vec<String> {
        let path = format!("/functions/{app}/api/x");
        let target = table.find(None, &path, &Method::GET, || roll).unwrap();
        let mut tried = vec![];
        while let Some(next) = target.pick(|it| tried.iter().any(|seen| Arc::ptr_eq(seen, it))) {
            tried.push(next);
        }
        tried.iter().map(|it| it.url.clone()).collect()
    }

    #[test]
    fn a_version_goes_to_its_own_workers_first() {
        let table =
            maker().make(&routes(&[("a", "http://a"), ("b", "http://b")]), &Table::unknown());
        let mut one = urls(&table, "one", 0);
        one.sort();
        assert_eq!(one, ["http://a", "http://b"]);
        assert!(urls(&table, "none", 0).is_empty());
        assert_eq!(urls(&table, "split", 9), ["http://b", "http://a"]);
        assert_eq!(urls(&table, "split", 10), ["http://a", "http://b"]);
        let miss = table.find(None, "/api/x", &Method::POST, || 0).err().unwrap();
        assert_eq!(miss.status_and_code().1, "method_not_allowed");
    }

    #[test]
    fn a_worker_that_stays_keeps_its_connections_and_one_that_moved_does_not() {
        let maker = maker();
        let before =
            maker.make(&routes(&[("a", "http://a"), ("b", "http://b")]), &Table::unknown());
        let after = maker.make(&routes(&[("b", "http://new"), ("a", "http://a")]), &before);
        let same = |id: &str| {
            let id: WorkerId = id.parse().unwrap();
            Arc::ptr_eq(&before.upstreams[&id], &after.upstreams[&id])
        };
        assert!(same("a") && !same("b"));
    }

    #[test]
    fn before_the_manager_was_heard_of_nothing_is_known_to_be_absent() {
        let refusal = Table::unknown().find(None, "/api/x", &Method::GET, || 0).err().unwrap();
        assert_eq!(refusal.status_and_code().1, "no_routes_yet");
    }

    #[test]
    fn a_worker_that_cannot_be_called_is_left_out() {
        let routes = routes(&[("a", "https://a"), ("b", "http://b")]);
        let table = maker().make(&routes, &Table::unknown());
        assert_eq!(urls(&table, "one", 0), ["http://b"]);
    }
}
