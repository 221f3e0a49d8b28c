use steading::Response;

#[steading::http]
fn orders() -> Response {
    Response::ok()
}

fn main() {}
