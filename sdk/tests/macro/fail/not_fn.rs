#[steading::http]
struct Orders;

fn main() {}
