//! Looks at one component: is it valid, is it one of the worlds that workers call, do they provide what it imports.
//! Runs nothing.

use steading_protocol::{HttpWorld, is_provided_to_components, proposal};
use wasmparser::{
    BinaryReaderError, CanonicalFunction, CanonicalOption, ComponentTypeRef, Parser, Payload,
    Validator, WasmFeatures,
};

use super::module::{Examined, FEATURES, Kind, PAGE_BYTES};
use crate::error::{ApiError, Code};

/// What a worker's engine takes of components and of the modules in them.
const COMPONENT_FEATURES: WasmFeatures = FEATURES
    .union(WasmFeatures::COMPONENT_MODEL)
    .union(WasmFeatures::CM_ASYNC)
    .difference(WasmFeatures::MULTI_MEMORY)
    .difference(WasmFeatures::MEMORY64);

/// The export of a program that is run once and not called.
const RUN_EXPORT: &str = "wasi:cli/run@";

/// What was seen of a component while it was read from front to back.
#[derive(Default)]
struct Seen<'c> {
    imports: Vec<(&'c str, ComponentTypeRef)>,
    exports: Vec<&'c str>,
    /// The memories that its modules begin with, bytes together.
    memory_bytes_min: u64,
    /// How many components deep the reader is; the component itself is 0.
    depth: usize,
    /// Whether a component within it has functions of its own.
    is_composed: bool,
    /// Whether any function waits in the component model's own way.
    is_async: bool,
}

/// Examines a component; `name` is what messages call it.
pub(super) fn examine(name: &str, bytes: &[u8]) -> Result<Examined, ApiError> {
    let invalid = |error: BinaryReaderError| {
        ApiError::new(Code::WasmInvalid, format!("{name} is not a valid component: {error}"))
    };
    Validator::new_with_features(COMPONENT_FEATURES).validate_all(bytes).map_err(invalid)?;
    let seen = Seen::read(bytes).map_err(invalid)?;
    let world = seen.world(name)?;
    seen.check_imports(name, world)?;
    if seen.is_composed && seen.is_async {
        // each call between the two may keep a stack of the worker's pool, and nothing bounds how many there are
        return Err(ApiError::new(
            Code::WasmInvalid,
            format!(
                "{name} is composed of several components that call each other asynchronously, which workers do not run; publish them as apps of their own"
            ),
        ));
    }
    Ok(Examined { kind: Kind::Program(world.export()), memory_bytes_min: seen.memory_bytes_min })
}

impl<'c> Seen<'c> {
    fn read(bytes: &'c [u8]) -> Result<Self, BinaryReaderError> {
        let mut seen = Self::default();
        // of everything that is open: whether it is a component
        let mut open = vec![];
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::Version { encoding, .. } => {
                    open.push(encoding == wasmparser::Encoding::Component);
                }
                Payload::End(_) => {
                    open.pop();
                }
                Payload::MemorySection(memories) => {
                    for memory in memories {
                        let bytes = memory?.initial.saturating_mul(PAGE_BYTES);
                        seen.memory_bytes_min = seen.memory_bytes_min.saturating_add(bytes);
                    }
                }
                Payload::ComponentCanonicalSection(functions) => {
                    for function in functions {
                        seen.function(&function?);
                    }
                }
                Payload::ComponentImportSection(imports) if seen.depth == 0 => {
                    for import in imports {
                        let import = import?;
                        seen.imports.push((import.name.name, import.ty));
                    }
                }
                Payload::ComponentExportSection(exports) if seen.depth == 0 => {
                    for export in exports {
                        seen.exports.push(export?.name.name);
                    }
                }
                _ => {}
            }
            seen.depth = open.iter().filter(|is_component| **is_component).count().max(1) - 1;
        }
        Ok(seen)
    }

    fn function(&mut self, function: &CanonicalFunction) {
        let waits = |options: &[CanonicalOption]| options.contains(&CanonicalOption::Async);
        match function {
            CanonicalFunction::Lift { options, .. } => {
                self.is_composed |= self.depth > 0;
                self.is_async |= waits(options);
            }
            CanonicalFunction::Lower { options, .. } => self.is_async |= waits(options),
            CanonicalFunction::ResourceNew { .. }
            | CanonicalFunction::ResourceDrop { .. }
            | CanonicalFunction::ResourceRep { .. } => {}
            _ => self.is_async = true,
        }
    }

    fn world(&self, name: &str) -> Result<HttpWorld, ApiError> {
        if let Some(world) = HttpWorld::among(self.exports.iter().copied()) {
            return Ok(world);
        }
        let (old, new) = (HttpWorld::Wasi02.export(), HttpWorld::Wasi03.export());
        let hint = if self.exports.iter().any(|export| export.starts_with(RUN_EXPORT)) {
            "; it is a program of the world `wasi:cli/command`: compile it for wasm32-wasip1 to have it called as CGI"
        } else {
            ""
        };
        Err(ApiError::new(
            Code::NoFunctions,
            format!(
                "{name} is a component that cannot be called over HTTP: it exports neither `{old}@0.2.x` nor `{new}@0.3.x`{hint}"
            ),
        ))
    }

    fn check_imports(&self, name: &str, world: HttpWorld) -> Result<(), ApiError> {
        let is_missing = |(import, ty): &&(&str, ComponentTypeRef)| {
            !matches!(ty, ComponentTypeRef::Instance(_)) || !is_provided_to_components(import)
        };
        let Some((import, _)) = self.imports.iter().find(is_missing) else { return Ok(()) };
        let of = match import.split_once('/') {
            Some((package, _)) => format!(" of the package `{package}`"),
            None => String::new(),
        };
        Err(ApiError::new(
            Code::ImportUnknown,
            format!(
                "{name} imports `{import}`{of}, which workers do not provide: the world `{}` has it not, and neither have the other worlds of WASI 0.2 and 0.3 that components get (cli, clocks, filesystem, io, random, sockets){}",
                world.name(),
                related(import)
            ),
        ))
    }
}

/// What there is of the same package, when that is a proposal, of which every version is another.
fn related(import: &str) -> String {
    let package = import.split(['/', '@']).next().unwrap_or_default();
    let names = proposal::all().filter(|name| name.split('/').next() == Some(package));
    match names.map(|name| format!("`{name}`")).collect::<Vec<_>>() {
        names if names.is_empty() => String::new(),
        names => format!("; of that package they get {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examined(text: &str) -> Result<Examined, String> {
        let bytes = wat::parse_str(text).unwrap();
        examine("x", &bytes).map_err(|error| error.to_string())
    }

    /// A component with these definitions that exports this instance.
    fn exporting(definitions: &str, export: &str) -> String {
        format!("(component {definitions} (instance $i) (export \"{export}\" (instance $i)))")
    }

    const OLD: &str = "wasi:http/incoming-handler@0.2.6";

    #[test]
    fn a_world_is_told_by_the_export() {
        for (export, world) in
            [(OLD, HttpWorld::Wasi02), ("wasi:http/handler@0.3.2", HttpWorld::Wasi03)]
        {
            let examined = examined(&exporting("", export)).unwrap();
            assert!(matches!(examined.kind, Kind::Program(found) if found == world.export()));
        }
    }

    #[test]
    fn a_component_without_such_an_export_is_refused_with_what_it_is() {
        let refused = examined(&exporting("", "wasi:http/handler@0.2.0")).unwrap_err();
        assert!(refused.contains("`wasi:http/handler@0.3.x`"), "{refused}");
        let refused = examined(&exporting("", "wasi:cli/run@0.2.0")).unwrap_err();
        assert!(refused.contains("wasm32-wasip1"), "{refused}");
    }

    #[test]
    fn an_import_that_is_not_provided_is_named_with_its_package_and_the_world() {
        let import = |name: &str| format!("(import \"{name}\" (instance))");
        for name in proposal::all().chain(["wasi:cli/stdout@0.2.3"]) {
            assert!(examined(&exporting(&import(name), OLD)).is_ok(), "{name}");
        }
        for (name, told) in [
            ("wasi:blobstore/types@0.2.0-draft", "of the package `wasi:blobstore`"),
            ("wasi:logging/logging@0.2.0", "they get `wasi:logging/logging@0.1.0-draft`, `wasi"),
            ("wasi:http/client@0.2.0", "the world `wasi:http/proxy`"),
            ("mine", "`mine`, which"),
        ] {
            let refused = examined(&exporting(&import(name), OLD)).unwrap_err();
            assert!(refused.contains(name) && refused.contains(told), "{refused}");
        }
        let refused = examined(&exporting("(import \"f\" (func))", OLD)).unwrap_err();
        assert!(refused.contains("`f`"), "{refused}");
    }

    #[test]
    fn memories_of_all_modules_count_together() {
        let modules = "(core module (memory 2)) (component (core module (memory 3)))";
        let examined = examined(&exporting(modules, OLD)).unwrap();
        assert_eq!(examined.memory_bytes_min, 5 * PAGE_BYTES);
    }

    #[test]
    fn what_the_engine_does_not_take_is_refused() {
        for module in ["(memory i64 1)", "(memory 1) (memory 1)", "(memory 1 1 shared)"] {
            let refused = examined(&exporting(&format!("(core module {module})"), OLD));
            assert!(refused.unwrap_err().contains("not a valid component"), "{module}");
        }
    }

    #[test]
    fn only_components_that_call_each_other_asynchronously_are_refused() {
        let lifted = "(core module $m (func (export \"f\")))
            (core instance $c (instantiate $m)) (func (canon lift (core func $c \"f\")))";
        let waiting = "(core func (canon backpressure.inc))";
        let within = |inner: &str| format!("(component {inner})");
        for (definitions, is_taken) in [
            (lifted.to_owned(), true),
            (format!("{lifted} {waiting}"), true),
            (within(lifted), true),
            (format!("{} {waiting}", within("")), true),
            (format!("{} {waiting}", within(lifted)), false),
            (within(&format!("{lifted} {waiting}")), false),
        ] {
            let examined = examined(&exporting(&definitions, OLD));
            assert_eq!(examined.is_ok(), is_taken, "{definitions}: {examined:?}");
        }
    }
}
