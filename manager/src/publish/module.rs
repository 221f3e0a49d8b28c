//! Looks at one wasm module (a component is looked at in [`component`]): is it valid, could a worker run it, which functions does it hold. Runs
//! nothing.

use std::collections::HashMap;

use serde_json::Value;
use steading_protocol::abi::{COMMAND_EXPORT, MEMORY_EXPORT};
use steading_protocol::{FunctionName, FunctionRecord, InvalidSection, RouteTemplate, abi};
use wasmparser::types::{EntityType, Types};
use wasmparser::{MemoryType, Parser, Payload, ValType, Validator, WasmFeatures};

use super::component;
use crate::error::{ApiError, Code};

/// What a worker's engine takes: wasmtime's defaults for core modules, without what it is built
/// without (garbage-collected types, exceptions, shared memory).
pub(super) const FEATURES: WasmFeatures = WasmFeatures::WASM3
    .difference(WasmFeatures::GC_TYPES)
    .difference(WasmFeatures::EXCEPTIONS)
    .difference(WasmFeatures::THREADS)
    .difference(WasmFeatures::COMPONENT_MODEL)
    .difference(WasmFeatures::CM_ASYNC);

/// The size of a wasm page.
pub(super) const PAGE_BYTES: u64 = 64 << 10;

/// What is known of a module that was found good.
#[derive(Debug)]
pub(super) struct Examined {
    /// What it is.
    pub(super) kind: Kind,
    /// The memory that an instance begins with, bytes.
    pub(super) memory_bytes_min: u64,
}

/// What a module is, told by what it says of itself.
#[derive(Debug)]
pub(super) enum Kind {
    /// It has these functions; never empty.
    Native(Vec<FunctionRecord>),
    /// It is a command or a component, is called by this export, and the manifest says what it answers.
    Program(&'static str),
}

/// Examines a module; `name` is what messages call it.
pub(super) fn examine(name: &str, bytes: &[u8]) -> Result<Examined, ApiError> {
    if Parser::is_component(bytes) {
        return component::examine(name, bytes);
    }
    let invalid = |error: wasmparser::Error| {
        ApiError::new(Code::WasmInvalid, format!("{name} is not valid wasm: {error}"))
    };
    let types = Validator::new_with_features(FEATURES).validate_all(bytes).map_err(invalid)?;
    let (mut records, mut imported) = (vec![], vec![]);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(invalid)? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported.push(import.map_err(invalid)?);
                }
            }
            Payload::CustomSection(section) if section.name() == FunctionRecord::SECTION => {
                records.extend(parse_records(name, section.data())?);
            }
            _ => {}
        }
    }
    let exports: HashMap<&str, EntityType> =
        types.as_ref().core_exports().into_iter().flatten().collect();
    let kind = kind(name, records, &exports)?;
    check_exports(name, &kind, &types, &exports)?;
    for import in &imported {
        check_import(name, &kind, import)?;
    }
    let memory = check_memory(name, &exports)?;
    Ok(Examined { kind, memory_bytes_min: memory.initial.saturating_mul(PAGE_BYTES) })
}

fn kind(
    name: &str,
    records: Vec<FunctionRecord>,
    exports: &HashMap<&str, EntityType>,
) -> Result<Kind, ApiError> {
    if !records.is_empty() {
        return Ok(Kind::Native(records));
    }
    if exports.contains_key(COMMAND_EXPORT) {
        return Ok(Kind::Program(COMMAND_EXPORT));
    }
    Err(ApiError::new(
        Code::NoFunctions,
        format!(
            "{name} has no functions: it has neither the section `steading.functions` of a native module nor the export `{COMMAND_EXPORT}` of a command"
        ),
    ))
}

fn check_import(name: &str, kind: &Kind, import: &wasmparser::Import<'_>) -> Result<(), ApiError> {
    let is_function = matches!(import.ty, wasmparser::TypeRef::Func(_));
    let (is_provided, to): (fn(&str, &str) -> bool, _) = match kind {
        Kind::Native(_) => (abi::is_provided, ""),
        Kind::Program(_) => (abi::is_provided_to_commands, " to commands"),
    };
    if is_function && is_provided(import.module, import.name) {
        return Ok(());
    }
    Err(ApiError::new(
        Code::ImportUnknown,
        format!(
            "{name} imports `{}` from `{}`, which workers do not provide{to}",
            import.name, import.module
        ),
    ))
}

fn check_exports(
    name: &str,
    kind: &Kind,
    types: &Types,
    exports: &HashMap<&str, EntityType>,
) -> Result<(), ApiError> {
    let refused = |message: String| ApiError::new(Code::WasmInvalid, message);
    match kind {
        Kind::Program(_) => check_function(COMMAND_EXPORT, &[], types, exports)
            .map_err(|why| refused(format!("{name}: its export `{COMMAND_EXPORT}` {why}"))),
        Kind::Native(records) => records.iter().try_for_each(|record| {
            check_function(&record.export, &[ValType::I32], types, exports).map_err(|why| {
                let (function, export) = (&record.name, &record.export);
                refused(format!(
                    "{name}: function `{function}` names export `{export}`, which {why}"
                ))
            })
        }),
    }
}

/// Looks for an exported function whose parameters and results are both these.
fn check_function(
    export: &str,
    wanted: &[ValType],
    types: &Types,
    exports: &HashMap<&str, EntityType>,
) -> Result<(), String> {
    let id = match exports.get(export) {
        Some(EntityType::Func(id) | EntityType::FuncExact(id)) => *id,
        Some(_) => return Err("is not a function".into()),
        None => return Err("does not exist".into()),
    };
    let function = types[id].unwrap_func();
    if function.params() == wanted && function.results() == wanted {
        return Ok(());
    }
    let shown = wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    Err(format!("has not the type ({shown}) -> ({shown})"))
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
