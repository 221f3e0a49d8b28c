//! The command guest: any WASI preview 1 program with `_start`, spoken to as CGI/1.1 (RFC 3875). The
//! request's head is in its environment ([`environment`]), the body is its stdin, the response is what it
//! writes to stdout ([`response`]), stderr goes to the function's log.
//!
//! Beside them its environment has the settings that it was granted. It has the folders that it was granted, no
//! sockets, and of the worker's own environment nothing. A program that ends with a code
//! other than 0 has failed; what it wrote until then is sent only as far as it had left already, because
//! nobody but the program knows whether it was all. A response that cannot be sent ends the program at once:
//! hardly one looks at what `printf` returns.

mod environment;
mod response;
mod streams;

use std::sync::Arc;

use steading_protocol::abi::{COMMAND_EXPORT, MEMORY_EXPORT, WASI_MODULE};
use steading_protocol::{FunctionName, FunctionSpec, Limits, RouteTemplate, Trigger};
use wasmtime::{InstancePre, Linker, Module, ModuleExport, Store};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::p1::WasiP1Ctx;

use self::streams::Dialogue;
use super::exchange::Exchange;
use super::log_stream::LogStream;
use super::run::{self, Exited, GuestState, Kind, typed};
use super::writes::limit_preview_1;
use super::{Answer, Conduit, GuestError, GuestRequest, Unusable, granted};
use crate::capability::Capabilities;
use crate::engine::{Engine, MemoryLimit};

/// A loaded program, ready to be instantiated.
pub(crate) struct CommandModule {
    instance: InstancePre<State>,
    start: ModuleExport,
}

/// One function that a program answers for.
pub(crate) struct CommandFunction {
    module: Arc<CommandModule>,
    name: FunctionName,
    route: RouteTemplate,
    limits: Limits,
    capabilities: Arc<Capabilities>,
}

/// What a store holds during one invocation.
pub(crate) struct State {
    dialogue: Dialogue,
    memory_limit: MemoryLimit,
    wasi: WasiP1Ctx,
    conduit: Arc<Conduit>,
}

/// Builds the linker that every command of an engine is resolved with.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine.wasmtime());
    wasmtime_wasi::p1::add_to_linker_async(&mut linker, |state: &mut State| &mut state.wasi)?;
    limit_preview_1(&mut linker, |state| &mut state.wasi)?;
    // the library's own takes codes below 126 only, and many a program ends with -1
    linker.allow_shadowing(true);
    linker.func_wrap(WASI_MODULE, "proc_exit", |code: i32| -> wasmtime::Result<()> {
        Err(Exited(code).into())
    })?;
    linker.allow_shadowing(false);
    Ok(linker)
}

impl CommandModule {
    /// Resolves the program's imports and finds its entry.
    pub(crate) fn prepare(linker: &Linker<State>, module: &Module) -> Result<Self, Unusable> {
        let export = |name: &str| {
            module.get_export_index(name).ok_or_else(|| Unusable::NoExport(name.to_owned()))
        };
        export(MEMORY_EXPORT)?;
        Ok(Self {
            start: export(COMMAND_EXPORT)?,
            instance: linker.instantiate_pre(module).map_err(Unusable::Import)?,
        })
    }
}

impl CommandFunction {
    pub(crate) fn new(
        module: Arc<CommandModule>,
        spec: &FunctionSpec,
        limits: Limits,
        capabilities: Arc<Capabilities>,
    ) -> Self {
        let Trigger::Http(http) = &spec.trigger;
        Self { module, name: spec.name.clone(), route: http.route.clone(), limits, capabilities }
    }

    /// Runs the program once, as [`run::run`] says.
    pub(crate) async fn call(
        &self,
        request: GuestRequest,
        conduit: &Arc<Conduit>,
    ) -> Result<Answer, GuestError> {
        let variables = environment::variables(&request, &self.route);
        let dialogue =
            Dialogue::new(Exchange::new(request.body, &self.limits, Arc::clone(conduit)), conduit);
        let mut wasi = WasiCtx::builder();
        wasi.arg(self.name.as_str())
            .envs(&variables)
            .stdin(dialogue.clone())
            .stdout(dialogue.clone())
            .stderr(LogStream::new(Arc::clone(conduit)));
        granted::open(&mut wasi, &self.capabilities, conduit);
        let state = State {
            dialogue,
            memory_limit: MemoryLimit::new(self.limits.memory_bytes_max),
            wasi: wasi.build_p1(),
            conduit: Arc::clone(conduit),
        };
        run::run(self, self.module.instance.module().engine(), state, &self.limits).await
    }
}

impl Kind for CommandFunction {
    type State = State;

    async fn run(&self, store: &mut Store<State>) -> wasmtime::Result<i32> {
        let ended = self.start(store).await;
        let code = match ended {
            Ok(()) => 0,
            Err(error) => error.downcast_ref::<Exited>().map(|exited| exited.0).ok_or(error)?,
        };
        if code == 0 {
            store.data().dialogue.end();
        }
        Ok(code)
    }
}

impl CommandFunction {
    async fn start(&self, store: &mut Store<State>) -> wasmtime::Result<()> {
        let instance = run::instantiate(&self.module.instance, store).await?;
        let start = typed::<_, (), ()>(&instance, store, &self.module.start)?;
        start.call_async(&mut *store, ()).await
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
