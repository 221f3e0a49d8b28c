//! What differs between operating systems, each difference with its reason.
//!
//! Windows, with wasmtime 48:
//! - Memory has no copy-on-write images: data segments are copied into each instance, so an app with
//!   megabytes of data pays for them in every invocation. [`MemoryReset::Copy`] does that everywhere.
//! - Giving memory back is `VirtualFree`, taking it again is `VirtualAlloc`, and what is taken counts as
//!   promised (committed) whether it is touched or not, within what the job object and the page file allow.
//! - A fiber is made by `CreateFiberEx` for each invocation and not pooled; `total_stacks` only counts them.
//! - Traps come by vectored exception handlers, which wasmtime puts before all others; a debugger sees each
//!   as a first-chance exception and must let it pass. Doing without costs up to half of a guest's speed.
//! - A code file is mapped with others allowed to read it only: as long as a module of it lives, the file can
//!   be neither written, renamed nor deleted. So it has a name made of its content and is written once, and
//!   collecting it is tried again ([`forget`](super::forget)).
//! - A volume, a policy or an emulator may refuse to map a file as executable: then it is read into memory
//!   that is this process's own. That costs the size of the code per module, and no invocation is slower.
//!
//! Linux may refuse the last as well, on a volume that is mounted `noexec`.

#![allow(unsafe_code)]

use std::path::Path;
use std::sync::Once;

use serde::Deserialize;
use wasmtime::component::Component;
use wasmtime::{Engine, Module, PoolingAllocationConfig};

use super::{Code, EngineConfig, code};

/// How a slot of the pool is made like new after an instance. What a guest sees is the same with
/// each: memory as its data segments make it, and zeros.
///
/// Not offered: `PAGEMAP_SCAN`, the fastest where a kernel has it. In the 48 line of wasmtime it asks
/// for pages that are present, so a dirty page that was swapped out is neither reset nor given back, and
/// the next instance sees it. Fixed in 50, which needs a newer compiler than ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryReset {
    /// The first `keep_resident_kib` are zeroed by hand and stay mapped, the rest goes back to the
    /// system; data segments are mapped copy-on-write. The least work for one app with large data
    /// segments; a slot that last held another module has its image mapped anew, which with many apps is
    /// the most of a request.
    KeepResident,
    /// Everything goes back to the system after each instance: the least memory, and page faults for
    /// every instance anew.
    Decommit,
    /// As `keep_resident`, but data segments are copied instead of mapped: nothing is mapped for a
    /// request, whichever module its slot held before. What Windows does in any case.
    #[default]
    Copy,
}

/// Tables are small: what 1,000 entries take stays mapped with each.
const TABLE_KEEP_RESIDENT_BYTES: usize = 8 << 10;

/// What a used stack keeps: wasmtime does not clear stacks, so the pages that the deepest call has touched
/// stay. Seen with 900 calls at once, in an unoptimised build: 28 KiB each. A guest that recurses keeps up to
/// all of its stack.
const STACK_KEPT_BYTES: u64 = 32 << 10;

/// What a slot of the pool may keep resident between two calls, of a guest that does not recurse and has one task
/// at a time.
pub(super) fn kept_bytes(config: EngineConfig) -> u64 {
    let (memory, table) = keep_resident(config);
    (memory + table * code::TABLES_PER_SLOT as usize) as u64 + STACK_KEPT_BYTES
}

/// What is kept of a memory and of a table, bytes.
fn keep_resident(config: EngineConfig) -> (usize, usize) {
    match config.memory_reset {
        MemoryReset::KeepResident | MemoryReset::Copy => {
            ((config.keep_resident_kib() as usize) << 10, TABLE_KEEP_RESIDENT_BYTES)
        }
        MemoryReset::Decommit => (0, 0),
    }
}

/// Slots that have been used and are free, while a slot never used is preferred to taking one of them
/// from the module it last served. A mapped image is worth such a wait; a copied one is not, and a slot
/// that was just used is the one still in the processor's cache.
const WARM_SLOTS_MAPPED: u32 = 100;
const WARM_SLOTS_COPIED: u32 = 0;

/// Sets how memory is reset.
pub(super) fn tune(
    settings: &mut wasmtime::Config,
    pool: &mut PoolingAllocationConfig,
    config: EngineConfig,
) {
    let (memory, table) = keep_resident(config);
    let copied = config.memory_reset == MemoryReset::Copy;
    settings.memory_init_cow(!copied);
    pool.linear_memory_keep_resident(memory)
        .table_keep_resident(table)
        .max_unused_warm_slots(if copied { WARM_SLOTS_COPIED } else { WARM_SLOTS_MAPPED });
}

/// Loads code that this worker compiled. Maps the file, or reads it where mapping as executable is
/// refused (as some volumes and emulators do).
///
/// The file must be this worker's own: native code is trusted as it is. Only the worker's user may
/// write the directory it lies in; nothing that came over a socket is ever put there as code.
pub(super) fn load_code(engine: &Engine, path: &Path) -> wasmtime::Result<Code> {
    static TOLD: Once = Once::new();
    let is_component = code::is_component(Engine::detect_precompiled_file(path)?);
    // SAFETY: the file was written by `CodeCache::insert` of this or an earlier process of this
    // worker, and the cache has checked that its bytes are still those; wasmtime itself refuses a file of
    // another version or other settings.
    let mapped = unsafe {
        if is_component {
            Component::deserialize_file(engine, path).map(Code::Component)
        } else {
            Module::deserialize_file(engine, path).map(Code::Module)
        }
    };
    mapped.or_else(|refused| {
        let Ok(code) = std::fs::read(path) else { return Err(refused) };
        // SAFETY: the same file, the same argument.
        let read = unsafe {
            if is_component {
                Component::deserialize(engine, code).map(Code::Component)
            } else {
                Module::deserialize(engine, code).map(Code::Module)
            }
        }?;
        TOLD.call_once(|| {
            let (error, folder) = (refused.root_cause(), path.parent().unwrap_or(path).display());
            tracing::info!(
                %folder, error, "Compiled code cannot be mapped from its volume and is read instead"
            );
        });
        Ok(read)
    })
}
