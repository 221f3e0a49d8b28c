//! Writes log records without end.

use steading::{Request, Response};

#[steading::http(auth = "anonymous")]
fn chatter(_: Request) -> Response {
    let record = "chatter ".repeat(1024);
    loop {
        steading::log::info(&record);
        println!("{record}");
    }
}
