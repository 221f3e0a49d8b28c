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
use steading_protocol::{AppName, Digest, FunctionSpec, Generation, Trigger, VersionNumber};
use tokio::sync::watch;
use wasmtime::Linker;

use super::chain;
use super::link::{LinkError, Session};
use super::order::Order;
use crate::engine::{CacheError, CodeCache, Engine};
use crate::guest::native::{self, NativeFunction, NativeModule, State, Unusable};
use crate::invoke::Function;
use crate::metrics::{FunctionMetrics, Metrics};
use crate::router::{Ambiguous, AppRoutes, RouteTable};
use crate::server::Routes;

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

/// Turns a desired app into functions that can be invoked.
pub(crate) struct Loader {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<State>,
    pub(crate) code: CodeCache,
    pub(crate) metrics: Arc<Metrics>,
}

/// Whether everything that could be done has been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Each app is served, or has failed for a reason that trying again would not change.
    Complete,
    /// Something could not be fetched; the same state is worth applying again.
    Incomplete,
}

struct Serving {
    desired: DesiredApp,
    modules: HashMap<Digest, Arc<NativeModule>>,
    functions: Vec<Arc<Function>>,
    routes: Arc<AppRoutes<Arc<Function>>>,
}

struct Draining {
    app: AppName,
    version: VersionNumber,
    functions: Vec<Weak<Function>>,
}

/// An app version could not be loaded.
#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error("module {} is not in the cache and the manager is away", .0.short())]
    Absent(Digest),
    #[error("module {} cannot be fetched", digest.short())]
    Fetch { digest: Digest, source: LinkError },
    #[error(transparent)]
    Cache(#[from] CacheError),
    #[error(transparent)]
    Unusable(#[from] Unusable),
    #[error(transparent)]
    Routes(#[from] Ambiguous),
    #[error("loading was interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
}

impl Applier {
    pub(crate) fn new(loader: Loader, routes: Routes) -> (Self, watch::Receiver<PlacementsReport>) {
        let empty = PlacementsReport { generation: Generation(0), placements: vec![] };
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
            table.insert(desired.app.as_str(), &desired.hosts, Arc::clone(routes));
        }
        self.routes.store(Arc::new(table));
        self.report();
    }

    fn report(&mut self) {
        self.draining.retain(|old| old.functions.iter().any(|f| f.strong_count() > 0));
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
        let report = PlacementsReport { generation: self.generation, placements };
        self.reports.send_replace(report);
    }

    /// Every module that is loaded now, so that a new version does not load it twice.
    fn modules(&self) -> HashMap<Digest, Arc<NativeModule>> {
        self.serving.iter().flat_map(|serving| serving.modules.clone()).collect()
    }
}

impl Loader {
    /// Whether nothing must be fetched or compiled for the app.
    fn is_quick(&self, app: &DesiredApp, loaded: &HashMap<Digest, Arc<NativeModule>>) -> bool {
        let here = |digest| loaded.contains_key(digest) || self.code.contains(digest);
        app.modules.iter().all(|module| here(&module.digest))
    }

    async fn load(
        &self,
        app: &DesiredApp,
        loaded: &HashMap<Digest, Arc<NativeModule>>,
        session: Option<&Session>,
    ) -> Result<Serving, LoadError> {
        let allowed_mib = self.engine.config().memory_mib_max;
        for function in &app.functions {
            native::check_memory(function.name.as_str(), &function.limits, allowed_mib)?;
        }
        let mut modules = HashMap::new();
        for module in &app.modules {
            let ready = match loaded.get(&module.digest) {
                Some(module) => Arc::clone(module),
                None => Arc::new(self.module(&module.digest, session).await?),
            };
            modules.insert(module.digest.clone(), ready);
        }
        let functions: Vec<_> = app
            .functions
            .iter()
            .map(|spec| self.function(app, spec, &modules).map(Arc::new))
            .collect::<Result<_, _>>()?;
        let routes = AppRoutes::new(functions.iter().map(|f| (&f.http, Arc::clone(f))))?;
        Ok(Serving { desired: app.clone(), modules, functions, routes: Arc::new(routes) })
    }

    fn function(
        &self,
        app: &DesiredApp,
        spec: &FunctionSpec,
        modules: &HashMap<Digest, Arc<NativeModule>>,
    ) -> Result<Function, LoadError> {
        let module =
            modules.get(&spec.module).ok_or_else(|| LoadError::Absent(spec.module.clone()))?;
        let Trigger::Http(http) = &spec.trigger;
        Ok(Function {
            app: app.app.clone(),
            version: app.version,
            name: spec.name.clone(),
            http: http.clone(),
            limits: spec.limits,
            native: NativeFunction::new(Arc::clone(module), &spec.export, spec.limits)?,
            metrics: FunctionMetrics::new(&self.metrics, app.app.as_str(), spec.name.as_str()),
        })
    }

    /// A module from the cache, or else fetched and compiled, off the threads that serve.
    async fn module(
        &self,
        digest: &Digest,
        session: Option<&Session>,
    ) -> Result<NativeModule, LoadError> {
        let (code, name) = (self.code.clone(), digest.clone());
        let cached = blocking(move || code.get(&name)).await?;
        let module = match (cached, session) {
            (Some(module), _) => module,
            (None, None) => return Err(LoadError::Absent(digest.clone())),
            (None, Some(session)) => {
                let fetched = session.module(digest).await;
                let wasm = fetched
                    .map_err(|source| LoadError::Fetch { digest: digest.clone(), source })?;
                let (code, name) = (self.code.clone(), digest.clone());
                blocking(move || code.insert(&name, &wasm)).await??
            }
        };
        Ok(NativeModule::prepare(&self.linker, &module)?)
    }
}

impl LoadError {
    /// Whether the same might succeed later without anything being published.
    fn is_passing(&self) -> bool {
        match self {
            Self::Absent(_) | Self::Fetch { .. } | Self::Interrupted(_) => true,
            Self::Cache(CacheError::Store { .. }) => true,
            Self::Cache(CacheError::Compile { .. }) | Self::Unusable(_) | Self::Routes(_) => false,
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, LoadError> {
    tokio::task::spawn_blocking(work).await.map_err(LoadError::Interrupted)
}
