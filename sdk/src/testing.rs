//! Requests for native tests: build one, call the function by its name, look at the response with
//! its accessors ([`Response::status_code`](crate::Response::status_code) and those beside it).
//! Routing is not part of it: give route parameters with [`RequestBuilder::param`]. Invariant: a
//! request built here takes the same decoding as one that a worker sent.
//!
//! ```
//! use steading::{Request, Response, testing};
//!
//! #[steading::http(route = "sum", methods(POST), auth = "anonymous")]
//! fn sum(request: Request) -> Result<Response, steading::Error> {
//!     Ok(Response::json(&request.json::<Vec<i64>>()?.iter().sum::<i64>()))
//! }
//!
//! # fn main() {
//! let response = sum(testing::request("POST", "/api/sum").json(&[1, 2, 3]).build()).unwrap();
//! assert_eq!(response.body_text(), "6");
//! # }
//! ```

use serde::Serialize;

use crate::head::{RequestHead, put_str, put_u32};
use crate::{Request, Response};

/// Starts a request with this method and path.
pub fn request(method: impl Into<String>, path: impl Into<String>) -> RequestBuilder {
    RequestBuilder { method: method.into(), path: path.into(), ..RequestBuilder::default() }
}

/// A streamed response with its body in memory, where the accessors find it; any other as it is.
///
/// # Panics
/// When writing the body fails.
pub fn whole(response: Response) -> Response {
    response.collected().expect("the response's body can be written")
}

/// Plays the hosts that functions of this thread send requests to, from now on.
#[cfg(not(target_family = "wasm"))]
pub fn answer_http(
    answer: impl FnMut(&crate::http::Request) -> Result<crate::http::Reply, crate::http::Error>
    + 'static,
) {
    crate::sys::outbound::answer(Box::new(answer));
}

/// A request being built.
#[derive(Clone, Debug, Default)]
pub struct RequestBuilder {
    method: String,
    path: String,
    query: String,
    params: Vec<(String, String)>,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl RequestBuilder {
    /// Sets the query, percent-encoded, without its `?`.
    #[must_use]
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.query = query.into();
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// Adds a route parameter, decoded.
    #[must_use]
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the body to a value's JSON and adds the content type.
    ///
    /// # Panics
    /// When the value has no JSON form.
    #[must_use]
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        let body = serde_json::to_vec(value).expect("a test's value has a JSON form");
        self.body(body).header("content-type", "application/json")
    }

    /// The request.
    pub fn build(self) -> Request {
        let mut head = vec![];
        for text in [&self.method, &self.path, &self.query, "test"] {
            put_str(&mut head, text.as_bytes());
        }
        put_u32(&mut head, self.params.len());
        for (name, value) in &self.params {
            put_str(&mut head, name.as_bytes());
            put_str(&mut head, value.as_bytes());
        }
        put_u32(&mut head, self.headers.len());
        for (name, value) in &self.headers {
            put_str(&mut head, name.as_bytes());
            put_str(&mut head, value);
        }
        let head = RequestHead::decode(head).expect("the head was encoded just above");
        Request::from_parts(head, self.body)
    }
}
