//! What the code that [`macro@crate::http`] writes calls. Not part of the public surface: its shape
//! changes together with the macro.

use crate::head::RequestHead;
use crate::{IntoResponse, Request, log, sys};

/// The function ran, but its request could not be understood: a fault of the worker.
const HEAD_MALFORMED: i32 = 1;

/// Runs one invocation: reads the request head, calls the function, sends its response.
pub fn call<R: IntoResponse>(head_len: usize, function: fn(Request) -> R) -> i32 {
    sys::initialize();
    let Some(head) = RequestHead::decode(sys::request_head(head_len)) else {
        log::error("the worker sent a malformed request head");
        return HEAD_MALFORMED;
    };
    function(Request::from_worker(head)).into_response().send()
}

/// Makes the compiler check a function's argument on every target, so that a mistake shows in
/// `cargo check` and not only when the module is built.
pub const fn check_argument<T: Argument>() {}

/// Makes the compiler check a function's return type on every target.
pub const fn check_output<R: IntoResponse>() {}

/// What a function may take; there is one such type.
#[diagnostic::on_unimplemented(
    message = "a function cannot take `{Self}`",
    label = "the argument of a function is `steading::Request`, by value"
)]
pub trait Argument {}

impl Argument for Request {}
