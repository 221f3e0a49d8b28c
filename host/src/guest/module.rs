//! A loaded module of whatever kind, and one function of it: the one place that tells the kinds apart.
//!
//! A command is a module that exports `_start` and imports nothing of the native ABI; without the ABI a native
//! guest could not answer. The manager looks at the section that names a native module's functions, which
//! is gone once a module is compiled; both come to the same for every module that can answer at all. A component
//! is one by its binary format.

use std::sync::{Arc, Weak};

use steading_protocol::abi::{COMMAND_EXPORT, IMPORT_MODULE};
use steading_protocol::{FunctionSpec, Limits};
use wasmtime::{Linker, Module, component};

use super::command::{self, CommandFunction, CommandModule};
use super::component::{self as components, ComponentFunction, ComponentModule};
use super::native::{self, NativeFunction, NativeModule};
use super::{Answer, Conduit, GuestError, GuestRequest, IdleInstances};
use crate::admission::Permit;
use crate::capability::Capabilities;
use crate::engine::{Code, Engine};

/// What modules are resolved with.
pub(crate) struct Linkers {
    native: Linker<native::State>,
    command: Linker<command::State>,
    component: component::Linker<components::State>,
    idle: Arc<IdleInstances>,
}

/// A loaded module; cheap to clone.
#[derive(Clone)]
pub(crate) enum GuestModule {
    Native(Arc<NativeModule>),
    Command(Arc<CommandModule>),
    Component(Arc<ComponentModule>),
}

/// A module that goes when nobody uses it any more.
pub(crate) enum WeakGuestModule {
    Native(Weak<NativeModule>),
    Command(Weak<CommandModule>),
    Component(Weak<ComponentModule>),
}

/// One function of a module.
pub(crate) enum Guest {
    Native(NativeFunction),
    Command(CommandFunction),
    Component(ComponentFunction),
}

/// A module that cannot be run here, and why.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("the module asks for something this worker does not provide")]
    Import(#[source] wasmtime::Error),
    #[error("the module has no export `{0}`")]
    NoExport(String),
}

impl Linkers {
    pub(crate) fn new(engine: &Engine, idle: &Arc<IdleInstances>) -> wasmtime::Result<Self> {
        Ok(Self {
            idle: Arc::clone(idle),
            native: native::linker(engine)?,
            command: command::linker(engine)?,
            component: components::linker(engine)?,
        })
    }

    /// Resolves everything of a module that every call needs.
    pub(crate) fn prepare(&self, code: &Code) -> Result<GuestModule, Unusable> {
        match code {
            Code::Module(module) => self.prepare_module(module),
            Code::Component(component) => {
                let module = ComponentModule::prepare(&self.component, component, &self.idle)?;
                Ok(GuestModule::Component(Arc::new(module)))
            }
        }
    }

    fn prepare_module(&self, module: &Module) -> Result<GuestModule, Unusable> {
        let is_command = module.get_export(COMMAND_EXPORT).is_some()
            && module.imports().all(|import| import.module() != IMPORT_MODULE);
        Ok(if is_command {
            GuestModule::Command(Arc::new(CommandModule::prepare(&self.command, module)?))
        } else {
            GuestModule::Native(Arc::new(NativeModule::prepare(&self.native, module)?))
        })
    }
}

impl GuestModule {
    /// A function of the module.
    pub(crate) fn function(
        &self,
        spec: &FunctionSpec,
        limits: Limits,
        capabilities: &Arc<Capabilities>,
    ) -> Result<Guest, Unusable> {
        let capabilities = Arc::clone(capabilities);
        Ok(match self {
            Self::Native(module) => {
                let function = NativeFunction::new(Arc::clone(module), &spec.export, limits)?;
                Guest::Native(function.granted(capabilities))
            }
            Self::Command(_) if spec.export != COMMAND_EXPORT => {
                return Err(Unusable::NoExport(spec.export.clone()));
            }
            Self::Command(module) => {
                Guest::Command(CommandFunction::new(Arc::clone(module), spec, limits, capabilities))
            }
            Self::Component(module) if spec.export != module.export() => {
                return Err(Unusable::NoExport(spec.export.clone()));
            }
            Self::Component(module) => {
                Guest::Component(ComponentFunction::new(Arc::clone(module), limits, capabilities))
            }
        })
    }

    pub(crate) fn downgrade(&self) -> WeakGuestModule {
        match self {
            Self::Native(module) => WeakGuestModule::Native(Arc::downgrade(module)),
            Self::Command(module) => WeakGuestModule::Command(Arc::downgrade(module)),
            Self::Component(module) => WeakGuestModule::Component(Arc::downgrade(module)),
        }
    }
}

impl WeakGuestModule {
    pub(crate) fn upgrade(&self) -> Option<GuestModule> {
        match self {
            Self::Native(module) => module.upgrade().map(GuestModule::Native),
            Self::Command(module) => module.upgrade().map(GuestModule::Command),
            Self::Component(module) => module.upgrade().map(GuestModule::Component),
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        match self {
            Self::Native(module) => module.strong_count() > 0,
            Self::Command(module) => module.strong_count() > 0,
            Self::Component(module) => module.strong_count() > 0,
        }
    }
}

impl Guest {
    /// How many places in the worker's pool one invocation takes.
    pub(crate) fn slots(&self) -> u32 {
        match self {
            Self::Native(_) | Self::Command(_) => 1,
            Self::Component(function) => function.slots(),
        }
    }

    /// No new call will come: what is kept for one can go.
    pub(crate) fn let_go(&self) {
        if let Self::Component(function) = self {
            function.let_go();
        }
    }

    /// Runs the function once, in a fresh instance unless its app reuses them; one that is kept then takes over
    /// the permit's places. What it logged is in the conduit in any case. The future has to be polled through
    /// [`Metered`](super::Metered).
    pub(crate) async fn call(
        &self,
        request: GuestRequest,
        conduit: &Arc<Conduit>,
        permit: &mut Permit,
    ) -> Result<Answer, GuestError> {
        match self {
            Self::Native(function) => function.call(request, conduit).await,
            Self::Command(function) => function.call(request, conduit).await,
            Self::Component(function) => Box::pin(function.call(request, conduit, permit)).await,
        }
    }
}
