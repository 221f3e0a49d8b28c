use steading::{Request, Response};

#[steading::http]
fn orders(_: &Request) -> Response {
    Response::ok()
}

fn main() {}
