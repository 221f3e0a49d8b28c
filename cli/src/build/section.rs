//! Reads from a module which functions it has. Only that: whether the module is sound is checked by
//! the manager when it is published.

use std::path::Path;

use anyhow::Context as _;
use steading_protocol::FunctionRecord;
use wasmparser::{Parser, Payload};

use crate::exit::{Exit, Failure, OrExit as _};

/// The functions of a module, in the order in which they stand there.
pub(super) fn functions(module: &[u8], path: &Path) -> Result<Vec<FunctionRecord>, Failure> {
    let section = section(module)
        .with_context(|| format!("{} is not a usable wasm module", path.display()))
        .or_exit(Exit::Data)?;
    FunctionRecord::parse_section(&section)
        .with_context(|| format!("cannot read the functions of {}", path.display()))
        .or_exit(Exit::Data)
}

/// The bytes of the custom section, joined when there are several of its name.
fn section(module: &[u8]) -> Result<Vec<u8>, wasmparser::BinaryReaderError> {
    let mut bytes = vec![];
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::CustomSection(section) = payload?
            && section.name() == FunctionRecord::SECTION
        {
            bytes.extend_from_slice(section.data());
        }
    }
    Ok(bytes)
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
        let functions = functions(&module("orders"), Path::new("x.wasm")).unwrap();
        assert_eq!(functions.len(), 1);
        assert_eq!(functions[0].name.as_str(), "orders");
    }

    #[test]
    fn what_is_not_wasm_is_refused_with_the_files_name() {
        for bytes in [&b"hello"[..], &b"\0asm\x01\0\0\0\0\xff"[..]] {
            let failure = functions(bytes, Path::new("x.wasm")).unwrap_err();
            assert_eq!(failure.code(), 65);
            assert!(failure.line().starts_with("x.wasm is not a usable"), "{}", failure.line());
        }
    }
}
