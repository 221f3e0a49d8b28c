//! Isolation as tests: small guests in text format, called without a server around them, so that tens
//! of thousands of instances take seconds. `docs/isolation.md` says which test proves which promise.
//!
//! Pools are made as small as a test allows, so that slots are surely reused. Invariant: one
//! engine at a time, as in the product; a [`Lab`] waits for the one before it.

mod canary;
mod freshness;
mod fuzz_abi;
mod fuzz_head;
mod fuzz_module;
mod holes;
mod kv;
mod outbound;
mod recovery;
mod soak;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use steading_protocol::Limits;
use wasmtime::{Linker, Module};

use super::{NativeFunction, NativeModule, State, linker};
use crate::engine::{Engine, EngineConfig, MemoryReset};
use crate::guest::{Answer, Conduit, GuestError, GuestRequest, LOCALHOST, Metered, RequestBody};

/// Every way to reset memory that a worker can be set to.
const RESETS: [MemoryReset; 3] =
    [MemoryReset::KeepResident, MemoryReset::Decommit, MemoryReset::Copy];

static ONE_ENGINE: Mutex<()> = Mutex::new(());

/// An engine with a small pool, and what is needed to call guests in it.
struct Lab {
    engine: Engine,
    linker: Linker<State>,
    _one: MutexGuard<'static, ()>,
}

impl Lab {
    fn new(instances_max: u32, memory_reset: MemoryReset) -> Self {
        Self::keeping(None, instances_max, memory_reset)
    }

    /// One that keeps so much of each memory, KiB, or the least that a worker does.
    fn keeping(
        keep_resident_kib: Option<u32>,
        instances_max: u32,
        memory_reset: MemoryReset,
    ) -> Self {
        let one = ONE_ENGINE.lock().unwrap_or_else(PoisonError::into_inner);
        let config = EngineConfig {
            instances_max: Some(instances_max),
            memory_mib_max: Some(128),
            memory_reset,
            keep_resident_kib,
            ..EngineConfig::default()
        };
        let engine = Engine::new(config).unwrap();
        let mut linker = linker(&engine).unwrap();
        // no guest can make the worker panic; this stands for a fault of the worker's own
        linker.func_wrap("proof", "panic", panic_on_purpose).unwrap();
        Self { engine, linker, _one: one }
    }

    fn module(&self, wat: &str) -> Arc<NativeModule> {
        let wasm = wat::parse_str(wat).unwrap_or_else(|error| panic!("{error}"));
        let module = Module::new(self.engine.wasmtime(), wasm).unwrap();
        Arc::new(NativeModule::prepare(&self.linker, &module).unwrap())
    }

    /// The function `run` of a module in text format, with a deadline.
    fn function(&self, wat: &str, deadline_ms_max: u64) -> Arc<NativeFunction> {
        export(&self.module(wat), "run", deadline_ms_max)
    }

    /// Instances, memories, tables and stacks in use.
    fn in_use(&self) -> [u64; 4] {
        let pool = self.engine.wasmtime().pooling_allocator_metrics().unwrap();
        let (memories, tables, stacks) = (pool.memories(), pool.tables(), pool.stacks());
        [pool.core_instances(), memories as u64, tables as u64, stacks as u64]
    }

    /// Slots for memories and tables that exist, in use or waiting.
    fn slots(&self) -> [u64; 2] {
        let pool = self.engine.wasmtime().pooling_allocator_metrics().unwrap();
        let [_, memories, tables, _] = self.in_use();
        [
            memories + u64::from(pool.unused_warm_memories()),
            tables + u64::from(pool.unused_warm_tables()),
        ]
    }

    /// Nothing is in use, and as many guests as the pool was made for can run side by side.
    async fn assert_whole(&self) {
        assert_eq!(self.in_use(), [0; 4], "instances, memories, tables, stacks in use");
        let spinner = self.function(SPINNER, 60_000);
        let all = self.engine.config().instances();
        let calls: Vec<_> = (0..all)
            .map(|_| {
                let spinner = Arc::clone(&spinner);
                tokio::spawn(async move { call(&spinner).await.map(drop) })
            })
            .collect();
        self.eventually(|[instances, ..]| instances == u64::from(all)).await;
        for running in calls {
            assert!(!running.is_finished(), "{:?}", running.await);
            running.abort();
            assert!(running.await.unwrap_err().is_cancelled());
        }
        assert_eq!(self.in_use(), [0; 4], "after as many as there can be");
    }

    async fn eventually(&self, there: impl Fn([u64; 4]) -> bool) {
        let end = Instant::now() + Duration::from_secs(10);
        while !there(self.in_use()) {
            assert!(Instant::now() < end, "in use: {:?}", self.in_use());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn panic_on_purpose() {
    panic!("a panic on purpose");
}

/// Never ends by itself.
const SPINNER: &str = r#"(module (memory (export "memory") 1) (table 1 funcref)
    (func (export "run") (param i32) (result i32) (loop (br 0)) (unreachable)))"#;

/// Runs a test's future; panics of its tasks stay in the test's own output.
fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// One function of a module, with a deadline.
fn export(module: &Arc<NativeModule>, name: &str, deadline_ms_max: u64) -> Arc<NativeFunction> {
    let limits = Limits { deadline_ms_max, ..Limits::default() };
    Arc::new(NativeFunction::new(Arc::clone(module), name, limits).unwrap())
}

/// What a guest answered, whole or in pieces.
#[derive(Debug)]
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
}

async fn call(function: &NativeFunction) -> Result<Answered, GuestError> {
    call_with(function, Bytes::new(), &conduit()).await
}

fn conduit() -> Arc<Conduit> {
    Arc::new(Conduit::new(&Limits::default()))
}

async fn call_with(
    function: &NativeFunction,
    body: Bytes,
    conduit: &Arc<Conduit>,
) -> Result<Answered, GuestError> {
    let (head, ()) = http::Request::get("/api/proof").body(()).unwrap().into_parts();
    let request = GuestRequest {
        head,
        caller: LOCALHOST,
        parameters: vec![],
        body: RequestBody::full(body),
        invocation: "proof".into(),
    };
    let inner = function.call(request, conduit);
    let mut call = pin!(Metered { conduit: Arc::clone(conduit), inner });
    let answer = poll_fn(|context| {
        let polled = call.as_mut().poll(context);
        if conduit.outlet.take_pieces().is_some() {
            // there is room again
            context.waker().wake_by_ref();
        }
        polled
    });
    let head = match answer.await? {
        Answer::Whole(response) => response.head,
        Answer::Streamed { .. } => {
            conduit.outlet.take_head().expect("a streamed answer has a head")
        }
    };
    Ok(Answered { status: head.status, headers: head.headers })
}

/// Resident memory of this process, KiB; `None` where there is no `/proc`.
fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
