use steading::Response;

#[steading::http]
fn orders(_: String) -> Response {
    Response::ok()
}

fn main() {}
