//! Reads its whole request body, however long it is.

use steading::{Error, Request, Response};

#[steading::http(auth = "anonymous")]
fn slurp(request: Request) -> Result<Response, Error> {
    let length = request.body()?.len();
    Ok(Response::text(format!("read {length} bytes")))
}
