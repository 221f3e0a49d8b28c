//! What a component's store holds: the invocation that runs, and what it finds of WASI. What of it outlives an
//! invocation is told in [`reuse`](super::reuse).

use std::sync::Arc;

use steading_protocol::Limits;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::dialogue::{Dialogue, IncomingBody};
use super::outbound::Outbound;
use super::reuse::Life;
use super::{CALL_BYTES_MAX, request};
use crate::capability::Capabilities;
use crate::engine::MemoryLimit;
use crate::guest::exchange::Exchange;
use crate::guest::log_stream::LogStream;
use crate::guest::run::GuestState;
use crate::guest::{Conduit, GuestRequest, granted};

/// What a store holds during one invocation.
pub(crate) struct State {
    pub(super) request: Option<http::Request<IncomingBody>>,
    pub(super) dialogue: Dialogue,
    pub(super) memory_limit: MemoryLimit,
    pub(super) conduit: Arc<Conduit>,
    pub(super) table: ResourceTable,
    /// Made when the component first asks for something of it: many never do.
    wasi: Option<Box<WasiCtx>>,
    pub(super) capabilities: Arc<Capabilities>,
    http: WasiHttpCtx,
    pub(super) outbound: Outbound,
    /// For an instance that may serve again.
    pub(super) life: Option<Box<Life>>,
}

/// What a component may have of the worker's own things at once: header fields, bodies, streams, things to wait for.
pub(super) const RESOURCES_MAX: usize = 1000;

/// How much one set of header fields may take, bytes, as the library counts it.
const FIELDS_BYTES_MAX: usize = 128 << 10;

impl State {
    pub(super) fn new(
        request: GuestRequest,
        limits: &Limits,
        capabilities: &Arc<Capabilities>,
        conduit: &Arc<Conduit>,
    ) -> Self {
        let (request, dialogue) = Self::received(request, limits, conduit);
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES_MAX);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(FIELDS_BYTES_MAX);
        Self {
            request: Some(request),
            dialogue,
            memory_limit: MemoryLimit::new(limits.memory_bytes_max),
            conduit: Arc::clone(conduit),
            table,
            wasi: None,
            capabilities: Arc::clone(capabilities),
            http,
            outbound: Outbound::new(capabilities, Arc::clone(conduit)),
            life: None,
        }
    }

    /// A request as the component is given it, and what will become of it.
    pub(super) fn received(
        request: GuestRequest,
        limits: &Limits,
        conduit: &Arc<Conduit>,
    ) -> (http::Request<IncomingBody>, Dialogue) {
        let method = request.head.method.clone();
        let head = request::head(request.head, &request.invocation);
        let exchange = Exchange::new(request.body, limits, Arc::clone(conduit));
        let dialogue = Dialogue::new(exchange, method, conduit);
        (http::Request::from_parts(head, dialogue.incoming()), dialogue)
    }

    /// The request, which is given once.
    pub(super) fn request(&mut self) -> http::Request<IncomingBody> {
        self.request.take().expect("an invocation has one request")
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
        let make = || {
            let log = match &self.life {
                None => LogStream::new(Arc::clone(&self.conduit)),
                Some(life) => LogStream::of_running(life.running()),
            };
            Box::new(wasi(&self.capabilities, &self.conduit, log))
        };
        let wasi = self.wasi.get_or_insert_with(make);
        WasiCtxView { ctx: wasi, table: &mut self.table }
    }
}

/// WASI with a log, the settings and folders that were granted, and nothing behind the rest.
fn wasi(capabilities: &Capabilities, conduit: &Conduit, log: LogStream) -> WasiCtx {
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
