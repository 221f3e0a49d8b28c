//! Compiled code of either kind, and how much of the pool an instance of it takes.

use wasmtime::component::Component;
use wasmtime::{Engine, Module, Precompiled};

/// A core module or a component, compiled and loaded. Both are "modules" to everyone else.
#[derive(Clone)]
pub(crate) enum Code {
    Module(Module),
    Component(Component),
}

/// Tables that the pool has for each place: a component's own, and the one of the glue that its toolchain adds. Not
/// more, because Windows counts all of them as memory in use.
pub(super) const TABLES_PER_SLOT: u32 = 2;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EngineConfig;

    /// A component whose modules have so many memories and tables in all.
    fn component(memories: usize, tables: usize) -> wasmtime::Result<Component> {
        let engine = EngineConfig { instances_max: Some(2), ..EngineConfig::default() };
        let engine = crate::engine::Engine::new(engine).unwrap();
        let module = |of: &str, at: usize| {
            let instance = format!("(core instance (instantiate $m{of}{at}))");
            format!(
                "(core module $m{of}{at} ({of} 1{})) {instance}",
                if of == "table" { " funcref" } else { "" }
            )
        };
        let memories = (0..memories).map(|at| module("memory", at));
        let modules: String = memories.chain((0..tables).map(|at| module("table", at))).collect();
        let wasm = wat::parse_str(format!("(component {modules})")).unwrap();
        let code = compile(engine.wasmtime(), &wasm)?;
        assert!(is_component(Engine::detect_precompiled(&code)));
        Component::new(engine.wasmtime(), &wasm)
    }

    #[test]
    fn a_component_takes_a_place_for_each_memory_and_for_every_few_tables() {
        for (memories, tables, places) in
            [(0, 0, 1), (1, 0, 1), (1, 2, 1), (1, 3, 2), (3, 0, 3), (8, 16, 8)]
        {
            assert_eq!(slots(&component(memories, tables).unwrap()), places);
        }
    }

    #[test]
    fn a_component_of_more_than_the_pool_can_hold_is_not_loaded() {
        let error = format!("{:#}", component(9, 0).unwrap_err());
        assert!(error.contains("9 Wasm linear memories"), "{error}");
        assert!(component(0, 17).is_err());
    }

    #[test]
    fn a_core_module_is_one() {
        let engine = Engine::default();
        let code = compile(&engine, b"\0asm\x01\0\0\0").unwrap();
        assert!(!is_component(Engine::detect_precompiled(&code)));
    }
}
