//! Takes memory until there is none left.

use steading::{Request, Response};

#[steading::http(auth = "anonymous")]
fn grow(_: Request) -> Response {
    let mut taken = vec![];
    loop {
        taken.push(std::hint::black_box(vec![1u8; 1 << 20]));
    }
}
