//! The native guest: a `wasm32-wasip1` core module that speaks the ABI of `sdk/ABI.md`, version 1.
//!
//! Everything that can be done once per module is done in [`NativeModule::prepare`]: imports are
//! resolved and exports found. A call makes a store, an instance and nothing else; WASI's context is
//! built only when the guest calls WASI.

pub(crate) mod bench;
mod exchange;
mod head;
mod imports;
mod kv;
mod outbound;
#[cfg(test)]
mod proof;
mod wasi;

use std::sync::Arc;

use steading_protocol::Limits;
use steading_protocol::abi::MEMORY_EXPORT;
use wasmtime::{Extern, InstancePre, Linker, Memory, Module, ModuleExport, Store};

use self::exchange::NativeExchange;
use self::outbound::Requests;
use self::wasi::LazyWasi;
use super::exchange::Exchange;
use super::outgoing::Outgoing;
use super::run::{self, GuestState, Kind, typed};
use super::writes::limit_preview_1;
use super::{Answer, Conduit, GuestError, GuestRequest, Unusable};
use crate::capability::Capabilities;
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
    capabilities: Arc<Capabilities>,
}

/// What a store holds during one invocation.
pub(crate) struct State {
    exchange: NativeExchange,
    memory: Option<Memory>,
    memory_limit: MemoryLimit,
    wasi: LazyWasi,
    capabilities: Arc<Capabilities>,
    requests: Requests,
    /// What the last operation found; see `result_read`.
    result: Vec<u8>,
    conduit: Arc<Conduit>,
}

/// Builds the linker that every native module of an engine is resolved with.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine.wasmtime());
    imports::define(&mut linker)?;
    kv::define(&mut linker)?;
    outbound::define(&mut linker)?;
    wasmtime_wasi::p1::add_to_linker_async(&mut linker, |state: &mut State| state.wasi.context())?;
    limit_preview_1(&mut linker, |state| state.wasi.context())?;
    Ok(linker)
}

impl NativeModule {
    /// Resolves the module's imports and finds the exports that every call needs.
    pub(crate) fn prepare(linker: &Linker<State>, module: &Module) -> Result<Self, Unusable> {
        let export = |name: &str| module.get_export_index(name);
        Ok(Self {
            memory: export(MEMORY_EXPORT)
                .ok_or_else(|| Unusable::NoExport(MEMORY_EXPORT.into()))?,
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
        Ok(Self { module, entry, limits, capabilities: Arc::default() })
    }

    /// The function with what it may reach; without this it reaches nothing.
    pub(crate) fn granted(self, capabilities: Arc<Capabilities>) -> Self {
        Self { capabilities, ..self }
    }

    /// Runs the function once in a fresh instance, as [`run::run`] says.
    pub(crate) async fn call(
        &self,
        request: GuestRequest,
        conduit: &Arc<Conduit>,
    ) -> Result<Answer, GuestError> {
        let state = State {
            exchange: NativeExchange::new(request, &self.limits, Arc::clone(conduit)),
            memory: None,
            memory_limit: MemoryLimit::new(self.limits.memory_bytes_max),
            wasi: LazyWasi::new(Arc::clone(conduit), Arc::clone(&self.capabilities)),
            requests: Requests::new(Outgoing::new(&self.capabilities, Arc::clone(conduit))),
            capabilities: Arc::clone(&self.capabilities),
            result: vec![],
            conduit: Arc::clone(conduit),
        };
        run::run(self, self.module.instance.module().engine(), state, &self.limits).await
    }
}

impl Kind for NativeFunction {
    type State = State;

    async fn run(&self, store: &mut Store<State>) -> wasmtime::Result<i32> {
        let instance = run::instantiate(&self.module.instance, store).await?;
        let memory = instance.get_module_export(&mut *store, &self.module.memory);
        store.data_mut().memory = memory.and_then(Extern::into_memory);
        if let Some(initialize) = &self.module.initialize {
            typed::<_, (), ()>(&instance, store, initialize)?.call_async(&mut *store, ()).await?;
        }
        let head_len = store.data().exchange.head_len();
        let entry = typed::<_, i32, i32>(&instance, store, &self.entry)?;
        entry.call_async(&mut *store, head_len).await
    }
}

impl GuestState for State {
    fn conduit(&self) -> &Arc<Conduit> {
        &self.conduit
    }

    fn memory_limit(&mut self) -> &mut MemoryLimit {
        &mut self.memory_limit
    }

    fn exchange<T>(&mut self, act: impl FnOnce(&mut Exchange) -> T) -> T {
        act(&mut self.exchange.inner)
    }
}
