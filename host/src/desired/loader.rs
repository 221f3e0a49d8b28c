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
use super::part::{Part, is_archive};
use crate::admission::Gates;
use crate::capability::{Capabilities, FolderCache, NotProvided, Providers, UnpackError};
use crate::ceilings::{Ceilings, OverCeiling};
use crate::engine::{CacheError, CodeCache};
use crate::guest::{Linkers, Unusable};
use crate::invoke::Function;
use crate::metrics::{FunctionMetrics, Metrics, VersionCounts};

/// What loading needs.
pub(crate) struct Loader {
    pub(crate) linkers: Linkers,
    pub(crate) code: CodeCache,
    pub(crate) folders: FolderCache,
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
    Unpack(#[from] UnpackError),
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
        modules: &HashMap<&Digest, Part>,
    ) -> Result<Loaded, LoadError> {
        let folders = modules.values().find_map(Part::folders);
        let capabilities =
            Capabilities::of(app, &self.providers, folders).inspect_err(|error| {
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
        modules: &HashMap<&Digest, Part>,
        (counts, capabilities): (&Arc<VersionCounts>, &Arc<Capabilities>),
    ) -> Result<Function, LoadError> {
        let Some(Part::Module(module)) = modules.get(&spec.module) else {
            return Err(LoadError::Unlisted(spec.module.clone()));
        };
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

    /// Whether a module or an archive of folders is in its cache, as far as can be told without reading it.
    pub(super) fn has(&self, digest: &Digest) -> bool {
        self.code.contains(digest) || self.folders.contains(digest)
    }

    /// A module from the cache, or else fetched and compiled, off the threads that serve; folders likewise, unpacked.
    pub(super) async fn module(
        self: Arc<Self>,
        digest: Digest,
        session: Session,
    ) -> Result<Part, LoadError> {
        if let Some(cached) = Arc::clone(&self).cached(digest.clone()).await {
            return cached;
        }
        let fetched = session.module(&digest).await;
        let bytes =
            fetched.map_err(|source| LoadError::Fetch { digest: digest.clone(), source })?;
        if is_archive(&bytes) {
            let unpacked = blocking(move || Ok(self.folders.insert(&digest, &bytes)?));
            return unpacked.await.map(Part::Folders);
        }
        let _turn = self.compiling.acquire().await.expect("nobody closes it");
        let loader = Arc::clone(&self);
        blocking(move || {
            let module = loader.code.insert(&digest, &bytes)?;
            Ok(Part::Module(loader.linkers.prepare(&module)?))
        })
        .await
    }

    /// A module, or folders, from the cache, if they are there.
    pub(super) async fn cached(self: Arc<Self>, digest: Digest) -> Option<Result<Part, LoadError>> {
        let found = blocking(move || {
            if let Some(folders) = self.folders.get(&digest) {
                return Ok(Some(Part::Folders(folders)));
            }
            let module = self.code.get(&digest);
            let prepare = |module| self.linkers.prepare(&module).map(Part::Module);
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
            LoadError::Unpack(UnpackError::Store { .. }) => true,
            // the system could not map it, or the pool has no such slots and never will
            LoadError::Cache(CacheError::Load { source, .. }) => {
                source.chain().any(|cause| cause.is::<std::io::Error>())
            }
            LoadError::Cache(CacheError::Compile { .. }) | LoadError::Ceiling(_) => false,
            // a manager that can read a secret again sends another state, and a worker with another
            // directory is one that was started anew
            LoadError::NotProvided(_) => false,
            LoadError::Unpack(UnpackError::Archive(_)) => false,
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
