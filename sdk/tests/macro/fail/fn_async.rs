use steading::{Request, Response};

#[steading::http]
async fn orders(_: Request) -> Response {
    Response::ok()
}

fn main() {}
