use steading::{Request, Response};

#[steading::http]
extern "C" fn orders(_: Request) -> Response {
    Response::ok()
}

fn main() {}
