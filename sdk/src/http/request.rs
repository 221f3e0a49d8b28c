//! A request to another host, being built. Whole in memory; what cannot be sent is found when it is sent.

use std::time::Duration;

use serde::Serialize;

/// A request to another host.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    timeout: Option<Duration>,
    body: Vec<u8>,
}

impl Request {
    /// A request with any method. The URL is whole: `https://api.example.com/v1/rates?base=EUR`.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        let (method, url) = (method.into(), url.into());
        Self { method, url, headers: vec![], timeout: None, body: vec![] }
    }

    /// A `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A `POST`.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// Adds a header. `Host`, `Content-Length` and what belongs to the connection are the worker's.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body. The content type is yours to set.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the body to a value's JSON, with its content type. A value that has no JSON form is logged and sends an
    /// empty body.
    #[must_use]
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        let body = serde_json::to_vec(value).unwrap_or_else(|error| {
            crate::log::error(format!("the request has no JSON form: {error}"));
            vec![]
        });
        self.body(body).header("content-type", "application/json")
    }

    /// How long to wait for a connection, for the response, and for each piece of its body. Without it, and at the
    /// longest, as long as the function may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The first header of this name, in any case.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body.
    pub fn body_bytes(&self) -> &[u8] {
        &self.body
    }

    /// The head as `ABI.md` lays it out.
    #[cfg_attr(not(target_family = "wasm"), allow(dead_code, reason = "only a worker reads it"))]
    pub(crate) fn encode(&self) -> Vec<u8> {
        use crate::head::{put_str, put_u32};

        let mut head = vec![];
        put_str(&mut head, self.method.as_bytes());
        put_str(&mut head, self.url.as_bytes());
        // 0 is no limit, so less than a millisecond is one
        let milliseconds = self.timeout.map_or(0, |time| time.as_millis().max(1));
        put_u32(&mut head, usize::try_from(milliseconds).unwrap_or(usize::MAX));
        put_u32(&mut head, self.headers.len());
        for (name, value) in &self.headers {
            put_str(&mut head, name.as_bytes());
            put_str(&mut head, value.as_bytes());
        }
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_encoded_as_the_abi_says() {
        let request = Request::post("https://a.example/").header("x", "y").json(&[1]);
        let head = request.timeout(Duration::from_millis(1500)).encode();
        let mut expected = vec![];
        for text in ["POST", "https://a.example/"] {
            crate::head::put_str(&mut expected, text.as_bytes());
        }
        crate::head::put_u32(&mut expected, 1500);
        crate::head::put_u32(&mut expected, 2);
        for text in ["x", "y", "content-type", "application/json"] {
            crate::head::put_str(&mut expected, text.as_bytes());
        }
        assert_eq!(head, expected);
    }
}
