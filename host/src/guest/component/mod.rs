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
mod wasi_0_2;
mod wasi_0_3;

use std::sync::Arc;

use steading_protocol::{HttpWorld, Limits};
use wasmtime::Store;
use wasmtime::component::{Component, InstancePre, Linker, ResourceTable};
use wasmtime_wasi::{I32Exit, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p3::bindings::ServicePre;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use self::dialogue::{Dialogue, IncomingBody};
use self::outbound::Outbound;
use super::exchange::Exchange;
use super::log_stream::LogStream;
use super::run::{self, GuestState, Kind};
use super::writes::{limit_wasi_0_2, limit_wasi_0_3};
use super::{Answer, Conduit, GuestError, GuestRequest, Unusable, granted};
use crate::capability::Capabilities;
use crate::engine::{Engine, MemoryLimit, slots};

/// A loaded component, ready to be instantiated.
pub(crate) struct ComponentModule {
    world: World,
    slots: u32,
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
}

/// What a store holds during one invocation.
pub(crate) struct State {
    request: Option<http::Request<IncomingBody>>,
    dialogue: Dialogue,
    memory_limit: MemoryLimit,
    conduit: Arc<Conduit>,
    table: ResourceTable,
    /// Made when the component first asks for something of it: many never do.
    wasi: Option<Box<WasiCtx>>,
    capabilities: Arc<Capabilities>,
    http: WasiHttpCtx,
    outbound: Outbound,
}

/// What a component may have of the worker's own things at once: header fields, bodies, streams, things to wait for.
const RESOURCES_MAX: usize = 1000;

/// How much one set of header fields may take, bytes, as the library counts it.
const FIELDS_BYTES_MAX: usize = 128 << 10;

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
    pub(crate) fn prepare(linker: &Linker<State>, component: &Component) -> Result<Self, Unusable> {
        let of_type = component.component_type();
        let exports = of_type.exports(component.engine());
        let world = HttpWorld::among(exports.map(|(name, _)| name));
        let world = world.ok_or_else(|| Unusable::NoExport(HttpWorld::Wasi02.export().into()))?;
        let instance = linker.instantiate_pre(component).map_err(Unusable::Import)?;
        let slots = slots(component);
        let world = World::new(world, instance).map_err(Unusable::Import)?;
        Ok(Self { world, slots })
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
        Self { module, limits, capabilities }
    }

    pub(crate) fn slots(&self) -> u32 {
        self.module.slots()
    }

    /// Runs the component once in a fresh instance, as [`run::run`] says.
    pub(crate) async fn call(
        &self,
        request: GuestRequest,
        conduit: &Arc<Conduit>,
    ) -> Result<Answer, GuestError> {
        let state = State::new(request, &self.limits, &self.capabilities, conduit);
        run::run(self, self.module.world.engine(), state, &self.limits).await
    }
}

impl State {
    fn new(
        request: GuestRequest,
        limits: &Limits,
        capabilities: &Arc<Capabilities>,
        conduit: &Arc<Conduit>,
    ) -> Self {
        let method = request.head.method.clone();
        let head = request::head(request.head, &request.invocation);
        let exchange = Exchange::new(request.body, limits, Arc::clone(conduit));
        let dialogue = Dialogue::new(exchange, method, conduit);
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES_MAX);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(FIELDS_BYTES_MAX);
        Self {
            request: Some(http::Request::from_parts(head, dialogue.incoming())),
            dialogue,
            memory_limit: MemoryLimit::new(limits.memory_bytes_max),
            conduit: Arc::clone(conduit),
            table,
            wasi: None,
            capabilities: Arc::clone(capabilities),
            http,
            outbound: Outbound::new(capabilities, Arc::clone(conduit)),
        }
    }

    /// The request, which is given once.
    fn request(&mut self) -> http::Request<IncomingBody> {
        self.request.take().expect("a store serves one request")
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

impl GuestState for State {
    fn conduit(&self) -> &Arc<Conduit> {
        &self.conduit
    }

    fn memory_limit(&mut self) -> &mut MemoryLimit {
        &mut self.memory_limit
    }

    fn exchange<T>(&mut self, act: impl FnOnce(&mut Exchange) -> T) -> T {
        self.dialogue.exchange(act)
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let make = || Box::new(wasi(&self.capabilities, &self.conduit));
        let wasi = self.wasi.get_or_insert_with(make);
        WasiCtxView { ctx: wasi, table: &mut self.table }
    }
}

/// WASI with a log, the settings and folders that were granted, and nothing behind the rest.
fn wasi(capabilities: &Capabilities, conduit: &Arc<Conduit>) -> WasiCtx {
    let log = LogStream::new(Arc::clone(conduit));
    let mut wasi = WasiCtx::builder();
    wasi.stdout(log.clone()).stderr(log).max_random_size(CALL_BYTES_MAX as u64);
    granted::open(&mut wasi, capabilities, conduit);
    wasi.build()
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outbound, table: &mut self.table, ctx: &mut self.http }
    }
}
