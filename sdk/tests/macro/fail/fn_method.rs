use steading::{Request, Response};

struct Orders;

impl Orders {
    #[steading::http]
    fn orders(&self, _: Request) -> Response {
        Response::ok()
    }
}

fn main() {}
