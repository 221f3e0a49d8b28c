//! Well-behaved: answers at once, with a text in which a test changes the number.

use steading::{Request, Response};

#[steading::http(auth = "anonymous")]
fn steady(_: Request) -> Response {
    Response::text("the steady guest, version 1")
}
