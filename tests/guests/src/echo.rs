//! Well-behaved: sends the request's body back while it still arrives, as much as there is.

use std::io::{Read, Write};

use steading::{Request, Response};

#[steading::http(auth = "anonymous")]
fn echo(request: Request) -> Response {
    let mut body = request.into_reader();
    Response::stream(move |out| {
        let mut piece = vec![0; 64 << 10];
        loop {
            match body.read(&mut piece)? {
                0 => return Ok(()),
                count => out.write_all(&piece[..count])?,
            }
        }
    })
}
