//! Computes without end, with a deadline that is far away.

use steading::{Request, Response};

#[steading::http(auth = "anonymous")]
fn compute(_: Request) -> Response {
    loop {
        std::hint::spin_loop();
    }
}
