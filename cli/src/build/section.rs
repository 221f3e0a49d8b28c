//! Reads from a module what it is and which functions it has. Only that: whether the module is sound is
//! checked by the manager when it is published.

use std::path::Path;

use anyhow::Context as _;
use steading_protocol::abi::COMMAND_EXPORT;
use steading_protocol::{FunctionRecord, HttpWorld};
use wasmparser::{Parser, Payload};

use crate::exit::{Exit, Failure, OrExit as _};

/// What a module is.
#[derive(Debug)]
pub(super) enum Contents {
    /// A native module with these functions, in the order in which they stand there.
    Native(Vec<FunctionRecord>),
    /// A command or a component that is called by this export, and whose functions the manifest tells.
    Program(&'static str),
    /// Nothing that could be called.
    Nothing,
}

/// What a module is, told as the manager does.
pub(super) fn contents(module: &[u8], path: &Path) -> Result<Contents, Failure> {
    let (section, program) = read(module)
        .with_context(|| format!("{} is not a usable wasm module", path.display()))
        .or_exit(Exit::Data)?;
    let functions = FunctionRecord::parse_section(&section)
        .with_context(|| format!("cannot read the functions of {}", path.display()))
        .or_exit(Exit::Data)?;
    Ok(match program {
        _ if !functions.is_empty() => Contents::Native(functions),
        Some(export) => Contents::Program(export),
        None => Contents::Nothing,
    })
}

/// The bytes of the custom section, joined when there are several of its name, and the export by which a
/// command or a component is called. What is within a component says nothing of it.
fn read(module: &[u8]) -> Result<(Vec<u8>, Option<&'static str>), wasmparser::BinaryReaderError> {
    let (mut bytes, mut program, mut exported, mut depth) = (vec![], None, vec![], 0);
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::CustomSection(section)
                if depth == 1 && section.name() == FunctionRecord::SECTION =>
            {
                bytes.extend_from_slice(section.data());
            }
            Payload::ExportSection(exports) if depth == 1 => {
                for export in exports {
                    if export?.name == COMMAND_EXPORT {
                        program = Some(COMMAND_EXPORT);
                    }
                }
            }
            Payload::ComponentExportSection(exports) if depth == 1 => {
                for export in exports {
                    exported.push(export?.name.name);
                }
            }
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            _ => {}
        }
    }
    let world = HttpWorld::among(exported);
    Ok((bytes, world.map(HttpWorld::export).or(program)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A module of one function with this name and no code.
    pub(in crate::build) fn module(function: &str) -> Vec<u8> {
        let record = format!(
            r#"{{"v":1,"name":"{function}","export":"f","trigger":{{"type":"http","route":"{function}","auth":"anonymous"}}}}"#
        );
        let name = FunctionRecord::SECTION;
        let mut content = vec![u8::try_from(name.len()).unwrap()];
        content.extend_from_slice(name.as_bytes());
        content.extend_from_slice(record.as_bytes());
        content.push(b'\n');
        let mut module = b"\0asm\x01\0\0\0\0".to_vec();
        // The section's length in LEB128, two bytes are enough here.
        module.push(u8::try_from(content.len() & 0x7f).unwrap() | 0x80);
        module.push(u8::try_from(content.len() >> 7).unwrap());
        module.extend(content);
        module
    }

    #[test]
    fn the_functions_of_a_module_are_read_from_its_section() {
        let contents = contents(&module("orders"), Path::new("x.wasm")).unwrap();
        let Contents::Native(functions) = contents else { panic!("{contents:?}") };
        assert_eq!(functions.len(), 1);
        assert_eq!(functions[0].name.as_str(), "orders");
    }

    /// A module whose one function, of no code, is exported as `export`.
    pub(in crate::build) fn exporting(export: &str) -> Vec<u8> {
        let name = export.as_bytes();
        let length = u8::try_from(name.len()).unwrap();
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend([1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 7, length + 4, 1, length]);
        module.extend_from_slice(name);
        module.extend([0, 0, 10, 4, 1, 2, 0, 0x0b]);
        module
    }

    #[test]
    fn a_program_is_told_by_its_entry() {
        let path = Path::new("x.wasm");
        assert!(matches!(
            contents(&exporting("_start"), path).unwrap(),
            Contents::Program("_start")
        ));
        assert!(matches!(contents(&exporting("start"), path).unwrap(), Contents::Nothing));
    }

    #[test]
    fn what_is_not_wasm_is_refused_with_the_files_name() {
        for bytes in [&b"hello"[..], &b"\0asm\x01\0\0\0\0\xff"[..]] {
            let failure = contents(bytes, Path::new("x.wasm")).unwrap_err();
            assert_eq!(failure.code(), 65);
            assert!(failure.line().starts_with("x.wasm is not a usable"), "{}", failure.line());
        }
    }
}
