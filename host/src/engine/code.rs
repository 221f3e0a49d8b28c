//! Compiled code of either kind, and how much of the pool an instance of it takes.

use wasmtime::component::Component;
use wasmtime::{Engine, Module, Precompiled};

/// A core module or a component, compiled and loaded. Both are "modules" to everyone else.
#[derive(Clone)]
pub(crate) enum Code {
    Module(Module),
    Component(Component),
}

/// Tables that the pool has for each place: a component's own and those of the glue that its toolchain adds.
pub(super) const TABLES_PER_SLOT: u32 = 8;

/// Compiles a module of either kind; their binary formats tell themselves apart.
pub(super) fn compile(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Vec<u8>> {
    // `\0asm`, then a version and a layer of two bytes each
    match wasm.get(6..8) {
        Some([1, 0]) => engine.precompile_component(wasm),
        _ => engine.precompile_module(wasm),
    }
}

/// Whether these bytes are compiled code of a component.
pub(super) fn is_component(kind: Option<Precompiled>) -> bool {
    matches!(kind, Some(Precompiled::Component))
}

/// How many places in the pool an instance takes: one for each memory that the component has.
pub(crate) fn slots(component: &Component) -> u32 {
    let required = component.resources_required();
    required.map_or(1, |required| {
        required.num_memories.max(required.num_tables.div_ceil(TABLES_PER_SLOT)).max(1)
    })
}
