//! Turns an app version that is wanted into functions that can be invoked: its modules from the cache,
//! or fetched and compiled, and everything resolved that can be resolved before the first call. Keeps
//! nothing itself; a fault is a value that says whether trying again is any use.

use std::collections::HashMap;
use std::sync::Arc;

use steading_protocol::desired::DesiredApp;
use steading_protocol::{Digest, FunctionSpec, Trigger};
use steading_router::{Ambiguous, AppRoutes};
use wasmtime::Linker;

use super::link::{LinkError, Session};
use crate::admission::Gates;
use crate::ceilings::{Ceilings, OverCeiling};
use crate::engine::{CacheError, CodeCache};
use crate::guest::native::{NativeFunction, NativeModule, State, Unusable};
use crate::invoke::Function;
use crate::metrics::{FunctionMetrics, Metrics};

/// What loading needs.
pub(crate) struct Loader {
    pub(crate) linker: Linker<State>,
    pub(crate) code: CodeCache,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) gates: Gates,
    pub(crate) ceilings: Ceilings,
}

/// An app version that is loaded.
pub(super) struct Serving {
    pub(super) desired: DesiredApp,
    pub(super) modules: HashMap<Digest, Arc<NativeModule>>,
    pub(super) functions: Vec<Arc<Function>>,
    pub(super) routes: Arc<AppRoutes<Arc<Function>>>,
}

/// An app version could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error("module {} is not in the cache and the manager is away", .0.short())]
    Absent(Digest),
    #[error("module {} cannot be fetched", digest.short())]
    Fetch { digest: Digest, source: LinkError },
    #[error(transparent)]
    Ceiling(#[from] OverCeiling),
    #[error(transparent)]
    Cache(#[from] CacheError),
    #[error(transparent)]
    Unusable(#[from] Unusable),
    #[error(transparent)]
    Routes(#[from] Ambiguous),
    #[error("loading was interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
}

impl Loader {
    /// Whether nothing must be fetched or compiled for the app.
    pub(super) fn is_quick(
        &self,
        app: &DesiredApp,
        loaded: &HashMap<Digest, Arc<NativeModule>>,
    ) -> bool {
        let here = |digest| loaded.contains_key(digest) || self.code.contains(digest);
        app.modules.iter().all(|module| here(&module.digest))
    }

    pub(super) async fn load(
        &self,
        app: &DesiredApp,
        loaded: &HashMap<Digest, Arc<NativeModule>>,
        session: Option<&Session>,
    ) -> Result<Serving, LoadError> {
        for function in &app.functions {
            self.ceilings.function(function.name.as_str(), function.limits)?;
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
        let limits = self.ceilings.function(spec.name.as_str(), spec.limits)?;
        Ok(Function {
            app: app.app.clone(),
            version: app.version,
            name: spec.name.clone(),
            http: http.clone(),
            limits,
            caps: self.gates.caps(
                (&app.app, self.ceilings.app(app.limits)?.in_flight_max),
                (&spec.name, limits.in_flight_max),
            ),
            native: NativeFunction::new(Arc::clone(module), &spec.export, limits)?,
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
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Absent(_) | Self::Fetch { .. } | Self::Interrupted(_) => true,
            Self::Cache(CacheError::Store { .. }) => true,
            Self::Cache(CacheError::Compile { .. }) | Self::Ceiling(_) => false,
            Self::Unusable(_) | Self::Routes(_) => false,
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, LoadError> {
    tokio::task::spawn_blocking(work).await.map_err(LoadError::Interrupted)
}
