//! The native guest: a `wasm32-wasip1` core module that speaks the ABI of `sdk/ABI.md`, version 1.
//!
//! Everything that can be done once per module is done in [`NativeModule::prepare`]: imports are
//! resolved and exports found. A call makes a store, an instance and nothing else; WASI's context is
//! built only when the guest calls WASI. Invariant: a store serves one invocation and is dropped.

pub(crate) mod bench;
mod exchange;
mod head;
mod imports;
#[cfg(test)]
mod proof;
mod wasi;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use steading_protocol::Limits;
use wasmtime::{
    Extern, Instance, InstancePre, Linker, Memory, Module, ModuleExport, Store, Trap, TypedFunc,
    UpdateDeadline,
};

use self::exchange::Exchange;
use self::imports::AbiViolation;
use self::wasi::LazyWasi;
use super::{Answer, Conduit, GuestError, GuestRequest};
use crate::engine::{Engine, MemoryLimit};

/// A loaded module, ready to be instantiated.
pub(crate) struct NativeModule {
    instance: InstancePre<State>,
    memory: ModuleExport,
    initialize: Option<ModuleExport>,
}

/// One function of a module.
pub(crate) struct NativeFunction {
    module: Arc<NativeModule>,
    entry: ModuleExport,
    limits: Limits,
}

/// A module that cannot be run here, and why.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("the module asks for something this worker does not provide")]
    Import(#[source] wasmtime::Error),
    #[error("the module has no export `{0}`")]
    NoExport(String),
}

/// What a store holds during one invocation.
pub(crate) struct State {
    exchange: Exchange,
    memory: Option<Memory>,
    memory_limit: MemoryLimit,
    wasi: LazyWasi,
    conduit: Arc<Conduit>,
}

/// The deadline of a call has passed while the guest was running.
#[derive(Debug, thiserror::Error)]
#[error("deadline exceeded")]
struct DeadlineExceeded;

/// The guest has used up its processor time.
#[derive(Debug, thiserror::Error)]
#[error("processor time exceeded")]
struct CpuExceeded;

/// Builds the linker that every native module of an engine is resolved with.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine.wasmtime());
    imports::define(&mut linker)?;
    wasmtime_wasi::p1::add_to_linker_async(&mut linker, |state: &mut State| state.wasi.context())?;
    Ok(linker)
}

impl NativeModule {
    /// Resolves the module's imports and finds the exports that every call needs.
    pub(crate) fn prepare(linker: &Linker<State>, module: &Module) -> Result<Self, Unusable> {
        let export = |name: &str| module.get_export_index(name);
        Ok(Self {
            memory: export("memory").ok_or_else(|| Unusable::NoExport("memory".into()))?,
            initialize: export("_initialize"),
            instance: linker.instantiate_pre(module).map_err(Unusable::Import)?,
        })
    }
}

impl NativeFunction {
    pub(crate) fn new(
        module: Arc<NativeModule>,
        export: &str,
        limits: Limits,
    ) -> Result<Self, Unusable> {
        let entry = module.instance.module().get_export_index(export);
        let entry = entry.ok_or_else(|| Unusable::NoExport(export.to_owned()))?;
        Ok(Self { module, entry, limits })
    }

    /// Runs the function once in a fresh instance. What it logged is in the conduit in any case. The
    /// future has to be polled through [`Metered`](super::Metered).
    pub(crate) async fn call(
        &self,
        request: GuestRequest,
        conduit: &Arc<Conduit>,
    ) -> Result<Answer, GuestError> {
        let mut store = self.store(request, conduit);
        let allowed = Duration::from_millis(self.limits.deadline_ms_max);
        let deadline = Instant::now() + allowed;
        let cpu_max = Duration::from_millis(self.limits.cpu_ms_max);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |store| {
            if Instant::now() >= deadline {
                return Err(DeadlineExceeded.into());
            }
            if store.data().conduit.cpu.used() >= cpu_max {
                return Err(CpuExceeded.into());
            }
            store.data().conduit.yielded.store(true, Ordering::Relaxed);
            // every epoch the guest lets others run, so that one in a loop never owns a thread; tokio's own
            // way of yielding also looks for arrived requests before the guest goes on
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
        });
        // an epoch does not interrupt a host call that waits, hence the timer around it all
        let run = tokio::time::timeout_at(deadline.into(), self.run(&mut store));
        let fault = match run.await {
            Ok(Ok(0)) => return store.into_data().exchange.into_answer(),
            Ok(Ok(code)) => store.data().exchange.fault().unwrap_or(GuestError::Failed(code)),
            Ok(Err(error)) => self.explain(&store, &error),
            Err(_elapsed) => GuestError::DeadlineExceeded(allowed),
        };
        store.into_data().exchange.into_late(fault)
    }

    fn store(&self, request: GuestRequest, conduit: &Arc<Conduit>) -> Store<State> {
        let state = State {
            exchange: Exchange::new(request, &self.limits, Arc::clone(conduit)),
            memory: None,
            memory_limit: MemoryLimit::new(self.limits.memory_bytes_max),
            wasi: LazyWasi::new(Arc::clone(conduit)),
            conduit: Arc::clone(conduit),
        };
        let mut store = Store::new(self.module.instance.module().engine(), state);
        store.limiter(|state| &mut state.memory_limit);
        store
    }

    async fn run(&self, store: &mut Store<State>) -> wasmtime::Result<i32> {
        let instance = self.module.instance.instantiate_async(&mut *store).await.map_err(|e| {
            // a trap of the module's own start function is the guest's fault, all else is ours
            if e.is::<Trap>()
                || e.is::<AbiViolation>()
                || e.is::<DeadlineExceeded>()
                || e.is::<CpuExceeded>()
            {
                e
            } else {
                NotInstantiated(format!("{e:#}")).into()
            }
        })?;
        let memory = instance.get_module_export(&mut *store, &self.module.memory);
        store.data_mut().memory = memory.and_then(Extern::into_memory);
        if let Some(initialize) = &self.module.initialize {
            typed::<(), ()>(&instance, store, initialize)?.call_async(&mut *store, ()).await?;
        }
        let head_len = store.data().exchange.head_len();
        let entry = typed::<i32, i32>(&instance, store, &self.entry)?;
        entry.call_async(&mut *store, head_len).await
    }

    /// Why a call ended early, from what wasmtime says and what the store has noted.
    fn explain(&self, store: &Store<State>, error: &wasmtime::Error) -> GuestError {
        let state = store.data();
        if error.is::<DeadlineExceeded>() {
            return GuestError::DeadlineExceeded(Duration::from_millis(
                self.limits.deadline_ms_max,
            ));
        }
        if error.is::<CpuExceeded>() {
            return GuestError::CpuExceeded(Duration::from_millis(self.limits.cpu_ms_max));
        }
        if let Some(NotInstantiated(reason)) = error.downcast_ref() {
            if state.memory_limit.was_hit() {
                return GuestError::MemoryExceeded { bytes_max: self.limits.memory_bytes_max };
            }
            return GuestError::Instantiate { reason: reason.clone() };
        }
        if let Some(fault) = state.exchange.fault() {
            return fault;
        }
        if let Some(AbiViolation(reason)) = error.downcast_ref() {
            return GuestError::Trapped { reason: reason.clone() };
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::StackOverflow) => GuestError::StackExhausted,
            Some(_) if state.memory_limit.was_hit() => {
                GuestError::MemoryExceeded { bytes_max: self.limits.memory_bytes_max }
            }
            Some(trap) => GuestError::Trapped { reason: trap.to_string() },
            None => GuestError::Trapped { reason: error.root_cause().to_string() },
        }
    }
}

/// No instance could be made, for a reason that is not a trap.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotInstantiated(String);

fn typed<Params: wasmtime::WasmParams, Results: wasmtime::WasmResults>(
    instance: &Instance,
    store: &mut Store<State>,
    export: &ModuleExport,
) -> wasmtime::Result<TypedFunc<Params, Results>> {
    let function = instance.get_module_export(&mut *store, export).and_then(Extern::into_func);
    let function = function.ok_or_else(|| AbiViolation("an export is not a function".into()))?;
    function.typed(&*store)
}
