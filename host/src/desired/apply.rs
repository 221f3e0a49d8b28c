//! Makes a worker serve what a desired state says: load what is new, swap the routes, let go of what
//! is no longer wanted.
//!
//! A version that cannot be loaded leaves the one before it in service and is reported as failed. A
//! version that was replaced is draining for as long as an invocation of it runs. Routes are swapped
//! before every fetch and at the end: what is cached waits for nothing slow, and costs one swap in all.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use steading_protocol::desired::{
    DesiredApp, DesiredState, PlacementReport, PlacementState, PlacementsReport,
};
use steading_protocol::{AppName, Digest, Generation, VersionNumber};
use steading_router::{RouteTable, Split};
use tokio::sync::watch;

use super::chain;
use super::link::Session;
use super::loader::{LoadError, Loader, Serving};
use super::order::Order;
use crate::guest::native::NativeModule;
use crate::invoke::Function;
use crate::service::Routes;

/// Applies desired states, one after the other.
pub(crate) struct Applier {
    loader: Loader,
    routes: Routes,
    generation: Generation,
    serving: Vec<Serving>,
    draining: Vec<Draining>,
    /// What is being loaded or could not be, by app.
    troubled: HashMap<AppName, PlacementReport>,
    reports: watch::Sender<PlacementsReport>,
}

/// Whether everything that could be done has been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Each app is served, or has failed for a reason that trying again would not change.
    Complete,
    /// Something could not be fetched; the same state is worth applying again.
    Incomplete,
}

struct Draining {
    app: AppName,
    version: VersionNumber,
    functions: Vec<Weak<Function>>,
}

impl Applier {
    pub(crate) fn new(loader: Loader, routes: Routes) -> (Self, watch::Receiver<PlacementsReport>) {
        let empty = PlacementsReport {
            generation: Generation(0),
            applied: Generation(0),
            placements: vec![],
        };
        let (reports, receiver) = watch::channel(empty);
        let applier = Self {
            loader,
            routes,
            generation: Generation(0),
            serving: vec![],
            draining: vec![],
            troubled: HashMap::new(),
            reports,
        };
        (applier, receiver)
    }

    /// Makes the worker serve `desired`. Without a session, only what is cached can be loaded.
    pub(crate) async fn apply(
        &mut self,
        desired: DesiredState,
        session: Option<&Session>,
    ) -> Progress {
        self.generation = desired.generation;
        self.loader.metrics.generation.set(i64::try_from(desired.generation.0).unwrap_or(i64::MAX));
        let order = Order::of(&desired);
        self.drop_unwanted(&order);
        let mut modules = self.modules();
        let mut progress = Progress::Complete;
        for app in &desired.apps {
            if self.serving.iter().any(|serving| serving.desired == *app) {
                self.troubled.remove(&app.app);
                continue;
            }
            self.note(app, PlacementState::Loading, None);
            if !self.loader.is_quick(app, &modules) {
                self.publish(&order);
            }
            match self.loader.load(app, &modules, session).await {
                Ok(serving) => {
                    modules.extend(serving.modules.clone());
                    self.serve(serving);
                }
                Err(error) => {
                    if error.is_passing() {
                        progress = Progress::Incomplete;
                    }
                    self.fail(app, &error);
                }
            }
        }
        self.publish(&order);
        progress
    }

    /// Whether an old version still has invocations.
    pub(crate) fn is_draining(&self) -> bool {
        !self.draining.is_empty()
    }

    /// Tells of old versions whose last invocation has ended.
    pub(crate) fn look_after_drained(&mut self) {
        let before = self.draining.len();
        self.forget_drained();
        if self.draining.len() < before {
            self.report();
        }
    }

    fn forget_drained(&mut self) {
        self.draining.retain(|old| old.functions.iter().any(|f| f.strong_count() > 0));
    }

    /// Takes an app version up; it is called from the next [`Applier::publish`] on.
    fn serve(&mut self, serving: Serving) {
        let (app, version) = (serving.desired.app.clone(), serving.desired.version);
        let old = self.serving.iter().position(|old| old.desired.app == app);
        self.troubled.remove(&app);
        match old {
            Some(index) => {
                let old = std::mem::replace(&mut self.serving[index], serving);
                self.retire(old);
            }
            None => self.serving.push(serving),
        }
        tracing::info!(app = %app, version = version.0, generation = self.generation.0, "Placement ready");
    }

    fn fail(&mut self, app: &DesiredApp, error: &LoadError) {
        let detail = chain(error);
        tracing::error!(app = %app.app, version = app.version.0, error = detail, "Placement failed");
        self.note(app, PlacementState::Failed, Some(detail));
    }

    fn drop_unwanted(&mut self, order: &Order<'_>) {
        let wanted = |name: &AppName| order.rank(name).is_some();
        self.troubled.retain(|name, _| wanted(name));
        let (keep, gone) = std::mem::take(&mut self.serving)
            .into_iter()
            .partition(|serving| wanted(&serving.desired.app));
        self.serving = keep;
        self.publish(order);
        for old in gone {
            self.retire(old);
        }
    }

    fn retire(&mut self, old: Serving) {
        let functions = old.functions.iter().map(Arc::downgrade).collect();
        let DesiredApp { app, version, .. } = old.desired;
        self.draining.push(Draining { app, version, functions });
    }

    fn note(&mut self, app: &DesiredApp, state: PlacementState, detail: Option<String>) {
        let report = PlacementReport { app: app.app.clone(), version: app.version, state, detail };
        self.troubled.insert(app.app.clone(), report);
    }

    /// Swaps the route table and then tells what is served.
    fn publish(&mut self, order: &Order<'_>) {
        self.serving.sort_by_key(|serving| order.rank(&serving.desired.app));
        let mut table = RouteTable::default();
        for Serving { desired, routes, .. } in &self.serving {
            table.insert(desired.app.as_str(), &desired.hosts, Split::whole(Arc::clone(routes)));
        }
        self.routes.store(Arc::new(table));
        self.report();
    }

    fn report(&mut self) {
        self.forget_drained();
        let state = |app: &AppName, version, state| PlacementReport {
            app: app.clone(),
            version,
            state,
            detail: None,
        };
        let ready = self
            .serving
            .iter()
            .map(|s| state(&s.desired.app, s.desired.version, PlacementState::Ready));
        let troubled = self.troubled.values().cloned();
        let mut placements: Vec<_> = ready.chain(troubled).collect();
        for old in &self.draining {
            // a version that came back is no longer draining
            if !placements.iter().any(|p| p.app == old.app && p.version == old.version) {
                placements.push(state(&old.app, old.version, PlacementState::Draining));
            }
        }
        let report =
            PlacementsReport { generation: self.generation, applied: Generation(0), placements };
        self.reports.send_replace(report);
    }

    /// Every module that is loaded now, so that a new version does not load it twice.
    fn modules(&self) -> HashMap<Digest, Arc<NativeModule>> {
        self.serving.iter().flat_map(|serving| serving.modules.clone()).collect()
    }
}
