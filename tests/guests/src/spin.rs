//! Loops for ever without calling the worker.

use steading::{Request, Response};

#[steading::http(auth = "anonymous")]
fn spin(_: Request) -> Response {
    let mut turns = 0u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}
