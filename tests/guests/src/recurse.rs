//! Calls itself without end. It keeps nothing in linear memory on the way, so that it is the worker's
//! stack that it uses up, and not the module's own.

use std::sync::atomic::{AtomicU32, Ordering};

use steading::{Request, Response};

/// Never reached; read at every step, so that the compiler cannot know that.
static DEPTH_MAX: AtomicU32 = AtomicU32::new(u32::MAX);

#[steading::http(auth = "anonymous")]
fn recurse(_: Request) -> Response {
    Response::text(deeper(0).to_string())
}

fn deeper(depth: u32) -> u32 {
    if depth == DEPTH_MAX.load(Ordering::Relaxed) {
        return depth;
    }
    let deepest = deeper(depth + 1);
    // work after the call, so that it cannot become a loop
    DEPTH_MAX.fetch_add(1, Ordering::Relaxed) + deepest
}
