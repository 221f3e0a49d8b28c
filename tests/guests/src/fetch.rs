//! Well-behaved: sends a request to where the header `url` says, with the header `method`, follows redirects, and
//! answers with what it got. Like its two kin, the components of `tests/components`.

use std::time::Duration;

use steading::{Request, Response, http};

/// Redirects that are followed.
const REDIRECTS_MAX: usize = 5;

#[steading::http(auth = "anonymous")]
fn fetch(request: Request) -> Response {
    match follow(&request) {
        Ok(mut reply) => {
            let body = reply.text();
            let status = reply.status();
            Response::text(match body {
                Ok(body) => format!("{status}\n{body}"),
                Err(error) => format!("{status}\n{error:?}"),
            })
        }
        Err(error) => Response::text(format!("{error:?}")),
    }
}

fn follow(request: &Request) -> Result<http::Reply, http::Error> {
    let header = |name| request.header(name).map(ToOwned::to_owned);
    let mut url = header("url").unwrap_or_default();
    for _ in 0..REDIRECTS_MAX {
        let method = header("method").unwrap_or_else(|| "GET".to_owned());
        let mut sent = http::Request::new(method, url.as_str()).header("x-from", "fetch");
        if let Some(timeout) = header("timeout-ms").and_then(|text| text.parse().ok()) {
            sent = sent.timeout(Duration::from_millis(timeout));
        }
        let reply = http::send(sent.body(header("content").unwrap_or_default()))?;
        match reply.header("location") {
            Some(location) => url = location.to_owned(),
            None => return Ok(reply),
        }
    }
    Err(http::Error::Broken)
}
