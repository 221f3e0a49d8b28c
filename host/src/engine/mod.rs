//! The sandboxes: one wasmtime engine per worker, its pool of instances, and the clock that
//! interrupts guests.
//!
//! Not here: what a guest can call ([`crate::guest`]), and which modules there are
//! ([`crate::desired`]). Invariant: one engine per process; two in one process have twice been a
//! source of type confusion upstream.

mod code;
mod code_cache;
mod forget;
mod limit;
mod platform;
mod ticker;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use wasmtime::{InstanceAllocationStrategy, PoolingAllocationConfig, WasmFeatures};

pub(crate) use code::{Code, slots};
pub(crate) use code_cache::{CacheError, CodeCache};
pub(crate) use limit::MemoryLimit;
pub use platform::MemoryReset;
use ticker::EpochTicker;

use self::code::TABLES_PER_SLOT;
use crate::capacity::{FitError, INSTANCES_MAX, MEMORY_MIB_MAX, Room, Wanted};

/// What an operator sets for the sandboxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineConfig {
    /// Invocations that can run at once, which is also the size of the pool. Each reserves (does not
    /// use) some 4 GiB of address space, so 32,000 is the end of a 47-bit space. Not set, as many as the
    /// memory lets be kept, up to 1,000.
    pub instances_max: Option<u32>,
    /// The most linear memory a function may ask for, MiB; a function that wants more is not loaded. Not
    /// set, what the memory has room for, up to 1 GiB.
    pub memory_mib_max: Option<u32>,
    /// The elements of a module's table, which is where its function pointers are; a module that begins
    /// with more is not loaded, and one that grows to more is refused the growth.
    pub table_elements_max: u32,
    /// The stack of a guest, KiB: call frames, and locals that are not in linear memory.
    pub stack_kib_max: u32,
    /// How memory is made like new between two instances.
    pub memory_reset: MemoryReset,
    /// How much of each memory stays mapped between two instances, KiB; unused with `decommit`. Not set, all that a
    /// guest of a common toolchain begins with where the memory has plenty of room for that, else the pages that
    /// a guest of ours touches.
    pub keep_resident_kib: Option<u32>,
}

impl Default for EngineConfig {
    /// Instances, memory and what is kept of it as they fit; 100,000 elements, because languages with large
    /// indirect-call tables (#10482 upstream) go past wasmtime's 20,000; wasmtime's own 512 KiB of stack.
    fn default() -> Self {
        Self {
            instances_max: None,
            memory_mib_max: None,
            table_elements_max: 100_000,
            stack_kib_max: 512,
            memory_reset: MemoryReset::default(),
            keep_resident_kib: None,
        }
    }
}

/// A worker's engine; cheap to clone. The ticker ends with the last clone.
#[derive(Clone)]
pub(crate) struct Engine {
    wasmtime: wasmtime::Engine,
    config: EngineConfig,
    _ticker: Arc<EpochTicker>,
}

/// The engine could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A number out of its range.
    #[error("engine.{key} = {value} is not within {min} to {max}")]
    Config {
        /// The key.
        key: &'static str,
        /// What it was set to.
        value: u32,
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// The pool did not fit, or the platform lacks something.
    #[error("cannot reserve a pool of {instances_max} instances; lower engine.instances_max")]
    Pool {
        /// How many were asked for.
        instances_max: u32,
        /// What wasmtime says.
        source: wasmtime::Error,
    },
    /// The thread that interrupts guests could not be started.
    #[error("cannot start the thread that interrupts guests")]
    Ticker(#[source] std::io::Error),
}

/// What a fiber's stack has beside the guest's own: for the worker's functions that a guest calls.
/// With the guest's default of 512 KiB it is the 2 MiB that wasmtime gives.
const HOST_STACK_KIB: usize = 1536;

/// Core modules that a component may be made of: an interpreted language's runtime with its libraries has some
/// dozens. The pool only counts them.
const CORE_INSTANCES_MAX: u32 = 200;

/// Memories that a component may have. One made of several has one for each, and takes as many places.
const MEMORIES_MAX: u32 = 8;

/// What an instance of a component may take beside its memories, in all of its modules: functions, globals.
const COMPONENT_INSTANCE_BYTES_MAX: usize = 10 << 20;

/// Stacks that the pool has for each place: a task of a 0.3 component may wait on one while another goes on.
const STACKS_PER_SLOT: u32 = 2;

/// What most guests that are built with our SDK begin with and touch, KiB.
const KEEP_RESIDENT_KIB_MIN: u32 = 128;

/// What guests of common toolchains begin with, KiB: a megabyte of stack, data behind it, some heap. They touch
/// its end. To zero all of it by hand takes less time than to give the end back and to fault it in again.
pub(crate) const KEEP_RESIDENT_KIB_MAX: u32 = 1152;

/// How often guests are looked at: the precision of a deadline, and what a spinning guest gets before it must let others run.
pub(crate) const EPOCH: Duration = Duration::from_millis(1);

impl Engine {
    pub(crate) fn new(config: EngineConfig) -> Result<Self, EngineError> {
        config.check()?;
        let wasmtime = wasmtime::Engine::new(&settings(config))
            .map_err(|source| EngineError::Pool { instances_max: config.instances(), source })?;
        let ticker = EpochTicker::start(wasmtime.clone(), EPOCH).map_err(EngineError::Ticker)?;
        Ok(Self { wasmtime, config, _ticker: Arc::new(ticker) })
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.wasmtime
    }

    pub(crate) fn config(&self) -> EngineConfig {
        self.config
    }
}

impl EngineConfig {
    pub(crate) fn check(self) -> Result<(), EngineError> {
        let ranges = [
            ("instances_max", self.instances(), 1, 32_000),
            ("memory_mib_max", self.memory_mib(), 1, 4096),
            ("table_elements_max", self.table_elements_max, 1, 10_000_000),
            ("stack_kib_max", self.stack_kib_max, 16, 16 << 10),
            // more would be zeroed by hand for each invocation, which takes longer than faulting it in
            ("keep_resident_kib", self.keep_resident_kib(), 0, 16 << 10),
        ];
        match ranges.into_iter().find(|(_, value, min, max)| !(min..=max).contains(&value)) {
            Some((key, value, min, max)) => Err(EngineError::Config { key, value, min, max }),
            None => Ok(()),
        }
    }

    /// These settings with a pool that fits the memory, where they leave that open.
    pub(crate) fn fitted(self, room: Room) -> Result<Self, FitError> {
        if let Some(set) = self.keep_resident_kib {
            return self.keeping(set, room);
        }
        let little = self.keeping(KEEP_RESIDENT_KIB_MIN, room)?;
        let much = self.keeping(KEEP_RESIDENT_KIB_MAX, room).ok();
        let much = much.filter(|much| {
            much.instances_max == little.instances_max && room.has_plenty_for(much.kept_bytes())
        });
        Ok(much.unwrap_or(little))
    }

    /// The same, with so much of each memory kept.
    fn keeping(self, keep_resident_kib: u32, room: Room) -> Result<Self, FitError> {
        let kept = Self { keep_resident_kib: Some(keep_resident_kib), ..self };
        let (instances_max, memory_mib_max) = (self.instances_max, self.memory_mib_max);
        let kept_bytes = platform::kept_bytes(kept);
        let fit = Wanted { instances_max, memory_mib_max, kept_bytes }.fit(room)?;
        Ok(Self {
            instances_max: Some(fit.instances_max),
            memory_mib_max: Some(fit.memory_mib_max),
            ..kept
        })
    }

    /// What all slots of the pool may keep resident between calls, bytes.
    pub(crate) fn kept_bytes(self) -> u64 {
        u64::from(self.instances()) * platform::kept_bytes(self)
    }

    /// Instances in the pool.
    pub(crate) fn instances(self) -> u32 {
        self.instances_max.unwrap_or(INSTANCES_MAX)
    }

    /// What is kept of each memory, KiB.
    pub(crate) fn keep_resident_kib(self) -> u32 {
        self.keep_resident_kib.unwrap_or(KEEP_RESIDENT_KIB_MIN)
    }

    /// The most memory of a function, MiB.
    pub(crate) fn memory_mib(self) -> u32 {
        self.memory_mib_max.unwrap_or(MEMORY_MIB_MAX)
    }
}

fn settings(config: EngineConfig) -> wasmtime::Config {
    let instances = config.instances();
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(instances.saturating_mul(CORE_INSTANCES_MAX))
        .total_component_instances(instances)
        .total_memories(instances)
        .total_tables(instances * TABLES_PER_SLOT)
        .total_stacks(instances * STACKS_PER_SLOT)
        .max_core_instances_per_component(CORE_INSTANCES_MAX)
        .max_memories_per_component(MEMORIES_MAX)
        .max_tables_per_component(MEMORIES_MAX * TABLES_PER_SLOT)
        .max_component_instance_size(COMPONENT_INSTANCE_BYTES_MAX)
        // a module is bounded by the 100 MiB package limit; its instance data by this: 1 MiB holds some
        // tens of thousands of functions and globals
        .max_core_instance_size(1 << 20)
        .max_memory_size((config.memory_mib() as usize) << 20)
        .table_elements(config.table_elements_max as usize)
        .max_tables_per_module(1)
        .max_memories_per_module(1);
    let mut settings = wasmtime::Config::new();
    platform::tune(&mut settings, &mut pool, config);
    settings
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .epoch_interruption(true)
        .max_wasm_stack((config.stack_kib_max as usize) << 10)
        .async_stack_size((config.stack_kib_max as usize + HOST_STACK_KIB) << 10)
        // a second memory or 64-bit addresses would go past the pool's slots; threads would let a
        // guest outlive its invocation
        .wasm_features(WasmFeatures::MULTI_MEMORY | WasmFeatures::MEMORY64, false)
        .wasm_features(WasmFeatures::THREADS | WasmFeatures::SHARED_EVERYTHING_THREADS, false)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16));
    settings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bound;
    use crate::capacity::Memory;

    #[test]
    fn much_of_each_memory_is_kept_only_where_there_is_plenty() {
        let kept = |mib: u64, config: EngineConfig| {
            let memory = Memory { bytes: mib << 20, of: Bound::Machine };
            config.fitted(Room::of(memory, None)).unwrap().keep_resident_kib
        };
        let free = EngineConfig::default();
        assert_eq!(kept(8 << 10, free), Some(KEEP_RESIDENT_KIB_MAX));
        assert_eq!(kept(4 << 10, free), Some(KEEP_RESIDENT_KIB_MIN), "1,000 keep 1.2 GiB");
        assert_eq!(kept(0, free), Some(KEEP_RESIDENT_KIB_MIN), "nobody knows");
        let few = EngineConfig { instances_max: Some(100), ..free };
        assert_eq!(kept(1 << 10, few), Some(KEEP_RESIDENT_KIB_MAX));
        let large = EngineConfig { memory_mib_max: Some(4000), ..few };
        assert_eq!(kept(4 << 10, large), Some(KEEP_RESIDENT_KIB_MIN), "a large function needs it");
        let set = EngineConfig { keep_resident_kib: Some(64), ..free };
        assert_eq!(kept(64 << 10, set), Some(64));
    }

    #[test]
    fn numbers_out_of_range_are_refused_by_name() {
        let config = EngineConfig { instances_max: Some(0), ..EngineConfig::default() };
        let error = config.check().unwrap_err().to_string();
        assert_eq!(error, "engine.instances_max = 0 is not within 1 to 32000");
    }

    fn engine(table_elements_max: u32, stack_kib_max: u32) -> Engine {
        let small = EngineConfig { instances_max: Some(2), ..EngineConfig::default() };
        Engine::new(EngineConfig { table_elements_max, stack_kib_max, ..small }).unwrap()
    }

    /// Calls an export of a module without imports.
    fn call(engine: &Engine, wat: &str, argument: i32) -> wasmtime::Result<i32> {
        let module = wasmtime::Module::new(engine.wasmtime(), wat::parse_str(wat).unwrap())?;
        let mut store = wasmtime::Store::new(engine.wasmtime(), ());
        store.set_epoch_deadline(1 << 40);
        let instance = wasmtime::Instance::new(&mut store, &module, &[])?;
        instance.get_typed_func::<i32, i32>(&mut store, "f")?.call(&mut store, argument)
    }

    #[test]
    fn a_table_begins_and_grows_within_its_limit() {
        const GROW: &str = r#"(module (table $t 1 funcref) (func (export "f") (param i32) (result i32)
            (table.grow $t (ref.null func) (local.get 0))))"#;
        let engine = engine(50, 512);
        assert_eq!(call(&engine, GROW, 49).unwrap(), 1);
        assert_eq!(call(&engine, GROW, 50).unwrap(), -1);
        let large = "(module (table 51 funcref))";
        let error = wasmtime::Module::new(engine.wasmtime(), wat::parse_str(large).unwrap());
        assert!(format!("{:#}", error.unwrap_err()).contains("limit of 50"));
    }

    #[test]
    fn the_stack_is_as_deep_as_configured() {
        // calls itself as often as it is told
        const DIVE: &str = r#"(module (func $f (export "f") (param i32) (result i32)
            (if (result i32) (local.get 0)
                (then (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1)))))
                (else (i32.const 0)))))"#;
        let deep = 10_000;
        assert_eq!(call(&engine(10, 1280), DIVE, deep).unwrap(), deep);
        let error = call(&engine(10, 16), DIVE, deep).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&wasmtime::Trap::StackOverflow));
    }
}
