//! Markdown to HTML, as a component of `wasi:http` 0.2.

mod convert;
mod page;

use wstd::http::body::Body;
use wstd::http::{Error, Request, Response, StatusCode};

#[wstd::http_server]
async fn main(mut request: Request<Body>) -> Result<Response<Body>, Error> {
    let is_page = request.uri().query() == Some("page");
    let text = request.body_mut().contents().await?;
    let Ok(text) = std::str::from_utf8(text) else {
        let refused = Response::builder().status(StatusCode::BAD_REQUEST);
        return Ok(refused.body("the text is not UTF-8\n".to_owned().into())?);
    };
    let response = Response::builder().header("content-type", "text/html; charset=utf-8");
    let html = convert::html(text);
    let html = if is_page { page::with(&html)? } else { html };
    Ok(response.body(html.into())?)
}
