//! The smallest function: `GET /api/hello` answers a line of text.

#![forbid(unsafe_code)]

use steading::{Request, Response};

#[steading::http(methods(GET), auth = "anonymous")]
fn hello(_request: Request) -> Response {
    Response::text("Hello from Steading.\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_hello() {
        let response = hello(steading::testing::request("GET", "/api/hello").build());
        assert_eq!(response.status_code(), 200);
        assert_eq!(response.body_text(), "Hello from Steading.\n");
    }
}
