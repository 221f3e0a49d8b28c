use steading::{Request, Response};

#[steading::http]
fn orders<T>(_: Request) -> Response {
    Response::ok()
}

fn main() {}
