//! Ends its process, as if it had one.

use steading::{Request, Response};

#[steading::http(auth = "anonymous")]
fn exit(_: Request) -> Response {
    std::process::exit(0)
}
