#[steading::http(methods("GET"))]
fn orders(_: steading::Request) -> steading::Response {
    steading::Response::ok()
}

fn main() {}
