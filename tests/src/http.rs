//! Requests as any caller would send them, and replies read to the end. One pooled client; nothing
//! is retried or redirected, so that a test sees what the server did.

use std::io::Cursor;
use std::sync::LazyLock;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{
    Body, Client, ClientBuilder, Method, RequestBuilder, Response, StatusCode, Version, redirect,
};
use serde::de::DeserializeOwned;
use steading_protocol::problem::Problem;
use tokio_util::io::ReaderStream;

use crate::eventually;

/// Longer than the longest deadline of any guest in the tests.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);

static CLIENT: LazyLock<Client> = LazyLock::new(|| client(|builder| builder));

/// A reply, read to its end.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The version of HTTP it came by.
    pub version: Version,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON of a known shape; panics with the reply when it is not.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        let parsed = serde_json::from_slice(&self.body);
        parsed
            .unwrap_or_else(|error| panic!("{error} in the reply {} {}", self.status, self.text()))
    }

    /// A header's value; empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The worker's problem details; panics when status, media type or body are not those of one.
    pub fn problem(&self) -> Problem {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        let problem: Problem = self.json();
        assert_eq!(problem.status, self.status.as_u16(), "the body repeats the status");
        problem
    }
}

/// A client with plain settings, changed by `change`.
pub fn client(change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
    let builder = Client::builder()
        .no_proxy()
        .retry(reqwest::retry::never())
        .redirect(redirect::Policy::none())
        .timeout(ANSWERED_WITHIN);
    change(builder).build().expect("the settings make a client")
}

/// A request of the common client.
pub fn request(method: Method, url: &str) -> RequestBuilder {
    CLIENT.request(method, url)
}

/// A body whose length nobody says in front: chunks in HTTP/1.1.
pub fn unannounced(bytes: Vec<u8>) -> Body {
    Body::wrap_stream(ReaderStream::new(Cursor::new(bytes)))
}

/// Sends a request and reads the reply to its end; the error is the whole chain of causes.
pub async fn try_send(request: RequestBuilder) -> Result<Reply, String> {
    let chain = |error: reqwest::Error| format!("{:#}", anyhow::Error::from(error));
    let response = request.send().await.map_err(chain)?;
    let (status, version) = (response.status(), response.version());
    let headers = response.headers().clone();
    let body = response.bytes().await.map_err(chain)?.to_vec();
    Ok(Reply { status, version, headers, body })
}

/// As [`try_send`], where anything but a reply fails the test.
pub async fn send(request: RequestBuilder) -> Reply {
    try_send(request).await.unwrap_or_else(|error| panic!("no reply: {error}"))
}

/// Waits until a server takes no new connections.
pub async fn connections_refused(url: &str) {
    let fresh = client(|builder| builder.pool_max_idle_per_host(0));
    eventually("new connections to be refused", Duration::from_secs(5), || async {
        match fresh.get(url).send().await {
            Err(error) if error.is_connect() => Ok(()),
            Err(error) => Err(error.to_string()),
            Ok(response) => Err(response.status().to_string()),
        }
    })
    .await;
}

/// `GET`, where anything but a reply fails the test.
pub async fn get(url: &str) -> Reply {
    send(request(Method::GET, url)).await
}

/// The next event of a stream of them, whole, however many pieces it came in; nothing when the stream has ended.
pub async fn event(reply: &mut Response) -> Option<String> {
    let mut event = vec![];
    while !event.ends_with(b"\n\n") {
        match reply.chunk().await.expect("the stream is not broken off") {
            Some(piece) => event.extend_from_slice(&piece),
            None if event.is_empty() => return None,
            None => break,
        }
    }
    Some(String::from_utf8(event).expect("events are text"))
}

/// A metric of the role with this control port, by the beginning of its line, all that match added up.
pub async fn metric(control: &str, name: &str) -> f64 {
    let page = get(&format!("{control}/metrics")).await.text();
    let lines = page.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// Waits until [`metric`] is `wanted`.
pub async fn metric_becomes(control: &str, name: &str, wanted: f64, within: Duration) {
    eventually(&format!("{name} to be {wanted}"), within, || async {
        let seen = metric(control, name).await;
        if seen == wanted { Ok(()) } else { Err(seen) }
    })
    .await;
}

/// `POST`, where anything but a reply fails the test.
pub async fn post(url: &str, body: impl Into<reqwest::Body>) -> Reply {
    send(request(Method::POST, url).body(body)).await
}
