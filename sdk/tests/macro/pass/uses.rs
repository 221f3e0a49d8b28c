#![forbid(unsafe_code)]
#![deny(warnings)]

use steading::{Error, IntoResponse, Problem, Request, Response};

#[steading::http]
fn bare(_: Request) -> Response {
    Response::ok()
}

#[steading::http(route = "", methods(GET,), auth = "admin", name = "all-keys",)]
pub fn all_keys(request: Request) -> Result<Response, Error> {
    let _: Vec<u8> = request.json()?;
    Ok(Response::ok())
}

#[steading::http(route = "files/{*rest}")]
fn problem(_: steading::Request) -> Result<Response, Problem> {
    Err(Problem::new(404, "No such file"))
}

struct Own;

impl IntoResponse for Own {
    fn into_response(self) -> Response {
        Response::new(204)
    }
}

#[steading::http]
fn own(_: Request) -> Result<Own, Own> {
    Ok(Own)
}

// Names that the expansion must not trip over.
#[steading::http]
fn call(request: Request) -> Response {
    Response::text(request.path().to_owned())
}

#[steading::http(name = "switch")]
fn r#match(mut request: Request) -> Response {
    request = std::convert::identity(request);
    Response::text(request.path().to_owned())
}

#[steading::http]
#[cfg(any())]
fn absent(_: Request) -> Missing {}

fn main() {
    let request = || steading::testing::request("GET", "/api/x").build();
    bare(request());
    assert!(all_keys(request()).is_err());
    assert!(problem(request()).is_err());
    assert_eq!(own(request()).into_response().status_code(), 204);
    assert_eq!(call(request()).body_text(), r#match(request()).body_text());
}
