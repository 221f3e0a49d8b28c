use steading::Request;

#[steading::http]
fn orders(_: Request) {}

fn main() {}
