#[steading::http(colour = "red")]
fn orders(_: steading::Request) -> steading::Response {
    steading::Response::ok()
}

fn main() {}
