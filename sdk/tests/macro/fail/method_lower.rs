#[steading::http(methods(get))]
fn orders(_: steading::Request) -> steading::Response {
    steading::Response::ok()
}

fn main() {}
