//! Looks at one wasm module: is it valid, could a worker run it, which functions does it hold. Runs
//! nothing.

use std::collections::HashMap;

use serde_json::Value;
use steading_protocol::{FunctionName, FunctionRecord, InvalidSection, RouteTemplate, abi};
use wasmparser::types::{EntityType, Types};
use wasmparser::{MemoryType, Parser, Payload, ValType, Validator, WasmFeatures};

use crate::error::{ApiError, Code};

/// What a worker's engine takes: wasmtime's defaults for core modules, without what it is built
/// without (garbage-collected types, exceptions, shared memory).
const FEATURES: WasmFeatures = WasmFeatures::WASM3
    .difference(WasmFeatures::GC_TYPES)
    .difference(WasmFeatures::EXCEPTIONS)
    .difference(WasmFeatures::THREADS)
    .difference(WasmFeatures::COMPONENT_MODEL)
    .difference(WasmFeatures::CM_ASYNC);

/// The export by which workers reach a module's memory.
const MEMORY_EXPORT: &str = "memory";

/// The size of a wasm page.
const PAGE_BYTES: u64 = 64 << 10;

/// What is known of a module that was found good.
#[derive(Debug)]
pub(super) struct Examined {
    /// Its functions; never empty.
    pub(super) records: Vec<FunctionRecord>,
    /// The memory that an instance begins with, bytes.
    pub(super) memory_bytes_min: u64,
}

/// Examines a module; `name` is what messages call it.
pub(super) fn examine(name: &str, bytes: &[u8]) -> Result<Examined, ApiError> {
    if Parser::is_component(bytes) {
        return Err(ApiError::new(
            Code::WasmInvalid,
            format!("{name} is a component; this release runs core modules (wasm32-wasip1)"),
        ));
    }
    let invalid = |error: wasmparser::Error| {
        ApiError::new(Code::WasmInvalid, format!("{name} is not valid wasm: {error}"))
    };
    let types = Validator::new_with_features(FEATURES).validate_all(bytes).map_err(invalid)?;
    let mut records = vec![];
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(invalid)? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    check_import(name, &import.map_err(invalid)?)?;
                }
            }
            Payload::CustomSection(section) if section.name() == FunctionRecord::SECTION => {
                records.extend(parse_records(name, section.data())?);
            }
            _ => {}
        }
    }
    if records.is_empty() {
        return Err(ApiError::new(
            Code::NoFunctions,
            format!(
                "{name} has no functions: its section `steading.functions` is missing or empty"
            ),
        ));
    }
    let exports: HashMap<&str, EntityType> =
        types.as_ref().core_exports().into_iter().flatten().collect();
    for record in &records {
        check_export(name, record, &types, &exports)?;
    }
    let memory = check_memory(name, &exports)?;
    Ok(Examined { records, memory_bytes_min: memory.initial.saturating_mul(PAGE_BYTES) })
}

fn check_import(name: &str, import: &wasmparser::Import<'_>) -> Result<(), ApiError> {
    let is_function = matches!(import.ty, wasmparser::TypeRef::Func(_));
    if is_function && abi::is_provided(import.module, import.name) {
        return Ok(());
    }
    Err(ApiError::new(
        Code::ImportUnknown,
        format!(
            "{name} imports `{}` from `{}`, which workers do not provide",
            import.name, import.module
        ),
    ))
}

fn check_export(
    name: &str,
    record: &FunctionRecord,
    types: &Types,
    exports: &HashMap<&str, EntityType>,
) -> Result<(), ApiError> {
    let refused = |what: &str| {
        ApiError::new(
            Code::WasmInvalid,
            format!(
                "{name}: function `{}` names export `{}`, which {what}",
                record.name, record.export
            ),
        )
    };
    let id = match exports.get(record.export.as_str()) {
        Some(EntityType::Func(id) | EntityType::FuncExact(id)) => *id,
        Some(_) => return Err(refused("is not a function")),
        None => return Err(refused("does not exist")),
    };
    let function = types[id].unwrap_func();
    if function.params() == [ValType::I32] && function.results() == [ValType::I32] {
        Ok(())
    } else {
        Err(refused("has not the type (i32) -> (i32)"))
    }
}

fn check_memory(name: &str, exports: &HashMap<&str, EntityType>) -> Result<MemoryType, ApiError> {
    match exports.get(MEMORY_EXPORT) {
        Some(EntityType::Memory(memory)) if !memory.memory64 && !memory.shared => Ok(*memory),
        Some(EntityType::Memory(_)) => Err(ApiError::new(
            Code::WasmInvalid,
            format!("{name}: its memory is 64-bit or shared; workers take a plain 32-bit one"),
        )),
        _ => Err(ApiError::new(
            Code::WasmInvalid,
            format!("{name} does not export its memory as `{MEMORY_EXPORT}`"),
        )),
    }
}

fn parse_records(name: &str, section: &[u8]) -> Result<Vec<FunctionRecord>, ApiError> {
    FunctionRecord::parse_section(section).map_err(|error| {
        if let InvalidSection::Record { line, source } = &error {
            return bad_record(name, section, *line, source);
        }
        ApiError::new(Code::WasmInvalid, format!("{name}: {error}"))
    })
}

/// The refusal of a record, by the field at fault where one can be told.
fn bad_record(name: &str, section: &[u8], line: usize, source: &serde_json::Error) -> ApiError {
    let text = String::from_utf8_lossy(section);
    let record = text.lines().filter(|line| !line.trim().is_empty()).nth(line - 1);
    let record: Value = record.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let function = record["name"].as_str().unwrap_or_default();
    if let Some(Err(error)) = record["name"].as_str().map(str::parse::<FunctionName>) {
        return ApiError::new(Code::NameInvalid, format!("{name}: {error}"));
    }
    if let Some(Err(error)) = record["trigger"]["route"].as_str().map(str::parse::<RouteTemplate>) {
        return ApiError::new(
            Code::RouteInvalid,
            format!("{name}: function `{function}`: {error}"),
        );
    }
    ApiError::new(
        Code::WasmInvalid,
        format!("{name}: record {line} of the section `steading.functions`: {source}"),
    )
}
