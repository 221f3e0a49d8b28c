#[steading::http(route = 7)]
fn orders(_: steading::Request) -> steading::Response {
    steading::Response::ok()
}

fn main() {}
