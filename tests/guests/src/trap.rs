//! Panics, which in wasm ends in a trap.

use steading::{Request, Response};

#[steading::http(auth = "anonymous")]
fn trap(_: Request) -> Response {
    panic!("this guest panics on purpose")
}
