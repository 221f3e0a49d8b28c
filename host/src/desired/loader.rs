//! Turns an app version that is wanted into functions that can be invoked: its modules from the cache,
//! or fetched and compiled, and everything resolved that can be resolved before the first call. Keeps
//! nothing itself; a fault is a value that says whether trying again is any use.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::Arc;

use steading_protocol::desired::DesiredApp;
use steading_protocol::{Digest, FunctionSpec, Trigger};
use steading_router::{Ambiguous, AppRoutes};
use tokio::sync::Semaphore;

use super::call::LinkError;
use super::chain;
use super::link::Session;
use crate::admission::Gates;
use crate::capability::{Capabilities, NotProvided, Providers};
use crate::ceilings::{Ceilings, OverCeiling};
use crate::engine::{CacheError, CodeCache};
use crate::guest::{GuestModule, Linkers, Unusable};
use crate::invoke::Function;
use crate::metrics::{FunctionMetrics, Metrics, VersionCounts};

/// What loading needs.
pub(crate) struct Loader {
    pub(crate) linkers: Linkers,
    pub(crate) code: CodeCache,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) gates: Arc<Gates>,
    pub(crate) ceilings: Ceilings,
    pub(crate) providers: Providers,
    pub(crate) compiling: Semaphore,
}

/// Modules compiled at once: one for each core; a large one has its functions compiled in parallel anyway.
pub(crate) fn compiling() -> Semaphore {
    Semaphore::new(std::thread::available_parallelism().map_or(1, NonZero::get))
}

/// What an app version is when it is loaded.
pub(super) struct Loaded {
    pub(super) functions: Vec<Arc<Function>>,
    pub(super) routes: Arc<AppRoutes<Arc<Function>>>,
    pub(super) counts: Arc<VersionCounts>,
}

/// An app version could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error("module {} of a function is not among those of its version", .0.short())]
    Unlisted(Digest),
    #[error("module {} cannot be fetched", digest.short())]
    Fetch { digest: Digest, source: LinkError },
    #[error(transparent)]
    NotProvided(#[from] NotProvided),
    #[error(transparent)]
    Ceiling(#[from] OverCeiling),
    #[error(transparent)]
    Cache(#[from] CacheError),
    #[error(transparent)]
    Unusable(#[from] Unusable),
    #[error(transparent)]
    Routes(#[from] Ambiguous),
    #[error("loading was interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// Why something could not be loaded, in one line, for everyone whom it concerns.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) detail: String,
    /// Whether the same might succeed later without anything being published.
    pub(super) is_passing: bool,
}

impl Loader {
    /// What can be refused before anything is fetched.
    pub(super) fn check(&self, app: &DesiredApp) -> Result<(), LoadError> {
        for function in &app.functions {
            self.ceilings.function(function.name.as_str(), function.limits)?;
        }
        Ok(())
    }

    /// Makes functions of a version whose modules are all there.
    pub(super) fn assemble(
        &self,
        app: &DesiredApp,
        modules: &HashMap<&Digest, GuestModule>,
    ) -> Result<Loaded, LoadError> {
        let capabilities = Capabilities::of(app, &self.providers).inspect_err(|error| {
            if matches!(error, NotProvided::Setting(_)) {
                self.metrics.capabilities.unreadable();
            }
        })?;
        let counts = Arc::default();
        let shared = (&counts, &capabilities);
        let function = |spec| self.function(app, spec, modules, shared).map(Arc::new);
        let functions: Vec<_> = app.functions.iter().map(function).collect::<Result<_, _>>()?;
        let routes = AppRoutes::new(functions.iter().map(|f| (&f.http, Arc::clone(f))))?;
        Ok(Loaded { functions, routes: Arc::new(routes), counts })
    }

    fn function(
        &self,
        app: &DesiredApp,
        spec: &FunctionSpec,
        modules: &HashMap<&Digest, GuestModule>,
        (counts, capabilities): (&Arc<VersionCounts>, &Arc<Capabilities>),
    ) -> Result<Function, LoadError> {
        let module =
            modules.get(&spec.module).ok_or_else(|| LoadError::Unlisted(spec.module.clone()))?;
        let Trigger::Http(http) = &spec.trigger;
        let limits = self.ceilings.function(spec.name.as_str(), spec.limits)?;
        let version = (app.version, counts);
        let guest = module.function(spec, limits, capabilities)?;
        let caps = self.gates.caps(
            (&app.app, self.ceilings.app(app.limits)?.in_flight_max),
            (&spec.name, limits.in_flight_max),
        );
        Ok(Function {
            app: app.app.clone(),
            version: app.version,
            name: spec.name.clone(),
            http: http.clone(),
            limits,
            caps: caps.taking(guest.slots()),
            guest,
            metrics: FunctionMetrics::new(
                &self.metrics,
                app.app.as_str(),
                version,
                spec.name.as_str(),
            ),
        })
    }

    /// A module from the cache, or else fetched and compiled, off the threads that serve.
    pub(super) async fn module(
        self: Arc<Self>,
        digest: Digest,
        session: Session,
    ) -> Result<GuestModule, LoadError> {
        if let Some(cached) = Arc::clone(&self).cached(digest.clone()).await {
            return cached;
        }
        let fetched = session.module(&digest).await;
        let wasm = fetched.map_err(|source| LoadError::Fetch { digest: digest.clone(), source })?;
        let _turn = self.compiling.acquire().await.expect("nobody closes it");
        let loader = Arc::clone(&self);
        blocking(move || {
            let module = loader.code.insert(&digest, &wasm)?;
            Ok(loader.linkers.prepare(&module)?)
        })
        .await
    }

    /// A module from the cache, if it is there.
    pub(super) async fn cached(
        self: Arc<Self>,
        digest: Digest,
    ) -> Option<Result<GuestModule, LoadError>> {
        let found = blocking(move || {
            let module = self.code.get(&digest);
            let prepare = |module| self.linkers.prepare(&module);
            Ok(module.map(prepare).transpose()?)
        });
        found.await.transpose()
    }
}

impl From<LoadError> for Fault {
    fn from(error: LoadError) -> Self {
        let is_passing = match &error {
            LoadError::Fetch { .. } | LoadError::Interrupted(_) => true,
            LoadError::Cache(CacheError::Store { .. }) => true,
            // the system could not map it, or the pool has no such slots and never will
            LoadError::Cache(CacheError::Load { source, .. }) => {
                source.chain().any(|cause| cause.is::<std::io::Error>())
            }
            LoadError::Cache(CacheError::Compile { .. }) | LoadError::Ceiling(_) => false,
            // a manager that can read a secret again sends another state, and a worker with another
            // directory is one that was started anew
            LoadError::NotProvided(_) => false,
            LoadError::Unusable(_) | LoadError::Routes(_) | LoadError::Unlisted(_) => false,
        };
        Self { detail: chain(&error), is_passing }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LoadError> + Send + 'static,
) -> Result<T, LoadError> {
    tokio::task::spawn_blocking(work).await?
}
