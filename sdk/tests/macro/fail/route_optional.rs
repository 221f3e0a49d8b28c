#[steading::http(route = "orders/{id?}/items")]
fn orders(_: steading::Request) -> steading::Response {
    steading::Response::ok()
}

fn main() {}
