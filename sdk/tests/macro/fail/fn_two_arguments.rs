use steading::{Request, Response};

#[steading::http]
fn orders(_: Request, _: u32) -> Response {
    Response::ok()
}

fn main() {}
