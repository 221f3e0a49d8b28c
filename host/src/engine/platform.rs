//! What differs between operating systems, each difference with its reason.
//!
//! Windows has no copy-on-write memory images, so wasmtime copies a module's data segments into
//! each instance by itself; it pools no fiber stacks, and a code file cannot be replaced or deleted
//! while it is mapped, which is why code files have content-addressed names and are never rewritten.

#![allow(unsafe_code)]

use std::path::Path;

use wasmtime::{Engine, Module, PoolingAllocationConfig};

/// How much of an instance's memory is zeroed by hand on reset instead of given back to the system:
/// the pages that most guests touch, kept so that the next instance does not fault them in again.
const KEEP_RESIDENT_BYTES: usize = 128 << 10;

/// Sets what the platform is best with. `PAGEMAP_SCAN` resets stay off: in the 48 line a dirty page
/// that was swapped out survives into the next instance.
pub(super) fn tune(pool: &mut PoolingAllocationConfig) {
    pool.linear_memory_keep_resident(KEEP_RESIDENT_BYTES).table_keep_resident(16 << 10);
}

/// Loads code that this worker compiled. Maps the file, or reads it where mapping as executable is
/// refused (as some volumes and emulators do).
///
/// The file must be this worker's own: native code is trusted as it is. Only the worker's user may
/// write the directory it lies in; nothing that came over a socket is ever put there as code.
pub(super) fn load_code(engine: &Engine, path: &Path) -> wasmtime::Result<Module> {
    // SAFETY: the file was written by `CodeCache::insert` of this or an earlier process of this
    // worker, under a name made of the module's digest and the engine's compatibility hash; wasmtime
    // itself refuses a file of another version or other settings.
    let mapped = unsafe { Module::deserialize_file(engine, path) };
    mapped.or_else(|refused| match std::fs::read(path) {
        // SAFETY: the same file, the same argument.
        Ok(code) => unsafe { Module::deserialize(engine, code) },
        Err(_) => Err(refused),
    })
}
