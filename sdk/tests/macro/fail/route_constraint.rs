#[steading::http(route = "orders/{id:int}")]
fn orders(_: steading::Request) -> steading::Response {
    steading::Response::ok()
}

fn main() {}
