//! The worker's imports for outgoing requests, wrapped: the head of a response out, or a negative code. On any
//! target but wasm there is no worker; [`crate::testing`] answers instead.

#[cfg(target_family = "wasm")]
pub(crate) use imports::{body_read, send};

#[cfg(target_family = "wasm")]
#[allow(unsafe_code, reason = "imports of a wasm module can only be declared and called unsafely")]
mod imports {
    #[link(wasm_import_module = "steading_v1")]
    unsafe extern "C" {
        fn result_read(ptr: *mut u8, len: usize) -> usize;
        fn http_send(head: *const u8, head_len: usize, body: *const u8, body_len: usize) -> i32;
        fn http_body_read(ptr: *mut u8, len: usize) -> i32;
    }

    /// Sends a request; returns the encoded head of its response.
    pub(crate) fn send(head: &[u8], body: &[u8]) -> Result<Vec<u8>, i32> {
        // SAFETY: the worker only reads, within two live slices, before it returns.
        let length = unsafe { http_send(head.as_ptr(), head.len(), body.as_ptr(), body.len()) };
        let mut found = vec![0; usize::try_from(length).map_err(|_| length)?];
        // SAFETY: the worker writes at most `len` bytes at `ptr`, both of a live exclusive slice.
        let read = unsafe { result_read(found.as_mut_ptr(), found.len()) };
        found.truncate(read);
        Ok(found)
    }

    /// Reads the next piece of the last response's body; 0 is its end.
    pub(crate) fn body_read(buffer: &mut [u8]) -> Result<usize, i32> {
        // SAFETY: the worker writes at most `len` bytes at `ptr`, both of a live exclusive slice.
        let read = unsafe { http_body_read(buffer.as_mut_ptr(), buffer.len()) };
        usize::try_from(read).map_err(|_| read)
    }
}

#[cfg(not(target_family = "wasm"))]
mod native {
    use std::cell::RefCell;

    use crate::http::{Error, Reply, Request};

    /// What stands in for the hosts of a test.
    type Answer = Box<dyn FnMut(&Request) -> Result<Reply, Error>>;

    thread_local! {
        static ANSWER: RefCell<Option<Answer>> = const { RefCell::new(None) };
    }

    pub(crate) fn answer(answer: Answer) {
        ANSWER.set(Some(answer));
    }

    /// What the test answers; without a test nothing is granted.
    pub(crate) fn send(request: &Request) -> Result<Reply, Error> {
        ANSWER.with_borrow_mut(|answer| match answer {
            Some(answer) => answer(request),
            None => Err(Error::Denied),
        })
    }
}

#[cfg(not(target_family = "wasm"))]
pub(crate) use native::{answer, send};
