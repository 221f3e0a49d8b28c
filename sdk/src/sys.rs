//! The worker's imports (`ABI.md`), wrapped so that nothing else in this crate needs `unsafe`.
//! On any target but wasm there is no worker: logs go to standard error and everything else says
//! that there is nothing. Invariant: a pointer given to the worker comes from a live Rust slice and
//! is used by the worker only until the call returns.

pub(crate) mod kv;
pub(crate) mod outbound;

/// Copies the first `len` bytes of the request head out of the worker.
pub(crate) fn request_head(len: usize) -> Vec<u8> {
    let mut head = vec![0; len];
    let read = imports::request_head_read(&mut head);
    head.truncate(read);
    head
}

/// Reads the next piece of the request body; `Ok(0)` is its end.
pub(crate) fn request_body_read(buffer: &mut [u8]) -> Result<usize, BodyUnreadable> {
    usize::try_from(imports::request_body_read(buffer)).map_err(|_| BodyUnreadable)
}

/// The caller is gone, or the body is larger than the worker takes.
#[derive(Debug)]
pub(crate) struct BodyUnreadable;

/// Hands over the whole response; anything but 0 says that the worker did not take it.
pub(crate) fn response_send(head: &[u8], body: &[u8]) -> i32 {
    imports::response_send(head, body)
}

/// Gives the head of a response whose body follows in pieces.
pub(crate) fn response_start(head: &[u8]) -> Result<(), NotTaken> {
    taken(imports::response_start(head))
}

/// Adds a piece to the body, waiting for the caller to keep up.
pub(crate) fn response_write(piece: &[u8]) -> Result<(), NotTaken> {
    taken(imports::response_write(piece))
}

/// The worker does not take the response, or no more of it.
#[derive(Debug)]
pub(crate) struct NotTaken;

fn taken(result: i32) -> Result<(), NotTaken> {
    if result == 0 { Ok(()) } else { Err(NotTaken) }
}

/// Writes one log record.
pub(crate) fn log_write(level: u32, message: &str) {
    imports::log_write(level, message.as_bytes());
}

/// Runs the module's constructors (C++ globals, `ctor`-like crates), once per instance.
///
/// Calling them here, rather than leaving it to the linker, has two effects that matter: the linker
/// does not wrap every export in code that runs constructors *and destructors* around each call,
/// and the worker has no `_initialize` to call before each invocation. Without constructors, which
/// is the rule, this is a call of an empty function.
pub(crate) fn initialize() {
    imports::initialize();
}

#[cfg(target_family = "wasm")]
#[allow(unsafe_code, reason = "imports of a wasm module can only be declared and called unsafely")]
mod imports {
    use std::sync::atomic::{AtomicBool, Ordering};

    mod raw {
        #[link(wasm_import_module = "steading_v1")]
        unsafe extern "C" {
            pub(super) fn request_head_read(ptr: *mut u8, len: usize) -> usize;
            pub(super) fn request_body_read(ptr: *mut u8, len: usize) -> i32;
            pub(super) fn response_send(
                head_ptr: *const u8,
                head_len: usize,
                body_ptr: *const u8,
                body_len: usize,
            ) -> i32;
            pub(super) fn response_start(head_ptr: *const u8, head_len: usize) -> i32;
            pub(super) fn response_write(ptr: *const u8, len: usize) -> i32;
            pub(super) fn log_write(level: u32, ptr: *const u8, len: usize);
        }

        unsafe extern "C" {
            /// Made by the linker.
            pub(super) fn __wasm_call_ctors();
        }
    }

    pub(super) fn request_head_read(buffer: &mut [u8]) -> usize {
        // SAFETY: the worker writes at most `len` bytes at `ptr`, both of a live exclusive slice.
        unsafe { raw::request_head_read(buffer.as_mut_ptr(), buffer.len()) }
    }

    pub(super) fn request_body_read(buffer: &mut [u8]) -> i32 {
        // SAFETY: the worker writes at most `len` bytes at `ptr`, both of a live exclusive slice.
        unsafe { raw::request_body_read(buffer.as_mut_ptr(), buffer.len()) }
    }

    pub(super) fn response_send(head: &[u8], body: &[u8]) -> i32 {
        // SAFETY: the worker only reads, within two live slices, before it returns.
        unsafe { raw::response_send(head.as_ptr(), head.len(), body.as_ptr(), body.len()) }
    }

    pub(super) fn response_start(head: &[u8]) -> i32 {
        // SAFETY: the worker only reads, within a live slice, before it returns.
        unsafe { raw::response_start(head.as_ptr(), head.len()) }
    }

    pub(super) fn response_write(piece: &[u8]) -> i32 {
        // SAFETY: the worker only reads, within a live slice, before it returns.
        unsafe { raw::response_write(piece.as_ptr(), piece.len()) }
    }

    pub(super) fn log_write(level: u32, message: &[u8]) {
        // SAFETY: the worker only reads, within a live slice, before it returns.
        unsafe { raw::log_write(level, message.as_ptr(), message.len()) }
    }

    pub(super) fn initialize() {
        static DONE: AtomicBool = AtomicBool::new(false);
        if !DONE.swap(true, Ordering::Relaxed) {
            // SAFETY: called once, before any code of the function, as a reactor's start would.
            unsafe { raw::__wasm_call_ctors() }
        }
    }
}

#[cfg(not(target_family = "wasm"))]
mod imports {
    pub(super) fn request_head_read(_buffer: &mut [u8]) -> usize {
        0
    }

    pub(super) fn request_body_read(_buffer: &mut [u8]) -> i32 {
        0
    }

    pub(super) fn response_send(_head: &[u8], _body: &[u8]) -> i32 {
        -1
    }

    pub(super) fn response_start(_head: &[u8]) -> i32 {
        -1
    }

    pub(super) fn response_write(_piece: &[u8]) -> i32 {
        -1
    }

    pub(super) fn log_write(level: u32, message: &[u8]) {
        let level = ["error", "warn", "info", "debug"].get(level as usize).unwrap_or(&"log");
        eprintln!("{level}: {}", String::from_utf8_lossy(message));
    }

    pub(super) fn initialize() {}
}
