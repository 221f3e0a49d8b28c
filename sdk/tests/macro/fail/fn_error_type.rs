use steading::{Request, Response};

#[steading::http]
fn orders(_: Request) -> Result<Response, String> {
    Ok(Response::ok())
}

fn main() {}
