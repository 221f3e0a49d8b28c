use steading::{Request, Response};

#[steading::http]
unsafe fn orders(_: Request) -> Response {
    Response::ok()
}

fn main() {}
