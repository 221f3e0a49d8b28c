//! The component guest: a component of the `wasi:http` worlds, of WASI 0.2 ([`wasi_0_2`]) or 0.3 ([`wasi_0_3`]). The
//! library of wasmtime speaks with it; here is what it is given and what becomes of its answer ([`dialogue`]).
//!
//! It has WASI's interfaces, so that what a toolchain imports is there, and nothing behind most of them: no sockets,
//! no arguments, and of environment and files what it was [granted](super::granted). What it sends out is judged in
//! [`outbound`]; what is not WASI yet is in [`proposals`]. What it can have the worker hold for it is bounded here,
//! because it does not count as its memory.

mod dialogue;
mod head;
mod outbound;
mod proposals;
mod request;
mod reuse;
mod state;
mod wasi_0_2;
mod wasi_0_3;

use std::sync::Arc;

use steading_protocol::{HttpWorld, Limits};
use wasmtime::Store;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p3::bindings::ServicePre;

pub(crate) use self::reuse::Kept;
use self::reuse::Reused;
pub(crate) use self::state::State;
use super::run::{self, GuestState as _, Kind};
use super::writes::{limit_wasi_0_2, limit_wasi_0_3};
use super::{Answer, Conduit, GuestError, GuestRequest, IdleInstances, Unusable};
use crate::admission::Permit;
use crate::capability::Capabilities;
use crate::engine::{Engine, slots};

/// A loaded component, ready to be instantiated.
pub(crate) struct ComponentModule {
    world: World,
    slots: u32,
    idle: Arc<IdleInstances>,
}

/// What it is called by.
enum World {
    Wasi02(ProxyPre<State>),
    Wasi03(ServicePre<State>),
}

/// One function that a component answers for.
pub(crate) struct ComponentFunction {
    module: Arc<ComponentModule>,
    limits: Limits,
    capabilities: Arc<Capabilities>,
    /// For an app whose instances serve several invocations.
    reused: Option<Reused>,
}

/// How much a component may hand over in one call, or ask to be made for it (random bytes), bytes.
const CALL_BYTES_MAX: usize = 16 << 20;

/// Builds the linker that every component of an engine is resolved with.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine.wasmtime());
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    limit_wasi_0_2(&mut linker)?;
    limit_wasi_0_3(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    proposals::define(&mut linker)?;
    Ok(linker)
}

impl ComponentModule {
    /// Resolves the component's imports and finds what it is called by.
    pub(crate) fn prepare(
        linker: &Linker<State>,
        component: &Component,
        idle: &Arc<IdleInstances>,
    ) -> Result<Self, Unusable> {
        let of_type = component.component_type();
        let exports = of_type.exports(component.engine());
        let world = HttpWorld::among(exports.map(|(name, _)| name));
        let world = world.ok_or_else(|| Unusable::NoExport(HttpWorld::Wasi02.export().into()))?;
        let instance = linker.instantiate_pre(component).map_err(Unusable::Import)?;
        let slots = slots(component);
        let world = World::new(world, instance).map_err(Unusable::Import)?;
        Ok(Self { world, slots, idle: Arc::clone(idle) })
    }

    /// The export that functions of this component name.
    pub(crate) fn export(&self) -> &'static str {
        match self.world {
            World::Wasi02(_) => HttpWorld::Wasi02.export(),
            World::Wasi03(_) => HttpWorld::Wasi03.export(),
        }
    }

    /// How many places in the worker's pool one instance takes.
    pub(crate) fn slots(&self) -> u32 {
        self.slots
    }
}

impl World {
    fn new(world: HttpWorld, instance: InstancePre<State>) -> wasmtime::Result<Self> {
        Ok(match world {
            HttpWorld::Wasi02 => Self::Wasi02(ProxyPre::new(instance)?),
            HttpWorld::Wasi03 => Self::Wasi03(ServicePre::new(instance)?),
        })
    }

    fn engine(&self) -> &wasmtime::Engine {
        match self {
            Self::Wasi02(guest) => guest.engine(),
            Self::Wasi03(guest) => guest.engine(),
        }
    }
}

impl ComponentFunction {
    pub(crate) fn new(
        module: Arc<ComponentModule>,
        limits: Limits,
        capabilities: Arc<Capabilities>,
    ) -> Self {
        let reused = capabilities.reuse.map(|rules| Reused::new(rules, &module.idle));
        Self { module, limits, capabilities, reused }
    }

    pub(crate) fn slots(&self) -> u32 {
        self.module.slots()
    }

    /// No new call will come.
    pub(crate) fn let_go(&self) {
        if let Some(reused) = &self.reused {
            reused.let_go();
        }
    }

    /// Runs the component once in a fresh instance, as [`run::run`] says; or, where its app has asked for that, in one
    /// that has served before.
    pub(crate) async fn call(
        &self,
        request: GuestRequest,
        conduit: &Arc<Conduit>,
        permit: &mut Permit,
    ) -> Result<Answer, GuestError> {
        let engine = self.module.world.engine();
        let Some(reused) = &self.reused else {
            let state = State::new(request, &self.limits, &self.capabilities, conduit);
            return run::run(self, engine, state, &self.limits).await;
        };
        let mut request = Some(request);
        let mut store = reused.take_or(|| {
            let request = request.take().expect("a store is made once");
            let state = State::new(request, &self.limits, &self.capabilities, conduit);
            run::store(engine, state.lasting())
        });
        if let Some(request) = request {
            store.data_mut().renew(request, &self.limits, conduit);
        }
        let ended = run::once(self, &mut store, &self.limits).await;
        let answer = store.data_mut().exchange(|exchange| match ended {
            Ok(()) => exchange.answer(),
            Err(fault) => exchange.late(fault),
        });
        if let Ok(Answer::Streamed { late_fault: None }) = &answer {
            reused.keep(store, permit);
        }
        answer
    }
}

impl Kind for ComponentFunction {
    type State = State;

    async fn run(&self, store: &mut Store<State>) -> wasmtime::Result<i32> {
        store.set_hostcall_fuel(CALL_BYTES_MAX);
        let ended = match &self.module.world {
            World::Wasi02(guest) => wasi_0_2::run(guest, store).await,
            World::Wasi03(guest) => wasi_0_3::run(guest, store).await,
        };
        match ended {
            Ok(()) => Ok(0),
            Err(error) => error.downcast_ref::<I32Exit>().map(|exit| exit.0).ok_or(error),
        }
    }
}
