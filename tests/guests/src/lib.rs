//! Guests that misbehave, one per file, and six that do not: `steady`, by which the tests see that the
//! others harmed nobody, `slow`, which is in flight when something happens, `echo`, which streams, `fetch`, which
//! sends requests, `folder`, which looks at files, and `levels`, which writes to its log.
//!
//! Each file is one function named as the file. `tests/build.rs` lists the files, and the test binary
//! does not compile while one of them has no test. Those that break the ABI itself cannot be
//! written with the SDK and use [`abi`]. Invariant: nothing here fails by accident.

mod block;
mod chatter;
mod compute;
mod crowded;
mod echo;
mod exit;
mod fail;
mod fetch;
mod flood;
mod folder;
mod garbled;
mod grow;
mod gush;
mod late;
mod levels;
mod recurse;
mod silent;
mod slow;
mod slurp;
mod smuggle;
mod spin;
mod steady;
mod trap;
mod twice;
mod verbose;
mod wild;

/// The worker's imports without the SDK's care, for guests that misuse them.
#[cfg(target_family = "wasm")]
#[allow(unsafe_code, reason = "these guests are wrong on purpose, behind the SDK's back")]
mod abi {
    mod imports {
        #[link(wasm_import_module = "steading_v1")]
        unsafe extern "C" {
            pub(crate) safe fn response_send(
                head_ptr: usize,
                head_len: usize,
                body_ptr: usize,
                body_len: usize,
            ) -> i32;
            pub(super) safe fn response_start(head_ptr: usize, head_len: usize) -> i32;
            pub(super) safe fn response_write(ptr: usize, len: usize) -> i32;
        }
    }

    pub(crate) use imports::response_send as response_send_at;

    /// A response head: status 200 with one header.
    pub(crate) fn head(name: &str, value: &str) -> Vec<u8> {
        head_of(name, value, 1)
    }

    /// A response head: status 200 with so many headers, all the same.
    pub(crate) fn head_of(name: &str, value: &str, count: u32) -> Vec<u8> {
        let mut head = vec![];
        head.extend(200u32.to_le_bytes());
        head.extend(count.to_le_bytes());
        for text in (0..count).flat_map(|_| [name, value]) {
            head.extend((text.len() as u32).to_le_bytes());
            head.extend(text.as_bytes());
        }
        head
    }

    /// The whole response in one call.
    pub(crate) fn response_send(head: &[u8], body: &[u8]) -> i32 {
        response_send_at(head.as_ptr() as usize, head.len(), body.as_ptr() as usize, body.len())
    }

    /// The head of a response whose body follows in pieces.
    pub(crate) fn response_start(head: &[u8]) -> i32 {
        imports::response_start(head.as_ptr() as usize, head.len())
    }

    /// A piece of the body.
    pub(crate) fn response_write(piece: &[u8]) -> i32 {
        imports::response_write(piece.as_ptr() as usize, piece.len())
    }

    /// The bytes of a text, for a static in a section of the module.
    pub(crate) const fn bytes<const LEN: usize>(text: &str) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        let mut at = 0;
        while at < LEN {
            bytes[at] = text.as_bytes()[at];
            at += 1;
        }
        bytes
    }
}

/// Exports a function and describes it, as `#[steading::http]` would, around a body of type
/// `fn() -> i32` that is left alone with the ABI.
macro_rules! raw_function {
    ($name:literal, $export:literal, $body:expr) => {
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "exports and sections are named unsafely")]
        mod raw {
            const RECORD: &str = concat!(
                r#"{"v":1,"name":""#,
                $name,
                r#"","export":""#,
                $export,
                r#"","trigger":{"type":"http","route":""#,
                $name,
                r#"","methods":[],"auth":"anonymous"}}"#,
                "\n"
            );

            #[used]
            #[unsafe(link_section = "steading.functions")]
            static DESCRIPTION: [u8; RECORD.len()] = crate::abi::bytes(RECORD);

            #[unsafe(export_name = $export)]
            extern "C" fn function(_head_len: i32) -> i32 {
                let body: fn() -> i32 = $body;
                body()
            }
        }
    };
}
pub(crate) use raw_function;
