#[steading::http(methods(GET, FETCH))]
fn orders(_: steading::Request) -> steading::Response {
    steading::Response::ok()
}

fn main() {}
