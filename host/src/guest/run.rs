//! One run of one instance, whatever kind of guest is in it: a store with its limits, the deadline and the
//! processor time, which end a guest wherever it is, and why a call ended as it did.
//!
//! What a store holds and how an instance is entered is the [`Kind`]'s; all that a limit means stands here,
//! once. Generic, so that a native call pays for no dispatch. Invariant: a store serves one
//! invocation at a time, and is dropped behind it unless the kind keeps it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use steading_protocol::Limits;
use wasmtime::{
    Engine, Extern, Instance, InstancePre, ModuleExport, Store, Trap, TypedFunc, UpdateDeadline,
};

use super::exchange::Exchange;
use super::writes::WriteExceeded;
use super::{Answer, Conduit, GuestError};
use crate::engine::MemoryLimit;

/// What a store holds of every invocation.
pub(super) trait GuestState: Send + 'static {
    fn conduit(&self) -> &Arc<Conduit>;
    fn memory_limit(&mut self) -> &mut MemoryLimit;
    /// Does something with the request and the response.
    fn exchange<T>(&mut self, act: impl FnOnce(&mut Exchange) -> T) -> T;
}

/// A kind of guest.
pub(super) trait Kind: Sync {
    type State: GuestState;

    /// Makes an instance, unless the store has one, and enters it; returns the code that the guest ends with, 0 when all is well.
    fn run(
        &self,
        store: &mut Store<Self::State>,
    ) -> impl Future<Output = wasmtime::Result<i32>> + Send;
}

/// The guest broke its ABI. Ends the call; the text says how.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct AbiViolation(pub(super) String);

/// The guest asked to be ended, with this code.
#[derive(Debug, thiserror::Error)]
#[error("exit with code {0}")]
pub(super) struct Exited(pub(super) i32);

/// The deadline of a call has passed.
#[derive(Debug, thiserror::Error)]
#[error("deadline exceeded")]
struct DeadlineExceeded;

/// The guest has used up its processor time.
#[derive(Debug, thiserror::Error)]
#[error("processor time exceeded")]
struct CpuExceeded;

/// No instance could be made, for a reason that is not the guest's.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotInstantiated(String);

/// Runs a guest once. What it logged is in the conduit in any case. The future has to be polled through
/// [`Metered`](super::Metered).
pub(super) async fn run<K: Kind>(
    kind: &K,
    engine: &Engine,
    state: K::State,
    limits: &Limits,
) -> Result<Answer, GuestError> {
    let mut store = store(engine, state);
    match once(kind, &mut store, limits).await {
        Ok(()) => store.into_data().exchange(Exchange::answer),
        Err(fault) => store.into_data().exchange(|exchange| exchange.late(fault)),
    }
}

/// A store with the limits that hold for all of its life.
pub(super) fn store<S: GuestState>(engine: &Engine, state: S) -> Store<S> {
    let mut store = Store::new(engine, state);
    store.limiter(|state| state.memory_limit());
    store
}

/// Runs a guest once in this store, with all limits of one invocation; an error is what ended it.
pub(super) async fn once<K: Kind>(
    kind: &K,
    store: &mut Store<K::State>,
    limits: &Limits,
) -> Result<(), GuestError> {
    let allowed = Duration::from_millis(limits.deadline_ms_max);
    let deadline = Instant::now() + allowed;
    watch(store, deadline, Duration::from_millis(limits.cpu_ms_max));
    // an epoch does not interrupt a host call that waits, hence the timer around it all
    let ended = tokio::time::timeout_at(deadline.into(), kind.run(store)).await;
    Err(match ended {
        Ok(Ok(0)) => return Ok(()),
        Ok(Ok(code)) => {
            let noted = store.data_mut().exchange(|exchange| exchange.fault());
            noted.unwrap_or(GuestError::Failed(code))
        }
        Ok(Err(error)) => explain(store.data_mut(), limits, &error),
        Err(_elapsed) => GuestError::DeadlineExceeded(allowed),
    })
}

/// Has the guest looked at in every epoch.
fn watch<S: GuestState>(store: &mut Store<S>, deadline: Instant, cpu_max: Duration) {
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |store| {
        if Instant::now() >= deadline {
            return Err(DeadlineExceeded.into());
        }
        let conduit = store.data().conduit();
        if conduit.cpu.used() >= cpu_max {
            return Err(CpuExceeded.into());
        }
        conduit.yielded.store(true, Ordering::Relaxed);
        // every epoch the guest lets others run, so that one in a loop never owns a thread; tokio's own
        // way of yielding also looks for arrived requests before the guest goes on
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
}

/// Makes an instance.
pub(super) async fn instantiate<S: GuestState>(
    instance: &InstancePre<S>,
    store: &mut Store<S>,
) -> wasmtime::Result<Instance> {
    instantiated(instance.instantiate_async(store).await)
}

/// An instance, or whose fault it is that there is none.
pub(super) fn instantiated<I>(made: wasmtime::Result<I>) -> wasmtime::Result<I> {
    made.map_err(|error| {
        // what the module's own start function does is the guest's fault, all else is ours
        if error.is::<Trap>()
            || error.is::<AbiViolation>()
            || error.is::<Exited>()
            || error.is::<DeadlineExceeded>()
            || error.is::<CpuExceeded>()
            || error.is::<WriteExceeded>()
        {
            error
        } else {
            NotInstantiated(format!("{error:#}")).into()
        }
    })
}

/// A function that the module exports.
pub(super) fn typed<S: GuestState, P: wasmtime::WasmParams, R: wasmtime::WasmResults>(
    instance: &Instance,
    store: &mut Store<S>,
    export: &ModuleExport,
) -> wasmtime::Result<TypedFunc<P, R>> {
    let function = instance.get_module_export(&mut *store, export).and_then(Extern::into_func);
    let function = function.ok_or_else(|| AbiViolation("an export is not a function".into()))?;
    function.typed(&*store)
}

/// Why a call ended early, from what wasmtime says and what the store has noted.
fn explain<S: GuestState>(state: &mut S, limits: &Limits, error: &wasmtime::Error) -> GuestError {
    let memory_hit = state.memory_limit().was_hit();
    let memory = GuestError::MemoryExceeded { bytes_max: limits.memory_bytes_max };
    if error.is::<DeadlineExceeded>() {
        return GuestError::DeadlineExceeded(Duration::from_millis(limits.deadline_ms_max));
    }
    if error.is::<CpuExceeded>() {
        return GuestError::CpuExceeded(Duration::from_millis(limits.cpu_ms_max));
    }
    // noted where it is seen, because libraries between here and there wrap the error
    if state.conduit().writes.was_exceeded() {
        return GuestError::FileWriteExceeded { bytes_max: limits.file_write_bytes_max };
    }
    if let Some(NotInstantiated(reason)) = error.downcast_ref() {
        return if memory_hit {
            memory
        } else {
            GuestError::Instantiate { reason: reason.clone() }
        };
    }
    if let Some(fault) = state.exchange(|exchange| exchange.fault()) {
        return fault;
    }
    if let Some(AbiViolation(reason)) = error.downcast_ref() {
        return GuestError::Trapped { reason: reason.clone() };
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => GuestError::StackExhausted,
        Some(_) if memory_hit => memory,
        Some(trap) => GuestError::Trapped { reason: trap.to_string() },
        None => GuestError::Trapped { reason: error.root_cause().to_string() },
    }
}
