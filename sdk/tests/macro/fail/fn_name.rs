use steading::{Request, Response};

#[steading::http]
fn _orders(_: Request) -> Response {
    Response::ok()
}

fn main() {}
