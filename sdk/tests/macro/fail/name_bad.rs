#[steading::http(name = "my orders")]
fn orders(_: steading::Request) -> steading::Response {
    steading::Response::ok()
}

fn main() {}
