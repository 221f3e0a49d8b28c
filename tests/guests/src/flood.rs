//! Answers with more bytes than it may.

use steading::{Request, Response};

#[steading::http(auth = "anonymous")]
fn flood(_: Request) -> Response {
    Response::ok().body(vec![b'x'; 1 << 20])
}
