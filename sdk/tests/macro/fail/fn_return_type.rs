use steading::Request;

#[steading::http]
fn orders(_: Request) -> u32 {
    7
}

fn main() {}
