//! Hand-written modules and packages: as small as the manager takes them, or wrong in one way.

use std::borrow::Cow;
use std::io::{Cursor, Write};

use serde_json::{Value, json};
use wasm_encoder::{
    CodeSection, CustomSection, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    ImportSection, MemorySection, MemoryType, Module, TypeSection, ValType,
};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A module with one function for each record, changed by what a test needs wrong.
pub(crate) struct Guest {
    pub(crate) records: Vec<Value>,
    pub(crate) imports: Vec<(&'static str, &'static str)>,
    pub(crate) results: Vec<ValType>,
    pub(crate) memory_export: &'static str,
    pub(crate) memory: MemoryType,
    /// Any text: makes modules differ.
    pub(crate) filler: Vec<u8>,
}

/// The record of a function that answers every method without a key.
pub(crate) fn record(name: &str, route: &str) -> Value {
    json!({"v": 1, "name": name, "export": format!("http.{name}"), "trigger":
        {"type": "http", "route": route, "methods": [], "auth": "anonymous"}})
}

impl Guest {
    pub(crate) fn new(functions: &[(&str, &str)]) -> Self {
        Self {
            records: functions.iter().map(|(name, route)| record(name, route)).collect(),
            imports: vec![("steading_v1", "response_send")],
            results: vec![ValType::I32],
            memory_export: "memory",
            memory: MemoryType {
                minimum: 1,
                maximum: None,
                memory64: false,
                shared: false,
                page_size_log2: None,
            },
            filler: vec![],
        }
    }

    pub(crate) fn wasm(&self) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([ValType::I32], self.results.clone());
        types.ty().function([ValType::I32; 4], [ValType::I32]);
        let mut imports = ImportSection::new();
        for (module, name) in &self.imports {
            imports.import(module, name, EntityType::Function(1));
        }
        let (mut functions, mut exports, mut code) =
            (FunctionSection::new(), ExportSection::new(), CodeSection::new());
        for (index, record) in self.records.iter().enumerate() {
            functions.function(0);
            let index = u32::try_from(self.imports.len() + index).unwrap();
            exports.export(record["export"].as_str().unwrap(), ExportKind::Func, index);
            let mut body = Function::new([]);
            for _ in &self.results {
                body.instructions().i32_const(0);
            }
            body.instructions().end();
            code.function(&body);
        }
        let mut memories = MemorySection::new();
        memories.memory(self.memory);
        exports.export(self.memory_export, ExportKind::Memory, 0);
        let custom = |name: &'static str, data: Vec<u8>| CustomSection {
            name: Cow::Borrowed(name),
            data: Cow::Owned(data),
        };
        let records: String = self.records.iter().map(|record| format!("{record}\n")).collect();
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions).section(&memories);
        module.section(&exports).section(&code);
        module.section(&custom("steading.functions", records.into_bytes()));
        module.section(&custom("filler", self.filler.clone()));
        module.finish()
    }
}

/// A good module of one function `f` at route `f`.
pub(crate) fn module() -> Vec<u8> {
    Guest::new(&[("f", "f")]).wasm()
}

/// Another good one with the same function.
pub(crate) fn module_like(filler: &[u8]) -> Vec<u8> {
    Guest { filler: filler.to_vec(), ..Guest::new(&[("f", "f")]) }.wasm()
}

pub(crate) fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(vec![]));
    for (name, bytes) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}
